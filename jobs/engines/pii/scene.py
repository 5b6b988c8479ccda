"""A text with everything the word recognizers share, worked out once: words, tags of the model, gazetteer entries.

A scene waits on the text's artifacts, where the recognizers find it one after the other, and goes with them.
"""

from __future__ import annotations

import bisect
import functools
import importlib
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.engines.pii.gazetteer import UNKNOWN, Gazetteer, Known
from jobs.engines.pii.name_rules import NameRules, name_rules
from jobs.engines.pii.ner import NOTHING, Ner, Tag
from jobs.engines.pii.reading import Phrases, Word, read_words


@dataclass(frozen=True, slots=True)
class Span:
    """Words `first` up to, not including, `last`, and how sure it is."""

    first: int
    last: int
    score: float


class Language:
    """One language's rules, ready for use."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.rules: NameRules = name_rules(code)
        self.gazetteer = Gazetteer(code, self.rules.people.endings)
        self.stop_words = frozenset(importlib.import_module(f"spacy.lang.{code}.stop_words").STOP_WORDS)
        self.never = frozenset(self.rules.people.never)

    @functools.cache  # noqa: B019 - a language lives as long as the process
    def phrases(self, *phrases: str) -> Phrases:
        return Phrases(phrases, self.code)


class Scene:
    """What is known of one text."""

    def __init__(self, text: str, language: Language, ner: Ner | None) -> None:
        self.text = text
        self.language = language
        self.rules = language.rules
        self.words: list[Word] = read_words(text, language.code)
        self._ner = ner
        self.tags: Sequence[Tag] = ner.tag(text, self.words) if ner else [NOTHING] * len(self.words)
        self.known: list[Known] = [self._look_up(word) for word in self.words]

    def _look_up(self, word: Word) -> Known:
        return self.language.gazetteer.look_up(word.lower) if len(word.lower) > 2 else UNKNOWN

    def phrase_before(self, index: int, phrases: Sequence[str], longest: int = 5) -> bool:
        return self.language.phrases(*phrases).ends_before(self.words, index, longest)

    def words_between(self, start: int, end: int) -> tuple[int, int]:
        """The words that touch the characters `start`..`end`: the first, and the one after the last."""
        first = bisect.bisect_right(self.words, start, key=lambda word: word.end)
        return first, max(first + 1, bisect.bisect_left(self.words, end, key=lambda word: word.start))

    def blocked(self, index: int) -> bool:
        """True for words that are no name unless something says so."""
        lower = self.words[index].lower
        return lower in self.language.never or lower in self.language.stop_words or not lower.rstrip("'").isalpha()

    def plain(self, index: int) -> bool:
        """True for words that say nothing of anybody: stop words, numbers, and those that the rules know."""
        lower = self.words[index].lower
        return lower in self.language.never or lower in self.language.stop_words or not lower[0].isalpha()

    def common(self, lower: str) -> bool:
        """True for words that the model knows in one piece; it knows the common ones of English best."""
        return self._ner is not None and self._ner.knows(lower)

    @functools.cached_property
    def net(self) -> list[tuple[Span, str]]:
        """E-mail and web addresses, with their type."""
        from jobs.engines.pii.emails import find_net

        return find_net(self)

    @functools.cached_property
    def streets(self) -> list[Span]:
        from jobs.engines.pii.addresses import find_streets

        return find_streets(self)

    @functools.cached_property
    def towns(self) -> list[Span]:
        from jobs.engines.pii.towns import find_towns

        return list(find_towns(self))

    @functools.cached_property
    def taken(self) -> frozenset[int]:
        """Words that belong to an e-mail or web address or to a street: no names to look for in them."""
        spans = [span for span, _ in self.net] + self.streets
        return frozenset(index for span in spans for index in range(span.first, span.last))

    @functools.cached_property
    def found_people(self) -> dict[str, list[Span]]:
        """People, by the way they were found: see `people.WAYS`."""
        from jobs.engines.pii.people import WAYS

        return {way: list(find(self)) for way, find in WAYS.items()}

    @functools.cached_property
    def people(self) -> frozenset[int]:
        """Words that belong to a person, whoever found it."""
        spans = [span for found in self.found_people.values() for span in found]
        return frozenset(index for span in spans for index in range(span.first, span.last))
