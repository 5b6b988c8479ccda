"""One recording in, one transcript document out: the order of stages, progress, cancellation, timings.

The interface that `jobs.processing` calls:

    outcome = run(
        Options(language="auto", transcription_model="standard"),
        pathlib.Path("recording.mp3"),
        jobs.engines.registry.engine,         # engine("audio"), engine("transcriber.standard"), ...
        report,                               # report(stage, fraction)
        work_dir=pathlib.Path("var/tmp"),     # where the decoded audio lies while the job runs; None: the system's
        on_decoded=lambda audio: ...,         # optional: the true duration, before any recognition
    )
    outcome.document            # the documented `result` object, a plain dict for json/orjson
    outcome.audio_duration_s    # decoded seconds
    outcome.elapsed_s           # {"decode": 0.2, "transcribe": 3.1}

`report(stage, fraction)`: `stage` is "decode" or "transcribe", `fraction` is of the whole job, 0..1, never
falls, and comes at least at each stage's start and end and once per 30 s window of audio. It may raise anything (a
cancelled job, a lost lease): the exception comes out of `run` unchanged, with temporary files gone and nothing kept.

Errors: `InputRejected` (.code, .message for the customer: fail the job) and `EngineUnavailable` (the operator's
problem). Anything else is a bug. The web process judges an upload with `jobs.engines.audio.probe(path)`, which
raises `InputRejected` too.
"""

from __future__ import annotations

import pathlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jobs.pipeline import stages
from jobs.pipeline.document import transcript_document
from jobs.pipeline.protocols import OnProgress
from jobs.pipeline.types import Audio

Report = Callable[[str, float], None]

# Decoding takes about a twentieth of the time that recognition takes.
DECODE_SHARE = 0.05


@dataclass(frozen=True)
class Options:
    """What the customer asked for, already validated."""

    language: str = "auto"
    transcription_model: str = "standard"


@dataclass(frozen=True)
class Outcome:
    """`audio_s_transcribed` is how much of the recording went through recognition: all of it, once `run` returns."""

    document: dict[str, Any]
    audio_duration_s: float
    audio_s_transcribed: float
    elapsed_s: dict[str, float]


def run(
    options: Options,
    source: pathlib.Path,
    engine: Callable[[str], Any],
    report: Report,
    *,
    work_dir: pathlib.Path | None = None,
    on_decoded: Callable[[Audio], None] | None = None,
) -> Outcome:
    """Decode, transcribe and write the document. See the module's docstring for the promise."""
    progress = _Progress(report)
    transcriber = engine(f"transcriber.{options.transcription_model}")
    language = None if options.language == "auto" else options.language
    with tempfile.TemporaryDirectory(prefix="job-", dir=work_dir) as folder:
        started = time.monotonic()
        decoding = progress.stage("decode", 0.0, DECODE_SHARE)
        with engine("audio").decode(source, pathlib.Path(folder), decoding) as audio:
            decoded = time.monotonic()
            if on_decoded is not None:
                on_decoded(audio)
            transcribing = progress.stage("transcribe", DECODE_SHARE, 1.0)
            transcript = stages.transcribe(transcriber, audio, language, transcribing)
            transcribed = time.monotonic()
            document = transcript_document(
                audio=audio,
                transcript=transcript,
                model_requested=options.transcription_model,
                transcription_elapsed_s=transcribed - decoded,
            )
            duration_s = audio.duration_s
    progress.finish("transcribe")
    elapsed_s = {"decode": decoded - started, "transcribe": transcribed - decoded}
    return Outcome(document, duration_s, duration_s, elapsed_s)


class _Progress:
    """Maps each stage's own fraction to the job's, and never lets it fall."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._reached = 0.0

    def stage(self, name: str, low: float, high: float) -> OnProgress:
        def on_progress(fraction: float) -> None:
            self._tell(name, low + (high - low) * min(max(fraction, 0.0), 1.0))

        on_progress(0.0)
        return on_progress

    def finish(self, name: str) -> None:
        self._tell(name, 1.0)

    def _tell(self, name: str, fraction: float) -> None:
        self._reached = max(self._reached, fraction)
        self._report(name, self._reached)
