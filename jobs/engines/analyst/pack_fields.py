"""A pack's fields by example: each line scored against the phrases that show an answer, with abstention and negation.

The classifier of a field is fitted from the pack's phrases, "none" being a class of its own; a field's answer is the
one whose best lines score highest, weighed by who says them and where in the conversation. Nothing scored high enough
is no match.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.catalogue import PackField, Phrase, Value, pack, packs
from analytics.drafts import Choice, FieldDraft
from jobs.engines.analyst.acts import ROUTINE, STATEMENT
from jobs.engines.analyst.addressed import to_a_machine
from jobs.engines.analyst.cues import cues
from jobs.engines.analyst.heads import Head, above
from jobs.engines.analyst.negation import denies
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.roles import agent_share
from jobs.engines.analyst.vectors import SentenceVectors

NONE = "none"
# An answer needs a line at least as sure as this, …
LEAST = 0.4
LEAST_OF_OPTION = 0.3
# … a further option of a multi-select field this, …
LEAST_FURTHER = 0.5
# … and a further line of evidence this share of the best.
EVIDENCE_SHARE = 0.6
# What a line is worth that somebody else says than who should, or elsewhere in the conversation.
WRONG_VOICE = 0.55
WRONG_PLACE = 0.75
# Shares of the conversation from its right end: inside up to the first, outside from the second, a slope between.
INSIDE, OUTSIDE = 0.3, 0.5
# A shorter conversation is measured as if it had this many lines: a few lines have no middle.
SHORT_LINES = 10
NEGATED = 0.25
# Below this likeness (cosine) to every example of an answer a line is about something else; a soft step.
NEAR, NEAR_WIDTH = 0.45, 0.05
# Of the phrases that show something in other domains, every so many-th stands for what is beside the point here.
FOREIGN_STEP = 4
NEIGHBOURS = 3
EVIDENCE_LINES = 3


@dataclass(frozen=True)
class Scored:
    """(lines, answers) of one field: how sure each line shows each answer, weights and negation counted in."""

    field: PackField
    answers: tuple[Value, ...]
    scores: np.ndarray

    def best(self) -> np.ndarray:
        """(answers,): the best line of each, a second one counting a little."""
        if not len(self.scores):
            return np.zeros(len(self.answers))
        ordered = -np.sort(-self.scores, axis=0)
        second = ordered[1] if len(ordered) > 1 else np.zeros_like(ordered[0])
        return np.asarray(1 - (1 - ordered[0]) * (1 - 0.3 * second))

    def evidence(self, answer: int) -> tuple[int, ...]:
        """The lines that show an answer best, in order of the recording."""
        column = self.scores[:, answer]
        order = np.argsort(-column)[:EVIDENCE_LINES]
        return tuple(sorted(int(at) for at in order if column[at] >= EVIDENCE_SHARE * column.max()))


def scored(reading: Reading, field: PackField, head: Head, language: str | None) -> Scored:
    """Every line against every answer of a field."""
    probabilities = head.probabilities(reading.vectors)
    columns = [head.column(_class_name(answer.value)) for answer in field.answers]
    kept = probabilities[:, columns] * above(head.nearest(reading.vectors, columns), NEAR, NEAR_WIDTH)
    kept[to_a_machine(reading)] = 0
    denied = np.flatnonzero([denies(unit.text, language) for unit in reading.units])
    kept[denied] *= _denied_worth(reading.vectors[denied], head, columns)
    weighed = reading.by_line(kept) * _weights(reading, field)[:, None]
    return Scored(field, tuple(answer.value for answer in field.answers), weighed)


def decided(found: Scored) -> FieldDraft:
    """The field's answer from its scores alone."""
    best = found.best()
    type_ = found.field.field.type
    if type_ == "rating":
        return _rating(found, best)
    if type_ == "boolean":
        at = int(np.argmax(best)) if len(best) else 0
        return _value(found, best, at) if len(best) and best[at] >= LEAST else _no_match(found)
    order = np.argsort(-best)
    chosen = [int(at) for at in order if best[at] >= (LEAST_OF_OPTION if at == order[0] else LEAST_FURTHER)]
    if type_ == "single_select":
        chosen = chosen[:1]
    choices = tuple(Choice(str(found.answers[at]), float(best[at]), found.evidence(at)) for at in chosen)
    if not choices:
        return _no_match(found)
    return FieldDraft(_reasoning(found, [choice.code for choice in choices], choices[0].ids), choices=choices)


