"""Sentiment of each line, from example phrases of calls: what is praise or complaint, however politely said."""

from __future__ import annotations

import functools

import numpy as np

from analytics.drafts import LABELS, Feeling
from analytics.spoken import words
from analytics.statistics import distribution
from jobs.engines.analyst.cues import cues
from jobs.engines.analyst.heads import Head
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.vectors import sentence_vectors

# A line is neutral unless it is surer than this that it is not.
LEAST = 0.7
# "Okay." and "Right, yes." say nothing by themselves.
LEAST_WORDS = 3


def feelings(reading: Reading) -> tuple[Feeling, ...]:
    """One a line."""
    head = _head()
    found = head.probabilities(reading.vectors)
    marked = [head.column("positive"), head.column("negative")]
    strongest = reading.by_line(found[:, marked])
    units = np.maximum(np.bincount(reading.line_of, minlength=len(strongest)), 1)
    neutral = np.bincount(reading.line_of, found[:, head.column("neutral")], minlength=len(strongest)) / units
    rows = []
    for line in reading.spoken.lines:
        positive, negative = strongest[line.id]
        label, score = ("positive", positive) if positive > negative else ("negative", negative)
        if len(words(line.text)) < LEAST_WORDS or score < LEAST:
            rows.append(Feeling("neutral", float(np.clip(neutral[line.id], 1 / len(LABELS), 1.0))))
        else:
            rows.append(Feeling("positive" if label == "positive" else "negative", float(score)))
    return tuple(rows)


def explanation(reading: Reading, found: tuple[Feeling, ...]) -> str:
    """How the overall label comes about, in numbers."""
    shares = distribution(found)
    parts = [f"{row['percentage']:g} % {label}" for label, row in shares.items()]
    text = f"Of {len(found)} segments, {', '.join(parts)}."
    for label in ("negative", "positive"):
        by_speaker = {
            speaker: sum(
                feeling.label == label and line.speaker == speaker
                for line, feeling in zip(reading.spoken.lines, found, strict=True)
            )
            for speaker in reading.spoken.speakers
        }
        if by_speaker and max(by_speaker.values()):
            most = max(by_speaker, key=lambda speaker: by_speaker[speaker])
            text += f" Most of the {label} ones are {most}'s."
    return text


@functools.cache
def _head() -> Head:
    listed = cues("sentiment")
    return Head({label: [str(text) for text in listed[label]] for label in LABELS}, sentence_vectors())
