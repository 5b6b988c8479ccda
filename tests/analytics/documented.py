"""`result.analytics` as the documentation promises it: its tables as a JSON schema, its samples, its order of keys.

Closed: a key that no table and no rule of the contract names is a mistake.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

import jsonschema

_DATA = pathlib.Path(__file__).parents[1] / "data"
# The documentation's own samples: the job of "Get a single job", `basic`, `full`, and `insurance`, a custom part alone.
SAMPLES: dict[str, Any] = json.loads((_DATA / "documented_analytics.json").read_text(encoding="utf-8"))
# The five tables of the domain packs, as published.
PACK_TABLES = (_DATA / "documented_packs.txt").read_text(encoding="utf-8")

MODULES = (
    "summary sentiment key_topics action_items qa decisions risks missed_opportunities urgency chapters keywords "
    "statistics speaker_stats"
).split()
GENERIC_KEYS = (
    "summary sentiment key_topics action_items qa_pairs decisions risks missed_opportunities chapters urgency keywords "
    "statistics speaker_stats"
).split()
AUDIT_KEYS = "action_items qa_pairs decisions risks missed_opportunities".split()
NO_URGENCY = {"score": 1, "reasoning": ""}
SKIP_REASONS = (
    "audio_too_short no_speech language_unsupported analyst_unavailable pii_review_required generation_failed"
).split()
ITEMS, EVIDENCE, FIELD_IDS = 12, 3, 8


def _object(optional: tuple[str, ...] = (), **members: Any) -> dict[str, Any]:
    required = [name for name in members if name not in optional]
    return {"type": "object", "properties": members, "required": required, "additionalProperties": False}


def _list(item: Any, most: int | None = None, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": least, **({} if most is None else {"maxItems": most})}


TEXT = {"type": "string", "minLength": 1}
ANY_TEXT = {"type": "string"}
SECONDS = {"type": "number", "minimum": 0}
COUNT = {"type": "integer", "minimum": 0}
SHARE = {"type": "number", "minimum": 0, "maximum": 100}
CHANCE = {"type": "number", "minimum": 0, "maximum": 1}
LEVEL = {"enum": ["low", "medium", "high"]}
LABEL = {"enum": ["positive", "neutral", "negative"]}
REASON = {"enum": [*SKIP_REASONS, None]}

_snippet = {"start": SECONDS, "end": SECONDS, "speaker": TEXT, "text": TEXT}
SNIPPET = _object(("speaker",), **_snippet)
EVIDENCE_LIST = _list(SNIPPET, EVIDENCE, least=1)
TALLY = _object(count={"type": "integer", "minimum": 1}, percentage=SHARE, avg_score=CHANCE)
SENTIMENT = _object(
    overall=LABEL,
    explanation=ANY_TEXT,
    distribution=_object(("positive", "neutral", "negative"), positive=TALLY, neutral=TALLY, negative=TALLY),
    per_speaker=_list(
        _object(
            speaker=TEXT,
            positive_count=COUNT,
            neutral_count=COUNT,
            negative_count=COUNT,
            total_segments=COUNT,
            avg_score=CHANCE,
        )
    ),
    segments=_list(_object(("speaker",), **_snippet, label=LABEL, score=CHANCE), least=1),
)
STATISTICS = _object(
    ("advisory_limit_exceeded",),
    word_count=COUNT,
    segment_count=COUNT,
    total_duration_seconds=SECONDS,
    speaking_rate_wpm={"type": "number", "minimum": 0},
    advisory_limit_exceeded=TEXT,
)
SPEAKER_STATS = _list(
    _object(speaker=TEXT, talk_time_seconds=SECONDS, word_count=COUNT, segment_count=COUNT, percentage=SHARE), least=1
)
_GENERIC: dict[str, Any] = {
    "summary": ANY_TEXT,
    # What its module did not give is null.
    "sentiment": {"oneOf": [SENTIMENT, {"type": "null"}]},
    "key_topics": _list(_object(topic=TEXT, evidence=EVIDENCE_LIST), ITEMS),
    "action_items": _list(
        _object(
            action=TEXT,
            owner={"type": ["string", "null"], "minLength": 1},
            due_date={"type": ["string", "null"], "minLength": 1},
            confidence=LEVEL,
            source_quote=TEXT,
            evidence=EVIDENCE_LIST,
        ),
        ITEMS,
    ),
    "qa_pairs": _list(_object(question=TEXT, answer=TEXT, evidence=EVIDENCE_LIST), ITEMS),
    "decisions": _list(_object(decision=TEXT, evidence=EVIDENCE_LIST), ITEMS),
    "risks": _list(_object(risk=TEXT, severity=LEVEL, evidence=EVIDENCE_LIST), ITEMS),
    "missed_opportunities": _list(
        _object(
            opportunity=TEXT,
            type={"enum": ["follow-up", "clarification", "unanswered"]},
            impact=LEVEL,
            evidence=EVIDENCE_LIST,
        ),
        ITEMS,
    ),
    "chapters": _list(_object(title=TEXT, start=SECONDS, end=SECONDS, summary=ANY_TEXT), ITEMS),
    "urgency": _object(score={"type": "integer", "minimum": 1, "maximum": 10}, reasoning=ANY_TEXT),
    "keywords": _list(TEXT),
    "statistics": {"oneOf": [STATISTICS, {"type": "null"}]},
    "speaker_stats": {"oneOf": [SPEAKER_STATS, {"type": "null"}]},
}

FIELD_IDS_LIST = _list(COUNT, FIELD_IDS)
_reasoning = {"reasoning": TEXT}
_unsaid = {"status": {"enum": ["no_match", "skipped"]}}
SELECTED = _object(id=COUNT, code=TEXT, label=TEXT, confidence=CHANCE, evidence_segment_ids=_list(COUNT, FIELD_IDS, 1))
SELECT_FIELD = {
    "oneOf": [
        _object(status={"const": "matched"}, selected=_list(SELECTED, least=1), **_reasoning),
        _object(**_unsaid, selected={"type": "array", "maxItems": 0}, **_reasoning),
    ]
}
VALUE_FIELD = {
    "oneOf": [
        _object(
            status={"const": "matched"},
            value={"type": ["boolean", "integer"]},
            confidence=CHANCE,
            evidence_segment_ids=_list(COUNT, FIELD_IDS, 1),
            **_reasoning,
        ),
        _object(
            **_unsaid,
            value={"type": "null"},
            evidence_segment_ids={"type": "array", "maxItems": 0},
            **_reasoning,
        ),
    ]
}
CUSTOM = _object(
    schema_version={"type": ["string", "null"]},
    domain={"enum": ["insurance", "support", "sales", "healthcare", "financial_services", None]},
    fields={
        "type": "object",
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"},
        "additionalProperties": {"anyOf": [SELECT_FIELD, VALUE_FIELD]},
    },
    skipped_reason=REASON,
)


def _when(condition: dict[str, Any], then: dict[str, Any], otherwise: dict[str, Any] | bool = True) -> dict[str, Any]:
    return {"if": {"properties": condition}, "then": then, "else": otherwise}


def _lists(module: str) -> dict[str, Any]:
    return {"modules": {"contains": {"const": module}}}


_no_generic_key = {"not": {"anyOf": [{"required": [key]} for key in GENERIC_KEYS]}}
ANALYTICS: dict[str, Any] = {
    **_object(
        (*GENERIC_KEYS, "generic_skipped_reason", "custom"),
        profile={"enum": ["basic", "full", None]},
        tier={"enum": ["fast", "deep", None]},
        modules={**_list({"enum": MODULES}, 13), "uniqueItems": True},
        **_GENERIC,
        skipped_reason=REASON,
        generic_skipped_reason={"enum": SKIP_REASONS},
        custom=CUSTOM,
    ),
    "allOf": [
        _when(
            {"profile": {"const": None}},
            {
                "properties": {"tier": {"const": None}, "modules": {"maxItems": 0}},
                "required": ["custom"],
                **_no_generic_key,
            },
            {"required": GENERIC_KEYS},
        ),
        _when(
            {"profile": {"const": "basic"}},
            {
                "properties": {
                    "tier": {"const": "fast"},
                    "urgency": {"const": NO_URGENCY},
                    **{key: {"maxItems": 0} for key in AUDIT_KEYS},
                }
            },
        ),
        _when({"profile": {"const": "full"}}, {"properties": {"tier": {"const": "deep"}}}),
        _when(_lists("sentiment"), {"properties": {"sentiment": {"type": "object"}}}),
        _when(_lists("statistics"), {"properties": {"statistics": {"type": "object"}}}),
        _when(
            _lists("speaker_stats"),
            {"properties": {"speaker_stats": {"type": "array"}}},
            {"properties": {"speaker_stats": {"type": "null"}}},
        ),
    ],
}


def problems(payload: Any, schema: dict[str, Any] = ANALYTICS) -> list[str]:
    """Where a payload is not as documented, each with its place."""
    found = jsonschema.Draft202012Validator(schema).iter_errors(payload)
    return sorted(f"{error.json_path}: {error.message[:200]}" for error in found)


def orders_of_keys(document: Any, place: str = "") -> dict[str, list[str]]:
    """Place -> the keys of its objects in order, rows of a list taken together; maps by name are left out."""
    if isinstance(document, list):
        found: dict[str, list[str]] = {}
        for row in document:
            for at, keys in orders_of_keys(row, f"{place}[]").items():
                found[at] = keys if len(keys) >= len(found.get(at, [])) else found[at]
        return found
    if not isinstance(document, dict):
        return {}
    if place.endswith(("distribution", "custom.fields")):
        kinds = ["selected" if "selected" in row else "value" for row in document.values()]
        grouped = {
            kind: [row for row, its in zip(document.values(), kinds, strict=True) if its == kind] for kind in kinds
        }
        return {
            at: keys for kind, rows in grouped.items() for at, keys in orders_of_keys(rows, f"{place}.{kind}").items()
        }
    found = {place: list(document)}
    for key, member in document.items():
        found |= orders_of_keys(member, f"{place}.{key}")
    return found
