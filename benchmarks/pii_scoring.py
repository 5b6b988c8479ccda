"""Findings against reference spans: recall, precision, and the share of reference characters that are covered.

A reference span is found when findings overlap at least half of its characters; once with findings of its own type
("right") and once with any ("any"). A finding is right when it overlaps a reference span by any character.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from benchmarks.pii_sentences import Span

ENOUGH = 0.5


@dataclass
class Score:
    """Counts; shares of nothing are None."""

    spans: int = 0
    found_right: int = 0
    found_any: int = 0
    characters: int = 0
    covered: int = 0
    findings: int = 0
    findings_right: int = 0

    @property
    def recall(self) -> float | None:
        return _share(self.found_right, self.spans)

    @property
    def recall_any(self) -> float | None:
        return _share(self.found_any, self.spans)

    @property
    def coverage(self) -> float | None:
        return _share(self.covered, self.characters)

    @property
    def precision(self) -> float | None:
        return _share(self.findings_right, self.findings)

    @property
    def f1(self) -> float:
        recall, precision = self.recall_any or 0.0, self.precision or 0.0
        return 2 * recall * precision / (recall + precision) if recall + precision else 0.0

    def add(self, other: Score) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def scored(reference: Sequence[Span], findings: Sequence[Span]) -> dict[str, Score]:
    """By type: spans count under the reference's type, findings under their own."""
    by_type: dict[str, Score] = {}
    everywhere = _places(findings)
    for span in reference:
        score = by_type.setdefault(span.type, Score())
        length = span.end - span.start
        inside = set(range(span.start, span.end))
        covered = len(inside & everywhere)
        right = len(inside & _places(finding for finding in findings if finding.type == span.type))
        score.add(Score(1, right >= ENOUGH * length, covered >= ENOUGH * length, length, covered))
    referenced = _places(reference)
    for finding in findings:
        right = bool(referenced & set(range(finding.start, finding.end)))
        by_type.setdefault(finding.type, Score()).add(Score(findings=1, findings_right=right))
    return by_type


def total(scores: Iterable[Score]) -> Score:
    whole = Score()
    for score in scores:
        whole.add(score)
    return whole


def _places(spans: Iterable[Span]) -> set[int]:
    return {place for span in spans for place in range(span.start, span.end)}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
