"""A text as its words: where each stands, how it is written, what stands before it. What the word recognizers read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# In French and Italian an elided article is a word of its own: "l'avenue", "dell'ufficio", "m'appelle".
_ELIDING = ("fr", "it")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ELIDED_WORD = re.compile(r"[^\W_]+['’](?=\w)|[^\W_]+")
_SENTENCE_END = re.compile(r"[.!?…\n¿¡]")


@dataclass(frozen=True, slots=True)
class Word:
    """Characters `start`..`end` of the text. `gap` is what stands before it, without spaces."""

    text: str
    lower: str
    start: int
    end: int
    gap: str
    capital: bool  # starts with a capital letter and is longer than one letter
    opens: bool  # the first word of a sentence, where a capital says nothing
    cased: bool  # its sentence has capitals inside it, so a lower-case word there is probably no name

    @property
    def follows(self) -> bool:
        """True when nothing but space or a hyphen parts it from the word before."""
        return self.gap in ("", "-")


def read_words(text: str, language: str) -> list[Word]:
    """The words of a text in order."""
    pattern = _ELIDED_WORD if language in _ELIDING else _WORD
    words: list[Word] = []
    sentence: list[tuple[re.Match[str], str, bool]] = []
    last = 0
    for match in pattern.finditer(text):
        gap = text[last : match.start()].strip()
        # "Dr. Patel" and "J. Smith" end no sentence.
        short = bool(sentence) and gap == "." and len(sentence[-1][0].group()) <= 2
        if sentence and not short and _SENTENCE_END.search(text, last, match.start()):
            words += _finish(sentence)
            sentence = []
        sentence.append((match, gap, not sentence))
        last = match.end()
    return words + list(_finish(sentence))


def _finish(sentence: Sequence[tuple[re.Match[str], str, bool]]) -> Iterator[Word]:
    cased = any(match.group()[:1].isupper() and len(match.group()) > 1 for match, _, _ in sentence)
    for match, gap, opens in sentence:
        own = match.group()
        capital = own[:1].isupper() and len(own.rstrip("'’")) > 1
        lower = own.lower().replace("’", "'")
        yield Word(own, lower, match.start(), match.end(), gap, capital, opens, cased)


class Phrases:
    """Phrases of several words, found by the words they begin with."""

    def __init__(self, phrases: Sequence[str], language: str) -> None:
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        for phrase in phrases:
            parts = tuple(word.lower for word in read_words(phrase, language))
            if parts:
                self._by_first.setdefault(parts[0], []).append(parts)
        for choices in self._by_first.values():
            choices.sort(key=len, reverse=True)

    def at(self, words: Sequence[Word], index: int) -> int:
        """How many words the longest phrase that begins at `index` has; 0 when none does."""
        for parts in self._by_first.get(words[index].lower, ()):
            end = index + len(parts)
            if end <= len(words) and all(words[index + k].lower == part for k, part in enumerate(parts)):
                return len(parts)
        return 0

    def ends_before(self, words: Sequence[Word], index: int, longest: int = 5) -> bool:
        """True when a phrase ends right before `index`."""
        return any(self.at(words, k) == index - k for k in range(max(0, index - longest), index))
