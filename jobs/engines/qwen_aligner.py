"""Words with times from Qwen3-ForcedAligner: which 80 ms each word of a text begins and ends in.

The model scores CLASSES points of time for each of the two marks behind a word (config.json of
https://huggingface.co/Qwen/Qwen3-ForcedAligner-0.6B-hf: `classify_num`, `timestamp_segment_time`); the best is taken,
as in the example that `vllm_server.py` names. Used by the Qwen transcriber.
"""

from __future__ import annotations

import threading

import numpy as np

from jobs.engines import words
from jobs.engines.qwen_prompts import alignment_prompt, steadied, unit, word_spans
from jobs.engines.vllm_server import PAGE, VllmServer
from jobs.engines.windows import Window
from jobs.pipeline.health import letters
from jobs.pipeline.types import EngineUnavailable, Word

CLASSES, CLASS_S = 5000, 0.08


class Aligner:
    """One aligner server; asks once for the name of the model that it has."""

    def __init__(self, server: VllmServer) -> None:
        self._server = server
        self._model: str | None = None

    def align(
        self, text: str, language: str, chunk: Window, samples: np.ndarray, stop: threading.Event
    ) -> tuple[Word, ...]:
        """The text's words in order, where someone speaks; none where they have no room. Raises EngineUnavailable."""
        self._model = self._model or self._server.model(stop)
        spans = word_spans(text, language)
        texts = [text[span.first : span.last] for span in spans]
        prompt = alignment_prompt([unit(word) for word in texts])
        marks = self._marks(self._server.scores(self._model, prompt, samples, stop), 2 * len(spans))
        times = [
            (chunk.start_s + start, chunk.start_s + end) for start, end in zip(marks[::2], marks[1::2], strict=True)
        ]
        placed = words.place(times, [letters(word) for word in texts], chunk.speech, (chunk.start_s, chunk.end_s))
        return tuple(
            Word(start, end, word, language, span.glued)
            for (start, end), word, span in zip(placed or [], texts, spans, strict=bool(placed))
        )

    def _marks(self, scores: np.ndarray, count: int) -> list[float]:
        if len(scores) != count * CLASSES:
            raise EngineUnavailable(
                f"The Qwen3-ForcedAligner server scores more than the time marks; {PAGE} has its pooler config."
            )
        best = scores.reshape(count, CLASSES).argmax(axis=1)
        return steadied([float(place) * CLASS_S for place in best])
