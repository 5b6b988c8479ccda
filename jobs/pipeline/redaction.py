"""Findings -> a transcript that no longer says what was found: placeholders in text, segments and words. Pure.

Called by `stages.redact`. What is found is the redactor's business; here it is looked for in the whole transcript at
once, because a number that is dictated over four segments is a number only there, and then cut out word by word.
"""

from __future__ import annotations

import bisect
import math
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

# "Mhm." and "Okay, got it, go on." don't end what the other is dictating.
INTERJECTION_WORDS = 4
# Fewer letters and digits than this are said by chance.
SHORTEST_AGAIN = 4
# How many segments before and after an interjection are read together without it.
AROUND = 3
# A number that is dictated with pauses is one word to a recogniser, and may be given the time of its last part only. So
# the sound goes from the word before to the word after; over the edge of a segment no further than this.
REACH_S = 5.0


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
    runs = _runs(segments, tokens, spans, substitute)
    kept: list[Segment] = []
    places: list[tuple[int, int, _Run]] = []  # of each placeholder: its segment in `kept`, its offset there
    spans_s: list[tuple[float, float]] = []
    for number, segment in enumerate(segments):
        words = _words_of(segment, runs[number])
        spans_s.extend(_times(segments, number, runs[number], words))
        rewritten, offsets = _rewritten(segment, runs[number], words)
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

    All; what one speaker dictates without what another says in between; what is said in other languages by itself.
    """
    yield language, list(range(len(tokens)))
    places: list[list[int]] = [[] for _ in segments]
    for at, token in enumerate(tokens):
        places[token.segment].append(at)
    for near, passed_over in _interrupted(segments):
        yield language, [at for number in sorted(near - passed_over) for at in places[number]]
    for other in sorted({segment.language or language for segment in segments} & set(LANGUAGES) - {language}):
        yield other, [at for at, token in enumerate(tokens) if segments[token.segment].language == other]


def _interrupted(segments: Sequence[Segment]) -> Iterator[tuple[set[int], set[int]]]:
    """For each stretch in which a speaker is interrupted by a few words: its segments, and those of the few words.

    One speaker's short answer may be another's interruption, so each speaker has stretches of their own.
    """
    for speaker in dict.fromkeys(segment.speaker for segment in segments):
        is_theirs = [segment.speaker == speaker for segment in segments]
        turns = [list(group) for _, group in groupby(range(len(segments)), key=is_theirs.__getitem__)]
        stretches: list[tuple[set[int], set[int]]] = []
        for before, turn, after in zip(turns, turns[1:], turns[2:], strict=False):
            if is_theirs[turn[0]] or sum(len(segments[at].text.split()) for at in turn) > INTERJECTION_WORDS:
                continue
            near = {*before[-AROUND:], *turn, *after[:AROUND]}
            if stretches and stretches[-1][0] & near:
                stretches[-1][0].update(near)
                stretches[-1][1].update(turn)
            else:
                stretches.append((near, set(turn)))
        yield from stretches


def _spans(
    tokens: Sequence[_Token], looks: Iterable[tuple[str, list[int]]], find: Find, types: Collection[str]
) -> list[_Span]:
    """In order of where they begin; no two share a token."""
    joined = _Joined()
    narrow: list[_Span] = []  # what only a look at some of the tokens found
    for number, (language, look) in enumerate(looks):
        starts, ends = _edges([tokens[at] for at in look])
        for finding in find(" ".join(tokens[at].text for at in look), language):
            wanted = next((kind for kind in (finding.type, *finding.also) if kind in types), None)
            first, last = bisect.bisect_right(ends, finding.start), bisect.bisect_left(starts, finding.end)
            places = frozenset(look[first:last])
            if wanted is None or not any(tokens[at].core for at in places):
                continue
            span = _Span(places, replace(finding, type=wanted), len(places), frozenset(finding.detectors))
            if joined.add(span) and number:
                narrow.append(span)
    for span in _said_again(tokens, narrow):
        joined.add(span)
    return sorted(joined.spans.values(), key=lambda span: min(span.places))


class _Joined:
    """Spans, of which no two share a token: what would is one."""

    def __init__(self) -> None:
        self.spans: dict[int, _Span] = {}
        self._owner: dict[int, int] = {}
        self._numbers = count()

    def add(self, span: _Span) -> bool:
        """Whether some of it was not covered yet."""
        new = not all(at in self._owner for at in span.places)
        for met in {self._owner[at] for at in span.places if at in self._owner}:
            span = span.joined(self.spans.pop(met))
        number = next(self._numbers)
        self.spans[number] = span
        self._owner.update(dict.fromkeys(span.places, number))
        return new


def _said_again(tokens: Sequence[_Token], spans: Iterable[_Span]) -> Iterator[_Span]:
    """Where the same letters and digits stand elsewhere, however they are divided into words."""
    plain = [_plain(token.core) for token in tokens]
    known: dict[str, dict[str, _Span]] = {}
    for span in spans:
        value = "".join(plain[at] for at in sorted(span.places))
        if len(value) >= SHORTEST_AGAIN:
            known.setdefault(value[0], {})[value] = span
    for first, beginning in enumerate(plain):
        for value, span in known.get(beginning[:1], {}).items():
            said, at = "", first
            while len(said) < len(value) and at < len(plain) and value.startswith(said + plain[at]):
                said, at = said + plain[at], at + 1
            if said == value:
                yield replace(span, places=frozenset(range(first, at)), reach=at - first)


def _plain(core: str) -> str:
    return "".join(character for character in core.casefold() if character.isalnum())


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
            name = substitute(
                span.best.type, " ".join(tokens[at].core for at in sorted(span.places) if tokens[at].core)
            )
            run = _Run(chosen, span, chosen[0].before + name + chosen[-1].after, name)
        else:
            run = _Run(chosen, span, "")
        runs[number].append(run)
    return runs


def _rewritten(
    segment: Segment, runs: Sequence[_Run], words: Sequence[list[Word]]
) -> tuple[Segment, list[tuple[int, _Run]]]:
    """The segment without what was found in it, and where its placeholders stand in its text."""
    if not any(run.span for run in runs):
        return replace(segment, words=tuple(word for said in words for word in said)), []
    text, offsets = "", []
    kept_words: list[Word] = []
    for run, said in zip(runs, words, strict=True):
        if run.text:
            text += " " if text else ""
            if run.span:
                offsets.append((len(text) + len(run.tokens[0].before), run))
            text += run.text
        if run.span is None:
            kept_words.extend(said)
        elif said and run.text:
            kept_words.append(replace(said[0], end_s=said[-1].end_s, text=run.text, glued=False))
    return replace(segment, text=text, words=tuple(kept_words)), offsets


def _words_of(segment: Segment, runs: Sequence[_Run]) -> list[list[Word]]:
    """The segment's words by run; none at all where they don't say what its text says.

    A word that says some of what was found, and more, goes with what was found.
    """
    found: list[list[Word]] = [[] for _ in runs]
    if not spells(segment):
        return found
    ends = list(accumulate(sum(len(token.text) for token in run.tokens) for run in runs))
    at = 0
    for word in segment.words:
        length = len("".join(word.text.split()))
        first, last = bisect.bisect_right(ends, at), bisect.bisect_left(ends, at + length)
        touched = range(first, min(last, len(runs) - 1) + 1)
        found[next((number for number in touched if runs[number].span), first)].append(word)
        at += length
    return found


def _times(
    segments: Sequence[Segment], number: int, runs: Sequence[_Run], words: Sequence[list[Word]]
) -> Iterator[tuple[float, float]]:
    """When what was found in a segment is said: all the time between the words around it that stay."""
    segment = segments[number]
    # What another channel says meanwhile is no limit.
    before = (other.end_s for other in reversed(segments[:number]) if other.end_s <= segment.start_s)
    after = (other.start_s for other in segments[number + 1 :] if other.start_s >= segment.end_s)
    before_s, after_s = next(before, 0.0), next(after, math.inf)
    earliest_s = min(segment.start_s, max(before_s, segment.start_s - REACH_S))
    latest_s = max(segment.end_s, min(after_s, segment.end_s + REACH_S))
    for found, group in groupby(range(len(runs)), lambda at: runs[at].span is not None):
        at = list(group)
        if not found:
            continue
        start_s = max((word.end_s for said in words[: at[0]] for word in said), default=earliest_s)
        end_s = min((word.start_s for said in words[at[-1] + 1 :] for word in said), default=latest_s)
        times = [time for place in at for word in words[place] for time in (word.start_s, word.end_s)]
        yield min([start_s, *times]), max([end_s, *times])


def _placeholder(run: _Run, start: int) -> Placeholder:
    assert run.span is not None
    return Placeholder(
        type=run.span.best.type,
        start=start,
        end=start + len(run.name),
        confidence=run.span.best.confidence,
        detector_count=len(run.span.detectors),
    )
