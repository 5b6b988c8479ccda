"""One Whisper model and what is asked of it: encode windows, tell their language, write their text, time its words.

The layer over faster-whisper's primitives; knows nothing of recordings, speech or retries (`transcriber_whisper.py`
does). Several jobs share one instance; `lanes` is where its calls are made, as many at once as the model has workers.
"""

from __future__ import annotations

import logging
import math
import pathlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.engines.lanes import Lanes
from jobs.engines.words import Piece
from jobs.pipeline.types import SAMPLE_RATE

log = logging.getLogger(__name__)

FRAMES_PER_SECOND = 100
WHOLE_CONTEXT_S = 30.0
# One thread a call is quickest, but each worker has buffers of its own: more cores give the calls more threads.
MOST_WORKERS = 4
# The decoder's positions, and those of a prompt before the text; 20 ms of sound for each time step of its attention.
POSITIONS, PROMPT_POSITIONS = 448, 223
STEP_S = 0.02
# Languages that a model writes under another name, or has no name for.
NEAREST = {"fil": "tl", "yue": "zh"}

_shared: dict[tuple[Any, ...], Recogniser] = {}
_shared_lock = threading.Lock()


def shared(model_dir: pathlib.Path, device: str, compute_type: str, cpu_threads: int) -> Recogniser:
    """The process's one recogniser of these weights: its tiers decode differently, and hold them once."""
    key = (model_dir.resolve(), device, compute_type, cpu_threads)
    with _shared_lock:
        if key not in _shared:
            _shared[key] = Recogniser(model_dir, device, compute_type, cpu_threads)
        return _shared[key]


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
        self._tokenizers: dict[str, Any] = {}
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

    def read(
        self, encoded: Encoded, languages: Sequence[str], params: DecodeParams, before: Sequence[int] = ()
    ) -> list[Reading]:
        """The text of each window, in the language given for it; `before`: see `prompt`."""
        tokenizers = [self._tokenizer(language) for language in languages]
        sampling = {"sampling_topk": 0, "sampling_temperature": params.temperature} if params.temperature else {}
        results = self._whisper.model.generate(
            encoded.output,
            [[*before, *tokenizer.sot_sequence] for tokenizer in tokenizers],
            beam_size=1 if params.temperature else params.beam_size,
            patience=params.patience,
            no_repeat_ngram_size=params.no_repeat_ngram_size,
            max_length=len(before) + len(tokenizers[0].sot_sequence) + params.max_new_tokens,
            suppress_tokens=self._suppressed,
            max_initial_timestamp_index=50,
            return_scores=True,
            return_no_speech_prob=True,
            **sampling,
        )
        return [
            self._reading(result, tokenizer, duration_s)
            for result, tokenizer, duration_s in zip(results, tokenizers, encoded.durations_s, strict=True)
        ]

    def prompt(self, keyterms: Sequence[str]) -> tuple[int, ...]:
        """Tokens for `read`, as if the terms had been said just before: as many as there is room for, whole.

        A term that spells one of the model's own marks loses its bars: it is words, and no command.
        """
        if not keyterms:
            return ()
        tokenizer = self._whisper.hf_tokenizer
        kept: list[int] = []
        for number in range(len(keyterms), 0, -1):
            kept = tokenizer.encode(" " + ", ".join(keyterms[:number]).replace("|", " "), add_special_tokens=False).ids
            if len(kept) < PROMPT_POSITIONS:
                break
        return (tokenizer.token_to_id("<|startofprev|>"), *kept[: PROMPT_POSITIONS - 1])

    def align(self, encoded: Encoded, texts: Sequence[str], languages: Sequence[str]) -> list[tuple[Piece, ...] | None]:
        """When each token of each window's text is said, seconds from the window's start; None: it can't be told.

        A start sequence is for a whole call: a batch in two languages is aligned twice.
        """
        found: list[tuple[Piece, ...] | None] = [None if text else () for text in texts]
        for language in dict.fromkeys(languages):
            rows = [i for i, text in enumerate(texts) if text and languages[i] == language]
            for i, pieces in self._align(encoded, texts, rows, language):
                found[i] = pieces
        return found

    def _align(
        self, encoded: Encoded, texts: Sequence[str], rows: Sequence[int], language: str
    ) -> Iterator[tuple[int, tuple[Piece, ...] | None]]:
        tokenizer = self._tokenizer(language)
        start = list(tokenizer.sot_sequence)
        tokenised = {i: self._whisper.hf_tokenizer.encode(texts[i], add_special_tokens=False) for i in rows}
        # The start is followed by the mark for "no times", the text by its end.
        fits = {i: text for i, text in tokenised.items() if text.ids and len(start) + 2 + len(text.ids) <= POSITIONS}
        if not fits:
            return
        try:
            results = self._whisper.model.align(
                encoded.output,
                start,
                [fits[i].ids if i in fits else [] for i in range(len(texts))],
                [max(1, round(duration_s * FRAMES_PER_SECOND)) for duration_s in encoded.durations_s],
            )
        except (RuntimeError, ValueError):
            log.exception("Could not align %d windows", len(fits))
            return
        for i, text in fits.items():
            yield i, _pieces(texts[i], text.offsets, results[i].alignments)

    def _features(self, window: np.ndarray, frames: int) -> np.ndarray:
        """Log-mel features of a window followed by silence, (mels, frames)."""
        padded = np.zeros(frames * SAMPLE_RATE // FRAMES_PER_SECOND, dtype=np.float32)
        padded[: len(window)] = window[: len(padded)]
        return np.ascontiguousarray(self._whisper.feature_extractor(padded, padding=0)[:, :frames])

    def _tokenizer(self, language: str) -> Any:
        if language not in self._tokenizers:
            from faster_whisper.tokenizer import Tokenizer
            from faster_whisper.transcribe import get_suppressed_tokens

            known = self._whisper.hf_tokenizer.token_to_id(f"<|{language}|>") is not None
            code = language if known else NEAREST.get(language, language)
            tokenizer = Tokenizer(self._whisper.hf_tokenizer, True, task="transcribe", language=code)
            self._suppressed = list(get_suppressed_tokens(tokenizer, [-1]))
            self._tokenizers[language] = tokenizer
        return self._tokenizers[language]

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


def _pieces(
    text: str, offsets: Sequence[tuple[int, int]], alignments: Sequence[tuple[int, int]]
) -> tuple[Piece, ...] | None:
    """A token begins at the first time step of the path that belongs to it, and ends where the next one begins."""
    steps = np.array(alignments).reshape(-1, 2)
    begins = steps[np.flatnonzero(np.diff(steps[:, 0], prepend=-1)), 1] * STEP_S
    # The text's end has a beginning too.
    if len(begins) != len(offsets) + 1:
        return None
    pieces = []
    for (first, last), start, end in zip(offsets, begins[:-1], begins[1:], strict=True):
        while first < last and text[first].isspace():
            first += 1
        pieces.append(Piece(first, last, float(start), float(end)))
    return tuple(pieces)
