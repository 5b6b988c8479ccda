"""How a group of windows is read: a first quick attempt, then others for the windows that it did not read well.

A window is judged by the speech its words cover, by loops, and by the model's own probability. Each later attempt
names the problems it is for; its reading is kept only where it is better. `Ledger` counts what was tried and what
came of it, over the whole recording.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from jobs.engines.lanes import even_parts
from jobs.engines.language_track import LanguageTrack
from jobs.engines.phrases import said
from jobs.engines.recogniser import DecodeParams, Encoded, Reading, Recogniser
from jobs.engines.windows import MARGIN_S, Window
from jobs.pipeline.health import covered_speech_s, gaps, is_repetitive
from jobs.pipeline.types import Audio, DecodeAttempt, Speech

Part = TypeVar("Part")
Found = TypeVar("Found")

DOUBTFUL, HOLE, LOOP = "doubtful", "hole", "loop"

# Whisper's own rule for silence: it thinks nobody speaks, and is not sure of what it wrote.
SILENT_NO_SPEECH_PROB, SILENT_LOGPROB = 0.6, -1.0
DOUBTFUL_LOGPROB = -0.7
# Speech without words: this long in one window, as much of its speech, is worth another attempt.
HOLE_S, HOLE_RATIO = 1.5, 0.25
# Over the whole recording this is worth telling the customer.
LOW_COVERAGE_S, LOW_COVERAGE_RATIO = 3.0, 0.9


@dataclass(frozen=True)
class Attempt:
    """One way of reading, and the problems it is for; `gaps_only` reads just the speech that has no words yet."""

    profile: str
    params: DecodeParams
    mends: frozenset[str] = frozenset()
    gaps_only: bool = False


# Two beams, ended by the first finished text, make a tenth fewer errors than one and cost a tenth more time.
ATTEMPTS: tuple[Attempt, ...] = (
    Attempt("batched", DecodeParams(beam_size=2, patience=0.5, tail_s=2.0)),
    Attempt("no_repeats", DecodeParams(beam_size=3, tail_s=2.0, no_repeat_ngram_size=5), frozenset({LOOP})),
    Attempt("beam", DecodeParams(beam_size=5, tail_s=2.0), frozenset({DOUBTFUL, HOLE})),
    Attempt("gaps", DecodeParams(beam_size=5, tail_s=4.0), frozenset({HOLE}), gaps_only=True),
    Attempt("whole_context", DecodeParams(beam_size=5, context_s=30.0), frozenset({HOLE})),
    Attempt("sampled", DecodeParams(temperature=0.4, context_s=30.0), frozenset({LOOP})),
)


@dataclass(frozen=True)
class Take:
    """The best reading of a window so far; phrases are (start, end, text) in the recording's seconds."""

    window: Window
    phrases: tuple[tuple[float, float, str], ...]
    language: str
    avg_logprob: float
    no_speech_prob: float
    tokens: int = 1

    @property
    def speech(self) -> list[tuple[float, float]]:
        return [(stretch.start_s, stretch.end_s) for stretch in self.window.speech]

    @property
    def text(self) -> str:
        return " ".join(text for _, _, text in self.phrases)

    @property
    def silent(self) -> bool:
        return self.no_speech_prob > SILENT_NO_SPEECH_PROB and self.avg_logprob < SILENT_LOGPROB

    @property
    def repetitive(self) -> bool:
        return is_repetitive(self.text, self.window.duration_s)

    @property
    def covered_s(self) -> float:
        return covered_speech_s(self.phrases, self.speech)

    def problems(self) -> set[str]:
        if self.silent and not self.phrases:
            return set()
        found = {DOUBTFUL} if self.avg_logprob < DOUBTFUL_LOGPROB else set()
        if self.repetitive:
            found.add(LOOP)
        missing_s = self.window.speech_s - self.covered_s
        if missing_s > max(HOLE_S, HOLE_RATIO * self.window.speech_s):
            found.add(HOLE)
        return found

    def better_than(self, other: Take) -> bool:
        """No loop before a loop, more speech covered before less, then the model's probability."""
        if self.repetitive != other.repetitive:
            return other.repetitive
        difference = self.covered_s - other.covered_s
        if abs(difference) > HOLE_S:
            return difference > 0
        return self.avg_logprob * self.tokens > other.avg_logprob * other.tokens


