"""From the model's time marks to phrases of a few seconds with times that agree with where someone speaks.

Pure arithmetic; used by the transcriber. Times are seconds from the start of the recording.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from jobs.pipeline.health import letters
from jobs.pipeline.types import Speech

TimedText = tuple[float, float, str]

# A phrase longer than this is cut at its sentence ends.
LONG_PHRASE_S = 7.0
# A cut is moved to a pause this near.
SNAP_S = 1.0

# Nobody says more letters than this in a second; a phrase that begins in the last second of speech with more than fit
# into the rest of the sound was never said: the model goes on, or starts again, in the silence after a window.
SAYABLE_LETTERS_PER_S = 50.0
LAST_MOMENTS_S, GRACE_S = 1.0, 0.3

# Digits said one by one: "4-1-1-1".
_SPELLED_NUMBER = re.compile(r"(?<![\w-])\d(?:-\d){3,}(?![\w-])")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=\S)|(?<=[。！？])(?=\S)")


def said(phrases: Sequence[TimedText], speech: Sequence[Speech], window_end_s: float) -> list[TimedText]:
    """The phrases without those that the model wrote after the window's speech was over."""
    over_s = speech[-1].end_s
    kept = []
    for start, end, text in phrases:
        room = (window_end_s - start + GRACE_S) * SAYABLE_LETTERS_PER_S
        if start < over_s and (start < over_s - LAST_MOMENTS_S or letters(text) <= room):
            kept.append((start, end, text))
    return kept


def place(phrases: Sequence[TimedText], speech: Sequence[Speech]) -> list[TimedText]:
    """Phrases cut to a few seconds and clamped to speech: the model's marks start and end in the pauses around it."""
    placed: list[TimedText] = []
    for start, end, text in phrases:
        start, end = _clamp(start, end, speech)
        placed.extend(_split(start, end, join_digits(text), speech))
    return placed


def join_digits(text: str) -> str:
    """Numbers that the model spelled digit by digit, as it does with beam search, written as numbers."""
    return _SPELLED_NUMBER.sub(lambda match: match.group().replace("-", ""), text)


def _clamp(start: float, end: float, speech: Sequence[Speech]) -> tuple[float, float]:
    inside = [stretch for stretch in speech if stretch.end_s > start and stretch.start_s < end]
    if not inside:
        return start, end
    return max(start, inside[0].start_s), min(end, inside[-1].end_s)


def _split(start: float, end: float, text: str, speech: Sequence[Speech]) -> Iterator[TimedText]:
    sentences = _SENTENCE_END.split(text) if end - start > LONG_PHRASE_S else [text]
    total = sum(letters(sentence) for sentence in sentences) or 1
    pauses = [(before.end_s, after.start_s) for before, after in pairwise(speech)]
    at, done = start, 0
    for number, sentence in enumerate(sentences, start=1):
        done += letters(sentence)
        if number == len(sentences):
            yield at, end, sentence
            return
        guess = start + (end - start) * done / total
        last, following = min(pauses, key=lambda pause: abs(sum(pause) / 2 - guess), default=(guess, guess))
        if abs((last + following) / 2 - guess) > SNAP_S or not at < last <= following < end:
            last = following = max(at, guess)
        yield at, last, sentence
        at = following
