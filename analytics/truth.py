"""Drafts -> drafts that the transcript bears out: what an analyst could make up is dropped here, whoever it was.

Ids outside the transcript and items without evidence are dropped, duplicates merged, caps held; an owner is a speaker
or a name that is said, a due date stands word for word in the evidence, numbers were said, and an item whose words
don't occur in its evidence goes. Called by `jobs.pipeline.analysis` on every draft.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable
from typing import Any, TypeVar

from analytics import grounding
from analytics.catalogue import packs
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
)
from analytics.evidence import EVIDENCE_CAP, FIELD_IDS_CAP, known_ids
from analytics.fields import CustomField
from analytics.modules import ITEM_CAP
from analytics.spoken import Spoken

# Of an item's content words, how many its evidence must hold.
LEAST_SAID = 0.4
# Of a summary sentence's, the whole transcript: it joins what is far apart.
LEAST_SAID_OF_SUMMARY = 0.4
# Items as alike as this say the same.
SAME = 0.6
TEXT_CHARACTERS = 500
SUMMARY_CHARACTERS = 4_000
# A longer owner is a sentence that was said, not a name.
NAME_WORDS, NAME_CHARACTERS = 4, 40

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
_OPENERS = frozenset(
    "additionally afterwards both during eventually finally furthermore however initially lastly later meanwhile "
    "moreover "
    "next overall regarding several subsequently therefore throughout ultimately".split()
)
_FOLLOWS = re.compile(r"(?<=[.!?…。！？])\s+")


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
    )


def capped_modules(draft: GenericDraft) -> tuple[str, ...]:
    """The list modules that had more to say than their cap."""
    lists: dict[str, tuple[Any, ...]] = {
        "key_topics": draft.topics,
        "action_items": draft.actions,
        "qa": draft.answered,
        "decisions": draft.decisions,
        "risks": draft.risks,
        "missed_opportunities": draft.opportunities,
        "chapters": draft.chapters,
    }
    return tuple(module for module, items in lists.items() if len(items) > ITEM_CAP)


def fields_borne_out(draft: CustomDraft, fields: Iterable[CustomField], spoken: Spoken) -> CustomDraft:
    """Every asked field once, in order: only options and values that exist, each with evidence, or no match."""
    return CustomDraft({field.key: _field(draft.fields.get(field.key), field, spoken) for field in fields})


def summary_said(summary: str, spoken: Spoken) -> str:
    """The summary without sentences whose numbers or names nobody said, or that are about something else."""
    said = spoken.text + " " + " ".join(spoken.speakers)
    kept = []
    for sentence in _FOLLOWS.split(summary.strip()[:SUMMARY_CHARACTERS]):
        names_said = all(grounding.phrase_said(name, said) for name in _names(sentence, spoken.language))
        if names_said and grounding.numbers_said(sentence, said):
            kept.append(sentence)
    return " ".join(kept)


def _names(sentence: str, language: str | None) -> list[str]:
    """Names in a sentence; in English its first word is one if it is no word that people use otherwise."""
    if language == "de":  # every noun is written with a capital
        return []
    found = grounding.names(sentence)
    first = sentence.split(maxsplit=1)[0].strip("\"'“”«»(,.;:!?") if sentence.strip() else ""
    if language == "en" and first[:1].isupper() and not set(grounding.folded(first).split()) <= _common_words():
        found.append(first)
    return found


@functools.cache
def _common_words() -> frozenset[str]:
    """The words of the packs' own guidance and phrases: plain language of calls, in eight languages."""
    texts = [
        text
        for pack in packs()
        for field in pack.fields
        for text in (field.guidance, field.field.label, *(answer.guidance for answer in field.answers))
    ]
    phrases = [
        phrase.text
        for pack in packs()
        for field in pack.fields
        for phrase in (*field.none, *(it for answer in field.answers for it in answer.examples))
    ]
    return _OPENERS | frozenset(word for text in (*texts, *phrases) for word in grounding.folded(text).split())


def _items(items: tuple[Item, ...], spoken: Spoken) -> tuple[Item, ...]:
    """Items with evidence that says what they say, duplicates merged; not yet cut to their cap."""
    kept: list[Item] = []
    for item in items:
        ids = known_ids(spoken, item.ids, EVIDENCE_CAP)
        if not ids or _blank(item) or not _said(_worded(item), ids, spoken):
            continue
        item = dataclasses.replace(item, ids=ids)
        known: int | None = next((number for number, other in enumerate(kept) if _same(item, other)), None)
        if known is None:
            kept.append(item)
        else:
            kept[known] = _together(kept[known], ids, spoken)
    return tuple(kept)


def _together(item: Item, ids: tuple[int, ...], spoken: Spoken) -> Item:
    return dataclasses.replace(item, ids=known_ids(spoken, (*item.ids, *ids), EVIDENCE_CAP))


def _worded(item: Item) -> str:
    """An item's own words; an opening that nobody takes is about what is not said, so its words are no claim."""
    if isinstance(item, Opportunity):
        return ""
    if isinstance(item, Answered):
        return f"{item.question} {item.answer}"
    return str(getattr(item, _WORDING[type(item)]))


def _blank(item: Item) -> bool:
    return any(not getattr(item, name).strip() for name in _TEXTS if hasattr(item, name))


def _said(wording: str, ids: tuple[int, ...], spoken: Spoken) -> bool:
    said = " ".join(spoken.lines[id_].text for id_ in ids)
    return grounding.share_said(wording, said) >= LEAST_SAID and grounding.numbers_said(wording, said)


def _same(item: Item, other: Item) -> bool:
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
    if not grounding.phrase_said(owner, spoken.text):
        return None
    return owner if owner.split()[0] in spoken.text else None


def _chapters(chapters: tuple[Chapter, ...], spoken: Spoken) -> tuple[Chapter, ...]:
    """In order of time, one a line, the first from the beginning; its texts borne out by its own lines."""
    by_first = {chapter.first: chapter for chapter in reversed(chapters) if 0 <= chapter.first < len(spoken.lines)}
    ordered = [by_first[first] for first in sorted(by_first)]
    kept: list[Chapter] = []
    for at, chapter in enumerate(ordered):
        first = 0 if at == 0 else chapter.first
        end = ordered[at + 1].first if at + 1 < len(ordered) else len(spoken.lines)
        said = " ".join(line.text for line in spoken.lines[first:end])
        true = grounding.share_said(chapter.summary, said) >= LEAST_SAID and grounding.numbers_said(
            chapter.summary, said
        )
        kept.append(dataclasses.replace(chapter, first=first, summary=chapter.summary if true else ""))
    return tuple(kept)


def _field(draft: FieldDraft | None, field: CustomField, spoken: Spoken) -> FieldDraft:
    if draft is None:
        return FieldDraft("The field could not be looked for.", skipped=True)
    if draft.skipped:
        return FieldDraft(draft.reasoning, skipped=True)
    if field.options:
        return dataclasses.replace(draft, value=None, ids=(), choices=_choices(draft.choices, field, spoken))
    ids = known_ids(spoken, draft.ids, FIELD_IDS_CAP)
    value = draft.value if ids and _accepted(draft.value, field) else None
    return dataclasses.replace(draft, choices=(), value=value, ids=ids if value is not None else ())


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