@functools.cache
def head_of(field_at: int, domain: str, vectors: SentenceVectors) -> Head:
    """The classifier of a pack's field, fitted once a process."""
    field = pack(domain).fields[field_at]
    examples: dict[str, Sequence[str]] = {
        _class_name(answer.value): _texts(answer.examples) for answer in field.answers
    }
    return Head({**examples, NONE: [*_texts(field.none), *_beside_the_point(domain, field)]}, vectors)


def _beside_the_point(domain: str, field: PackField) -> list[str]:
    """What shows no answer of the field: small talk, and other trades' business."""
    idle = [*cues("acts")[STATEMENT], *cues("acts")[ROUTINE], *cues("sentiment")["neutral"]]
    foreign = [
        text
        for other in packs()
        if other.domain != domain
        for its in other.fields
        if its.field.key != field.field.key
        for text in [text for answer in its.answers for text in _texts(answer.examples)][::FOREIGN_STEP]
    ]
    return [*map(str, idle), *foreign]


def _texts(phrases: tuple[Phrase, ...]) -> list[str]:
    return [phrase.text for phrase in phrases]


def _class_name(value: Value) -> str:
    return f"={value}"


def _denied_worth(vectors: np.ndarray, head: Head, columns: list[int]) -> np.ndarray:
    """(vectors, answers): what a phrase with a "not" in it is worth as evidence.

    Little, unless the nearest examples of that answer are phrases with a "not" too ("I can't log in").
    """
    negated = _denying_examples(head)
    likeness = vectors @ head.example_vectors.T
    worth = np.full((len(vectors), len(columns)), NEGATED)
    for at, column in enumerate(columns):
        own = np.flatnonzero(head.labels == column)
        nearest = own[np.argsort(-likeness[:, own], axis=1)[:, :NEIGHBOURS]]
        share = negated[nearest].mean(axis=1)
        worth[:, at] = NEGATED + (1 - NEGATED) * np.clip(share / 0.5, 0, 1)
    return worth


@functools.cache
def _denying_examples(head: Head) -> np.ndarray:
    """(examples,): which of a classifier's examples hold a "not"."""
    languages = _phrase_languages()
    return np.array([denies(text, languages.get(text)) for text in head.examples])


@functools.cache
def _phrase_languages() -> dict[str, str]:
    """The language of each phrase of the packs: "no" denies in English, and in Portuguese it says where."""
    return {
        phrase.text: phrase.language
        for of_domain in packs()
        for field in of_domain.fields
        for phrase in [*field.none, *(phrase for answer in field.answers for phrase in answer.examples)]
    }


def _weights(reading: Reading, field: PackField) -> np.ndarray:
    """(lines,): whose words they are, and where in the conversation."""
    lines = reading.spoken.lines
    weights = np.ones(len(lines))
    share = {} if field.voice == "anyone" else agent_share(reading)
    if share:
        for at, line in enumerate(lines):
            agent = share.get(line.speaker or "", 0.5)
            right = agent if field.voice == "agent" else 1 - agent
            weights[at] *= WRONG_VOICE + (1 - WRONG_VOICE) * min(1.0, 2 * right)
    if field.where != "anywhere" and len(lines) > 1:
        from_end = np.arange(len(lines))[:: -1 if field.where == "closing" else 1]
        place = from_end / max(len(lines) - 1, SHORT_LINES)
        outside = np.clip((place - INSIDE) / (OUTSIDE - INSIDE), 0, 1)
        weights *= 1 - (1 - WRONG_PLACE) * outside
    return weights


def _rating(found: Scored, best: np.ndarray) -> FieldDraft:
    """The strongest signal that is sure enough: a risk once stated isn't taken back by a friendly word."""
    sure = [at for at in range(len(best)) if best[at] >= LEAST]
    if not sure:
        return _no_match(found)
    return _value(found, best, max(sure, key=lambda at: found.answers[at]))


def _value(found: Scored, best: np.ndarray, at: int) -> FieldDraft:
    value = found.answers[at]
    ids = found.evidence(at)
    assert not isinstance(value, str)
    return FieldDraft(_reasoning(found, [value], ids), value=value, confidence=float(best[at]), ids=ids)


def _no_match(found: Scored) -> FieldDraft:
    return FieldDraft(f"Nothing said in the transcript shows an answer for {found.field.field.label.lower()}.")


def _reasoning(found: Scored, values: Sequence[Value], ids: tuple[int, ...]) -> str:
    field = found.field.field
    labels = {option.code: option.label for option in field.options}
    shown = ", ".join(str(labels.get(str(value), value)).lower() for value in values)
    return f"{field.label}: {shown}, by what is said in segment{'s' if len(ids) > 1 else ''} {_listed(ids)}."


def _listed(ids: tuple[int, ...]) -> str:
    shown = list(map(str, ids))
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
