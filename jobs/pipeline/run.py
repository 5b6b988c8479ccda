"""One recording in, one transcript document out: the order of stages, progress, cancellation, timings.

The interface that `jobs.processing` calls:

    outcome = run(
        Options(language="auto", transcription_model="standard", diarization=True),
        pathlib.Path("recording.mp3"),
        jobs.engines.registry.engine,         # engine("audio"), engine("transcriber.standard"), engine("diarizer")
        report,                               # report(stage, fraction)
        work_dir=pathlib.Path("var/tmp"),     # where the decoded audio lies while the job runs; None: the system's
        on_decoded=lambda audio: ...,         # optional: the true duration, before any recognition
    )
    outcome.document            # the documented `result` object, a plain dict for json/orjson
    outcome.audio_duration_s    # decoded seconds
    outcome.elapsed_s           # {"decode": 0.2, "transcribe": 3.1, "diarize": 3.4}: the last two side by side

`report(stage, fraction)`: `stage` is "decode", "transcribe", "diarize", "redact" or "analyse" (what is waited for),
`fraction` is of the whole job, 0..1, never falls, and comes at least at each stage's start and end (of the last two,
only where their engine is asked) and once per 30 s window of audio, always in the thread that called `run`. It may
raise anything (a cancelled job, a lost lease): the exception comes out of `run` unchanged, with temporary files gone,
nothing kept and nothing running.

Errors: `InputRejected` (.code, .message for the customer: fail the job) and `EngineUnavailable` (the operator's
problem). Anything else is a bug. The web process judges an upload with `jobs.engines.audio.probe(path)`, which
raises `InputRejected` too.
"""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from analytics.requests import AnalyticsRequest
from jobs.pipeline import stages
from jobs.pipeline.analysis import Analysis, analysed, spoken_of
from jobs.pipeline.beside import Beside
from jobs.pipeline.document import Requested, transcript_document
from jobs.pipeline.privacy import Privacy, redacted
from jobs.pipeline.protocols import Decoder, Diarizer, OnProgress, Transcriber
from jobs.pipeline.types import Audio, Diarization, Redaction, SpeakerBounds, Speakers, Transcript

Report = Callable[[str, float], None]
Engines = Callable[[str], Any]

# Decoding takes about a twentieth of the time that recognition takes.
DECODE_SHARE = 0.05
# Of transcription and diarization side by side: both cost about the same.
TRANSCRIBE_SHARE = 0.5
REDACT_SHARE = 0.03
# Where analytics were asked for: on a CPU they take longer than the words themselves.
ANALYSE_SHARE = 0.6


@dataclass(frozen=True)
class Options:
    """What the customer asked for, already validated.

    `multichannel` (a speaker per channel) takes the place of `diarization`; where a recording has one channel of sound
    after all, `diarization` decides. `keyterms`: names and jargon that may be said. `privacy`: redact, and how.
    `analytics`: what to ask of the transcript.
    """

    language: str = "auto"
    transcription_model: str = "standard"
    diarization: bool = False
    speaker_embeddings: bool = False
    bounds: SpeakerBounds = field(default_factory=SpeakerBounds)
    multichannel: bool = False
    keyterms: tuple[str, ...] = ()
    privacy: Privacy | None = None
    analytics: AnalyticsRequest | None = None

    @property
    def recognised_share(self) -> float:
        """How far the job is when everything is recognised."""
        return self.redacted_share - (REDACT_SHARE if self.privacy else 0.0)

    @property
    def redacted_share(self) -> float:
        return 1.0 - ANALYSE_SHARE if self.analytics else 1.0

    def seconds_done(self, stage: str, fraction: float, audio_s: float) -> float:
        """How much of the recording is recognised, in seconds, when `report(stage, fraction)` is told."""
        if stage == "decode":
            return 0.0
        if stage not in ("transcribe", "diarize"):
            return audio_s
        return audio_s * _share((fraction - DECODE_SHARE) / (self.recognised_share - DECODE_SHARE))


