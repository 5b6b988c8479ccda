"""EVERY generic module as it is asked of a model: the instruction, the closed schema, and how its answer is read.

A schema uses only what vLLM and llama.cpp both enforce: enumerations instead of bounds, lengths of texts and lists.
Line ids are an enumeration of the lines that the model was given, so that it can cite no other. Called by
`jobs.engines.analyst_model`; the embedded analyst asks less (`jobs.engines.analyst.wording`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from analytics.briefs import quoted
from analytics.catalogue import PackField
from analytics.drafts import (
    LABELS,
    LEVELS,
    OPPORTUNITY_TYPES,
    Action,
    Answered,
    Chapter,
    Decision,
    FieldDraft,
    Opportunity,
    Risk,
    Topic,
    Urgency,
)
from analytics.evidence import EVIDENCE_CAP, FIELD_IDS_CAP
from analytics.fields import CustomField
from analytics.modules import ITEM_CAP
from analytics.spoken import Line

NOBODY = "nobody"
UNSAID = "not said"
SENTENCE_CHARACTERS, NAME_CHARACTERS, SUMMARY_CHARACTERS, REASONING_CHARACTERS = 300, 80, 1_500, 300
URGENCY_SCORES = list(range(1, 11))
# Room for an answer's JSON: an item of a list, and a line's sentiment.
ITEM_TOKENS, LABEL_TOKENS, SUMMARY_TOKENS, FIELD_TOKENS, ROW_TOKENS = 200, 20, 600, 300, 60


@dataclass(frozen=True, slots=True)
class Task:
    """One module's question over some lines. `read`: a checked answer -> that module's drafts, in a list."""

    module: str
    instruction: str
    schema: dict[str, Any]
    max_tokens: int
    read: Callable[[dict[str, Any]], list[Any]]


def tasks_for(modules: frozenset[str], lines: Sequence[Line], language: str) -> list[Task]:
    """The tasks of the asked modules that a model does, over these lines; answers in `language` (its English name)."""
    return [make(lines, language) for module, make in _MAKERS.items() if module in modules]


def _summary(lines: Sequence[Line], language: str) -> Task:
    return Task(
        "summary",
        f"Summarise the conversation in {language}, in three to six sentences: who talks about what and why, what was "
        "found out, what was agreed, what stays open.",
        _object(summary=_text(SUMMARY_CHARACTERS)),
        SUMMARY_TOKENS,
        lambda answer: [answer["summary"]],
    )


def _sentiment(lines: Sequence[Line], language: str) -> Task:
    row = _object(id=_id(lines), label={"type": "string", "enum": list(LABELS)})
    return Task(
        "sentiment",
        "For every line, in order, say whether what is said is positive, neutral or negative. Procedure, "
        "politeness and "
        "plain facts are neutral; dissatisfaction, worry and refusals are negative however politely they are put.",
        _object(lines={"type": "array", "items": row, "minItems": len(lines), "maxItems": len(lines)}),
        LABEL_TOKENS * len(lines) + 50,
        lambda answer: [(row["id"], row["label"]) for row in answer["lines"]],
    )


def _topics(lines: Sequence[Line], language: str) -> Task:
    return _list_task(
        "key_topics",
        f"List the main topics of the conversation, each in two to five words of {language}, with the lines that "
        "are about "
        "it.",
        lines,
        {"topic": _text(NAME_CHARACTERS)},
        lambda row: Topic(row["topic"], tuple(row["ids"])),
    )


def _actions(lines: Sequence[Line], language: str) -> Task:
    speakers = list(dict.fromkeys(line.speaker for line in lines if line.speaker))
    return _list_task(
        "action_items",
        f"List what somebody is to do after the conversation, in {language}: only what somebody promised, was "
        "asked for "
        "and agreed to, or was given to do; not what is done in the conversation itself. The owner is a speaker's "
        "label "
        f"({', '.join(speakers) or 'there are none'}), a name that is said, or {NOBODY!r}. The due date is copied "
        "word for "
        f"word from the cited lines, or {UNSAID!r}.",
        lines,
        {
            "action": _text(SENTENCE_CHARACTERS),
            "owner": _text(NAME_CHARACTERS),
            "due_date": _text(NAME_CHARACTERS),
            "confidence": {"type": "string", "enum": list(LEVELS)},
        },
        lambda row: Action(
            row["action"],
            tuple(row["ids"]),
            None if row["owner"] == NOBODY else row["owner"],
            None if row["due_date"] == UNSAID else row["due_date"],
            row["confidence"],
        ),
    )


def _qa(lines: Sequence[Line], language: str) -> Task:
    return _list_task(
        "qa",
        f"List the questions for information that are asked and answered, with their answers, in {language}. Cite the "
        "question's line first, then the answer's. Leave out greetings and identity checks.",
        lines,
        {"question": _text(SENTENCE_CHARACTERS), "answer": _text(SENTENCE_CHARACTERS)},
        lambda row: Answered(row["question"], row["answer"], tuple(row["ids"])),
    )


def _decisions(lines: Sequence[Line], language: str) -> Task:
    return _list_task(
        "decisions",
        f"List what the speakers decide or agree on in this conversation, each as one sentence of {language}. Wishes, "
        "proposals that nobody takes up and decisions of the past are none.",
        lines,
        {"decision": _text(SENTENCE_CHARACTERS)},
        lambda row: Decision(row["decision"], tuple(row["ids"])),
    )


def _risks(lines: Sequence[Line], language: str) -> Task:
    return _list_task(
        "risks",
        f"List the risks and blockers that somebody names: what may go wrong or holds something up, each as one "
        "sentence "
        f"of {language}. Name each risk once.",
        lines,
        {"risk": _text(SENTENCE_CHARACTERS), "severity": {"type": "string", "enum": list(LEVELS)}},
        lambda row: Risk(row["risk"], tuple(row["ids"]), row["severity"]),
    )


def _opportunities(lines: Sequence[Line], language: str) -> Task:
    return _list_task(
        "missed_opportunities",
        "List openings that nobody takes: a follow-up that nobody offers or owns, something unclear that nobody "
        "clears up, "
        f"a question that stays unanswered. One sentence of {language} each.",
        lines,
        {
            "opportunity": _text(SENTENCE_CHARACTERS),
            "type": {"type": "string", "enum": list(OPPORTUNITY_TYPES)},
            "impact": {"type": "string", "enum": list(LEVELS)},
        },
        lambda row: Opportunity(row["opportunity"], row["type"], tuple(row["ids"]), row["impact"]),
    )


def _urgency(lines: Sequence[Line], language: str) -> Task:
    return Task(
        "urgency",
        "How urgent is what comes of this conversation, from 1 (nothing presses) to 10 (an emergency)? Give the "
        "lines that "
        f"show it, and one sentence of {language} that says why.",
        _object(
            ids=_ids(lines), reasoning=_text(REASONING_CHARACTERS), score={"type": "integer", "enum": URGENCY_SCORES}
        ),
        FIELD_TOKENS,
        lambda answer: [Urgency(answer["score"], answer["reasoning"], tuple(answer["ids"]))],
    )


def _chapters(lines: Sequence[Line], language: str) -> Task:
    row = _object(first=_id(lines), title=_text(NAME_CHARACTERS), summary=_text(SENTENCE_CHARACTERS))
    return Task(
        "chapters",
        "Divide the conversation into its parts, in order. For each give the line it begins with, a title of two "
        "to five "
        f"words and a one-sentence summary, in {language}. The first part begins with the first line.",
        _object(chapters={"type": "array", "items": row, "minItems": 1, "maxItems": ITEM_CAP}),
        ITEM_TOKENS * ITEM_CAP,
        lambda answer: [Chapter(row["title"], row["first"], row["summary"]) for row in answer["chapters"]],
    )


# Module -> its task, in the order in which they are asked. What is not here is computed by code alone.
_MAKERS: dict[str, Callable[[Sequence[Line], str], Task]] = {
    "summary": _summary,
    "chapters": _chapters,
    "key_topics": _topics,
    "sentiment": _sentiment,
    "action_items": _actions,
    "decisions": _decisions,
    "risks": _risks,
    "qa": _qa,
    "missed_opportunities": _opportunities,
    "urgency": _urgency,
}


@dataclass(frozen=True, slots=True)
class FieldTask:
    """A custom field's question. `options`: its answers in words, "not said" last; `values`: the answers themselves."""

    field: CustomField
    question: str
    schema: dict[str, Any]
    options: tuple[str, ...]
    values: tuple[str | bool | int, ...]
    max_tokens: int


