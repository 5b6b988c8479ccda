"""Findings -> a transcript that no longer says what was found: placeholders in text, segments and words. Pure.

Called by `stages.redact`. What is found is the redactor's business; here it is looked for in the whole transcript at
once, because a number that is dictated over four segments is a number only there, and then cut out word by word.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, count, groupby
from typing import NamedTuple

from jobs.pipeline.pii_types import LANGUAGES
from jobs.pipeline.texts import segment_offsets, spells
from jobs.pipeline.types import Finding, Placeholder, Segment, Word

Find = Callable[[str, str], Iterable[Finding]]
Substitute = Callable[[str, str], str]

# "Mhm." and "Okay, go on." don't end what the other is dictating.
INTERJECTION_WORDS = 3


@dataclass(frozen=True)
class Redacted:
    """`placeholders` in order, with their places in the joined text; `spans_s`: when it was said, for the audio."""

    segments: tuple[Segment, ...]
    placeholders: tuple[Placeholder, ...]
    spans_s: tuple[tuple[float, float], ...]


class _Token(NamedTuple):
    """What stands between two spaces of a segment: punctuation, what counts, punctuation."""

    segment: int
    before: str
    core: str
    after: str

    @property
    def text(self) -> str:
        return self.before + self.core + self.after


@dataclass(frozen=True)
class _Span:
    """What becomes one placeholder, by the places of its tokens; findings that share a token are one."""

    places: frozenset[int]
    best: Finding
    reach: int
    detectors: frozenset[str]

    def joined(self, other: _Span) -> _Span:
        wider = max(self, other, key=lambda span: (span.reach, span.best.confidence))
        return _Span(self.places | other.places, wider.best, wider.reach, self.detectors | other.detectors)


def redact(
    segments: Sequence[Segment], language: str, find: Find, types: Collection[str], substitute: Substitute
) -> Redacted:
    """Segments without what `find(text, language)` found of the `types`, their words redacted alike.

    A placeholder stands where a span begins, once; what a span takes of later segments is gone from them, and a segment
    of which nothing is left is gone too. Whole words are taken, the punctuation around them stays.
    `substitute(type, what was said)` names the placeholder.
    """
    tokens = [token for number, segment in enumerate(segments) for token in _tokens(number, segment.text)]
    spans = _spans(tokens, _looks(segments, tokens, language), find, types)
    kept: list[Segment] = []
    places: list[tuple[int, int, _Run]] = []  # of each placeholder: its segment in `kept`, its offset there
    spans_s: list[tuple[float, float]] = []
    for segment, runs in zip(segments, _runs(segments, tokens, spans, substitute), strict=True):
        rewritten, offsets, times = _rewritten(segment, runs)
        spans_s.extend(times)
        if any(character.isalnum() for character in rewritten.text) or offsets:
            places.extend((len(kept), *place) for place in offsets)
            kept.append(rewritten)
        elif kept and kept[-1].speaker == segment.speaker:
            kept[-1] = replace(kept[-1], end_s=max(kept[-1].end_s, segment.end_s))
    starts = segment_offsets(kept)
    placeholders = tuple(_placeholder(run, starts[number] + offset) for number, offset, run in places)
    return Redacted(tuple(kept), placeholders, tuple(spans_s))


def _tokens(number: int, text: str) -> Iterator[_Token]:
    for token in text.split():
        match = re.fullmatch(r"(\W*)(.*?)(\W*)", token, re.DOTALL)
        assert match is not None
        yield _Token(number, *match.groups())


def _looks(segments: Sequence[Segment], tokens: Sequence[_Token], language: str) -> Iterator[tuple[str, list[int]]]:
    """What to read at once, by places, and in which language.

    All; all but what one speaker says briefly while another dictates; what is said in other languages by itself.
    """
    yield language, list(range(len(tokens)))
    passed_over = {
        number
        for number in range(1, len(segments) - 1)
        if segments[number - 1].speaker == segments[number + 1].speaker != segments[number].speaker
        and len(segments[number].text.split()) <= INTERJECTION_WORDS
    }
    if passed_over:
        yield language, [at for at, token in enumerate(tokens) if token.segment not in passed_over]
    for other in sorted({segment.language or language for segment in segments} & set(LANGUAGES) - {language}):
        yield other, [at for at, token in enumerate(tokens) if segments[token.segment].language == other]


def _spans(
    tokens: Sequence[_Token], looks: Iterable[tuple[str, list[int]]], find: Find, types: Collection[str]
) -> list[_Span]:
    """In order of where they begin; no two share a token."""
    numbers = count()
    owner: dict[int, int] = {}
    spans: dict[int, _Span] = {}
    for language, look in looks:
        starts, ends = _edges([tokens[at] for at in look])
        for finding in find(" ".join(tokens[at].text for at in look), language):
            if finding.type not in types:
                continue
            first, last = bisect.bisect_right(ends, finding.start), bisect.bisect_left(starts, finding.end)
            places = frozenset(look[first:last])
            if not any(tokens[at].core for at in places):
                continue
            span = _Span(places, finding, len(places), frozenset(finding.detectors))
            for met in {owner[at] for at in places if at in owner}:
                span = span.joined(spans.pop(met))
            number = next(numbers)
            spans[number] = span
            owner.update(dict.fromkeys(span.places, number))
    return sorted(spans.values(), key=lambda span: min(span.places))


def _edges(tokens: Sequence[_Token]) -> tuple[list[int], list[int]]:
    """Where the core of each token begins and ends in the tokens' text."""
    starts, ends, at = [], [], 0
    for token in tokens:
        starts.append(at + len(token.before))
        ends.append(starts[-1] + len(token.core))
        at = ends[-1] + len(token.after) + 1
    return starts, ends


