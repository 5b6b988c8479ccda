"""Dates as people say and recognisers write them: "March 14th, 1982", "dritten April neunzehnhundertneunundsiebzig",
"03/04/1982".

Only found here; whether one is a date of birth or a card's expiry is for the words around it (`claims.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.engines.pii.lexicon import Lexicon
from jobs.engines.pii.tokens import Token

_SEPARATORS = frozenset("./-")
_MARKS = frozenset(",.-/")
_MOST_GLUE = 4


@dataclass(frozen=True, slots=True)
class DateFound:
    """Tokens `first` to `after`, and what they say: a month always, the year's last two digits.

    Of 03/04/82 nobody knows which is the month; two dates are the same where `parts` are.
    """

    first: int
    after: int
    day: int | None
    month: int
    year: int | None

    @property
    def parts(self) -> frozenset[int]:
        """Day and month, in no order."""
        return frozenset({self.month} if self.day is None else {self.day, self.month})


def dates(tokens: Sequence[Token], lexicon: Lexicon) -> list[DateFound]:
    """In order, none overlapping another."""
    reader = _Dates(tokens, lexicon)
    found, at = [], 0
    while at < len(tokens):
        date = reader.at(at)
        if date is not None:
            found.append(date)
        at = at + 1 if date is None else date.after
    return found


class _Dates:
    def __init__(self, tokens: Sequence[Token], lexicon: Lexicon) -> None:
        self.tokens, self.lexicon = tokens, lexicon

    def at(self, at: int) -> DateFound | None:
        """The date that begins at a token, the longest reading first."""
        return self._numeric(at) or self._day_first(at) or self._month_first(at)

    def _numeric(self, at: int) -> DateFound | None:
        """14/03/1982, 1982-03-14, 14.3.82: three groups with the same mark between."""
        part = self.tokens[at : at + 5]
        if len(part) < 5 or any(t.kind != "digits" for t in part[::2]) or any(t.spaced for t in part[1:]):
            return None
        if part[1].text != part[3].text or part[1].text not in _SEPARATORS or self._continues(at + 5):
            return None
        groups = [t.text for t in part[::2]]
        if len(groups[0]) == 4:
            groups.reverse()
        day, month, year = groups[0], groups[1], groups[2]
        fits = 1 <= int(day) <= 31 and 1 <= int(month) <= 31 and min(int(day), int(month)) <= 12
        if not fits or len(year) not in (2, 4) or max(len(day), len(month)) > 2:
            return None
        return DateFound(at, at + 5, int(day), int(month), int(year) % 100)

    def _continues(self, at: int) -> bool:
        """An IP address or a telephone number goes on: 06.12.34.56.78."""
        part = self.tokens[at : at + 2]
        return len(part) == 2 and part[0].text in _SEPARATORS and part[1].kind == "digits" and not part[1].spaced

    def _day_first(self, at: int) -> DateFound | None:
        day = self._day(at)
        if day is None:
            return None
        after, ordinal, number = day
        middle = self._over_glue(after)
        month = self._month(middle)
        if month is not None:
            return self._with_year(at, middle + 1, number, month)
        # "third of the fourth, eighty two": only where the day is an ordinal, and the year is said.
        second = self._day(middle) if ordinal else None
        if second is None or not (second[1] or middle > after) or second[2] > 12:
            return None
        found = self._with_year(at, second[0], number, second[2])
        return found if found.year is not None else None

    def _with_year(self, first: int, after: int, day: int, month: int) -> DateFound:
        year = self._year(self._over_glue(after))
        return DateFound(first, year[0] if year else after, day, month, year[1] if year else None)

    def _month_first(self, at: int) -> DateFound | None:
        month = self._month(at)
        if month is None:
            return None
        year = self._year(self._over_glue(at + 1))
        day = self._day(self._over_glue(at + 1))
        if day is not None:
            found = self._with_year(at, day[0], day[2], month)
            if found.year is not None or day[1] or year is None:
                return found
        return None if year is None else DateFound(at, year[0], None, month, year[1])

    def _day(self, at: int) -> tuple[int, bool, int] | None:
        """The token after a day of the month, whether it is an ordinal, and which day."""
        if at >= len(self.tokens):
            return None
        token = self.tokens[at]
        ordinal = self.lexicon.ordinal(self.tokens, at)
        if ordinal is not None and int(ordinal[0]) <= 31:
            return ordinal[1], True, int(ordinal[0])
        if token.kind in ("digits", "mixed"):
            digits = token.text[:2] if token.text[:2].isdecimal() else token.text[:1]
            if not digits.isdecimal() or token.text[len(digits) :].isdecimal() or not 1 <= int(digits) <= 31:
                return None
            dotted = at + 1 < len(self.tokens) and self.tokens[at + 1].text == "." and not self.tokens[at + 1].spaced
            return at + 1, dotted or token.kind == "mixed", int(digits)
        numeral = self.lexicon.numeral(self.tokens, at)
        return (numeral[1], False, int(numeral[0])) if numeral is not None and 1 <= int(numeral[0]) <= 31 else None

    def _month(self, at: int) -> int | None:
        """Which month one token says."""
        return self.lexicon.months.get(self.tokens[at].folded) if at < len(self.tokens) else None

    def _year(self, at: int) -> tuple[int, int] | None:
        """The token after a year, and its last two digits: 1982, "nineteen eighty two", "eighty two", "19 82",
        "osiemdziesiątego drugiego roku".
        """
        ordinal = self.lexicon.ordinal(self.tokens, at) if at < len(self.tokens) else None
        if ordinal is not None and int(ordinal[0]) > 31:
            return ordinal[1], int(ordinal[0]) % 100
        digits, after = "", at
        while after < len(self.tokens) and len(digits) < 4:
            part = self._number(after)
            if part is None or len(digits + part[0]) > 4:
                break
            digits, after = digits + part[0], part[1]
            if len(digits) == 2 and digits not in ("19", "20"):
                break
        known = len(digits) == 2 or (len(digits) == 4 and 1900 <= int(digits) <= 2049)
        return (after, int(digits) % 100) if known else None

    def _number(self, at: int) -> tuple[str, int] | None:
        token = self.tokens[at]
        if token.kind == "digits":
            return token.text, at + 1
        if token.folded in self.lexicon.weak_zeros:
            return "0", at + 1
        return self.lexicon.numeral(self.tokens, at)

    def _over_glue(self, at: int) -> int:
        """Past "of", "the", "de", a comma, a filler."""
        last = min(len(self.tokens), at + _MOST_GLUE)
        while at < last:
            token = self.tokens[at]
            known = token.folded in self.lexicon.date_glue or token.folded in self.lexicon.fillers
            if not known and (token.text not in _MARKS or (token.ends and self.tokens[at - 1].kind == "word")):
                break
            at += 1
        return at
