"""Words with times of their own, from a text and the times of the recogniser's tokens.

Pure arithmetic; used by the transcriber. A text is cut at its spaces and, in scripts that are written without them,
between tokens. Attention shows where a word is about, but begins a word after a pause too early (EARLY_S), so words
are put where someone speaks. Times are seconds from the start of the recording.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from jobs.pipeline.health import letters
from jobs.pipeline.types import Segment, Speech, Word

Times = tuple[float, float]

# A word is at least this long, or less where more are said in a stretch than have room; with less than LEAST_S for a
# word the attention has collapsed, and tells nothing of the words' times.
SHORT_S, LEAST_S = 0.06, 0.005
# How long a word before a pause may go on after the attention has left it.
LAST_SOUNDS_S = 0.4
# How long before the speech after a pause the attention may turn to its first word.
EARLY_S = 0.8

# Tibetan, Thai, Lao, Myanmar, Khmer, kana, Han.
_UNSPACED = re.compile(
    "[\u0e01-\u0e7f\u0e81-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Belong to the character before them though they are letters: small kana, the long vowel, repeated signs, vowels
# written after their consonant.
_CLINGING = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶー々ゝゞヽヾๆໆะาำະາຳ")
# Belong to the character after them: vowels written before their consonant, signs that stack the next one.
_LEADING = frozenset("เแโใไເແໂໃໄ\u1039\u17d2")
_CLOSING, _OPENING = ("Pe", "Pf", "Po", "Pd", "Mn", "Mc", "Me"), ("Ps", "Pi")


@dataclass(frozen=True)
class Piece:
    """The characters text[first:last] and when they are said: one of the recogniser's tokens."""

    first: int
    last: int
    start_s: float
    end_s: float

    def later(self, by_s: float) -> Piece:
        return replace(self, start_s=self.start_s + by_s, end_s=self.end_s + by_s)


@dataclass(frozen=True)
class Span:
    """A word's place in the text; `glued` where no space stands before it."""

    first: int
    last: int
    glued: bool


def with_words(
    segments: Sequence[Segment], pieces: Sequence[Piece], speech: Sequence[Speech], limits: Times
) -> list[Segment]:
    """The segments of one window with their words, and the times of their first and last word.

    `pieces` are those of `joined_text(segments)`. `limits` are the window's: no word lies outside. Segments come back
    as they were where their words have no room.
    """
    text = joined_text(segments)
    joints = {piece.first for piece in pieces}
    spans: list[list[Span]] = []
    at = 0
    for segment in segments:
        at += 1
        own = cut(segment.text, {joint - at for joint in joints})
        spans.append([Span(span.first + at, span.last + at, span.glued) for span in own])
        at += len(segment.text)
    every = [span for own in spans for span in own]
    said = _Said(text, pieces)
    times = place(
        [said.times(span) for span in every], [letters(text[span.first : span.last]) for span in every], speech, limits
    )
    if times is None:
        return list(segments)
    left = iter(times)
    return [
        _with_words(segment, text, [(span, next(left)) for span in own])
        for segment, own in zip(segments, spans, strict=True)
    ]


def joined_text(segments: Iterable[Segment]) -> str:
    """The text that is aligned: a space before each segment, as the recogniser writes it."""
    return "".join(f" {segment.text}" for segment in segments)


def _with_words(segment: Segment, text: str, own: Sequence[tuple[Span, Times]]) -> Segment:
    words = tuple(
        Word(start, end, text[span.first : span.last], segment.language, span.glued) for span, (start, end) in own
    )
    return replace(segment, start_s=words[0].start_s, end_s=words[-1].end_s, words=words)


def cut(text: str, joints: set[int]) -> list[Span]:
    """The words of a text, punctuation with them; `joints` are the positions at which a token begins."""
    waiting: int | None = None
    found: list[Span] = []
    for chunk in re.finditer(r"\S+", text):
        first = chunk.start() if waiting is None else waiting
        if not any(character.isalnum() for character in chunk.group()):
            # Punctuation that stands alone goes to the word before it, an opening sign to the one after it.
            if found and not _opens(chunk.group()):
                found[-1] = replace(found[-1], last=chunk.end())
            else:
                waiting = first
            continue
        waiting = None
        cuts = [at for at in range(chunk.start() + 1, chunk.end()) if at in joints and _parts(text, at)]
        for start, end in itertools.pairwise([first, *cuts, chunk.end()]):
            found.append(Span(start, end, glued=start != first))
    if waiting is not None:
        found.append(Span(waiting, len(text.rstrip()), glued=False))
    return found


def _opens(chunk: str) -> bool:
    return unicodedata.category(chunk[-1]) in _OPENING or chunk[-1] in "¿¡"