@dataclass(frozen=True)
class _Run:
    """Neighbouring tokens of one segment that stay (`span` None), or that belong to one span.

    `text` is what is written for them: nothing, where the span's placeholder stands in an earlier segment.
    """

    tokens: tuple[_Token, ...]
    span: _Span | None
    text: str
    name: str = ""


def _runs(
    segments: Sequence[Segment], tokens: Sequence[_Token], spans: Sequence[_Span], substitute: Substitute
) -> list[list[_Run]]:
    """For each segment, its tokens in order."""
    owner = {at: span for span in spans for at in span.places}
    runs: list[list[_Run]] = [[] for _ in segments]
    for (number, _), group in groupby(range(len(tokens)), key=lambda at: (tokens[at].segment, id(owner.get(at)))):
        places = list(group)
        chosen, span = tuple(tokens[at] for at in places), owner.get(places[0])
        if span is None:
            run = _Run(chosen, None, " ".join(token.text for token in chosen))
        elif places[0] == min(span.places):
            name = substitute(span.best.type, " ".join(tokens[at].core for at in sorted(span.places)))
            run = _Run(chosen, span, chosen[0].before + name + chosen[-1].after, name)
        else:
            run = _Run(chosen, span, "")
        runs[number].append(run)
    return runs


def _rewritten(
    segment: Segment, runs: Sequence[_Run]
) -> tuple[Segment, list[tuple[int, _Run]], list[tuple[float, float]]]:
    """The segment without what was found in it, where its placeholders stand in its text, and when that was said."""
    if not any(run.span for run in runs):
        return segment, [], []
    words = _words_of(segment, runs)
    text, offsets = "", []
    kept_words: list[Word] = []
    times = []
    for run, said in zip(runs, words, strict=True):
        if run.text:
            text += " " if text else ""
            if run.span:
                offsets.append((len(text) + len(run.tokens[0].before), run))
            text += run.text
        if run.span is None:
            kept_words.extend(said)
        else:
            times.append((said[0].start_s, said[-1].end_s) if said else (segment.start_s, segment.end_s))
            if said and run.text:
                kept_words.append(replace(said[0], end_s=said[-1].end_s, text=run.text, glued=False))
    return replace(segment, text=text, words=tuple(kept_words)), offsets, times


def _words_of(segment: Segment, runs: Sequence[_Run]) -> list[list[Word]]:
    """The segment's words by run; none at all where they don't say what its text says."""
    found: list[list[Word]] = [[] for _ in runs]
    if not spells(segment):
        return found
    ends = list(accumulate(sum(len(token.text) for token in run.tokens) for run in runs))
    at = 0
    for word in segment.words:
        found[bisect.bisect_right(ends, at)].append(word)
        at += len("".join(word.text.split()))
    return found


def _placeholder(run: _Run, start: int) -> Placeholder:
    assert run.span is not None
    return Placeholder(
        type=run.span.best.type,
        start=start,
        end=start + len(run.name),
        confidence=run.span.best.confidence,
        detector_count=len(run.span.detectors),
    )
