"""Where a text speaks of a kind of number: "date of birth", "polisy", "ending in". A question's words reach into the
answer.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from jobs.engines.pii.tokens import Token, phrase

# How far a question reaches: words, and ends of sentences, between it and the number; and backwards, in one sentence.
WORDS_BEFORE = 28
SENTENCES_BEFORE = 3
WORDS_AFTER = 7
_SENTENCE_COST = 3
_NUMBER_COST = 8
_AFTER_COST = 6


@dataclass(frozen=True, slots=True)
class Mention:
    """Tokens `first` to `after` say one or more of the contexts by name."""

    first: int
    after: int
    contexts: frozenset[str]


class Phrases:
    """The context phrases of a language, looked up by their first word."""

    def __init__(self, contexts: Mapping[str, Sequence[str]]) -> None:
        self._exact: dict[str, list[tuple[tuple[str, ...], bool, str]]] = {}
        self._prefixes: dict[str, list[tuple[tuple[str, ...], bool, str]]] = {}
        for name, phrases in contexts.items():
            for words in phrases:
                key, open_end = phrase(words), words.endswith("*")
                table = self._prefixes if open_end and len(key) == 1 else self._exact
                table.setdefault(key[0], []).append((key, open_end, name))
        self._longest_prefix = max(map(len, self._prefixes), default=0)

    def mentions(self, tokens: Sequence[Token]) -> list[Mention]:
        """In order of their first token; of two from the same token the longer one only."""
        words = [at for at, token in enumerate(tokens) if token.kind != "mark"]
        found = []
        for place, at in enumerate(words):
            names: dict[int, set[str]] = {}
            for key, open_end, name in self._near(tokens[at].folded):
                stop = place + len(key)
                if stop <= len(words) and _says(tokens, words[place:stop], key, open_end):
                    names.setdefault(words[stop - 1] + 1, set()).add(name)
            if names:
                after = max(names)
                found.append(Mention(at, after, frozenset(names[after])))
        return _longest(found)

    def _near(self, word: str) -> list[tuple[tuple[str, ...], bool, str]]:
        near = list(self._exact.get(word, ()))
        for length in range(2, min(len(word), self._longest_prefix) + 1):
            near += self._prefixes.get(word[:length], ())
        return near


class Surroundings:
    """The mentions of a text, nearest first, for any stretch of its tokens."""

    def __init__(self, tokens: Sequence[Token], mentions: list[Mention], numbers: Sequence[int]) -> None:
        self._mentions = mentions
        self._firsts = [mention.first for mention in mentions]
        self._numbers = list(numbers)
        self._words = [0, *accumulate(token.kind != "mark" for token in tokens)]
        self._ends = [0, *accumulate(token.ends for token in tokens)]

    def near(self, first: int, after: int) -> list[Mention]:
        """What the stretch may be a case of, the likeliest first."""
        found: list[tuple[float, int, Mention]] = []
        place = bisect.bisect_left(self._firsts, first)
        for at in range(place - 1, -1, -1):
            mention = self._mentions[at]
            words, ends = self._between(mention.after, first)
            if words > WORDS_BEFORE:
                break
            if ends <= SENTENCES_BEFORE and mention.after <= first:
                between = self._count(mention.after, first)
                found.append((words + ends * _SENTENCE_COST + between * _NUMBER_COST, at, mention))
        for at in range(place, len(self._mentions)):
            mention = self._mentions[at]
            words, ends = self._between(after, mention.first)
            if words > WORDS_AFTER or ends:
                break
            if mention.first >= after and not self._count(after, mention.first):
                found.append((words + _AFTER_COST, at, mention))
        return [mention for _, _, mention in sorted(found, key=lambda one: one[:2])]

    def _between(self, first: int, after: int) -> tuple[int, int]:
        return self._words[after] - self._words[first], self._ends[after] - self._ends[first]

    def _count(self, first: int, after: int) -> int:
        """Numbers that begin in a stretch: each one between makes it less likely that the words are about the next."""
        return bisect.bisect_left(self._numbers, after) - bisect.bisect_left(self._numbers, first)


def _says(tokens: Sequence[Token], words: Sequence[int], key: tuple[str, ...], open_end: bool) -> bool:
    said = [tokens[at].folded for at in words]
    if any(tokens[a].ends for at, to in pairwise(words) for a in range(at + 1, to)):
        return False
    return said[:-1] == list(key[:-1]) and (said[-1].startswith(key[-1]) if open_end else said[-1] == key[-1])


def _longest(mentions: list[Mention]) -> list[Mention]:
    """Without those that lie inside another: "number" in "phone number"."""
    kept: list[Mention] = []
    for mention in mentions:
        if not kept or mention.after > kept[-1].after:
            kept.append(mention)
    return kept