@dataclass(frozen=True)
class Outcome:
    """`audio_s_transcribed` is how much of the recording went through recognition: all of it, once `run` returns.

    `redaction`, `analysis`: None where none was asked for.
    """

    document: dict[str, Any]
    audio_duration_s: float
    audio_s_transcribed: float
    elapsed_s: dict[str, float]
    redaction: Redaction | None = None
    analysis: Analysis | None = None


def run(
    options: Options,
    source: pathlib.Path,
    engine: Engines,
    report: Report,
    *,
    work_dir: pathlib.Path | None = None,
    on_decoded: Callable[[Audio], None] | None = None,
) -> Outcome:
    """Decode, transcribe, tell speakers apart, write the document. See the module's docstring for the promise."""
    work = _Work(options, engine, _Progress(report))
    # Whatever this server lacks is known before any work is done.
    work.transcriber()
    if options.diarization and not options.multichannel:
        work.diarizer()
    with work.decoded(source, work_dir) as channels:
        audio = channels[0]
        if on_decoded is not None:
            on_decoded(audio)
        transcript, speakers = work.recognised(channels)
    transcript, redaction = work.redacted(transcript)
    analysis = work.analysed(transcript, speakers, redaction, audio.duration_s)
    document = transcript_document(
        audio=audio,
        transcript=transcript,
        speakers=speakers,
        requested=Requested(
            model=options.transcription_model,
            diarization=options.diarization or options.multichannel,
            speaker_embeddings=options.speaker_embeddings,
            pii_processing=options.privacy is not None,
        ),
        elapsed_s=work.elapsed_s,
        redaction=redaction,
        analysis=analysis,
    )
    work.progress.finish()
    return Outcome(document, audio.duration_s, audio.duration_s, work.elapsed_s, redaction, analysis)


