"""Is a transcript whole, and is it sane? Speech that words cover, and loops. Pure arithmetic on text and times.

The recogniser's own numbers don't show either: it once wrote five words for 27 seconds of speech, with a healthy
probability, under time marks that spanned them all; and a loop is always sure of itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

Stretch = tuple[float, float]

# The slowest plausible speech: dictation, a pause after every word. Characters that stand for a syllable or a word
# (CJK, Hangul, digits) count for several letters.
SLOWEST_LETTERS_PER_S = 4.0
FASTEST_LETTERS_PER_S = 35.0
WIDE_CHARACTER_LETTERS = 3
DIGIT_LETTERS = 4

# A unit of up to LONGEST_UNIT words said this often in a row is a loop, as long as it runs over enough words:
# people do say "no, no, no, no", and a card number may hold twelve equal digits.
LONGEST_UNIT = 24
LOOP_REPEATS, LOOP_WORDS = 4, 12
SINGLE_WORD_REPEATS, SINGLE_DIGIT_REPEATS = 12, 18

# Words, and the parts of "4-1-1-1", which keep their hyphens.
_WORD = re.compile(r"[^\s-]+-?|-+")


def letters(text: str) -> int:
    """Length of a text in letters of an alphabet: punctuation and spaces don't count, wide characters count more."""
    total = 0
    for character in text:
        if character.isdigit():
            total += DIGIT_LETTERS
        elif character.isalpha():
            wide = unicodedata.east_asian_width(character) in "WF"
            total += WIDE_CHARACTER_LETTERS if wide else 1
    return total


def covered_speech_s(phrases: Iterable[tuple[float, float, str]], speech: Sequence[Stretch]) -> float:
    """Seconds of `speech` that the words of `phrases` (start, end, text) can have been said in.

    A phrase covers the speech between its times, but no more of it than its words would take at the slowest.
    """
    covered = 0.0
    for start, end, text in phrases:
        spoken = sum(max(0.0, min(end, last) - max(start, first)) for first, last in speech)
        covered += min(spoken, letters(text) / SLOWEST_LETTERS_PER_S)
    return min(covered, sum(last - first for first, last in speech))


def gaps(phrases: Sequence[tuple[float, float, str]], speech: Sequence[Stretch]) -> list[Stretch]:
    """Parts of `speech` that lie between, before or after the phrases' times, in order."""
    found = []
    for first, last in speech:
        at = first
        for start, end, _ in phrases:
            if end <= at or start >= last:
                continue
            if start > at:
                found.append((at, start))
            at = max(at, end)
        if at < last:
            found.append((at, last))
    return found


def is_repetitive(text: str, speech_s: float) -> bool:
    """Whether the text loops: one unit again and again, or more letters than anyone can say in `speech_s`."""
    return letters(text) > FASTEST_LETTERS_PER_S * (speech_s + 1.0) or without_loops(text) != text


def without_loops(text: str) -> str:
    """The text with each loop cut to one round; unchanged where there is none."""
    spaced = len(text.split()) > 1 or "-" in text
    before = _WORD.findall(text) if spaced else list(text)
    words, keys = before, [_key(word) for word in before]
    for size in range(1, LONGEST_UNIT + 1):
        words, keys = _cut_loops(words, keys, size)
    if len(words) == len(before):
        return text
    return " ".join(words).replace("- ", "-").rstrip("-") if spaced else "".join(words)


def _cut_loops(words: list[str], keys: list[str], size: int) -> tuple[list[str], list[str]]:
    kept: list[int] = []
    at = 0
    while at < len(words):
        repeats = 1
        while keys[at : at + size] == keys[at + repeats * size : at + (repeats + 1) * size]:
            repeats += 1
        if _is_loop(keys[at : at + size], repeats):
            kept.extend(range(at, at + size))
            at += repeats * size
        else:
            kept.append(at)
            at += 1
    return [words[i] for i in kept], [keys[i] for i in kept]


def _is_loop(unit: Sequence[str], repeats: int) -> bool:
    if repeats < LOOP_REPEATS:
        return False
    # A unit of equal words is one word said often.
    if all(a == b for a, b in pairwise(unit)):
        return repeats * len(unit) >= (SINGLE_DIGIT_REPEATS if unit[0].isdigit() else SINGLE_WORD_REPEATS)
    return repeats * len(unit) >= LOOP_WORDS


def _key(word: str) -> str:
    return "".join(character for character in word.casefold() if character.isalnum()) or word