def field_task(field: CustomField, guide: PackField | None, lines: Sequence[Line], language: str) -> FieldTask:
    """The question of a field; `guide` is the pack's guidance where it is a pack's field."""
    values, names = _answers(field)
    told = {str(it.value): it.guidance for it in guide.answers} if guide else {}
    options = tuple(
        f"{name}: {told[str(value)]}" if told.get(str(value)) else name
        for value, name in zip(values, names, strict=True)
    )
    about = " ".join([f"{quoted(field.label)}.", quoted(field.description or ""), guide.guidance if guide else ""])
    shown = "\n".join(f"- {value}: {words}" for value, words in zip(map(_shown, values), options, strict=True))
    several = field.type == "multi_select"
    asked = (
        "Give every answer that something said supports" if several else "Give the answer that something said supports"
    )
    question = (
        f"Question about the conversation: {about}\nPossible answers:\n{shown}\n- {UNSAID}: nothing said answers it\n"
        f"{asked}, the lines that show it, and one sentence of {language} that says why."
    )
    answer: dict[str, Any] = {"type": "string", "enum": [*map(_shown, values), UNSAID]}
    row = _object(answer=answer, ids=_ids(lines, FIELD_IDS_CAP))
    most = min(len(values), FIELD_IDS_CAP) if several else 1
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": most}
    schema = _object(reasoning=_text(REASONING_CHARACTERS), answers=rows)
    return FieldTask(field, question, schema, (*options, UNSAID), values, FIELD_TOKENS + ROW_TOKENS * most)


