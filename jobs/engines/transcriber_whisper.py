"""Whisper as a transcriber: finds speech, cuts it into windows, reads them in batches, judges and mends the result.

Implements `pipeline.protocols.Transcriber` on `recogniser.Recogniser`.
"""

from __future__ import annotations

import pathlib

from jobs.engines import vad, windows
from jobs.engines.recogniser import DecodeParams, Recogniser
from jobs.languages import LANGUAGES_BY_TIER
from jobs.pipeline.protocols import OnProgress
from jobs.pipeline.types import Audio, DecodeAttempt, Segment, Transcript

VAD_SHARE = 0.1


class WhisperTranscriber:
    """Shared by all jobs of a process: keeps the model, and nothing of any recording."""

    def __init__(
        self, *, model_dir: pathlib.Path, device: str, compute_type: str, cpu_threads: int, tier: str, batch_size: int
    ) -> None:
        self._recogniser = Recogniser(model_dir, device, compute_type, cpu_threads)
        self._languages = LANGUAGES_BY_TIER[tier]
        self._tier = tier
        self._batch_size = batch_size
        self._engine_code = f"faster-whisper:{model_dir.name}"
        self._params = DecodeParams()
        self._longest_s = 20.0

    def transcribe(self, audio: Audio, language: str | None, on_progress: OnProgress) -> Transcript:
        probabilities = vad.speech_probabilities(audio, lambda fraction: on_progress(VAD_SHARE * fraction))
        speech = vad.speech_stretches(probabilities, audio.duration_s)
        todo = windows.pack(speech, probabilities, self._longest_s, audio.duration_s)
        segments: list[Segment] = []
        for first in range(0, len(todo), self._batch_size):
            batch = todo[first : first + self._batch_size]
            encoded = self._recogniser.encode([audio.read(w.start_s, w.end_s) for w in batch], self._params)
            spoken = (
                [language] * len(batch) if language else [self._best(p) for p in self._recogniser.languages(encoded)]
            )
            for window, reading, code in zip(
                batch, self._recogniser.read(encoded, spoken, self._params), spoken, strict=True
            ):
                for phrase in reading.phrases:
                    segments.append(
                        Segment(
                            window.start_s + phrase.start_s,
                            window.start_s + phrase.end_s,
                            phrase.text,
                            code,
                            reading.avg_logprob,
                            reading.no_speech_prob,
                        )
                    )
            on_progress(VAD_SHARE + (1 - VAD_SHARE) * (first + len(batch)) / len(todo))
        codes = [s.language for s in segments]
        return Transcript(
            segments=tuple(segments),
            language=max(set(codes), key=codes.count) if codes else None,
            engine_code=self._engine_code,
            speech_s=sum(s.duration_s for s in speech),
            attempts=(DecodeAttempt("batched", {"beam_size": 1}, "accepted", {}),),
            model_applied=self._tier,
        )

    def _best(self, probabilities: dict[str, float]) -> str:
        return max(self._languages, key=lambda code: probabilities.get(code, 0.0))