@dataclass
class _Work:
    """One job's way through the stages."""

    options: Options
    engine: Engines
    progress: _Progress
    elapsed_s: dict[str, float] = field(default_factory=dict)

    def transcriber(self) -> Transcriber:
        return self.engine(f"transcriber.{self.options.transcription_model}")

    def diarizer(self) -> Diarizer:
        return self.engine("diarizer")

    @contextlib.contextmanager
    def decoded(self, source: pathlib.Path, work_dir: pathlib.Path | None) -> Iterator[tuple[Audio, ...]]:
        """The recording as one Audio, or as one for each channel where that was asked for; deleted on leaving."""
        decoder: Decoder = self.engine("audio")
        decoding = self.progress.stage("decode", 0.0, DECODE_SHARE)
        started = time.monotonic()
        with contextlib.ExitStack() as held:
            folder = pathlib.Path(held.enter_context(tempfile.TemporaryDirectory(prefix="job-", dir=work_dir)))
            if self.options.multichannel:
                channels = held.enter_context(decoder.decode_channels(source, folder, decoding))
            else:
                channels = (held.enter_context(decoder.decode(source, folder, decoding)),)
            self.elapsed_s["decode"] = time.monotonic() - started
            yield channels

    def recognised(self, channels: tuple[Audio, ...]) -> tuple[Transcript, Speakers | None]:
        """What is said, and who says it if that was asked for."""
        if len(channels) > 1:
            return self._from_channels(channels)
        speakers: Speakers | None = None
        if self.options.diarization:
            transcript, speakers = self._side_by_side(channels[0])
        else:
            transcript = self._transcribed(
                channels[0], self.progress.stage("transcribe", DECODE_SHARE, self.options.recognised_share)
            )
        if self.options.multichannel and transcript.segments:
            transcript = _with_warning(transcript, stages.ONE_CHANNEL_WARNING)
        elif self.options.multichannel:
            speakers = stages.NO_SPEAKERS
        return transcript, speakers

    def redacted(self, transcript: Transcript) -> tuple[Transcript, Redaction | None]:
        """The transcript as it may be kept: from here on, nothing knows what was said in the placeholders' places."""
        if self.options.privacy is None:
            return transcript, None
        started = time.monotonic()
        low, high = self.options.recognised_share, self.options.redacted_share
        telling = self.progress.stage("redact", low, high, at_once=False)
        result = redacted(transcript, lambda: self.engine("redactor"), self.options.privacy, telling)
        self.elapsed_s["redact"] = time.monotonic() - started
        return result

    def analysed(
        self, transcript: Transcript, speakers: Speakers | None, redaction: Redaction | None, duration_s: float
    ) -> Analysis | None:
        """What the transcript as it may be kept says; None where nothing was asked of it."""
        if self.options.analytics is None:
            return None
        spoken = spoken_of(transcript, duration_s, diarized=speakers is not None and speakers.count > 0)
        telling = self.progress.stage("analyse", self.options.redacted_share, 1.0, at_once=False)
        return analysed(spoken, self.options.analytics, lambda: self.engine("analyst"), telling, redaction)

    def _from_channels(self, channels: tuple[Audio, ...]) -> tuple[Transcript, Speakers]:
        each = (self.options.recognised_share - DECODE_SHARE) / len(channels)
        transcripts = []
        for number, audio in enumerate(channels):
            low = DECODE_SHARE + number * each
            transcripts.append(self._transcribed(audio, self.progress.stage("transcribe", low, low + each)))
        started = time.monotonic()
        merged = stages.merge_channels(transcripts)
        self.elapsed_s["diarize"] = time.monotonic() - started
        return merged

    def _side_by_side(self, audio: Audio) -> tuple[Transcript, Speakers]:
        """The diarizer runs while the transcriber does; whichever fails first ends the other and the job."""
        diarizer, options = self.diarizer(), self.options
        on_progress = self.progress.stage("transcribe", DECODE_SHARE, self.options.recognised_share)

        def diarize(told: OnProgress) -> Diarization:
            return diarizer.diarize(audio, options.bounds, told)

        def together(fraction: float) -> float:
            diarizing.check()
            return TRANSCRIBE_SHARE * _share(fraction) + (1.0 - TRANSCRIBE_SHARE) * _share(diarizing.fraction)

        with Beside(diarize) as diarizing:
            transcript = self._transcribed(audio, lambda fraction: on_progress(together(fraction)))
            if not transcript.segments:
                return transcript, stages.NO_SPEAKERS
            on_waiting = self.progress.stage("diarize", DECODE_SHARE, self.options.recognised_share)
            diarization = diarizing.result(lambda: on_waiting(together(1.0)))
        started = time.monotonic()
        transcript, speakers = stages.assign_speakers(
            transcript, diarization, vectors_wanted=options.speaker_embeddings
        )
        self.elapsed_s["diarize"] = diarizing.elapsed_s + time.monotonic() - started
        warning = stages.missing_speakers_warning(speakers, options.bounds)
        return (_with_warning(transcript, warning) if warning else transcript), speakers

    def _transcribed(self, audio: Audio, on_progress: OnProgress) -> Transcript:
        options = self.options
        started = time.monotonic()
        transcript = stages.transcribe(
            self.transcriber(),
            audio,
            None if options.language == "auto" else options.language,
            on_progress,
            # Words are how speakers are told apart within a phrase, whatever the tier.
            words=options.transcription_model == "premium"
            or options.diarization
            or options.multichannel
            or (options.privacy is not None and options.privacy.times),
            keyterms=options.keyterms,
        )
        self.elapsed_s["transcribe"] = self.elapsed_s.get("transcribe", 0.0) + time.monotonic() - started
        return transcript


def _with_warning(transcript: Transcript, warning: str) -> Transcript:
    return replace(transcript, warnings=(*transcript.warnings, warning))


class _Progress:
    """Maps each stage's own fraction to the job's, and never lets it fall."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._reached = 0.0
        self._stage = ""

    def stage(self, name: str, low: float, high: float, *, at_once: bool = True) -> OnProgress:
        """Not `at_once`: the stage begins when its engine first tells; one that is skipped never does."""

        def on_progress(fraction: float) -> None:
            self._tell(name, low + (high - low) * _share(fraction))

        if at_once:
            on_progress(0.0)
        return on_progress

    def finish(self) -> None:
        self._tell(self._stage, 1.0)

    def _tell(self, name: str, fraction: float) -> None:
        self._reached, self._stage = max(self._reached, fraction), name
        self._report(name, self._reached)


def _share(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)
