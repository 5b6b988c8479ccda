"""Drafts -> drafts that the transcript bears out: what an analyst could make up is dropped here, whoever it was.

Ids outside the transcript and items without evidence are dropped, duplicates merged, caps held; an owner is a speaker
or a name that is said, a due date stands word for word in the evidence, numbers were said, and an item whose words
don't occur in its evidence goes. Called by `jobs.pipeline.analysis` on every draft.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any, TypeVar

from analytics import grounding
from analytics.claims import facts_said
from analytics.drafts import (
    Action,
    Answered,
    Chapter,
    Choice,
    CustomDraft,
    Decision,
    FieldDraft,
    GenericDraft,
    Opportunity,
    Risk,
    Topic,
    Urgency,
)
from analytics.evidence import EVIDENCE_CAP, FIELD_IDS_CAP, known_ids
from analytics.fields import CustomField
from analytics.modules import ITEM_CAP
from analytics.spoken import Spoken

# Of an item's content words, how many its evidence must hold.
LEAST_SAID = 0.4
# Of a summary sentence's, the whole transcript: it joins what is far apart, in words of its own.
LEAST_SAID_OF_SUMMARY = 0.25
# Items as alike as this say the same.
SAME = 0.6
SUMMARY_CHARACTERS = 4_000
URGENCY_LEAST, CALM, URGENCY_MOST = 1, 3, 10
NOT_URGENT = "Nobody says that something can't wait."
# Words of the sentences that code makes, which are about the transcript and not from it.
_PLAIN_REASONS = (
    "what is said in segments the transcript nothing shows an answer for answers this clearly enough settle"
)
# In the place of a reason that names what nobody said.
NEUTRAL_REASONING = "By what is said in the cited segments, or not said at all."
# A longer owner is a sentence that was said, not a name.
NAME_WORDS, NAME_CHARACTERS = 4, 40
LEAST_NAME_CHARACTERS = 3

Item = TypeVar("Item", Topic, Action, Answered, Decision, Risk, Opportunity)
# The member of each kind of item that is a sentence of the analyst's own.
_WORDING = {Topic: "topic", Action: "action", Decision: "decision", Risk: "risk"}
# Members that may not be blank, of whichever kinds have them.
_TEXTS = ("topic", "action", "question", "answer", "decision", "risk", "opportunity")
# As `grounding.folded` writes them; many begin a sentence, and then with a capital.
_PRONOUNS = frozenset(
    "i you he she it we they me us them ich du er sie es wir ihr je tu il elle nous vous on yo usted ella nosotros "
    "ustedes io lei lui noi voi loro eu voce ele ela nos voces ik jij hij zij wij jullie u ja ty pan pani my wy oni "
    "я ты вы он она мы они ben sen siz biz o انا انت نحن هو هي "
    "我 你 您 他 她 我们 你们 他们 私 僕 俺 彼 彼女 あなた".split()
)
_FOLLOWS = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])")


def borne_out(draft: GenericDraft, spoken: Spoken) -> GenericDraft:
    """The draft without what the transcript does not bear out."""
    return dataclasses.replace(
        draft,
        summary=summary_said(draft.summary, spoken),
        topics=_items(draft.topics, spoken),
        actions=tuple(_owned_and_dated(action, spoken) for action in _items(draft.actions, spoken)),
        answered=_items(draft.answered, spoken),
        decisions=_items(draft.decisions, spoken),
        risks=_items(draft.risks, spoken),
        opportunities=_items(draft.opportunities, spoken),
        chapters=_chapters(draft.chapters, spoken),
        urgency=_urgency(draft.urgency, spoken),
    )


def capped_modules(draft: GenericDraft) -> tuple[str, ...]:
    """The list modules whose output reached their cap: there may be more to say."""
    lists: dict[str, tuple[Any, ...]] = {
        "key_topics": draft.topics,
        "action_items": draft.actions,
        "qa": draft.answered,
        "decisions": draft.decisions,
        "risks": draft.risks,
        "missed_opportunities": draft.opportunities,
        "chapters": draft.chapters,
    }
    return tuple(module for module, items in lists.items() if len(items) >= ITEM_CAP)


def fields_borne_out(draft: CustomDraft, fields: Iterable[CustomField], spoken: Spoken) -> CustomDraft:
    """Every asked field once, in order: only options and values that exist, each with evidence, or no match."""
    found = {field.key: _field(draft.fields.get(field.key), field, spoken) for field in fields}
    return CustomDraft(found, draft.partial)


def summary_said(summary: str, spoken: Spoken, least: float = LEAST_SAID_OF_SUMMARY) -> str:
    """The summary without sentences whose numbers or names nobody said, or that are about something else: of their
    content words less than the share `least` was said.
    """
    return " ".join(
        sentence
        for sentence in filter(None, _FOLLOWS.split(summary.strip()[:SUMMARY_CHARACTERS]))
        if facts_said(sentence, spoken) and grounding.share_said(sentence, spoken.text) >= least
    )


def _items(items: tuple[Item, ...], spoken: Spoken) -> tuple[Item, ...]:
    """Items with evidence that says what they say, duplicates merged; not yet cut to their cap."""
    kept: list[Item] = []
    for item in items:
        ids = known_ids(spoken, item.ids, EVIDENCE_CAP)
        if not ids or _blank(item) or not _said(item, ids, spoken):
            continue
        item = dataclasses.replace(item, ids=ids)
        known: int | None = next((number for number, other in enumerate(kept) if _same(item, other)), None)
        if known is None:
            kept.append(item)
        else:
            kept[known] = _together(kept[known], item, spoken)
    return tuple(kept)


def _together(item: Item, other: Item, spoken: Spoken) -> Item:
    """The first of two that say the same, with the evidence of both and what only the second knows."""
    merged = dataclasses.replace(item, ids=known_ids(spoken, (*item.ids, *other.ids), EVIDENCE_CAP))
    if isinstance(merged, Action) and isinstance(other, Action):
        return dataclasses.replace(
            merged, owner=merged.owner or other.owner, due_date=merged.due_date or other.due_date
        )
    return merged


def _worded(item: Item) -> str:
    """An item's own words."""
    if isinstance(item, Opportunity):
        return item.opportunity
    if isinstance(item, Answered):
        return f"{item.question} {item.answer}"
    return str(getattr(item, _WORDING[type(item)]))


