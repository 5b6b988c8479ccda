"""A small classifier on sentence vectors: multinomial logistic regression, fitted when it is first used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from jobs.engines.analyst.vectors import SentenceVectors

# Inverse regularisation: unit vectors of 512 dimensions and a few dozen examples a class.
INVERSE_PENALTY = 3.0


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

    def column(self, name: str) -> int:
        return self.classes.index(name)
