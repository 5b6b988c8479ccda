"""Where someone speaks: the Silero model that comes with faster-whisper, run over a recording of any length.

Sound goes through in pieces with the model's state carried over, so that memory does not grow with the length.
Used by the transcriber; what it means for windows is in `windows.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from jobs.pipeline.types import SAMPLE_RATE, Audio, Speech

FRAME = 512
FRAME_S = FRAME / SAMPLE_RATE
CONTEXT = 64
PIECE_FRAMES = 1875  # one minute

THRESHOLD, NEGATIVE_THRESHOLD = 0.45, 0.3
MIN_SPEECH_S, MIN_PAUSE_S = 0.1, 0.16
# The model notices a beginning and an end a little late.
PAD_S = 0.1


def speech_probabilities(audio: Audio, on_progress: Callable[[float], None]) -> np.ndarray:
    """Probability of speech for each 32 ms of the recording."""
    session = _session()
    total = len(audio.samples)
    h = c = np.zeros((1, 1, 128), dtype=np.float32)
    context = np.zeros(CONTEXT, dtype=np.float32)
    found: list[np.ndarray] = []
    for start, piece in _pieces(audio, total):
        frames = piece.reshape(-1, FRAME)
        contexts = np.concatenate([context[None], frames[:-1, -CONTEXT:]])
        context = frames[-1, -CONTEXT:]
        inputs = {"input": np.concatenate([contexts, frames], axis=1), "h": h, "c": c}
        probabilities, h, c = session.run(None, inputs)
        found.append(probabilities.reshape(-1))
        on_progress(start / total)
    return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)


def speech_stretches(probabilities: np.ndarray, duration_s: float) -> list[Speech]:
    """Stretches of speech in order, at least MIN_PAUSE_S apart before they are padded."""
    stretches: list[Speech] = []
    for first, last in _runs(probabilities):
        start = max(0.0, first * FRAME_S - PAD_S)
        end = min(duration_s, last * FRAME_S + PAD_S)
        if stretches and start < stretches[-1].end_s:
            # Closer than their padding: share the pause.
            start = (start + stretches[-1].end_s) / 2
            stretches[-1] = Speech(stretches[-1].start_s, start)
        if end > start:
            stretches.append(Speech(start, end))
    return stretches


def _runs(probabilities: np.ndarray) -> Iterator[tuple[int, int]]:
    """Frame ranges [first, last) of speech: begun over one threshold, ended by a pause under a lower one."""
    first: int | None = None
    silent_since: int | None = None
    pause, shortest = round(MIN_PAUSE_S / FRAME_S), round(MIN_SPEECH_S / FRAME_S)
    for frame, probability in enumerate(probabilities.tolist()):
        if probability >= THRESHOLD:
            silent_since = None
            if first is None:
                first = frame
        elif first is not None and probability < NEGATIVE_THRESHOLD:
            silent_since = frame if silent_since is None else silent_since
            if frame - silent_since >= pause:
                if silent_since - first >= shortest:
                    yield first, silent_since
                first = silent_since = None
    if first is not None:
        last = len(probabilities) if silent_since is None else silent_since
        if last - first >= shortest:
            yield first, last


def _pieces(audio: Audio, total: int) -> Iterator[tuple[int, np.ndarray]]:
    step = PIECE_FRAMES * FRAME
    for start in range(0, total, step):
        piece = audio.read(start / SAMPLE_RATE, (start + step) / SAMPLE_RATE)
        yield start, np.pad(piece, (0, -len(piece) % FRAME))


@functools.cache
def _session() -> Any:
    from faster_whisper.vad import get_vad_model

    return get_vad_model().session
