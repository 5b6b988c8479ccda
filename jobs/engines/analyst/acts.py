"""What a phrase does: promise, ask, assign, decide, warn. Dialogue acts from example phrases in eight languages."""

from __future__ import annotations

import functools

import numpy as np

from jobs.engines.analyst.addressed import to_a_machine
from jobs.engines.analyst.cues import cues
from jobs.engines.analyst.heads import Head
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.vectors import sentence_vectors

PROMISE, REQUEST, ASSIGNMENT, QUESTION = "promise", "request", "assignment", "question"
DECISION, RISK, URGENT, UNRESOLVED = "decision", "risk", "urgent", "unresolved"
# What runs the conversation itself, and what does nothing of the kind.
ROUTINE, STATEMENT = "routine", "statement"


class Acts:
    """(units, acts) of one reading."""

    def __init__(self, reading: Reading) -> None:
        self._head = acts_head()
        self.found = self._head.probabilities(reading.vectors)
        self.found[to_a_machine(reading)] = np.array([act == STATEMENT for act in self._head.classes], float)
        self.best = np.array(self._head.classes)[self.found.argmax(axis=1)] if len(self.found) else np.array([])

    def of(self, act: str) -> np.ndarray:
        """(units,): how sure each does it."""
        return np.asarray(self.found[:, self._head.column(act)])


@functools.cache
def acts_head() -> Head:
    listed = cues("acts")
    return Head({act: [str(text) for text in texts] for act, texts in listed.items()}, sentence_vectors())
