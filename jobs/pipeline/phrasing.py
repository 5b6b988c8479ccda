"""Times put right, and words grouped into phrases. Pure; called by `stages.py`, `speakers.py` and `channels.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jobs.pipeline.texts import bound_words, ends_sentence, joined_words, spells
from jobs.pipeline.types import Segment, Word

# A phrase ends at a pause this long; one that lasts longer than LONG_PHRASE_S ends at the ends of its sentences, as the
# phrases of the standard tier do; one still longer than LONGEST_PHRASE_S (a speaker without punctuation) at its longest
# pause. Choices for reading along, not measurements.
PAUSE_S = 0.8
LONG_PHRASE_S = 7.0
LONGEST_PHRASE_S = 15.0

Words = tuple[Word, ...]


def tidy_segments(segments: Sequence[Segment], duration_s: float) -> tuple[Segment, ...]:
    """Segments inside the recording, in order, start < end, not overlapping, text stripped and not empty.

    Times are whole milliseconds. A segment that has no room left (it lies past the end, or inside the one before) is
    given the millisecond it needs rather than dropped, because its words were said; only where the recording has not
    even that left is its text joined to the segment before. Words are put inside their segment, in order.
    """
    last_ms = int(duration_s * 1000 + 1e-6)  # 1.001 s are 1001 ms, and 1000.9999999999999 in floats
    tidy: list[Segment] = []
    previous_end = 0
    for segment in sorted(segments, key=lambda s: (s.start_s, s.end_s)):
        text = segment.text.strip()
        if not text or last_ms < 1:
            continue
        start = max(min(round(segment.start_s * 1000), last_ms - 1), previous_end)
        end = min(max(round(segment.end_s * 1000), start + 1), last_ms)
        words = _tidy_words(segment.words, start, end)
        if start < end:
            tidy.append(replace(segment, start_s=start / 1000, end_s=end / 1000, text=text, words=words))
            previous_end = end
        elif tidy:
            before = tidy[-1]
            # Words without times of their own are said in the last moment, so that those before keep theirs.
            moment_s = max(before.start_s, round(before.end_s - 0.001, 3))
            said = words or (Word(moment_s, before.end_s, text, segment.language),)
            tidy[-1] = replace(before, text=f"{before.text} {text}", words=before.words and before.words + said)
    return tuple(tidy)


def piece(segment: Segment, words: Words) -> Segment:
    """The part of a segment that these of its words make; all of them: its own text, with the words' times."""
    text = segment.text if words == segment.words else joined_words(words)
    if words == segment.words and words[0].start_s >= words[-1].end_s:
        return segment  # words of no length give none either
    return replace(segment, start_s=words[0].start_s, end_s=words[-1].end_s, text=text, words=words)


def grouped_from_words(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Phrases that begin and end with a word of theirs; a segment without words, or with too few, stays as it is.

    A phrase never reaches over the end of a segment.
    """
    phrases: list[Segment] = []
    for segment in segments:
        if not spells(segment):
            phrases.append(segment)
            continue
        for run in _runs(segment):
            for group in _sentences(run) if _length_s(run) > LONG_PHRASE_S else [run]:
                phrases.extend(_phrase(segment, part) for part in _halved(group))
    return tuple(phrases)


def _tidy_words(words: Words, start_ms: int, end_ms: int) -> Words:
    tidy: list[Word] = []
    reached = start_ms
    for word in words:
        if text := word.text.strip():
            start = min(max(round(word.start_s * 1000), reached), max(start_ms, end_ms))
            reached = min(max(round(word.end_s * 1000), start), max(start_ms, end_ms))
            tidy.append(replace(word, start_s=start / 1000, end_s=reached / 1000, text=text))
    return tuple(tidy)


def _runs(segment: Segment) -> list[list[Words]]:
    """The bound words of a segment, cut at its pauses and where the language changes."""
    runs: list[list[Words]] = []
    for bound in bound_words(segment):
        before = runs[-1][-1][-1] if runs else None
        if before and bound[0].start_s - before.end_s < PAUSE_S and bound[0].language == before.language:
            runs[-1].append(bound)
        else:
            runs.append([bound])
    return runs


def _sentences(run: list[Words]) -> list[list[Words]]:
    sentences: list[list[Words]] = [[]]
    for bound in run:
        if sentences[-1] and ends_sentence(sentences[-1][-1][-1].text):
            sentences.append([])
        sentences[-1].append(bound)
    return sentences


def _halved(run: list[Words]) -> list[list[Words]]:
    """Cut at the longest pause, again and again, until nothing is longer than LONGEST_PHRASE_S."""
    todo, done = [run], []
    while todo:
        part = todo.pop()
        if _length_s(part) <= LONGEST_PHRASE_S or len(part) < 2:
            done.append(part)
            continue
        middle = len(part) / 2
        pauses = [(part[at][0].start_s - part[at - 1][-1].end_s, -abs(at - middle), at) for at in range(1, len(part))]
        cut = max(pauses)[-1]
        todo += [part[cut:], part[:cut]]
    return done


def _phrase(segment: Segment, group: list[Words]) -> Segment:
    words = tuple(word for bound in group for word in bound)
    return replace(piece(segment, words), language=words[0].language or segment.language)


def _length_s(run: list[Words]) -> float:
    return run[-1][-1].end_s - run[0][0].start_s
