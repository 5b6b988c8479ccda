"""What an analytics result is worth beside gold: fields, summaries, chapters, sentiment, urgency.

Each function reads the documented JSON (`result.analytics`) and a file's gold, and returns counts that add up; shares
of nothing are None. Items and topics are in `analytics_items.py`, what was made up in `analytics_invented.py`. Called
by the tables of benchmarks/analytics.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from analytics.spoken import Spoken

Row = dict[str, Any]
LABELS = ("positive", "neutral", "negative")
# A chapter begins where gold says, or so many lines beside it.
NEAR_LINES = 2


@dataclass
class Tally:
    """Counts that add up, field by field."""

    def add(self, other: Any) -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def total(tallies: Iterable[Any], empty: Any) -> Any:
    for each in tallies:
        empty.add(each)
    return empty


# Text


def flat(text: str) -> str:
    """Lower case without accents, punctuation kept."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def folded(text: str) -> str:
    """Lower case without accents or punctuation, one space between words."""
    return " ".join(re.findall(r"[^\W_]+", flat(text)))


# Custom fields


@dataclass
class FieldScore(Tally):
    """`cited`: ids that answers cite, save where gold accepts one without evidence; `cited_right`: of right ones."""

    asked: int = 0
    right: int = 0
    majority_right: int = 0
    no_match: int = 0
    gold_no_match: int = 0
    skipped: int = 0
    cited: int = 0
    cited_in_gold: int = 0
    cited_right: int = 0
    cited_right_in_gold: int = 0

    @property
    def accuracy(self) -> float | None:
        return share(self.right, self.asked)

    @property
    def majority(self) -> float | None:
        return share(self.majority_right, self.asked)

    @property
    def points(self) -> float | None:
        """Percentage points over the majority baseline."""
        return share(100 * (self.right - self.majority_right), self.asked)

    @property
    def evidence_right(self) -> float | None:
        return share(self.cited_right_in_gold, self.cited_right)

    @property
    def evidence(self) -> float | None:
        return share(self.cited_in_gold, self.cited)


def comparable(value: Any) -> Any:
    """A value as it is compared: a list as a set, an empty one as None."""
    return (frozenset(value) or None) if isinstance(value, list | tuple | set | frozenset) else value


def answered(row: Row) -> Any:
    """A field's answer in a result: a code, a set of codes, a boolean, a number; None for no match."""
    codes = [choice["code"] for choice in row.get("selected", ())]
    return codes or row.get("value")


def is_right(gold: Row, answer: Any) -> bool:
    """The gold value, or one that gold accepts; single and several options alike."""
    allowed = [comparable(each) for each in (gold.get("value"), *(gold.get("accept") or ()))]
    given = comparable(answer)
    if isinstance(given, frozenset):
        return given in allowed or (len(given) == 1 and next(iter(given)) in allowed)
    return any(given == each and isinstance(given, bool) == isinstance(each, bool) for each in allowed)


def most_frequent(values: Iterable[Any]) -> Any:
    """Of equally frequent ones the first in alphabetical order, so that it is the same at every run."""
    counts = Counter(map(comparable, values))
    return min(counts, key=lambda value: (-counts[value], str(_sortable(value))))


