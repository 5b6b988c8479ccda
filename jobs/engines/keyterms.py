"""Names and jargon that the decoder was told to expect: were they said, or does it only repeat what it was told?

Pure text; used by `attempts.py`. A decoder that hears nothing clear writes what stood before: the list of terms. Such
a text is read again without the list, and the terms that have nothing in their place then were never said.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterator, Sequence

# Read again where at least this much of the text is terms.
SUSPICIOUS_SHARE = 0.5
# Terms instead of other words are a correction as long as they are not many more words than those.
MOST_WORDS_FOR_ONE = 3
_SENTENCE_ENDS = re.compile(r"[.?!…。？！]+(?:\s|$)")


def mostly_terms(text: str, terms: Sequence[str]) -> bool:
    """Whether terms are half of the text or a sentence in it, or two follow each other as they do in the list."""
    if not terms:
        return False
    if any(_only_terms(sentence, terms) for sentence in _SENTENCE_ENDS.split(text)):
        return True
    words = _words(text)
    found = _term_words(words, terms)
    if words and len(found) >= SUSPICIOUS_SHARE * len(words):
        return True
    listed = [_words(before) + _words(after) for before, after in itertools.pairwise(terms)]
    return any(True for pair in listed for _ in _places(words, pair))


def added_terms(text: str, plain: str, terms: Sequence[str]) -> bool:
    """Whether `text` has terms where `plain`, read without knowing of them, has no words."""
    words, others = _words(text), _words(plain)
    found = _term_words(words, terms)
    matcher = difflib.SequenceMatcher(None, others, words, autojunk=False)
    for _, first, last, start, end in matcher.get_opcodes():
        terms_here = sum(start <= at < end for at in found)
        if terms_here and terms_here > MOST_WORDS_FOR_ONE * (last - first):
            return True
    return False


def _only_terms(sentence: str, terms: Sequence[str]) -> bool:
    words = _words(sentence)
    return bool(words) and len(_term_words(words, terms)) == len(words)


def _term_words(words: Sequence[str], terms: Sequence[str]) -> set[int]:
    """Where in `words` a word of a term stands."""
    found: set[int] = set()
    for term in terms:
        own = _words(term)
        for at in _places(words, own):
            found.update(range(at, at + len(own)))
    return found


def _places(words: Sequence[str], own: Sequence[str]) -> Iterator[int]:
    if own:
        yield from (at for at in range(len(words) - len(own) + 1) if list(words[at : at + len(own)]) == list(own))


def _words(text: str) -> list[str]:
    """Letters and digits; where words have no spaces between them, one word a character."""
    spaced = "".join(
        f" {c} " if "\u0e00" <= c <= "\u109f" or "\u1780" <= c <= "\u17ff" or "\u3040" <= c <= "\u9fff"
        else c if c.isalnum() else " "
        for c in text.casefold()
    )  # fmt: skip
    return spaced.split()
