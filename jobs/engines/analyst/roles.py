"""Who of the speakers is the agent: from what agents and customers say in the packs' own examples."""

from __future__ import annotations

import functools

import numpy as np

from analytics.catalogue import packs
from jobs.engines.analyst.addressed import to_a_machine
from jobs.engines.analyst.cues import cues
from jobs.engines.analyst.heads import Head, above
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.vectors import sentence_vectors

AGENT, CUSTOMER, EITHER = "agent", "customer", "either"
# Likeness (cosine) to what agents or customers say from which a line tells who is who; a soft step.
NEAR, NEAR_WIDTH = 0.55, 0.05
# Lines' worth of "can't tell" that every speaker starts with: one remark decides nothing.
UNTOLD = 0.5
# Of the means of two speakers' leanings, -1 to 1.
LEAST_DIFFERENCE, CLEAR_DIFFERENCE = 0.02, 0.2


def agent_share(reading: Reading) -> dict[str, float]:
    """Speaker -> how far he sounds like the agent, 0-1, 1 for who does most; empty where it can't be told.

    Lines that are near nothing that agents or customers say count for nothing, however many they are.
    """
    speakers = reading.spoken.speakers
    if len(speakers) < 2:
        return {}
    head = _head()
    sides = [head.column(AGENT), head.column(CUSTOMER)]
    told = above(head.nearest(reading.vectors, sides).max(axis=1), NEAR, NEAR_WIDTH)
    told[to_a_machine(reading)] = 0
    found = reading.by_line(head.probabilities(reading.vectors)[:, sides] * told[:, None])
    lean, weight = found[:, 0] - found[:, 1], reading.by_line(told)
    means = {}
    for speaker in speakers:
        own = [line.id for line in reading.spoken.lines if line.speaker == speaker]
        means[speaker] = float(np.sum(lean[own]) / (np.sum(weight[own]) + UNTOLD))
    low, high = min(means.values()), max(means.values())
    if high - low < LEAST_DIFFERENCE:
        return {}
    # A small difference is little to go by: both are then nearly as likely.
    clear = min(1.0, (high - low) / CLEAR_DIFFERENCE)
    return {speaker: 0.5 + clear * ((mean - low) / (high - low) - 0.5) for speaker, mean in means.items()}


@functools.cache
def _head() -> Head:
    voices = cues("voices")
    agent, customer = list(voices["agent"]), list(voices["customer"])
    either: list[str] = []
    for pack in packs():
        for field in pack.fields:
            texts = [phrase.text for answer in field.answers for phrase in answer.examples]
            {"agent": agent, "customer": customer}.get(field.voice, either).extend(texts)
    return Head({AGENT: agent, CUSTOMER: customer, EITHER: list(dict.fromkeys(either))}, sentence_vectors())
