"""Who spoke when, with pyannote's community-1: implements `pipeline.protocols.Diarizer`.

The models come from `diarizer_weights`, the pipeline is `speaker_pipeline`; here its answer becomes a `Diarization`.
Used through the registry, in the worker only: torch is imported when the first one is made.
"""

from __future__ import annotations

import pathlib
import tempfile
import warnings
from typing import Any

import numpy as np

from jobs.engines import diarizer_weights
from jobs.engines.audio import AudioDecoder
from jobs.engines.lanes import Lanes
from jobs.pipeline.protocols import OnProgress
from jobs.pipeline.types import Audio, Diarization, EngineUnavailable, SpeakerBounds, Turn

DIMENSION = 256
# What a speaker must have said alone for a voice vector to be worth comparing.
LEAST_SPEECH_S = 1.5
# Speech from which the embedding's ranges are learned: the project's sample, five seconds from each of four places.
SPEECH = pathlib.Path(__file__).resolve().parents[2] / "samples" / "insurance-call.mp3"
PIECES_S = [(start_s, start_s + 5.0) for start_s in (0.0, 25.0, 50.0, 75.0)]


class PyannoteDiarizer:
    """Shared by all jobs of a process, which take turns batch by batch; keeps the models and nothing of a recording.

    `threads` calls run at once on a CPU, each with one torch thread; a GPU has one call at a time.
    """

    def __init__(self, *, model_dir: pathlib.Path | None = None, device: str = "cpu", threads: int = 1) -> None:
        parts = diarizer_weights.load(model_dir)
        import torch

        from jobs.engines.speaker_pipeline import OnePassDiarization

        if device == "cuda" and not torch.cuda.is_available():
            raise EngineUnavailable(
                "The diarizer is set to CUDA and this torch finds no GPU: install a CUDA build, or set "
                "TUPLETS_DEVICE=cpu."
            )
        torch.set_num_threads(1)
        pipeline: Any = OnePassDiarization(
            Lanes(threads if device == "cpu" else 1),
            segmentation=parts.segmentation,
            embedding=parts.embedding,
            plda=parts.plda,
            **parts.options,
        )
        pipeline.instantiate(parts.settings)
        pipeline.to(torch.device(device))
        if SPEECH.is_file():  # without it the trunk stays with floats
            pipeline.use_bytes(_speech())
        self._pipeline = pipeline
        self._variant = None if model_dir else diarizer_weights.CARRIED_VARIANT

    def diarize(self, audio: Audio, bounds: SpeakerBounds, on_progress: OnProgress) -> Diarization:
        """See the protocol. An hour takes about 100 MB beside the models."""
        on_progress(0.0)
        if not len(audio.samples) or not audio.samples.any():
            return self._diarization((), (), {})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self._pipeline.find(audio, bounds, on_progress)
        turns = _turns(found.speaker_diarization, audio.duration_s)
        exclusive = _turns(found.exclusive_speaker_diarization, audio.duration_s)
        vectors = _vectors(found.speaker_diarization.labels(), found.speaker_embeddings, exclusive)
        on_progress(1.0)
        return self._diarization(turns, exclusive, vectors)

    def _diarization(
        self, turns: tuple[Turn, ...], exclusive: tuple[Turn, ...], vectors: dict[str, tuple[float, ...]]
    ) -> Diarization:
        return Diarization(turns, exclusive, vectors, diarizer_weights.MODEL, DIMENSION, self._variant)


def _speech() -> list[np.ndarray]:
    with (
        tempfile.TemporaryDirectory() as scratch,
        AudioDecoder().decode(SPEECH, pathlib.Path(scratch), lambda done: None) as audio,
    ):
        return [audio.read(*piece) for piece in PIECES_S]


def _turns(annotation: Any, duration_s: float) -> tuple[Turn, ...]:
    """In order of start, inside the recording: the last chunk is padded, and its last frame may lie outside."""
    turns = [
        Turn(max(0.0, float(segment.start)), min(duration_s, float(segment.end)), str(label))
        for segment, _, label in annotation.itertracks(yield_label=True)
    ]
    return tuple(sorted((turn for turn in turns if turn.start_s < turn.end_s), key=lambda turn: turn.start_s))


def _vectors(labels: list[str], rows: np.ndarray, exclusive: tuple[Turn, ...]) -> dict[str, tuple[float, ...]]:
    """A unit-length vector for each speaker who spoke long enough alone and whose voice could be told."""
    spoken: dict[str, float] = {}
    for turn in exclusive:
        spoken[turn.speaker] = spoken.get(turn.speaker, 0.0) + turn.end_s - turn.start_s
    vectors = {}
    for label, row in zip(labels, np.asarray(rows, dtype=np.float64), strict=False):
        length = float(np.linalg.norm(row))
        if spoken.get(label, 0.0) >= LEAST_SPEECH_S and np.isfinite(length) and length > 0:
            vectors[label] = tuple(float(value) for value in row / length)
    return vectors
