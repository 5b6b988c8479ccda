"""One speaker per channel: the channels' transcripts become one. Pure; called by `stages.merge_channels`.

Channels speak over each other, so here, and only here, segments of different speakers may overlap in time.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise

from jobs.pipeline.phrasing import piece
from jobs.pipeline.texts import bound_words, spells
from jobs.pipeline.types import Segment

# A phrase is cut at a pause this long in which another channel begins to speak, so that the text reads as a dialogue.
ANSWERED_PAUSE_S = 0.4

# A phrase is another channel's, heard from afar, when it has this many words and most of them are said there at the
# same time. Two people who say "yes" at once are two people.
BLEED_WORDS = 3
BLEED_SHARE = 0.8
BLEED_SHIFT_S = 0.4


@dataclass(frozen=True)
class _Said:
    """One word as it is compared: lower case, letters and digits only."""

    start_s: float
    text: str


def interleaved(channels: Sequence[Sequence[Segment]]) -> tuple[Segment, ...]:
    """The channels' segments in order of start, without crosstalk; `speaker` is the channel's number as a string."""
    marked = [
        [replace(segment, speaker=str(number), avg_logprob=None, no_speech_prob=None) for segment in _cut(own, others)]
        for number, own, others in _each_with_others(without_bleed(channels))
    ]
    everything = [segment for segments in marked for segment in segments]
    return tuple(sorted(everything, key=lambda segment: (segment.start_s, segment.end_s, segment.speaker or "")))


def without_bleed(channels: Sequence[Sequence[Segment]]) -> list[list[Segment]]:
    """The channels without phrases that another channel says at the same time and with more certainty.

    Loudness isn't known here: the recogniser's certainty stands for it, and where it is equal the longer phrase, then
    the earlier channel. The least certain goes first, and what is gone makes nothing else a double.
    """
    kept = [list(segments) for segments in channels]
    order = sorted(
        ((number, segment) for number, segments in enumerate(channels) for segment in segments),
        key=lambda entry: (_certainty(entry[1]), len(entry[1].text), -entry[0]),
    )
    tracks = [_Track(segments) for segments in channels]
    for number, segment in order:
        words = _said(segment)
        others = [track for other, track in enumerate(tracks) if other != number]
        if len(words) >= BLEED_WORDS and any(track.says(words, segment) for track in others):
            kept[number].remove(segment)
            tracks[number].forget(segment)
    return kept


class _Track:
    """What one channel says, word by word, and where to find it."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = sorted(segments, key=lambda segment: segment.start_s)

    def forget(self, segment: Segment) -> None:
        self._segments.remove(segment)

    def says(self, words: Sequence[_Said], segment: Segment) -> bool:
        """Whether most of these words are said here at the same time, in the same order."""
        first_s, last_s = segment.start_s - BLEED_SHIFT_S, segment.end_s + BLEED_SHIFT_S
        place = bisect.bisect_left(self._segments, last_s, key=lambda other: other.start_s)
        own: list[_Said] = []
        while place and self._segments[place - 1].end_s > first_s:
            place -= 1
            own[:0] = _said(self._segments[place])
        here = [word for word in own if first_s <= word.start_s <= last_s]
        matcher = SequenceMatcher(None, [word.text for word in words], [word.text for word in here], autojunk=False)
        same = sum(
            abs(words[block.a + at].start_s - here[block.b + at].start_s) <= BLEED_SHIFT_S
            for block in matcher.get_matching_blocks()
            for at in range(block.size)
        )
        return same >= BLEED_SHARE * len(words)


def _said(segment: Segment) -> list[_Said]:
    """The segment's words; without times of their own, spread evenly over it."""
    if segment.words:
        timed = [(word.start_s, word.text) for word in segment.words]
    else:
        texts = segment.text.split()
        step = (segment.end_s - segment.start_s) / max(1, len(texts))
        timed = [(segment.start_s + at * step, text) for at, text in enumerate(texts)]
    bare = (_Said(start_s, "".join(filter(str.isalnum, text)).casefold()) for start_s, text in timed)
    return [word for word in bare if word.text]


def _certainty(segment: Segment) -> float:
    return segment.avg_logprob if segment.avg_logprob is not None else 0.0


def _each_with_others(
    channels: Sequence[Sequence[Segment]],
) -> Iterator[tuple[int, Sequence[Segment], list[float]]]:
    """Each channel's number and segments, and when the other channels begin a phrase, in order."""
    for number, own in enumerate(channels):
        starts = sorted(
            segment.start_s for other, segments in enumerate(channels) if other != number for segment in segments
        )
        yield number, own, starts


def _cut(segments: Sequence[Segment], others_begin: Sequence[float]) -> Iterator[Segment]:
    """The segments, cut at pauses in which someone else begins to speak."""
    for segment in segments:
        if not spells(segment):
            yield segment
            continue
        bound = bound_words(segment)
        bounds = [0]
        for at, (before, after) in enumerate(pairwise(bound), start=1):
            pause = before[-1].end_s, after[0].start_s
            answered = bisect.bisect_left(others_begin, pause[0]) < bisect.bisect_left(others_begin, pause[1])
            # A piece needs a length of its own.
            if pause[1] - pause[0] >= ANSWERED_PAUSE_S and answered and before[-1].end_s > bound[bounds[-1]][0].start_s:
                bounds.append(at)
        if len(bounds) == 1 or bound[-1][-1].end_s <= bound[bounds[-1]][0].start_s:
            yield segment
            continue
        for first, last in pairwise([*bounds, len(bound)]):
            yield piece(segment, tuple(word for words in bound[first:last] for word in words))
