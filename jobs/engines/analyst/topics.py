"""What a conversation is about: its best keyphrases, each with the lines in which it is said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analytics.drafts import Topic
from analytics.grounding import folded
from jobs.engines.analyst.keyphrases import keyphrases
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.vectors import SentenceVectors

CANDIDATES = 30
LEAST_TOPICS, MOST_TOPICS = 3, 12
TOPIC_S = 45.0
SAME_MEANING = 0.6
TITLE_PHRASES = 2
OPENING_WORDS = 6


def topics(reading: Reading, candidates: Sequence[str], vectors: SentenceVectors) -> tuple[Topic, ...]:
    """Of the reading's keyphrases, best first, those no two of which mean the same; more in longer recordings."""
    if not candidates:
        return ()
    found = vectors.of(candidates)
    near = found @ reading.line_vectors.T
    most = int(np.clip(round(reading.spoken.duration_s / TOPIC_S), LEAST_TOPICS, MOST_TOPICS))
    kept: list[int] = []
    for at in range(len(candidates)):
        if all(found[at] @ found[other] < SAME_MEANING for other in kept):
            kept.append(at)
        if len(kept) == most:
            break
    rows = [Topic(_titled(candidates[at]), _lines_with(candidates[at], reading, near[at])) for at in kept]
    return tuple(sorted((row for row in rows if row.ids), key=lambda row: row.ids[0]))


def titles(reading: Reading, firsts: Sequence[int], vectors: SentenceVectors) -> list[str]:
    """A title for each chapter from its own words: its best keyphrases, or the beginning of its first line."""
    found = []
    for first, end in zip(firsts, [*firsts[1:], len(reading.spoken.lines)], strict=True):
        phrases = keyphrases(reading.part(first, end), vectors, TITLE_PHRASES)
        opening = " ".join(reading.spoken.lines[first].text.split()[:OPENING_WORDS])
        found.append(_titled(", ".join(phrases) or opening))
    return found


def _lines_with(phrase: str, reading: Reading, near: np.ndarray) -> tuple[int, ...]:
    wanted = folded(phrase)
    said = [at for at, text in enumerate(reading.folded_lines) if wanted in text]
    return tuple(sorted(sorted(said, key=lambda id_: -near[id_])[:3]))


def _titled(phrase: str) -> str:
    return phrase[:1].upper() + phrase[1:]
