"""A small classifier on sentence vectors: multinomial logistic regression, fitted when it is first used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from jobs.engines.analyst.vectors import SentenceVectors

# Vectors that are compared with all examples at once: the memory of hours of speech stays small.
CHUNK = 4096
# Inverse regularisation: unit vectors of 512 dimensions and a few dozen examples a class.
INVERSE_PENALTY = 3.0


def above(likeness: np.ndarray, least: float, width: float) -> np.ndarray:
    """A soft step from 0 to 1 around `least`."""
    return np.asarray(1 / (1 + np.exp(-(likeness - least) / width)))


class Head:
    """`classes` in the order of the examples' mapping; each class counts alike, however many examples it has."""

    def __init__(self, examples: Mapping[str, Sequence[str]], vectors: SentenceVectors) -> None:
        self.classes = tuple(examples)
        self.examples = [text for name in self.classes for text in examples[name]]
        labels = [at for at, name in enumerate(self.classes) for _ in examples[name]]
        self.labels = np.array(labels)
        self.example_vectors = vectors.of_examples(self.examples)
        self._fitted = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=400)
        self._fitted.fit(self.example_vectors, self.labels)

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """(vectors, classes), rows summing to 1."""
        if not len(vectors):
            return np.zeros((0, len(self.classes)))
        return np.asarray(self._fitted.predict_proba(vectors))

    def nearest(self, vectors: np.ndarray, columns: Sequence[int]) -> np.ndarray:
        """(vectors, columns): the likeness (cosine) of each to the nearest example of each of these classes."""
        found = np.empty((len(vectors), len(columns)), np.float32)
        for at in range(0, len(vectors), CHUNK):
            chunk = vectors[at : at + CHUNK]
            for number, column in enumerate(columns):
                found[at : at + CHUNK, number] = (chunk @ self.example_vectors[self.labels == column].T).max(axis=1)
        return found

    def column(self, name: str) -> int:
        return self.classes.index(name)
