"""One embedded analyst for all tests of a session: its encoder and classifiers are loaded and fitted once a process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from analytics.spoken import Spoken
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.vectors import SentenceVectors, sentence_vectors
from jobs.engines.analyst_embedded import EmbeddedAnalyst

Read = Callable[[Spoken], Reading]


@pytest.fixture(scope="session")
def vectors() -> SentenceVectors:
    return sentence_vectors()


@pytest.fixture(scope="session")
def analyst() -> EmbeddedAnalyst:
    """Without a language model."""
    return EmbeddedAnalyst(None)


@pytest.fixture(scope="session")
def read(vectors: SentenceVectors) -> Read:
    return lambda spoken: Reading(spoken, vectors)
