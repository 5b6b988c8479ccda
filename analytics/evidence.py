"""Cited line ids -> the evidence of a result: times, speaker and words of the transcript itself, never of a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from analytics.spoken import Line, Spoken

# At most so many snippets an item, and ids a custom field.
EVIDENCE_CAP = 3
FIELD_IDS_CAP = 8


def evidence(spoken: Spoken, ids: Iterable[int]) -> list[dict[str, Any]]:
    """The first three of the cited lines that exist, each once, in the order of the recording."""
    return [snippet(spoken.lines[id_]) for id_ in known_ids(spoken, ids, EVIDENCE_CAP)]


def snippet(line: Line) -> dict[str, Any]:
    row: dict[str, Any] = {"start": line.start_s, "end": line.end_s}
    if line.speaker is not None:
        row["speaker"] = line.speaker
    return {**row, "text": line.text}


def known_ids(spoken: Spoken, ids: Iterable[int], most: int) -> tuple[int, ...]:
    """The first `most` cited ids that exist, each once, in order; what a model invents is dropped."""
    found = dict.fromkeys(id_ for id_ in ids if 0 <= id_ < len(spoken.lines))
    return tuple(sorted(list(found)[:most]))
