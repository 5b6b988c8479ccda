"""Whether words are borne out by what was said: names, numbers, content words, dates. Used by `analytics.truth`.

Comparison is on folded text (case, accents, punctuation) and on the beginnings of words, so that an inflected or
reworded form of what was said counts as said, in any language.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from analytics.spoken import words

# Shorter words carry little of a meaning in the languages that have spaces.
CONTENT_CHARACTERS = 4
STEM_CHARACTERS = 5
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


@functools.lru_cache(maxsize=64)
def folded(text: str) -> str:
    """Lower case, without accents and punctuation, one space between words."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join("".join(char if char.isalnum() else " " for char in plain).split())


@functools.lru_cache(maxsize=64)
def stems(text: str) -> frozenset[str]:
    """The beginnings of the words that carry meaning; single characters in scripts without spaces."""
    found = set()
    for word in words(folded(text)):
        if _UNSPACED.match(word):
            found.add(word)
        elif len(word) >= CONTENT_CHARACTERS:
            found.add(word[:STEM_CHARACTERS])
    return frozenset(found)


def share_said(text: str, said: str) -> float:
    """How much of a text's meaning-bearing words occur in what was said, 0-1; 1 where it has none."""
    asked = stems(text)
    return len(asked & stems(said)) / len(asked) if asked else 1.0


@functools.lru_cache(maxsize=64)
def numbers(text: str) -> frozenset[str]:
    """The numbers that are written in digits in a text."""
    return frozenset(_NUMBER.findall(text))


def numbers_said(text: str, said: str) -> bool:
    """Whether every number written in digits in a text is written so in what was said."""
    return numbers(text) <= numbers(said)


def phrase_said(phrase: str, said: str) -> bool:
    """Whether a phrase occurs in what was said, word for word."""
    wanted = folded(phrase)
    if _UNSPACED.search(wanted):
        return wanted.replace(" ", "") in folded(said).replace(" ", "")
    return bool(wanted) and f" {wanted} " in f" {folded(said)} "


def names(text: str) -> list[str]:
    """Words with a capital that do not begin a sentence: names, in languages that don't write all nouns so."""
    found = []
    for sentence in re.split(r"(?<=[.!?:])\s+", text):
        tokens = re.findall(r"[^\W\d_][\w'’-]*", sentence)
        found += [token for token in tokens[1:] if token[0].isupper() and len(token) > 1]
    return found


def similar(one: str, other: str) -> float:
    """Jaccard index of two texts' meaning-bearing words, 0-1."""
    left, right = stems(one), stems(other)
    if not left or not right:
        return float(folded(one) == folded(other))
    return len(left & right) / len(left | right)
