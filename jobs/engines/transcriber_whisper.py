"""Whisper as a transcriber: finds speech, cuts it into windows, reads them in batches, judges and mends the result.

Implements `pipeline.protocols.Transcriber`. The model itself is behind `recogniser.Recogniser`; how a window is judged
and how attempts follow each other is in `attempts.py`; languages in `language_track.py`; phrases in `phrases.py`.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Sequence

from jobs.engines import vad, windows
from jobs.engines.attempts import ATTEMPTS, Attempt, GroupReader, Ledger, Take
from jobs.engines.lanes import even_parts
from jobs.engines.language_track import LanguageTrack
from jobs.engines.phrases import place
from jobs.engines.recogniser import Recogniser
from jobs.engines.windows import Window
from jobs.languages import LANGUAGES_BY_TIER
from jobs.pipeline.health import without_loops
from jobs.pipeline.protocols import OnProgress
from jobs.pipeline.types import Audio, Segment, Transcript

# Twelve seconds: on two cores the encoder and the decoder's attention cost a third of what thirty-second windows cost,
# the words of overlapping callers swallowed are fewer, and each window can have its own language.
LONGEST_WINDOW_S = 12.0
# Windows looked at together: their languages are settled by majority, and like lengths share a batch.
GROUP_WINDOWS = 32
VAD_SHARE = 0.1


class WhisperTranscriber:
    """Shared by all jobs of a process: keeps the model, and nothing of any recording."""

    def __init__(
        self,
        *,
        model_dir: pathlib.Path,
        tier: str = "standard",
        device: str = "cpu",
        compute_type: str = "int8",
        cpu_threads: int = 1,
        batch_size: int = 8,
        attempts: Sequence[Attempt] = ATTEMPTS,
    ) -> None:
        self._recogniser = Recogniser(model_dir, device, compute_type, cpu_threads)
        self._tier = tier
        self._batch_size = batch_size
        self._attempts = tuple(attempts)
        self._engine_code = f"faster-whisper:{model_dir.name}"

    def transcribe(self, audio: Audio, language: str | None, on_progress: OnProgress) -> Transcript:
        """See the protocol. Memory does not grow with the recording, but for its text and four bytes for each 32 ms."""
        probabilities = vad.speech_probabilities(audio, lambda done: on_progress(VAD_SHARE * done))
        speech = vad.speech_stretches(probabilities, audio.duration_s)
        todo = windows.pack(speech, probabilities, LONGEST_WINDOW_S, audio.duration_s)
        ledger = Ledger(self._attempts)
        spoken = language or LanguageTrack(LANGUAGES_BY_TIER[self._tier])
        segments: list[Segment] = []
        done = 0
        for group in even_parts(todo, GROUP_WINDOWS, 1):

            def told(part: float, done: int = done, group: list[Window] = group) -> None:
                on_progress(VAD_SHARE + (1 - VAD_SHARE) * (done + part * len(group)) / len(todo))

            reader = GroupReader(self._recogniser, self._batch_size, audio, group, ledger, told)
            for take in reader.read(self._attempts, spoken):
                segments.extend(_segments(take))
            done += len(group)
        return Transcript(
            segments=tuple(segments),
            language=dominant_language(segments),
            engine_code=self._engine_code,
            issues=ledger.issues(),
            attempts=ledger.attempts(),
            model_applied=self._tier,
        )


def dominant_language(segments: Sequence[Segment]) -> str | None:
    """The language that the most seconds are spoken in."""
    seconds: dict[str, float] = {}
    for segment in segments:
        if segment.language:
            seconds[segment.language] = seconds.get(segment.language, 0.0) + segment.end_s - segment.start_s
    return max(seconds, key=seconds.__getitem__, default=None)


def _segments(take: Take) -> Iterator[Segment]:
    for start_s, end_s, text in place(take.phrases, take.window.speech):
        yield Segment(
            start_s=start_s,
            end_s=end_s,
            text=without_loops(text) if take.repetitive else text,
            language=take.language,
            avg_logprob=take.avg_logprob,
            no_speech_prob=take.no_speech_prob,
        )