def _sortable(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def cited_ids(row: Row) -> list[int]:
    choices = row.get("selected", ())
    return [id_ for choice in choices for id_ in choice["evidence_segment_ids"]] or list(
        row.get("evidence_segment_ids", ())
    )


def field_score(gold: Row, row: Row, majority: Any) -> FieldScore:
    skipped = row["status"] == "skipped"
    right = not skipped and is_right(gold, answered(row))
    ids, known = cited_ids(row), gold.get("evidence") or []
    if right and not known:
        ids = []  # accepted beside "nothing said": gold has no evidence to compare with
    inside = sum(id_ in known for id_ in ids)
    return FieldScore(
        asked=1,
        right=right,
        majority_right=is_right(gold, majority),
        no_match=row["status"] == "no_match",
        gold_no_match=comparable(gold.get("value")) is None,
        skipped=skipped,
        cited=len(ids),
        cited_in_gold=inside,
        cited_right=len(ids) if right else 0,
        cited_right_in_gold=inside if right else 0,
    )


# Summary, chapters, urgency


@dataclass
class SummaryScore(Tally):
    facts: int = 0
    told: int = 0
    empty: int = 0
    words: int = 0
    conversations: int = 0


def summary_score(facts: Sequence[Row], summary: str) -> SummaryScore:
    """A fact is told when each of its groups has an alternative that stands in the summary."""
    text = f" {flat(summary)} "
    told = sum(all(any(flat(str(each)) in text for each in group) for group in fact["groups"]) for fact in facts)
    return SummaryScore(len(facts), told, not summary.strip(), len(summary.split()), 1)


@dataclass
class ChapterScore(Tally):
    gold: int = 0
    kept: int = 0
    found: int = 0
    evenly_found: int = 0


def chapter_score(gold: Sequence[int], starts_s: Sequence[float], spoken: Spoken) -> ChapterScore:
    """Boundaries within NEAR_LINES of gold's, without the beginning. Beside them as many, evenly spread."""
    wanted = sorted(set(gold) - {0})
    kept = sorted({_line_at(start_s, spoken) for start_s in starts_s} - {0})
    evenly = [round((at + 1) * len(spoken.lines) / (len(kept) + 1)) for at in range(len(kept))]
    return ChapterScore(len(wanted), len(kept), near(wanted, kept), near(wanted, evenly))


def near(wanted: Sequence[int], found: Sequence[int]) -> int:
    """How many pairs there can be of one each that are within NEAR_LINES."""
    if not wanted or not found:
        return 0
    close = np.abs(np.subtract.outer(np.array(wanted), np.array(found))) <= NEAR_LINES
    return int(close[linear_sum_assignment(close, maximize=True)].sum())


def _line_at(start_s: float, spoken: Spoken) -> int:
    return min(spoken.lines, key=lambda line: abs(line.start_s - start_s)).id


@dataclass
class UrgencyScore(Tally):
    conversations: int = 0
    inside: int = 0
    scores: Counter[int] = field(default_factory=Counter)


def urgency_score(gold: Row, score: int) -> UrgencyScore:
    """`scores`: for each possible score, whether it would be inside: the best constant is the baseline."""
    inside = range(gold["least"], gold["most"] + 1)
    return UrgencyScore(1, score in inside, Counter(inside))


# Sentiment


@dataclass
class SentimentScore(Tally):
    """`pairs`: (gold, given) -> lines."""

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def accuracy(self) -> float | None:
        return share(sum(count for (gold, given), count in self.pairs.items() if gold == given), self.pairs.total())

    @property
    def macro_f1(self) -> float | None:
        """The mean of the labels' F1, of those labels that gold has."""
        gold = [label for label in LABELS if any(pair[0] == label for pair in self.pairs)]
        return share(sum(map(self.f1, gold)), len(gold))

    def f1(self, label: str) -> float:
        both = self.pairs[label, label]
        either = sum(count * ((gold == label) + (given == label)) for (gold, given), count in self.pairs.items())
        return 2 * both / either if either else 0.0

    @property
    def always_neutral(self) -> SentimentScore:
        found: Counter[tuple[str, str]] = Counter()
        for (gold, _), count in self.pairs.items():
            found[gold, "neutral"] += count
        return SentimentScore(found)


def sentiment_score(gold: Sequence[str], sentiment: Row | None) -> SentimentScore:
    """A line without a label counts as neutral: so it is shown."""
    given = [row["label"] for row in sentiment["segments"]] if sentiment else ["neutral"] * len(gold)
    return SentimentScore(Counter(zip(gold, given, strict=True)))