def _parts(text: str, at: int) -> bool:
    """Whether two words may meet here without a space."""
    before, after = text[at - 1], text[at]
    if not (_UNSPACED.match(before) or _UNSPACED.match(after)):
        return False
    if before in _LEADING or unicodedata.category(before) in _OPENING:
        return False
    return after not in _CLINGING and unicodedata.category(after) not in _CLOSING


class _Said:
    """When each character of a text is said: within a token of several, one after the other."""

    def __init__(self, text: str, pieces: Sequence[Piece]) -> None:
        self._text = text
        self._starts: dict[int, float] = {}
        self._ends: dict[int, float] = {}
        for piece in pieces:
            each = (piece.end_s - piece.start_s) / max(1, piece.last - piece.first)
            for number, at in enumerate(range(piece.first, piece.last)):
                # A character may be several tokens: it begins with the first and ends with the last.
                self._starts.setdefault(at, piece.start_s + number * each)
                self._ends[at] = piece.start_s + (number + 1) * each

    def times(self, span: Span) -> Times:
        """Of the word's letters: its punctuation is timed in the pause after it."""
        known = [at for at in range(span.first, span.last) if at in self._starts]
        at = [i for i in known if self._text[i].isalnum()] or known
        return (self._starts[at[0]], self._ends[at[-1]]) if at else (math.nan, math.nan)


def place(
    times: Sequence[Times], lengths: Sequence[int], speech: Sequence[Speech], limits: Times
) -> list[Times] | None:
    """Words' times in order, start < end, inside the limits, in whole milliseconds and as far as may be in speech.

    `lengths` are the words' letters: where several begin before their stretch of speech does, they share its
    beginning by them. None where the words have no room, or one has no time.
    """
    if any(math.isnan(start) for start, _ in times):
        return None
    rooms = [room for room in (_room(stretch.start_s, stretch.end_s, limits) for stretch in speech) if room]
    rooms = rooms or [room for room in [_room(*limits, limits)] if room]
    if not rooms:
        return None
    placed: list[Times] = []
    chosen = list(itertools.accumulate((_nearest(rooms, *word) for word in times), max))
    for number, group in itertools.groupby(range(len(times)), key=chosen.__getitem__):
        members = list(group)
        part = _fill(rooms[number], [times[i] for i in members], [lengths[i] for i in members])
        if part is None:
            return None
        placed.extend(part)
    return placed


def _room(start: float, end: float, limits: Times) -> Times | None:
    low, high = max(start, limits[0]), min(end, limits[1])
    low, high = math.ceil(low * 1000) / 1000, math.floor(high * 1000) / 1000
    return (low, high) if high - low > LEAST_S else None


def _nearest(rooms: Sequence[Times], start: float, end: float) -> int:
    """The stretch after a pause that the word begins too early for and ends in; else the one that it shares most of
    its time with, or the nearest, the later of two as near.

    A number that is said with pauses in it spans them too, but begins long before.
    """
    for number, (low, high) in enumerate(rooms):
        if low - EARLY_S <= start < low and low + SHORT_S <= end <= high:
            return number

    def fit(number: int) -> tuple[float, int]:
        low, high = rooms[number]
        return (min(end, high) - max(start, low), number)

    return max(range(len(rooms)), key=fit)


def _fill(room: Times, times: Sequence[Times], lengths: Sequence[int]) -> list[Times] | None:
    low, high = room
    short = min(SHORT_S, (high - low) / len(times))
    if short < LEAST_S:
        return None
    wanted = _shared_beginning(low, times, lengths)
    # Attention leaves a word before its last sounds are over: before a pause it lasts as long as the speech does.
    wanted[-1] = (wanted[-1][0], max(wanted[-1][1], min(high, wanted[-1][1] + LAST_SOUNDS_S)))
    found, at = [], low
    for number, (start, end) in enumerate(wanted):
        after = len(times) - number - 1
        start = max(at, min(start, high - short * (after + 1)))
        end = max(start + short, min(end, high - short * after))
        found.append((round(start, 3), round(end, 3)))
        at = end
    return found


def _shared_beginning(low: float, times: Sequence[Times], lengths: Sequence[int]) -> list[Times]:
    """The times, where the words that begin before `low` share what is left until the last of them ends."""
    early = sum(1 for start, _ in itertools.takewhile(lambda word: word[0] < low, times))
    if early == 0:
        return list(times)
    left = max(0.0, times[early - 1][1] - low)
    total = sum(lengths[:early]) or early
    bounds = [low + left * done / total for done in itertools.accumulate(lengths[:early], initial=0)]
    return [*itertools.pairwise(bounds), *times[early:]]