def _blank(item: Item) -> bool:
    return any(not getattr(item, name).strip() for name in _TEXTS if hasattr(item, name))


def _said(item: Item, ids: tuple[int, ...], spoken: Spoken) -> bool:
    """Whether an item says what its evidence says. An opening that nobody takes is about what is not said: of its words
    only numbers and names must have been.
    """
    if isinstance(item, Opportunity):
        near = grounding.share_said(item.opportunity, spoken.text) >= LEAST_SAID_OF_SUMMARY
        return near and facts_said(item.opportunity, spoken)
    said = " ".join(spoken.lines[id_].text for id_ in ids)
    # Each by itself: a true question does not make its answer true.
    wordings = (item.question, item.answer) if isinstance(item, Answered) else (_worded(item),)
    return all(
        grounding.share_said(wording, said) >= LEAST_SAID
        and grounding.numbers_said(wording, said)
        and facts_said(wording, spoken)
        for wording in wordings
    )


def _same(item: Item, other: Item) -> bool:
    if grounding.numbers(_worded(item)) != grounding.numbers(_worded(other)):
        return False
    if isinstance(item, Opportunity):
        return item.ids == other.ids
    if isinstance(item, Answered) and isinstance(other, Answered):
        return grounding.similar(item.question, other.question) >= SAME
    return grounding.similar(_worded(item), _worded(other)) >= SAME


def _owned_and_dated(action: Action, spoken: Spoken) -> Action:
    said = " ".join(spoken.lines[id_].text for id_ in action.ids)
    due = action.due_date if action.due_date and grounding.phrase_said(action.due_date, said) else None
    return dataclasses.replace(action, owner=_owner(action.owner, spoken), due_date=due)


def _owner(owner: str | None, spoken: Spoken) -> str | None:
    """A speaker's label, or a name that is said, with a capital where there are any (a pronoun is nobody's name)."""
    if owner is None or owner in spoken.speakers:
        return owner
    if not owner[:1].isalpha() or owner[:1].islower() or grounding.folded(owner) in _PRONOUNS:
        return None
    if len(owner.split()) > NAME_WORDS or len(owner) > NAME_CHARACTERS:
        return None
    if owner[:1].isupper() and len(owner) < LEAST_NAME_CHARACTERS:  # "Ah", "Oh"
        return None
    if not grounding.phrase_said(owner, spoken.text):
        return None
    if owner[:1].isupper() and not _called(owner, spoken):
        return None
    return owner


def _called(name: str, spoken: Spoken) -> bool:
    """Whether somebody is called so: with a capital within a sentence, or addressed at its beginning ("Nadia, …")."""
    first = re.escape(name.split()[0])
    return any(re.search(rf"(?<![.!?…]\s)(?<!^)\b{first}\b|(?:^|[.!?…]\s){first},", line.text) for line in spoken.lines)


