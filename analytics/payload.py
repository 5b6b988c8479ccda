"""`result.analytics`: checked drafts -> the documented JSON. The only place that knows its keys and their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analytics import statistics, truth
from analytics.drafts import CustomDraft, Feeling, FieldDraft, GenericDraft
from analytics.evidence import evidence, snippet
from analytics.fields import CustomField
from analytics.modules import ITEM_CAP, SPEAKER_STATS, TIERS, Profile, modules_for
from analytics.requests import AnalyticsRequest
from analytics.spoken import Spoken

SCORE_DECIMALS = 2
NO_URGENCY: dict[str, Any] = {"score": 1, "reasoning": ""}


@dataclass(frozen=True, slots=True)
class Skipped:
    """Why a path did not run: one of the documented reasons."""

    reason: str


def analytics_payload(
    request: AnalyticsRequest,
    fields: tuple[CustomField, ...],
    spoken: Spoken,
    generic: GenericDraft | Skipped | None,
    custom: CustomDraft | Skipped | None,
) -> dict[str, Any]:
    """The whole object. `fields` are all asked ones, the domain's first; None: that path was not asked for."""
    skips = [path.reason for path in (generic, custom) if isinstance(path, Skipped)]
    asked = [path for path in (generic, custom) if path is not None]
    document: dict[str, Any] = {
        "profile": request.profile,
        "tier": None if request.profile is None else TIERS[request.profile],
        "modules": [],
    }
    if request.profile is not None:
        if isinstance(generic, GenericDraft):
            document["modules"] = _modules(request.profile, generic, spoken)
            document |= _generic(request.profile, generic, spoken)
        else:
            document |= _nothing()
    document["skipped_reason"] = skips[0] if len(skips) == len(asked) else None
    if isinstance(generic, Skipped):
        document["generic_skipped_reason"] = generic.reason
    elif generic is not None and (reason := _downgrade(generic)):
        document["generic_skipped_reason"] = reason
    if custom is not None:
        document["custom"] = _custom(request, fields, custom)
    return document


def _modules(profile: Profile, draft: GenericDraft, spoken: Spoken) -> list[str]:
    return [module.key for module in modules_for(profile, spoken.diarized) if module.key not in draft.failed]


def _downgrade(draft: GenericDraft) -> str | None:
    return draft.downgraded or ("generation_failed" if draft.failed else None)


def _generic(profile: Profile, draft: GenericDraft, spoken: Spoken) -> dict[str, Any]:
    deep = profile == "full"
    found: dict[str, Any] = {
        "summary": draft.summary,
        "sentiment": _sentiment(draft, spoken),
        "key_topics": [{"topic": it.topic, "evidence": evidence(spoken, it.ids)} for it in draft.topics[:ITEM_CAP]],
        **(_audit_fields(draft, spoken) if deep else _no_audit_fields()),
        "chapters": _chapters(draft, spoken),
        "urgency": _urgency(draft) if deep else dict(NO_URGENCY),
        "keywords": list(draft.keywords),
        "statistics": statistics.statistics(spoken),
        SPEAKER_STATS: statistics.speaker_stats(spoken) if spoken.diarized else None,
    }
    if capped := truth.capped_modules(draft):
        found["statistics"]["advisory_limit_exceeded"] = ", ".join(capped)
    return found


def _nothing() -> dict[str, Any]:
    return {
        "summary": "",
        "sentiment": None,
        "key_topics": [],
        **_no_audit_fields(),
        "chapters": [],
        "urgency": dict(NO_URGENCY),
        "keywords": [],
        "statistics": None,
        SPEAKER_STATS: None,
    }


def _no_audit_fields() -> dict[str, Any]:
    return {"action_items": [], "qa_pairs": [], "decisions": [], "risks": [], "missed_opportunities": []}


