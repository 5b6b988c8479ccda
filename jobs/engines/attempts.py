"""The attempts at a window, the best reading of it so far, and the account of them; `group_reader.py` makes them.

A window is judged by the speech its words cover, by loops, and by the model's own probability. Each later attempt
names the problems it is for; its reading is kept only where it is better. `Ledger` counts what was tried and what
came of it, over the whole recording.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from jobs.engines.keyterms import added_terms, mostly_terms
from jobs.engines.recogniser import DecodeParams
from jobs.engines.windows import Window
from jobs.pipeline.health import covered_speech_s, is_repetitive
from jobs.pipeline.types import DecodeAttempt

DOUBTFUL, HOLE, LOOP, TERMS = "doubtful", "hole", "loop", "terms"

# Whisper's own rule for silence: it thinks nobody speaks, and is not sure of what it wrote.
SILENT_NO_SPEECH_PROB, SILENT_LOGPROB = 0.6, -1.0
# Noise that was taken for speech for a moment: with so little to hear, a smaller suspicion is enough.
BRIEF_S, BRIEF_NO_SPEECH_PROB = 0.5, 0.3
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

# More ways for windows that went wrong, with wider searches. Five beams for every window make more errors than two with
# these weights (16.0 against 15.4 % on 37 short recordings), so the first reading is the standard tier's.
PREMIUM_ATTEMPTS: tuple[Attempt, ...] = (
    ATTEMPTS[0],
    Attempt("no_repeats", DecodeParams(beam_size=5, tail_s=2.0, no_repeat_ngram_size=5), frozenset({LOOP})),
    Attempt("beam", DecodeParams(beam_size=5, tail_s=2.0), frozenset({DOUBTFUL, HOLE})),
    Attempt("gaps", DecodeParams(beam_size=5, tail_s=4.0), frozenset({HOLE}), gaps_only=True),
    Attempt("whole_context", DecodeParams(beam_size=5, context_s=30.0), frozenset({DOUBTFUL, HOLE, LOOP})),
    Attempt("sampled_0.2", DecodeParams(temperature=0.2, context_s=30.0), frozenset({LOOP, HOLE})),
    Attempt("sampled_0.6", DecodeParams(temperature=0.6, context_s=30.0), frozenset({LOOP})),
)


def for_keyterms(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """The attempts where the first is told of terms to expect: windows in which it wrote little else are read again,
    in the same way but without the terms.
    """
    first, *later = attempts
    return (first, Attempt("without_keyterms", first.params, frozenset({TERMS})), *later)


@dataclass(frozen=True)
class Take:
    """The best reading of a window so far; phrases are (start, end, text) in the recording's seconds."""

    window: Window
    phrases: tuple[tuple[float, float, str], ...]
    language: str
    avg_logprob: float
    no_speech_prob: float
    tokens: int = 1
    # What the decoder was told of the words to expect.
    keyterms: tuple[str, ...] = ()

    @property
    def speech(self) -> list[tuple[float, float]]:
        return [(stretch.start_s, stretch.end_s) for stretch in self.window.speech]

    @property
    def text(self) -> str:
        return " ".join(text for _, _, text in self.phrases)

    @property
    def silent(self) -> bool:
        limit = BRIEF_NO_SPEECH_PROB if self.window.speech_s < BRIEF_S else SILENT_NO_SPEECH_PROB
        return self.no_speech_prob > limit and self.avg_logprob < SILENT_LOGPROB

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
        # What was read with terms in mind is less often called silence: doubts are asked again without them.
        doubted = self.avg_logprob < DOUBTFUL_LOGPROB and self.no_speech_prob > BRIEF_NO_SPEECH_PROB
        if self.keyterms and (doubted or mostly_terms(self.text, self.keyterms)):
            found.add(TERMS)
        return found

    def better_than(self, other: Take) -> bool:
        """No loop before a loop, more speech covered before less, then the model's probability.

        Terms that are only written by a decoder that was told of them were not said.
        """
        suspect = other.keyterms and not self.keyterms and TERMS in other.problems()
        if suspect and (self.silent or added_terms(other.text, self.text, other.keyterms)):
            return True
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
