"""The number words of one language, made from num2words and from the `speech` part of its pattern file.

A numeral is looked up as a path of folded tokens, the longest first: "quatre vingt dix huit" is 98 and not 4, 20, 18.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jobs.engines.pii.loading import Speech
from jobs.engines.pii.tokens import Token, fold, phrase

# Years that people say in one breath; beyond them "two thousand units" is a quantity like any other.
LAST_NUMERAL = 2100
LAST_ORDINAL_DAY = 31
ORDINAL_YEARS = range(1900, 2040)
# Heard in any language, and written as the recogniser pleases.
HESITATIONS = frozenset({"uh", "um", "uhm", "eh", "ehm", "euh", "ah", "ahm", "hm", "hmm", "mm", "er", "erm"})
_VALUE = ""

Tree = dict[str, Any]


class Lexicon:
    """Read-only once made; building takes a few tenths of a second, looking up a few dictionary steps a token."""

    def __init__(self, speech: Speech) -> None:
        self.numerals: Tree = {}
        self.ordinals: Tree = {}
        for number, words in _cardinals(speech):
            _plant(self.numerals, words, number)
        for number, words in _ordinals(speech):
            _plant(self.ordinals, words, number)
        for word, digits in speech.numerals.items():
            _plant(self.numerals, phrase(word), digits)
        for word, day in speech.ordinals.items():
            _plant(self.ordinals, phrase(word), str(day))
        self.repeats = _folded_keys(speech.repeats)
        self.months = {fold(word): int(month) for month, words in speech.months.items() for word in words}
        self.letters = {fold(word): letter for letter, words in speech.letters.items() for word in words}
        self.weak_zeros = _folded(speech.weak_zeros)
        self.hundreds = _folded(speech.hundreds)
        self.magnitudes = _folded(speech.magnitudes)
        self.conjunctions = _folded(speech.conjunctions)
        self.fillers = _folded(speech.fillers) | HESITATIONS
        self.acknowledgements = _folded(speech.acknowledgements)
        self.word_letters = _folded(speech.word_letters)
        self.plus = _folded(speech.plus)
        self.date_glue = _folded(speech.date_glue)
        self.units = _folded(speech.units)
        self.before_quantities = _folded(speech.before_quantities)
        self.spelling = tuple(phrase(words) for words in speech.spelling)

    def numeral(self, tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
        """The digits of the longest numeral that begins at a token, and the token after it."""
        found = self._longest(self.numerals, tokens, at)
        return None if found is None else self._composed(*found, tokens)

    def _composed(self, value: str, after: int, tokens: Sequence[Token]) -> tuple[str, int]:
        """ "nineteen hundred eighty two", "neunzehnhundert neunundsiebzig", "mille novecento ottanta": the parts as
        one.
        """
        number = int(value)
        if value.startswith("0") or number <= 10:
            return value, after
        if number < 21 and _folded_at(tokens, after) in self.hundreds:
            number, after = number * 100, after + 1
        for width in (3, 2):
            if number < 1000 or number % 10**width:
                continue
            following = after + (_folded_at(tokens, after) in self.conjunctions)
            rest = self._longest(self.numerals, tokens, following)
            if rest is not None and len(rest[0]) == width:
                number, after = number + int(rest[0]), rest[1]
        return str(number), after

    def ordinal(self, tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
        return self._longest(self.ordinals, tokens, at)

    @staticmethod
    def _longest(tree: Tree, tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
        best = None
        first = at
        while at < len(tokens):
            token = tokens[at]
            # One hyphen: a line of them would be walked to its end from each of its places.
            if token.text == "-" and at > first and tokens[at - 1].text != "-" and _joins(tokens, at):
                at += 1
                continue
            branch = tree.get(token.folded) if token.kind == "word" else None
            if branch is None:
                return best
            tree = branch
            at += 1
            if _VALUE in tree:
                best = (tree[_VALUE], at)
        return best


def _folded_at(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].folded if at < len(tokens) else ""


def _joins(tokens: Sequence[Token], at: int) -> bool:
    """Whether a hyphen joins two words, as in forty-two; "five - six" is two numbers."""
    return not tokens[at].spaced and at + 1 < len(tokens) and not tokens[at + 1].spaced


def _plant(tree: Tree, words: Iterable[str], value: str) -> None:
    for word in words:
        tree = tree.setdefault(word, {})
    tree.setdefault(_VALUE, value)


def _folded(words: Iterable[str]) -> frozenset[str]:
    return frozenset(fold(word) for word in words)


def _folded_keys(words: dict[str, int]) -> dict[str, int]:
    return {fold(word): number for word, number in words.items()}


def _cardinals(speech: Speech) -> Iterable[tuple[str, tuple[str, ...]]]:
    from num2words import num2words

    for locale in speech.num2words:
        for number in range(LAST_NUMERAL):
            words = phrase(num2words(number, lang=locale))
            yield str(number), words
            dropped = tuple(word for word in words if word not in speech.droppable)
            if dropped != words:
                yield str(number), dropped
            if number > 999 and number % 1000 > 99:
                yield str(number), phrase(num2words(number, lang=locale, to="year"))
    if speech.joiner:
        # A recogniser may write a compound in parts: "vier und zwanzig".
        for number in range(21, 100):
            if number % 10:
                unit, ten = (phrase(num2words(n, lang=speech.num2words[0])) for n in (number % 10, number // 10 * 10))
                for one in {unit, *((phrase(w) for w in speech.joined_ones) if number % 10 == 1 else ())}:
                    yield str(number), (*one, speech.joiner, *ten)


def _ordinals(speech: Speech) -> Iterable[tuple[str, tuple[str, ...]]]:
    from num2words import num2words

    for number in (*range(1, LAST_ORDINAL_DAY + 1), *ORDINAL_YEARS):
        words = phrase(num2words(number, lang=speech.num2words[0], to="ordinal"))
        yield str(number), words
        for old, new in speech.ordinal_endings:
            yield str(number), (*words[:-1], _ending(words[-1], old, new))
        # "osiemdziesiąty drugi" bends in both words, each with an ending of its own.
        yield str(number), tuple(_bent(word, speech.ordinal_endings) for word in words)


def _ending(word: str, old: str, new: str) -> str:
    return word.removesuffix(old) + new if word.endswith(old) else word


def _bent(word: str, endings: Sequence[tuple[str, str]]) -> str:
    for old, new in endings:
        if word.endswith(old):
            return word.removesuffix(old) + new
    return word
