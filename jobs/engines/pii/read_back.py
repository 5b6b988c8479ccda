"""Numbers and dates that were found once, wherever they are read back: whole, or only how they begin or end.

"My account is 447190235" … "the one that ends with nine oh two three five": no word near the second says what it is.
"""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property

from jobs.engines.pii.checks import CHECKS
from jobs.engines.pii.dates import DateFound
from jobs.engines.pii.merging import Found
from jobs.engines.pii.spoken import PARTED, PAUSED, Run
from jobs.engines.pii.tokens import Token
from jobs.pipeline.types import Finding

# Fewer digits of a number are said of many things.
_FEWEST = 4
# From here on it doesn't matter what stands right beside them.
_ANYWHERE = 6
# Longer numbers are known by how they begin and end.
_LONGEST = 40
# Numbers that begin alike: of more than this many, the first are looked for.
_MOST_ALIKE = 64
# A security code, said digit by digit.
_SHORT = 3
_DETECTOR = "number_repeats"


class Numbers:
    """What of the `items`, in order and none overlapping another, is said again in `runs`."""

    def __init__(self, items: Sequence[Finding], runs: Sequence[Run]) -> None:
        self._runs = runs
        self._whole: dict[str, Finding] = {}
        self._beginning: dict[str, list[str]] = defaultdict(list)
        self._ending: dict[str, list[str]] = defaultdict(list)
        ends = [item.end for item in items]
        for run in runs:
            for item in _touching(run, items, ends):
                self._know(run, item)

    def again(self) -> Iterator[Found]:
        """Every place, those of the items too."""
        for run in self._runs:
            said = _Said(run)
            if len(run.pieces) == len(said.value) == _SHORT and said.value in self._whole:
                yield said.found(0, _SHORT, self._whole[said.value])
            for at in range(len(said.value) - _FEWEST + 1):
                key = said.value[at : at + _FEWEST]
                for known in self._beginning.get(key, ()):
                    if length := said.beginning(at, known):
                        yield said.found(at, at + length, self._whole[known])
                for known in self._ending.get(key, ()):
                    if length := said.ending(at + _FEWEST, known):
                        yield said.found(at + _FEWEST - length, at + _FEWEST, self._whole[known])

    def _know(self, run: Run, item: Finding) -> None:
        inside = [piece for piece in run.pieces if item.start <= piece.start and piece.end <= item.end]
        value = "".join(piece.value for piece in inside).lstrip("+")
        digits = sum(character.isdecimal() for character in value)
        # "One SMS" is no number, whoever found it.
        if len(value) < _SHORT or digits < (2 if len(value) >= _FEWEST else _SHORT) or value in self._whole:
            return
        self._whole[value] = item
        if len(value) >= _FEWEST:
            for known, key in ((self._beginning, value[:_FEWEST]), (self._ending, value[-_FEWEST:])):
                if len(known[key]) < _MOST_ALIKE:
                    known[key].append(value)


class _Said:
    """One run, and how much of a known number it says where."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.value = run.value

    def beginning(self, at: int, known: str) -> int:
        """How many digits and letters from `at` on are how a number begins; 0 where too few are."""
        most = _alike(self.value[at : at + _LONGEST], known)
        return next((n for n in range(most, _FEWEST - 1, -1) if self._is_said(at, at + n, known)), 0)

    def ending(self, end: int, known: str) -> int:
        """How many before `end` are how it ends."""
        most = _alike(self.value[max(0, end - _LONGEST) : end][::-1], known[: -_LONGEST - 1 : -1])
        return next((n for n in range(most, _FEWEST - 1, -1) if self._is_said(end - n, end, known)), 0)

    def found(self, first: int, after: int, item: Finding) -> Found:
        start, end = self._offsets[first][0], self._offsets[after - 1][1]
        return Found(start, end, item.type, item.confidence, _DETECTOR)

    def _is_said(self, first: int, after: int, known: str) -> bool:
        """Whether so much of a known number is enough to know it by."""
        said = self.value[first:after]
        if len(said) < _ANYWHERE and not (first in self._edges and after in self._edges):
            return False
        digits = sum(character.isdecimal() for character in said)
        # Of a round number nobody knows that it is a part of this one.
        if len(said) < len(known) and (digits < _FEWEST or said.endswith("000")):
            return False
        # A PIN that looks like a year is known by its being said digit by digit, as no year is.
        return CHECKS["not_year"](said) or (said == known and self._digit_by_digit(first, after))

    def _digit_by_digit(self, first: int, after: int) -> bool:
        stretches = self._offsets[first:after]
        return len(set(stretches)) == len(stretches) and not any(
            one[1] == other[0] for one, other in itertools.pairwise(stretches)
        )

    @cached_property
    def _offsets(self) -> list[tuple[int, int]]:
        return self._run.offsets()

    @cached_property
    def _edges(self) -> frozenset[int]:
        """Where in its value a run begins, pauses and ends; a group of digits is a stretch of its own."""
        edges, at = {0}, 0
        for piece, gap in zip(self._run.pieces, (*self._run.gaps, PARTED), strict=True):
            grouped = len(piece.value) >= _SHORT
            edges |= {at} if grouped or piece.value == "+" else set()
            at += len(piece.value)
            edges |= {at} if grouped or gap >= PAUSED or piece.value == "+" else set()
        return frozenset(edges)


def _touching(run: Run, items: Sequence[Finding], ends: Sequence[int]) -> Iterator[Finding]:
    at = bisect.bisect_right(ends, run.pieces[0].start)
    while at < len(items) and items[at].start < run.pieces[-1].end:
        yield items[at]
        at += 1


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    length = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        length += 1
    return length


class Dates:
    """Dates that mean somebody, in `items`, wherever the same date is said; `days` are all dates of the text."""

    def __init__(self, items: Sequence[Finding], tokens: Sequence[Token], days: Sequence[DateFound]) -> None:
        self._tokens, self._days = tokens, days
        self._known: dict[tuple[bool, frozenset[int]], list[tuple[DateFound, Finding]]] = defaultdict(list)
        ends = [item.end for item in items]
        for day in days:
            start, end = self._place(day)
            at = bisect.bisect_right(ends, start)
            if at < len(items) and items[at].start <= start and end <= items[at].end:
                same = self._known[_key(day)]
                if len(same) < _MOST_ALIKE:
                    same.append((day, items[at]))

    def again(self) -> Iterator[Found]:
        """Every place, those of the items too. A date without its year is the same date."""
        for day in self._days:
            for known, item in self._known.get(_key(day), ()):
                if day.year == known.year or day.year is None or known.year is None:
                    yield Found(*self._place(day), item.type, item.confidence, _DETECTOR)
                    break

    def _place(self, day: DateFound) -> tuple[int, int]:
        return self._tokens[day.first].start, self._tokens[day.after - 1].end


def _key(day: DateFound) -> tuple[bool, frozenset[int]]:
    return day.day is None, day.parts