@dataclass
class _Tally:
    """What one attempt did, summed over windows."""

    windows: int = 0
    kept: int = 0
    speech_s: float = 0.0
    covered_s: float = 0.0
    logprob: float = 0.0
    no_speech_prob: float = 0.0
    repetitive: int = 0

    def count(self, take: Take) -> None:
        self.windows += 1
        self.speech_s += take.window.speech_s
        self.covered_s += take.covered_s
        self.logprob += take.avg_logprob
        self.no_speech_prob += take.no_speech_prob
        self.repetitive += take.repetitive


@dataclass
class Ledger:
    """Counts over the whole recording, group after group."""

    tried: Sequence[Attempt]
    speech_s: float = 0.0
    covered_s: float = 0.0
    loops: int = 0
    tallies: list[_Tally] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tallies = [_Tally() for _ in self.tried]

    def settle(self, take: Take) -> None:
        """Count a window's final take. Where the model too says that nobody speaks, there is no speech to cover."""
        self.loops += take.repetitive
        if not take.silent:
            self.speech_s += take.window.speech_s
            self.covered_s += take.covered_s

    def issues(self) -> tuple[str, ...]:
        found = []
        missing_s = self.speech_s - self.covered_s
        if missing_s > LOW_COVERAGE_S and self.covered_s < LOW_COVERAGE_RATIO * self.speech_s:
            found.append("low_coverage")
        if self.loops:
            found.append("repetition_detected")
        return tuple(found)

    def attempts(self) -> tuple[DecodeAttempt, ...]:
        """One row for each attempt that was made."""
        return tuple(
            DecodeAttempt(attempt.profile, dataclasses.asdict(attempt.params), _decision(tally), _health(tally))
            for attempt, tally in zip(self.tried, self.tallies, strict=True)
            if tally.windows
        )


def _decision(tally: _Tally) -> str:
    if tally.kept == tally.windows:
        return "accepted"
    return "partly_accepted" if tally.kept else "rejected"


def _health(tally: _Tally) -> dict[str, float | int]:
    return {
        "windows": tally.windows,
        "windows_kept": tally.kept,
        "speech_seconds": round(tally.speech_s, 2),
        "covered_speech_seconds": round(tally.covered_s, 2),
        "avg_logprob": round(tally.logprob / tally.windows, 4),
        "no_speech_prob": round(tally.no_speech_prob / tally.windows, 4),
        "repetitive_windows": tally.repetitive,
    }