def _audit_fields(draft: GenericDraft, spoken: Spoken) -> dict[str, Any]:
    actions = []
    for action in draft.actions[:ITEM_CAP]:
        cited = evidence(spoken, action.ids)
        actions.append(
            {
                "action": action.action,
                "owner": action.owner,
                "due_date": action.due_date,
                "confidence": action.confidence,
                "source_quote": cited[0]["text"],
                "evidence": cited,
            }
        )
    return {
        "action_items": actions,
        "qa_pairs": [
            {"question": it.question, "answer": it.answer, "evidence": evidence(spoken, it.ids)}
            for it in draft.answered[:ITEM_CAP]
        ],
        "decisions": [
            {"decision": it.decision, "evidence": evidence(spoken, it.ids)} for it in draft.decisions[:ITEM_CAP]
        ],
        "risks": [
            {"risk": it.risk, "severity": it.severity, "evidence": evidence(spoken, it.ids)}
            for it in draft.risks[:ITEM_CAP]
        ],
        "missed_opportunities": [
            {
                "opportunity": it.opportunity,
                "type": it.type,
                "impact": it.impact,
                "evidence": evidence(spoken, it.ids),
            }
            for it in draft.opportunities[:ITEM_CAP]
        ],
    }


def _sentiment(draft: GenericDraft, spoken: Spoken) -> dict[str, Any] | None:
    if len(draft.feelings) != len(spoken.lines):
        return None
    feelings: tuple[Feeling, ...] = draft.feelings
    return {
        "overall": draft.overall or statistics.overall(spoken, feelings),
        "explanation": draft.explanation,
        "distribution": statistics.distribution(feelings),
        "per_speaker": statistics.per_speaker(spoken, feelings),
        "segments": [
            {**snippet(line), "label": feeling.label, "score": round(feeling.score, SCORE_DECIMALS)}
            for line, feeling in zip(spoken.lines, feelings, strict=True)
        ],
    }


def _chapters(draft: GenericDraft, spoken: Spoken) -> list[dict[str, Any]]:
    chapters = draft.chapters[:ITEM_CAP]
    firsts = [chapter.first for chapter in chapters] + [len(spoken.lines)]
    rows = []
    for chapter, end in zip(chapters, firsts[1:], strict=True):
        own = spoken.lines[chapter.first : end]
        rows.append(
            {
                "title": chapter.title,
                "start": own[0].start_s,
                "end": max(line.end_s for line in own),
                "summary": chapter.summary,
            }
        )
    return rows


def _urgency(draft: GenericDraft) -> dict[str, Any]:
    if draft.urgency is None:
        return dict(NO_URGENCY)
    return {"score": draft.urgency.score, "reasoning": draft.urgency.reasoning}


def _custom(
    request: AnalyticsRequest, fields: tuple[CustomField, ...], custom: CustomDraft | Skipped
) -> dict[str, Any]:
    reason = custom.reason if isinstance(custom, Skipped) else None
    if isinstance(custom, Skipped):
        skipped = FieldDraft(SKIP_SENTENCES.get(custom.reason, "The field could not be looked for."), skipped=True)
        custom = CustomDraft({field.key: skipped for field in fields})
    return {
        "schema_version": request.schema_version,
        "domain": request.domain,
        "fields": {field.key: _field(field, custom.fields[field.key]) for field in fields},
        "skipped_reason": reason,
    }


def _field(field: CustomField, draft: FieldDraft) -> dict[str, Any]:
    matched = bool(draft.choices) or draft.value is not None
    status = "skipped" if draft.skipped else "matched" if matched else "no_match"
    row: dict[str, Any] = {"status": status}
    if field.options:
        options = {option.code: option for option in field.options}
        row["selected"] = [
            {
                "id": options[choice.code].id,
                "code": choice.code,
                "label": options[choice.code].label,
                "confidence": round(choice.confidence, SCORE_DECIMALS),
                "evidence_segment_ids": list(choice.ids),
            }
            for choice in draft.choices
        ]
    else:
        row["value"] = draft.value
        if matched:
            row["confidence"] = round(draft.confidence, SCORE_DECIMALS)
        row["evidence_segment_ids"] = list(draft.ids)
    return {**row, "reasoning": draft.reasoning}


# What a skipped field says, by reason.
SKIP_SENTENCES = {
    "audio_too_short": "Analytics need at least 15 seconds of audio.",
    "no_speech": "Nobody speaks in the recording.",
    "language_unsupported": "The recording's language is not among those that this server's analytics read.",
    "analyst_unavailable": "The models that read transcripts were not available on this server.",
    "pii_review_required": "The transcript is withheld until its redaction is reviewed.",
    "generation_failed": "The model gave no usable answer.",
}