def read_field(
    task: FieldTask, answer: dict[str, Any]
) -> tuple[FieldDraft, list[tuple[str | bool | int, tuple[int, ...]]]]:
    """A draft with the reasoning alone, and the answers with their lines: what becomes of them depends on agreement."""
    by_shown = {_shown(value): value for value in task.values}
    found = [(by_shown[row["answer"]], tuple(row["ids"])) for row in answer["answers"] if row["answer"] in by_shown]
    return FieldDraft(answer["reasoning"]), found


def _answers(field: CustomField) -> tuple[tuple[str | bool | int, ...], list[str]]:
    if field.options:
        return tuple(option.code for option in field.options), [quoted(option.label) for option in field.options]
    if field.type == "boolean":
        return (True, False), ["yes", "no"]
    values = tuple(range(field.min or 0, (field.max or 0) + 1))
    return values, [str(value) for value in values]


def _shown(value: str | bool | int) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _list_task(
    module: str,
    instruction: str,
    lines: Sequence[Line],
    members: dict[str, Any],
    read: Callable[[dict[str, Any]], Any],
) -> Task:
    """A list of items that cite lines; the lines come first in an item, so that it is written from them."""
    item = _object(ids=_ids(lines), **members)
    return Task(
        module,
        f"{instruction} At most {ITEM_CAP}; an empty list if there are none.",
        _object(items={"type": "array", "items": item, "maxItems": ITEM_CAP}),
        ITEM_TOKENS * ITEM_CAP,
        lambda answer: [read(row) for row in answer["items"]],
    )


def _ids(lines: Sequence[Line], most: int = EVIDENCE_CAP) -> dict[str, Any]:
    return {"type": "array", "items": _id(lines), "minItems": 1, "maxItems": most}


def _id(lines: Sequence[Line]) -> dict[str, Any]:
    return {"type": "integer", "enum": [line.id for line in lines]}


def _text(most: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": most}


def _object(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}
