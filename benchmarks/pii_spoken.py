"""How callers say numbers, codes, dates and e-mail addresses, in the words of a language's data file."""

import datetime
import random
import re
from collections.abc import Sequence

from num2words import num2words


class Speech:
    """`words`: the `speech` part of benchmarks/data/pii/<language>.yaml."""

    def __init__(self, language: str, words: dict, chance: random.Random) -> None:
        self._language, self._words, self._chance = language, words, chance

    def filler(self) -> str:
        return self._chance.choice(self._words["fillers"])

    def number(self, number: int) -> str:
        return num2words(number, lang=self._language)

    def grouped(self, groups: Sequence[str], form: str, separator: str) -> str:
        if form == "written":
            return separator.join(groups)
        if form == "spaced":
            return " ".join("".join(groups))
        if form == "pairs":
            return ", ".join(self._in_pairs(group) for group in groups)
        said = [self._one_by_one(group, doubles=form == "double") for group in groups]
        if form == "filler" and len(said) > 1:
            at = self._chance.randrange(1, len(said))
            said[at] = f"{self.filler()}, {said[at]}"
        return ", ".join(said)

    def alphabet(self, name: str) -> str:
        said = self._words["alphabet"]
        return ", ".join(f"{letter} {said['as']} {said[letter]}" for letter in name)

    def mail(self, address: str, lazy: bool) -> str:
        """`lazy`: as some recognisers write it, only the at sign in words."""
        signs = self._words["mail"]
        if lazy:
            return address.replace("@", f" {signs['@']} ")
        pieces = re.findall(r"[a-z]+|\d+|[^a-z\d]", address)
        return " ".join(self._in_pairs(piece) if piece.isdigit() else signs.get(piece, piece) for piece in pieces)

    def date(self, day: datetime.date, form: str) -> str:
        pattern = self._chance.choice(self._words["dates"][form])
        return pattern.format(
            d=day.day,
            dd=f"{day.day:02}",
            nth=self._nth(day.day),
            day=self.number(day.day),
            ordinal=self._ordinal(day.day),
            mm=f"{day.month:02}",
            month=self._words["months"].split()[day.month - 1],
            y=day.year,
            yy=f"{day.year % 100:02}",
            year=self._year(day.year),
            short=self.number(day.year % 100),
        )

    def _digit(self, digit: str) -> str:
        zeros = self._words.get("zeros")
        return self._chance.choice(zeros) if digit == "0" and zeros else self.number(int(digit))

    def _one_by_one(self, group: str, doubles: bool) -> str:
        double, said, at = self._words.get("double"), [], 0
        while at < len(group):
            sign = group[at]
            if doubles and double and sign.isdigit() and group[at : at + 2] == 2 * sign:
                said.append(f"{double} {self._digit(sign)}")
                at += 2
                continue
            said.append(self._digit(sign) if sign.isdigit() else self._words.get("plus", sign) if sign == "+" else sign)
            at += 1
        return " ".join(said)

    def _in_pairs(self, group: str) -> str:
        odd = [group[:1]] if len(group) % 2 else []
        pairs = odd + [group[at : at + 2] for at in range(len(odd), len(group), 2)]
        return " ".join(self._pair(pair) for pair in pairs)

    def _pair(self, pair: str) -> str:
        if not pair.isdigit():
            return self._one_by_one(pair, doubles=False)
        if pair[0] == "0" or len(pair) == 1:
            return " ".join(self._digit(digit) for digit in pair)
        return self.number(int(pair))

    def _nth(self, day: int) -> str:
        return (
            str(num2words(day, lang=self._language, to="ordinal_num")) if self._language in ("en", "de") else str(day)
        )

    def _ordinal(self, day: int) -> str:
        """In the case that dates take: "dritten" in German, "trzeciego" in Polish."""
        if self._language == "pl":
            return self._genitive(day)
        if self._language == "de":
            return f"{num2words(day, lang='de', to='ordinal')}n"
        return num2words(day, lang=self._language, to="ordinal") if self._language == "en" else self.number(day)

    def _year(self, year: int) -> str:
        if self._language == "pl":
            return f"tysiąc dziewięćset {self._genitive(year % 100)}"
        if self._language in ("en", "de"):
            return num2words(year, lang=self._language, to="year")
        if self._language == "nl":
            return f"negentienhonderd{self.number(year % 100)}"
        return self.number(year)

    def _genitive(self, number: int) -> str:
        cases = self._words["genitive"]
        ones, tens = cases["ones"].split(), cases["tens"].split()
        if number < 20:
            return ones[number - 1]
        return f"{tens[number // 10 - 2]} {ones[number % 10 - 1] if number % 10 else ''}".strip()
