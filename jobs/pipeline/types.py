"""The values that stages hand to each other, and the two errors that a job can end with here.

Frozen dataclasses only. Times are seconds from the start of the recording. Engines make them, `stages.py` turns one
into the next, `document.py` writes them out. Nothing here imports Django or a heavy library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SAMPLE_RATE = 16_000


class InputRejected(Exception):
    """The recording can't be transcribed, and the customer can do something about it.

    `message` is one clear sentence for the customer; `code` is snake_case and stable.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class EngineUnavailable(Exception):
    """This server lacks what the job needs; the message is one sentence that names the command which mends it.

    `role`: what could not be had, as in `engines.profiles`; "" where it was there and did not answer.
    """

    role = ""


@dataclass(frozen=True)
class Probe:
    """What a file says of itself.

    `duration_s` is None where the container does not state it; `estimated_duration_s` is then the guess from size and
    bit rate, good enough for a price estimate or a progress bar. `delay_s` is how long after the container's beginning
    the sound begins.
    """

    duration_s: float | None
    estimated_duration_s: float | None
    codec: str
    sample_rate: int
    channels: int
    container: str
    has_video: bool = False
    delay_s: float = 0.0


@dataclass(frozen=True)
class Audio:
    """A decoded recording: 16 kHz mono, int16, in a memory-mapped file, so that length costs disk and not memory.

    `gain` brings a quiet recording to a normal level when it is read. `container_duration_s` is what the file
    claimed; `duration_s` is what was decoded.
    """

    samples: np.ndarray
    duration_s: float
    container_duration_s: float | None = None
    warnings: tuple[str, ...] = ()
    gain: float = 1.0

    def read(self, start_s: float, end_s: float) -> np.ndarray:
        """Samples between two times as float32 in -1..1, a copy; times outside the recording are cut off."""
        first, last = max(0, round(start_s * SAMPLE_RATE)), max(0, round(end_s * SAMPLE_RATE))
        return self.samples[first:last].astype("float32") * (self.gain / 32768.0)


@dataclass(frozen=True)
class Speech:
    """A stretch in which someone speaks, between two pauses."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Word:
    """One word with its own times, its punctuation with it, no spaces around it.

    `glued`: written without a space before it, as in Chinese, or the "-known" of "well-known".
    """

    start_s: float
    end_s: float
    text: str
    language: str | None = None
    glued: bool = False


@dataclass(frozen=True)
class Segment:
    """A phrase: start < end, text stripped and not empty, segments in order of time.

    `words`, where there are any, are in order, inside the segment's times, and say the same as `text`.
    """

    start_s: float
    end_s: float
    text: str
    language: str | None = None
    avg_logprob: float | None = None
    no_speech_prob: float | None = None
    words: tuple[Word, ...] = ()
    speaker: str | None = None


@dataclass(frozen=True)
class SpeakerBounds:
    """How many speakers the customer says there are; None: not said. `exact` wins over the other two."""

    exact: int | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Turn:
    """A stretch in which one speaker speaks."""

    start_s: float
    end_s: float
    speaker: str


@dataclass(frozen=True)
class Diarization:
    """Who spoke when, as a diarizer found it. Labels are the engine's own.

    `turns` may overlap; `exclusive` are the same with every overlap given to one speaker: what words are assigned
    from. Both in order of start. `vectors`: a unit-length voice vector for each label that spoke long enough.
    """

    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    vectors: dict[str, tuple[float, ...]]
    model: str
    dimension: int
    variant: str | None = None


@dataclass(frozen=True)
class Speakers:
    """What a result says of its speakers: SPEAKER_00 is whoever speaks first.

    `confidence` is "medium" or "low", and `warning` names the reason when it is low or some speaker has no vector.
    """

    count: int
    confidence: str
    warning: str | None
    vectors: dict[str, tuple[float, ...]]
    model: str
    dimension: int
    variant: str | None = None


@dataclass(frozen=True)
class Finding:
    """A stretch of a text that names or identifies somebody: characters `start` up to, not including, `end`.

    `type` is one of `pii_types.TYPES`, `also` are the others that it or a part of it was taken for; `detectors` names
    the recognizers that found it or a part of it, each once.
    """

    start: int
    end: int
    type: str
    confidence: float
    detectors: tuple[str, ...]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """In order of `start`, none overlapping. `problem`: one sentence where something could not be looked for."""

    items: tuple[Finding, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Placeholder:
    """What stands in a redacted text for something that was found: its characters there, from `start` up to `end`."""

    type: str
    start: int
    end: int
    confidence: float
    detector_count: int


@dataclass(frozen=True)
class Redaction:
    """How the redaction of a transcript went. Not applied: `skip_reason`, or `error` and the text is withheld.

    `review_required`: something could not be looked for. `spans_s`: when what was found is said.
    """

    language: str | None
    applied: bool = False
    skip_reason: str | None = None
    error: str | None = None
    review_required: bool = False
    placeholders: tuple[Placeholder, ...] = ()
    spans_s: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class DecodeAttempt:
    """One pass of the recogniser over some of the recording, kept for whoever asks why the text is as it is."""

    profile: str
    params: dict[str, Any]
    decision: str
    health: dict[str, Any]


@dataclass(frozen=True)
class Transcript:
    """What a transcriber found. Without speech: no segments and `language` None, whatever was requested."""

    segments: tuple[Segment, ...]
    language: str | None
    engine_code: str
    issues: tuple[str, ...] = ()
    attempts: tuple[DecodeAttempt, ...] = ()
    warnings: tuple[str, ...] = ()
    model_applied: str = "standard"
    align_code: str = "none"
