"""What many recognizers found as findings that don't overlap: nothing that was found stays uncovered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from jobs.pipeline.types import Finding


@dataclass(slots=True)
class Found:
    """One recognizer's find, in offsets of the whole text."""

    start: int
    end: int
    type: str
    score: float
    detector: str


@dataclass(slots=True)
class _Span:
    start: int
    end: int
    best: Found
    detectors: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)


def merge(text: str, found: Iterable[Found]) -> tuple[Finding, ...]:
    """In order, none overlapping another, blanks at the edges left out.

    Overlapping finds become one where they are of one type or one contains the other; the type is the surer one's,
    then the longer one's. Where two types overlap in part, the surer keeps its stretch and the other what is left of
    its own.
    """
    ordered = sorted((one for one in found if one.end > one.start), key=lambda one: (one.start, -one.end))
    spans: list[_Span] = []
    for one in ordered:
        last = spans[-1] if spans else None
        if last is None or one.start >= last.end:
            spans.append(_Span(one.start, one.end, one, {one.detector}))
        elif one.type == last.best.type or one.end <= last.end or one.start == last.start:
            _unite(last, one)
        else:
            _divide(spans, last, one)
    return tuple(finding for span in spans if (finding := _finding(text, span)) is not None)


def _unite(span: _Span, one: Found) -> None:
    span.end = max(span.end, one.end)
    span.detectors.add(one.detector)
    span.types |= {one.type, span.best.type}
    if _rank(one) > _rank(span.best):
        span.best = one


def _divide(spans: list[_Span], last: _Span, one: Found) -> None:
    """Each has something of its own; the surer has what they share."""
    if _rank(one) > _rank(last.best):
        shared, last.end = last.end, one.start
        spans.append(_Span(one.start, max(one.end, shared), one, {one.detector, *last.detectors}))
    else:
        last.detectors.add(one.detector)
        spans.append(_Span(last.end, one.end, one, {one.detector}))


def _rank(one: Found) -> tuple[float, int]:
    return round(one.score, 2), one.end - one.start


def _finding(text: str, span: _Span) -> Finding | None:
    start, end = span.start, span.end
    while start < end and not text[start].isalnum() and text[start] not in "+@":
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start >= end:
        return None
    also = tuple(sorted(span.types - {span.best.type}))
    return Finding(start, end, span.best.type, min(1.0, span.best.score), tuple(sorted(span.detectors)), also)
