"""A stored document read as a transcript again, and its analytics replaced: for re-runs on a finished job. Pure.

The shape and its key order are those of `document.py`, whose functions are used for what is new. Called by
`jobs.reanalysis`.
"""

from __future__ import annotations

import re
from typing import Any

from analytics.spoken import Line, Spoken
from jobs.pipeline.analysis import DOWNGRADED, EXTRACTED, PARTLY_FAILED, PARTLY_READ, PATHS, WARNINGS, Analysis
from jobs.pipeline.document import analytics_execution
from jobs.pipeline.types import Redaction

_EXECUTION_KEY = re.compile(r"(generic_|custom_)?analytics_")


def spoken_again(document: dict[str, Any]) -> Spoken:
    """The segments as numbered lines, as `analysis.spoken_of` made them of the transcript (redacted, where it was)."""
    diarized = bool((document.get("diarization") or {}).get("speaker_count"))
    lines = tuple(
        Line(number, segment["start"], segment["end"], segment["text"], segment.get("speaker") if diarized else None)
        for number, segment in enumerate(document["segments"])
    )
    # A count without labels is none that could be analysed.
    diarized = diarized and any(line.speaker is not None for line in lines)
    return Spoken(lines, document["language"], document["audio_duration_seconds"], diarized)


def redaction_of(document: dict[str, Any]) -> Redaction | None:
    """As much of the redaction as decides whether the text may be analysed; None where nothing stands against it."""
    if not document.get("pii_review_required"):
        return None
    return Redaction(document["language"], review_required=True)


def has_analytics(document: dict[str, Any]) -> bool:
    """Whether the document holds analytics that ran, in part at least."""
    return bool(document["feature_execution"].get("analytics_applied"))


def regrafted(document: dict[str, Any], analysis: Analysis) -> dict[str, Any]:
    """A new document with the analytics, their execution and their warnings in the place of any earlier ones."""
    execution = _placed(
        {name: value for name, value in document["feature_execution"].items() if not _EXECUTION_KEY.match(name)},
        analytics_execution(analysis),
        before="pii_processing_requested",
    )
    kept = [warning for warning in document["processing_warnings"] if not _is_of_analytics(warning)]
    found = {name: value for name, value in document.items() if name != "analytics"}
    found |= {"feature_execution": execution, "processing_warnings": [*kept, *analysis.warnings]}
    return _placed(found, {"analytics": analysis.payload}, before="feature_execution")


def _placed(members: dict[str, Any], new: dict[str, Any], *, before: str) -> dict[str, Any]:
    """`new` among `members`, in front of the one named, or at the end where that is missing."""
    names = list(members)
    at = names.index(before) if before in members else len(names)
    rest = list(members.items())
    return dict([*rest[:at], *new.items(), *rest[at:]])


def _is_of_analytics(warning: str) -> bool:
    return any(sentence.fullmatch(warning) for sentence in _SENTENCES)


def _matching(template: str) -> re.Pattern[str]:
    """A sentence whatever stood in its gaps."""
    paths = "|".join(map(re.escape, PATHS.values()))
    written = re.escape(template).replace(re.escape("{path}"), f"(?:{paths})")
    for gap in ("{modules}", "{names}"):
        written = written.replace(re.escape(gap), r"[\w, -]+")
    return re.compile(written)


_SENTENCES = tuple(map(_matching, [*WARNINGS.values(), DOWNGRADED, EXTRACTED, PARTLY_FAILED, PARTLY_READ]))
