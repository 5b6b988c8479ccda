"""The labelled conversations of benchmarks/analytics_set: what is said, and what a careful reader says of it.

A file with `segments` is a transcript; one with `audio` is a recording under a folder of one's own, transcribed here by
our own pipeline with speakers, its gold evidence given in seconds. What a file holds: each one, and the scoring's
reading of it. Called by benchmarks/analytics.py.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from analytics.spoken import Line, Spoken
from benchmarks.analytics_items import LISTS

SET = pathlib.Path(__file__).with_name("analytics_set")
# A line lies within gold seconds when it shares so much with them, or half of itself.
SHARED_S = 0.5


@dataclass(frozen=True)
class Conversation:
    """`gold`: the file's, evidence as line ids. `domain`: None where no pack is asked (a meeting)."""

    name: str
    domain: str | None
    split: str
    spoken: Spoken
    gold: dict[str, Any]

    @property
    def groups(self) -> tuple[str, ...]:
        """Where its figures count: everything, its split, its group of languages."""
        return "all", self.split, "en" if self.spoken.language == "en" else "not en"


GROUPS = ("all", "tune", "held_out", "en", "not en")


def conversations(testdata: pathlib.Path | None = None, only: tuple[str, ...] = ()) -> list[Conversation]:
    """In order of their names; the recordings too where their folder is given."""
    return list(_read(testdata, only))


def gold_answers() -> Iterator[tuple[str, str, Any]]:
    """(domain, field, value) of every file, whichever are measured: what the majority is taken of."""
    for path in sorted(SET.glob("*.yaml")):
        file = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key, answer in ((file["gold"].get("custom") or {}) if file.get("domain") else {}).items():
            yield file["domain"], key, answer.get("value")


def _read(testdata: pathlib.Path | None, only: tuple[str, ...]) -> Iterator[Conversation]:
    for path in sorted(SET.glob("*.yaml")):
        file = yaml.safe_load(path.read_text(encoding="utf-8"))
        if only and file["name"] not in only:
            continue
        if "segments" in file:
            lines = tuple(
                Line(at, row["start"], row["end"], row["text"], row["speaker"])
                for at, row in enumerate(file["segments"])
            )
            spoken = Spoken(lines, file["language"], max(line.end_s for line in lines), diarized=True)
            yield Conversation(file["name"], file.get("domain"), file["split"], spoken, file["gold"])
        elif testdata is not None:
            spoken = _transcribed(testdata / file["audio"], file["language"])
            gold = evidence_as_ids(file["gold"], spoken)
            yield Conversation(file["name"], file.get("domain"), file["split"], spoken, gold)


def _transcribed(recording: pathlib.Path, language: str) -> Spoken:
    from jobs.engines import registry
    from jobs.pipeline.run import Options, run

    outcome = run(
        Options(language=language, diarization=True), recording, registry.engine, lambda stage, fraction: None
    )
    lines = tuple(
        Line(at, row["start"], row["end"], row["text"], row.get("speaker"))
        for at, row in enumerate(outcome.document["segments"])
    )
    return Spoken(lines, language, outcome.audio_duration_s, diarized=True)


def evidence_as_ids(gold: dict[str, Any], spoken: Spoken) -> dict[str, Any]:
    """Gold whose evidence is in seconds, with the ids of the lines that were recognised there."""

    def ids(row: dict[str, Any]) -> dict[str, Any]:
        spans = row.get("evidence")
        return row if spans is None else {**row, "evidence": _within(spans, spoken)}

    found = {**gold, "custom": {key: ids(row) for key, row in gold["custom"].items()}}
    for module in LISTS:
        found[module] = [ids(row) for row in gold.get(module, [])]
    return found


def _within(spans: list[list[float]], spoken: Spoken) -> list[int]:
    return [
        line.id
        for line in spoken.lines
        if any(
            min(line.end_s, end) - max(line.start_s, start) >= min(SHARED_S, line.duration_s / 2)
            for start, end in spans
        )
    ]
