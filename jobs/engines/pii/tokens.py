"""A text as tokens with their offsets, folded so that accents and case don't matter: what numbers are read from.

Recognisers of speech leave accents out, write in lower case, or decompose letters: two spellings that sound alike fold
alike.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_TOKEN = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+|[^\w\s]|_")
_SPECIAL = str.maketrans({"ł": "l", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d"})
SENTENCE_END = frozenset(".?!…;")


@dataclass(frozen=True, slots=True)
class Token:
    """`folded` is lower case without accents; `kind` is word, digits, mixed (letters and digits) or mark.

    `spaced`: something blank stands before it. `ends`: a mark that ends a sentence here (not the point in 3.5).
    """

    text: str
    folded: str
    start: int
    end: int
    kind: str
    spaced: bool
    ends: bool


def fold(word: str) -> str:
    """Lower case, without accents; ß is ss, ł is l. Not cached: a cache would keep what people said."""
    if word.isascii():
        return word.lower()
    plain = word.casefold().translate(_SPECIAL)
    return "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))


def tokens(text: str) -> list[Token]:
    """In order; everything but blanks belongs to one token, and `text[start:end]` is its text."""
    found = []
    last = 0
    for match in _TOKEN.finditer(text):
        word, start, end = match.group(), match.start(), match.end()
        kind = _kind(word)
        ends = kind == "mark" and word in SENTENCE_END and (end >= len(text) or text[end].isspace())
        found.append(Token(word, fold(word), start, end, kind, start > last or start == 0, ends))
        last = end
    return found


def phrase(words: str) -> tuple[str, ...]:
    """A phrase of the data files as folded tokens, marks left out: "date-of-birth" and "date of birth" are one."""
    return tuple(t.folded for t in tokens(words.replace("*", "")) if t.kind != "mark")


def _kind(word: str) -> str:
    if word.isdecimal():
        return "digits"
    if word.isalpha() or not word[0].isalnum():
        return "word" if word[0].isalpha() else "mark"
    return "mixed" if any(c.isdecimal() for c in word) else "word"
