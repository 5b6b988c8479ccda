"""Reads one group of windows: a first quick attempt, then others for the windows that it did not read well.

What an attempt is and how a reading is judged: `attempts.py`. Used by the transcriber, group after group.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from jobs.engines.attempts import HOLE_S, Attempt, Ledger, Take
from jobs.engines.lanes import even_parts
from jobs.engines.language_track import LanguageTrack
from jobs.engines.phrases import said
from jobs.engines.recogniser import DecodeParams, Encoded, Reading, Recogniser
from jobs.engines.windows import MARGIN_S, Window
from jobs.engines.words import Piece
from jobs.pipeline.health import gaps
from jobs.pipeline.types import Audio, Speech

Part = TypeVar("Part")
Found = TypeVar("Found")


class GroupReader:
    """Reads one group of windows of one recording: languages first, then the text, then the times of its words."""

    def __init__(
        self,
        recogniser: Recogniser,
        batch_size: int,
        audio: Audio,
        group: Sequence[Window],
        on_progress: Callable[[float], None],
    ) -> None:
        self._recogniser = recogniser
        self._batch_size = batch_size
        self._audio = audio
        self._group = group
        self._on_progress = on_progress
        self._batches_of_all: list[list[int]] = []
        self._encoded: list[Encoded] = []
        self._heard: dict[int, dict[str, float]] = {}
        self.languages: list[str] = []

    def listen(self, params: DecodeParams) -> None:
        """Encode every window."""
        self._batches_of_all = self._batches(range(len(self._group)), self._group)
        self._encoded = self._side_by_side(
            lambda batch: self._encode(self._group, batch, params), self._batches_of_all, 0.0, 0.4
        )

    def settle(self, language: str | LanguageTrack) -> list[str]:
        """The language of each window, with the whole group in view; it is read in the one that was settled last."""
        if isinstance(language, str):
            self.languages = [language] * len(self._group)
        else:
            heard = self._heard or self._hear()
            self.languages = language.follow([(heard[i], window.speech_s) for i, window in enumerate(self._group)])
        return self.languages

    def read(self, attempts: Sequence[Attempt], ledger: Ledger, keyterms: tuple[str, ...] = ()) -> list[Take]:
        """The final take of each window, in order; those in which nobody speaks come without phrases.

        Only the first attempt is told of the `keyterms`: what went wrong may have gone wrong because of them.
        """
        best = self._first(attempts[0], ledger, keyterms)
        kept_from = [0] * len(best)
        for number, attempt in enumerate(attempts[1:], start=1):
            todo = [i for i, take in enumerate(best) if take.problems() & attempt.mends]
            for i, take in self._again(attempt, todo, best):
                ledger.tallies[number].count(take)
                if take.covered_s > best[i].covered_s if attempt.gaps_only else take.better_than(best[i]):
                    best[i], kept_from[i] = take, number
        for i, take in enumerate(best):
            ledger.tallies[kept_from[i]].kept += 1
            ledger.settle(take)
        return [dataclasses.replace(take, phrases=()) if take.silent else take for take in best]

    def align(self, texts: Sequence[str]) -> list[tuple[Piece, ...] | None]:
        """When each token of each window's final text is said, in the recording's seconds; None: it can't be told.

        The windows' first encoding serves, whichever attempt their text is from.
        """

        def align(part: tuple[list[int], Encoded]) -> list[tuple[Piece, ...] | None]:
            batch, encoded = part
            return self._recogniser.align(encoded, [texts[i] for i in batch], [self.languages[i] for i in batch])

        parts = list(zip(self._batches_of_all, self._encoded, strict=True))
        found: list[tuple[Piece, ...] | None] = [None] * len(self._group)
        for batch, pieces in zip(self._batches_of_all, self._side_by_side(align, parts, 1.0, 1.0), strict=True):
            for i, own in zip(batch, pieces, strict=True):
                found[i] = None if own is None else tuple(piece.later(self._group[i].start_s) for piece in own)
        return found

    def _first(self, attempt: Attempt, ledger: Ledger, keyterms: tuple[str, ...]) -> list[Take]:
        """Every window."""
        before = self._recogniser.prompt(keyterms)

        def read(part: tuple[list[int], Encoded]) -> list[Reading]:
            return self._recogniser.read(part[1], [self.languages[i] for i in part[0]], attempt.params, before)

        parts = list(zip(self._batches_of_all, self._encoded, strict=True))
        takes: dict[int, Take] = {}
        for batch, readings in zip(self._batches_of_all, self._side_by_side(read, parts, 0.4, 0.9), strict=True):
            for i, reading in zip(batch, readings, strict=True):
                takes[i] = self._take(self._group[i], reading, self.languages[i], keyterms)
                ledger.tallies[0].count(takes[i])
        return [takes[i] for i in range(len(self._group))]

    def _hear(self) -> dict[int, dict[str, float]]:
        """For each window, the probability of each language."""
        found = self._side_by_side(self._recogniser.languages, self._encoded, 0.4, 0.4)
        for batch, all_of in zip(self._batches_of_all, found, strict=True):
            self._heard.update(zip(batch, all_of, strict=True))
        return self._heard

    def _again(self, attempt: Attempt, todo: Sequence[int], best: list[Take]) -> Iterator[tuple[int, Take]]:
        """New takes for the windows `todo`."""
        if attempt.gaps_only:
            parts = [(i, part) for i in todo for part in _gap_windows(best[i])]
        else:
            parts = [(i, self._group[i]) for i in todo]
        pieces = [part for _, part in parts]
        batches = self._batches(range(len(pieces)), pieces)

        def read(batch: list[int]) -> list[Reading]:
            codes = [self.languages[parts[n][0]] for n in batch]
            return self._recogniser.read(self._encode(pieces, batch, attempt.params), codes, attempt.params)

        for batch, readings in zip(batches, self._side_by_side(read, batches, 0.9, 1.0), strict=True):
            for n, reading in zip(batch, readings, strict=True):
                i = parts[n][0]
                take = self._take(pieces[n], reading, self.languages[i])
                yield i, _filled(best[i], take) if attempt.gaps_only else take

    def _side_by_side(
        self, call: Callable[[Part], Found], parts: Sequence[Part], low: float, high: float
    ) -> list[Found]:
        """Calls on the recogniser's lanes; progress of this group goes from `low` to `high` meanwhile."""
        return self._recogniser.lanes.each(call, parts, lambda done: self._on_progress(low + (high - low) * done))

    def _encode(self, windows: Sequence[Window], batch: Sequence[int], params: DecodeParams) -> Encoded:
        samples = [self._audio.read(windows[i].start_s, windows[i].end_s) for i in batch]
        return self._recogniser.encode(samples, params)

    def _take(self, window: Window, reading: Reading, language: str, keyterms: tuple[str, ...] = ()) -> Take:
        at = window.start_s
        phrases = [(at + phrase.start_s, at + phrase.end_s, phrase.text) for phrase in reading.phrases]
        kept = tuple(said(phrases, window.speech, window.end_s))
        return Take(window, kept, language, reading.avg_logprob, reading.no_speech_prob, reading.tokens, keyterms)

    def _batches(self, indices: Sequence[int], windows: Sequence[Window]) -> list[list[int]]:
        """Like lengths together, because the shorter are padded to the longest of their batch; the longest first."""
        ordered = sorted(indices, key=lambda i: -windows[i].duration_s)
        return even_parts(ordered, self._batch_size, self._recogniser.lanes.count)


def _gap_windows(take: Take) -> Iterator[Window]:
    """The speech of a take that no phrase spans, as windows of their own."""
    for start, end in gaps(take.phrases, take.speech):
        if end - start >= HOLE_S:
            first, last = max(take.window.start_s, start - MARGIN_S), min(take.window.end_s, end + MARGIN_S)
            yield Window(first, last, (Speech(start, end),))


def _filled(take: Take, part: Take) -> Take:
    """A take with the words of one of its gaps put in; unchanged where there are none to trust."""
    if part.silent or part.repetitive or not part.phrases:
        return take
    return dataclasses.replace(take, phrases=tuple(sorted((*take.phrases, *part.phrases))))
