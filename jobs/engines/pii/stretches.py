"""A long text in stretches, so that memory stays small and progress is told; each is read with some text before and
after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LENGTH = 24_000
# A question, its answer and a number of four segments fit in it.
MARGIN = 1_200
_ENDS = ("\n", ". ", "? ", "! ", ", ", " ")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters `first` to `after` are read; what touches `start` to `end` is this stretch's to tell."""

    first: int
    start: int
    end: int
    after: int


def stretches(text: str) -> Iterator[Stretch]:
    """In order, together the whole text; cut where a line or a sentence ends, if one does nearby."""
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= LENGTH + MARGIN else _cut(text, start + LENGTH)
        yield Stretch(
            _blank(text, start - MARGIN), start, end, len(text) if end == len(text) else _cut(text, end + MARGIN)
        )
        start = end


def _cut(text: str, near: int) -> int:
    """The nicest place to cut within a margin before a place."""
    if near >= len(text):
        return len(text)
    for mark in _ENDS:
        found = text.rfind(mark, near - MARGIN // 2, near)
        if found > 0:
            return found + len(mark)
    return near


def _blank(text: str, near: int) -> int:
    """Not in the middle of a word."""
    if near <= 0:
        return 0
    found = text.find(" ", near, near + 100)
    return near if found < 0 else found + 1
