"""One Whisper model and the three things that are asked of it: encode windows, tell their language, write their text.

The layer over faster-whisper's primitives; knows nothing of recordings, speech or retries (`transcriber_whisper.py`
does). Several jobs share one instance; `lanes` is where its calls are made, as many at once as the model has workers.
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.engines.lanes import Lanes
from jobs.pipeline.types import SAMPLE_RATE

FRAMES_PER_SECOND = 100
WHOLE_CONTEXT_S = 30.0
# One thread a call is quickest, but each worker has buffers of its own: more cores give the calls more threads.
MOST_WORKERS = 4


@dataclass(frozen=True)
class DecodeParams:
    """How windows are decoded. `context_s` None: the encoder sees no more silence than `tail_s` after the window.

    `max_new_tokens`: Whisper was trained on at most 224 for thirty seconds; more is a loop, and its cost.
    """

    beam_size: int = 1
    patience: float = 1.0
    no_repeat_ngram_size: int = 0
    temperature: float = 0.0
    tail_s: float = 1.0
    context_s: float | None = None
    max_new_tokens: int = 160


@dataclass(frozen=True)
class Phrase:
    """Text between two of the model's time marks, seconds from the window's start."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Reading:
    """What the model wrote for one window."""

    phrases: tuple[Phrase, ...]
    avg_logprob: float
    no_speech_prob: float
    tokens: int

    @property
    def text(self) -> str:
        return " ".join(phrase.text for phrase in self.phrases)


@dataclass(frozen=True)
class Encoded:
    """A batch of windows as the decoder sees them; `durations_s` are those of the windows, without padding."""

    output: Any
    durations_s: tuple[float, ...]


class Recogniser:
    """Loads the model when built. Its methods may be called from several threads; `lanes` says how many are useful."""

    def __init__(self, model_dir: pathlib.Path, device: str, compute_type: str, cpu_threads: int) -> None:
        from faster_whisper import WhisperModel

        # Other devices do best with one large batch at a time.
        workers = min(cpu_threads, MOST_WORKERS) if device == "cpu" else 1
        self._whisper = WhisperModel(
            str(model_dir),
            device=device,
            compute_type=compute_type,
            cpu_threads=max(1, cpu_threads // workers),
            num_workers=workers,
            local_files_only=True,
        )
        self._device = device
        self.lanes = Lanes(workers)
        self._prompts: dict[str, tuple[Any, list[int]]] = {}
        self._suppressed: list[int] | None = None

    def encode(self, windows: Sequence[np.ndarray], params: DecodeParams) -> Encoded:
        """Samples of each window (float32, 16 kHz, at most 30 s) -> encoder output."""
        durations = tuple(len(window) / SAMPLE_RATE for window in windows)
        context_s = params.context_s or min(WHOLE_CONTEXT_S, math.ceil((max(durations) + params.tail_s) * 5) / 5)
        features = [self._features(window, round(context_s * FRAMES_PER_SECOND)) for window in windows]
        if self._device == "cpu":
            # Eight windows at once fall out of its caches and take nearly twice as long as one after the other.
            from ctranslate2 import StorageView

            outputs = [np.array(self._whisper.encode(window)) for window in features]
            return Encoded(StorageView.from_array(np.concatenate(outputs)), durations)
        return Encoded(self._whisper.encode(np.stack(features)), durations)

    def languages(self, encoded: Encoded) -> list[dict[str, float]]:
        """For each window, the probability of each of Whisper's languages."""
        found = self._whisper.model.detect_language(encoded.output)
        return [{token[2:-2]: probability for token, probability in window} for window in found]

    def read(self, encoded: Encoded, languages: Sequence[str], params: DecodeParams) -> list[Reading]:
        """The text of each window, in the language given for it."""
        prompts = [self._prompt(language) for language in languages]
        sampling = {"sampling_topk": 0, "sampling_temperature": params.temperature} if params.temperature else {}
        results = self._whisper.model.generate(
            encoded.output,
            [prompt for _, prompt in prompts],
            beam_size=1 if params.temperature else params.beam_size,
            patience=params.patience,
            no_repeat_ngram_size=params.no_repeat_ngram_size,
            max_length=len(prompts[0][1]) + params.max_new_tokens,
            suppress_tokens=self._suppressed,
            max_initial_timestamp_index=50,
            return_scores=True,
            return_no_speech_prob=True,
            **sampling,
        )
        return [
            self._reading(result, tokenizer, duration_s)
            for result, (tokenizer, _), duration_s in zip(results, prompts, encoded.durations_s, strict=True)
        ]

    def _features(self, window: np.ndarray, frames: int) -> np.ndarray:
        """Log-mel features of a window followed by silence, (mels, frames)."""
        padded = np.zeros(frames * SAMPLE_RATE // FRAMES_PER_SECOND, dtype=np.float32)
        padded[: len(window)] = window[: len(padded)]
        return np.ascontiguousarray(self._whisper.feature_extractor(padded, padding=0)[:, :frames])

    def _prompt(self, language: str) -> tuple[Any, list[int]]:
        if language not in self._prompts:
            from faster_whisper.tokenizer import Tokenizer
            from faster_whisper.transcribe import get_suppressed_tokens

            tokenizer = Tokenizer(self._whisper.hf_tokenizer, True, task="transcribe", language=language)
            self._suppressed = list(get_suppressed_tokens(tokenizer, [-1]))
            self._prompts[language] = (tokenizer, list(tokenizer.sot_sequence))
        return self._prompts[language]

    def _reading(self, result: Any, tokenizer: Any, duration_s: float) -> Reading:
        tokens = result.sequences_ids[0]
        return Reading(
            phrases=tuple(_phrases(tokens, tokenizer, duration_s)),
            # CTranslate2 gives the mean; Whisper's counts the end mark too.
            avg_logprob=result.scores[0] * len(tokens) / (len(tokens) + 1),
            no_speech_prob=result.no_speech_prob,
            tokens=len(tokens) + 1,
        )


def _phrases(tokens: list[int], tokenizer: Any, duration_s: float) -> Iterator[Phrase]:
    """Cut at time marks; words before the first mark begin at 0, words after the last end with the window."""
    start_s, words = 0.0, []
    for token in [*tokens, None]:
        if token is not None and token < tokenizer.timestamp_begin:
            words.append(token)
            continue
        mark_s = duration_s if token is None else min(duration_s, (token - tokenizer.timestamp_begin) * 0.02)
        text = tokenizer.decode(words).strip() if words else ""
        if text:
            yield Phrase(start_s, max(start_s, mark_s), text)
        start_s, words = mark_s, []
