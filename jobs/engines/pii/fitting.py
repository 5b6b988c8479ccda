"""Whether a run of digits and letters is what a rule looks for: lengths, pattern, check digits, telephone regions; and
which stretch of a longer run is.

What the words around a run say is `claims.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import accumulate

from jobs.engines.pii.checks import CHECKS
from jobs.engines.pii.loading import Rule
from jobs.engines.pii.spoken import PAUSED, Run

# Numbers shorter than this are said in one breath: an expiry, a security code, the last four digits.
SHORT = 8
# What the kinds without lengths of their own accept.
_LENGTHS = {"phone": range(6, 17), "iban": range(15, 35)}

Stretch = tuple[int, int]


class Fitting:
    """Of one language: `patterns` are its rules' compiled, by name. Read-only."""

    def __init__(self, patterns: Mapping[str, re.Pattern[str]]) -> None:
        self._patterns = patterns

    def fits(self, run: Run, first: int, after: int, rule: Rule) -> bool:
        """Whether pieces `first` to `after` are what the rule looks for: lengths, pattern and checks."""
        value = "".join(piece.value for piece in run.pieces[first:after])
        if rule.kind == "phone":
            return 6 < len(value) < 17 and value.lstrip("+").isdecimal() and _is_phone(value, rule.regions)
        value = value.lstrip("+")
        if not right_length(rule, len(value)) or (rule.kind == "digits" and not value.isdecimal()):
            return False
        if rule.kind == "code" and rule.lengths[-1] >= SHORT and after - first == 1 and not CHECKS["not_year"](value):
            # "die Rechnung von 2023": a year in one breath is nobody's number.
            return False
        if rule.kind == "iban" and not (value[:2].isalpha() and value[2:4].isdecimal()):
            return False
        pattern = self._patterns.get(rule.name)
        if pattern is not None and not pattern.fullmatch(value):
            return False
        return value.isascii() and all(CHECKS[name](value) for name in rule.checks)

    def window(self, run: Run, rule: Rule) -> Stretch | None:
        """The longest stretch that the rule accepts and that begins or ends where the run or a pause does."""
        if rule.or_longer:
            return self._digits(run, rule)
        right, ends = accepted(rule), lengths(run)
        open_at = [True, *(gap >= PAUSED for gap in run.gaps), True]
        best, best_length = None, right[0] - 1
        for first, piece in enumerate(run.pieces):
            if rule.kind == "iban" and not piece.value[0].isalpha():
                continue
            for after in range(first + 1, len(run.pieces) + 1):
                length = ends[after] - ends[first]
                if length > right[-1]:
                    break
                if length <= best_length or length not in right:
                    continue
                # Check digits fit one number in ten by chance, so not every stretch of a long run may try.
                tries = any if rule.checks else all
                if tries((open_at[first], open_at[after])) and self.fits(run, first, after, rule):
                    best, best_length = (first, after), length
        return best

    def _digits(self, run: Run, rule: Rule) -> Stretch | None:
        """The longest stretch without a letter in it that the rule accepts."""
        found, first = [], 0
        ends = lengths(run)
        for at, piece in enumerate([*run.pieces, None]):
            if piece is None or not piece.value.isdecimal():
                found.append((first, at))
                first = at + 1
        found.sort(key=lambda stretch: ends[stretch[0]] - ends[stretch[1]])
        return next((each for each in found if each[0] < each[1] and self.fits(run, *each, rule)), None)


def accepted(rule: Rule) -> tuple[int, ...] | range:
    """How many digits and letters a rule accepts, in order; more than the last where it says so."""
    return rule.lengths or _LENGTHS[rule.kind]


def right_length(rule: Rule, length: int) -> bool:
    """Whether a number of so many digits and letters, a plus not counted, may be the rule's."""
    right = accepted(rule)
    return length in right or (rule.or_longer and length > right[-1])


def lengths(run: Run) -> list[int]:
    """How many digits and letters stand before each piece, and in all; a plus is none."""
    return [0, *accumulate(len(piece.value.lstrip("+")) for piece in run.pieces)]


def may_stop(run: Run, after: int) -> bool:
    """Whether a short number may end there: not after the third digit of "four four two one"."""
    if after == len(run.pieces) or run.gaps[after - 1] >= PAUSED:
        return True
    return all(piece.exact and len(piece.value) > 1 for piece in run.pieces[after - 1 : after + 1])


def _is_phone(value: str, regions: tuple[str, ...]) -> bool:
    """A number that one of the regions has."""
    import phonenumbers

    for region in regions if not value.startswith(("+", "00")) else (regions[0],):
        try:
            number = phonenumbers.parse("+" + value[2:] if value.startswith("00") else value, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return True
    return False