def _chapters(chapters: tuple[Chapter, ...], spoken: Spoken) -> tuple[Chapter, ...]:
    """In order of time, one a line, the first from the beginning; its texts borne out by its own lines."""
    by_first = {chapter.first: chapter for chapter in reversed(chapters) if 0 <= chapter.first < len(spoken.lines)}
    ordered = [by_first[first] for first in sorted(by_first)]
    kept: list[Chapter] = []
    for at, chapter in enumerate(ordered):
        first = 0 if at == 0 else chapter.first
        end = ordered[at + 1].first if at + 1 < len(ordered) else len(spoken.lines)
        said = " ".join(line.text for line in spoken.lines[first:end])
        summary, title = chapter.summary, chapter.title
        if grounding.share_said(summary, said) < LEAST_SAID or not facts_said(summary, spoken):
            summary = ""
        if not title.strip() or not facts_said(title, spoken):
            title = f"Part {at + 1}"
        kept.append(dataclasses.replace(chapter, first=first, title=title, summary=summary))
    return tuple(kept)


def _urgency(urgency: Urgency | None, spoken: Spoken) -> Urgency | None:
    """Within its scale; a reason that its lines don't bear out is left out, and without a line nothing is urgent."""
    if urgency is None:
        return None
    ids = known_ids(spoken, urgency.ids, EVIDENCE_CAP)
    score = min(max(urgency.score, URGENCY_LEAST), URGENCY_MOST)
    if not ids:
        return Urgency(min(score, CALM), NOT_URGENT)
    said = " ".join(spoken.lines[id_].text for id_ in ids)
    true = grounding.share_said(urgency.reasoning, said) >= LEAST_SAID_OF_SUMMARY
    return Urgency(score, urgency.reasoning if true and facts_said(urgency.reasoning, spoken) else "", ids)


def _field(draft: FieldDraft | None, field: CustomField, spoken: Spoken) -> FieldDraft:
    if draft is None:
        return FieldDraft("The field could not be looked for.", skipped=True)
    if draft.skipped:
        return FieldDraft(draft.reasoning, skipped=True)
    if field.options:
        draft = dataclasses.replace(draft, value=None, ids=(), choices=_choices(draft.choices, field, spoken))
    else:
        ids = known_ids(spoken, draft.ids, FIELD_IDS_CAP)
        value = draft.value if ids and _accepted(draft.value, field) else None
        draft = dataclasses.replace(draft, choices=(), value=value, ids=ids if value is not None else ())
    return draft if _reasoned(draft, field, spoken) else dataclasses.replace(draft, reasoning=NEUTRAL_REASONING)


def _reasoned(draft: FieldDraft, field: CustomField, spoken: Spoken) -> bool:
    """Whether a reason says no more than its lines and the question do; without lines, than all that is said."""
    options = [f"{option.label} {option.code}" for option in field.options]
    asked = " ".join([field.label, field.description or "", str(draft.value), *options, _PLAIN_REASONS])
    ids = (*draft.ids, *(id_ for choice in draft.choices for id_ in choice.ids))
    said = " ".join(spoken.lines[id_].text for id_ in ids) or spoken.text
    near = grounding.share_said(draft.reasoning, f"{said} {asked}") >= LEAST_SAID_OF_SUMMARY
    return near and facts_said(draft.reasoning, spoken, asked)


def _accepted(value: bool | int | None, field: CustomField) -> bool:
    if field.type == "boolean":
        return isinstance(value, bool)
    if value is None or isinstance(value, bool) or field.min is None or field.max is None:
        return False
    return field.min <= value <= field.max


def _choices(choices: tuple[Choice, ...], field: CustomField, spoken: Spoken) -> tuple[Choice, ...]:
    codes = [option.code for option in field.options]
    best: dict[str, Choice] = {}
    for choice in choices:
        ids = known_ids(spoken, choice.ids, FIELD_IDS_CAP)
        known = best.get(choice.code)
        if ids and choice.code in codes and (known is None or choice.confidence > known.confidence):
            best[choice.code] = dataclasses.replace(choice, ids=ids)
    ranked = sorted(best.values(), key=lambda choice: -choice.confidence)
    if field.type == "single_select":
        ranked = ranked[:1]
    left, kept = FIELD_IDS_CAP, []
    for at, choice in enumerate(ranked):
        # Every option keeps at least one of the ids that the field may cite in all.
        share = max(1, left - (len(ranked) - at - 1))
        if left:
            kept.append(dataclasses.replace(choice, ids=choice.ids[:share]))
            left -= len(kept[-1].ids)
    return tuple(sorted(kept, key=lambda choice: codes.index(choice.code)))