class GroupReader:
    """Reads one group of windows of one recording."""

    def __init__(
        self,
        recogniser: Recogniser,
        batch_size: int,
        audio: Audio,
        group: Sequence[Window],
        ledger: Ledger,
        on_progress: Callable[[float], None],
    ) -> None:
        self._recogniser = recogniser
        self._batch_size = batch_size
        self._audio = audio
        self._group = group
        self._ledger = ledger
        self._on_progress = on_progress
        self._languages: list[str] = []

    def read(self, attempts: Sequence[Attempt], language: str | LanguageTrack) -> list[Take]:
        """The final take of each window, in order; those in which nobody speaks come without phrases."""
        best = self._first(attempts[0], language)
        kept_from = [0] * len(best)
        for number, attempt in enumerate(attempts[1:], start=1):
            todo = [i for i, take in enumerate(best) if take.problems() & attempt.mends]
            for i, take in self._again(attempt, todo, best):
                self._ledger.tallies[number].count(take)
                if take.covered_s > best[i].covered_s if attempt.gaps_only else take.better_than(best[i]):
                    best[i], kept_from[i] = take, number
        for i, take in enumerate(best):
            self._ledger.tallies[kept_from[i]].kept += 1
            self._ledger.settle(take)
        return [dataclasses.replace(take, phrases=()) if take.silent else take for take in best]

    def _first(self, attempt: Attempt, language: str | LanguageTrack) -> list[Take]:
        """Every window, after its language is settled with the whole group in view."""
        batches = self._batches(range(len(self._group)), self._group)
        encoded = self._side_by_side(lambda batch: self._encode(self._group, batch, attempt.params), batches, 0.0, 0.4)
        self._languages = self._settle_languages(batches, encoded, language)

        def read(part: tuple[list[int], Encoded]) -> list[Reading]:
            return self._recogniser.read(part[1], [self._languages[i] for i in part[0]], attempt.params)

        found = self._side_by_side(read, list(zip(batches, encoded, strict=True)), 0.4, 0.9)
        takes: dict[int, Take] = {}
        for batch, readings in zip(batches, found, strict=True):
            for i, reading in zip(batch, readings, strict=True):
                takes[i] = self._take(self._group[i], reading, self._languages[i])
                self._ledger.tallies[0].count(takes[i])
        return [takes[i] for i in range(len(self._group))]

    def _settle_languages(
        self, batches: list[list[int]], encoded: list[Encoded], language: str | LanguageTrack
    ) -> list[str]:
        if isinstance(language, str):
            return [language] * len(self._group)
        found = self._side_by_side(self._recogniser.languages, encoded, 0.4, 0.4)
        heard = {
            i: of for batch, all_of in zip(batches, found, strict=True) for i, of in zip(batch, all_of, strict=True)
        }
        return language.follow([(heard[i], window.speech_s) for i, window in enumerate(self._group)])

    def _again(self, attempt: Attempt, todo: Sequence[int], best: list[Take]) -> Iterator[tuple[int, Take]]:
        """New takes for the windows `todo`."""
        if attempt.gaps_only:
            parts = [(i, part) for i in todo for part in _gap_windows(best[i])]
        else:
            parts = [(i, self._group[i]) for i in todo]
        pieces = [part for _, part in parts]
        batches = self._batches(range(len(pieces)), pieces)

        def read(batch: list[int]) -> list[Reading]:
            codes = [self._languages[parts[n][0]] for n in batch]
            return self._recogniser.read(self._encode(pieces, batch, attempt.params), codes, attempt.params)

        for batch, readings in zip(batches, self._side_by_side(read, batches, 0.9, 1.0), strict=True):
            for n, reading in zip(batch, readings, strict=True):
                i = parts[n][0]
                take = self._take(pieces[n], reading, self._languages[i])
                yield i, _filled(best[i], take) if attempt.gaps_only else take

    def _side_by_side(
        self, call: Callable[[Part], Found], parts: Sequence[Part], low: float, high: float
    ) -> list[Found]:
        """Calls on the recogniser's lanes; progress of this group goes from `low` to `high` meanwhile."""
        return self._recogniser.lanes.each(call, parts, lambda done: self._on_progress(low + (high - low) * done))

    def _encode(self, windows: Sequence[Window], batch: Sequence[int], params: DecodeParams) -> Encoded:
        samples = [self._audio.read(windows[i].start_s, windows[i].end_s) for i in batch]
        return self._recogniser.encode(samples, params)

    def _take(self, window: Window, reading: Reading, language: str) -> Take:
        at = window.start_s
        phrases = [(at + phrase.start_s, at + phrase.end_s, phrase.text) for phrase in reading.phrases]
        kept = tuple(said(phrases, window.speech, window.end_s))
        return Take(window, kept, language, reading.avg_logprob, reading.no_speech_prob, reading.tokens)

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
