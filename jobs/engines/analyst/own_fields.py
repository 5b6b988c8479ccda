"""A caller's own fields, which come without examples: the lines nearest to the question, and the small model's choice.

The model is asked for one letter over a few lines, and its answer is weighed against what it would say of an empty
transcript, because by itself it says yes to anything. Where the two don't agree clearly enough there is no match.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.briefs import SYSTEM, quoted, transcript_block
from analytics.drafts import Choice, FieldDraft
from analytics.fields import CustomField
from analytics.model import AnswerFailed, Model, Prompt
from analytics.spoken import Line
from jobs.engines.analyst.condensed import cut
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.vectors import SentenceVectors

NEAREST_LINES = 5
MOST_OPTIONS = 8
# Likeness (cosine) of a question to its nearest line below which the transcript is about something else.
LEAST_NEAR = 0.3
# The least margin, in nats, by which an answer must beat "not said" once the model's habit is taken off, and what a
# likeness of 1 to the option's own words is worth beside it.
LEAST_MARGIN = 0.5
LIKENESS_NATS = 4.0
NOT_SAID = "The lines do not say"
EVIDENCE_LINES = 3
RATING_STEPS = 10
LINE_CHARACTERS = 500
MOST_HABITS = 512
_habits: dict[tuple[str, str, tuple[str, ...]], tuple[float, ...]] = {}


@dataclass(frozen=True)
class Answer:
    """One possible answer: what it is, and its words."""

    value: str | bool | int
    words: str


NO_MODEL = FieldDraft("The model that answers a caller's own fields was not available.", skipped=True)


def answered(reading: Reading, field: CustomField, vectors: SentenceVectors, model: Model) -> FieldDraft:
    """The field's answer, or none; skipped where the model gave nothing usable. Raises ModelUnavailable."""
    answers = _answers(field)
    question = f"{field.label}. {field.description or ''}".strip()
    likeness = vectors.of([question, *(f"{field.label}: {it.words}" for it in answers)]) @ reading.vectors.T
    by_line = reading.by_line(likeness.T).T
    near = np.maximum(by_line[0], by_line[1:].max(axis=0) if answers else 0)
    nearest = sorted(np.argsort(-near)[:NEAREST_LINES].tolist())
    if not len(near) or near.max() < LEAST_NEAR:
        return _no_match(field)
    best = np.argsort(-by_line[1:].max(axis=1))[:MOST_OPTIONS]
    asked = [answers[at] for at in sorted(best.tolist())]
    try:
        lean = _lean(model, question, asked, [cut(reading.spoken.lines[at], LINE_CHARACTERS) for at in nearest])
    except AnswerFailed:
        return FieldDraft("The model gave no usable answer.", skipped=True)
    like = {it.value: float(by_line[1 + answers.index(it)][nearest].max()) for it in asked}
    scores = {
        it.value: nats + LIKENESS_NATS * (like[it.value] - LEAST_NEAR) for it, nats in zip(asked, lean, strict=True)
    }
    # Likeness alone answers nothing: the model must lean to it too, beyond its habit.
    leans = dict(zip((it.value for it in asked), lean, strict=True))
    chosen = [it for it in asked if scores[it.value] >= LEAST_MARGIN and leans[it.value] > 0]
    if not chosen:
        return _no_match(field)
    chosen.sort(key=lambda it: -scores[it.value])
    if field.type != "multi_select":
        chosen = chosen[:1]
    found = [
        (it, 1 / (1 + math.exp(-scores[it.value])), _evidence(by_line[1 + answers.index(it)], nearest)) for it in chosen
    ]
    shown = ", ".join(it.words for it in chosen)
    reasoning = f"{field.label}: {shown}, by what is said in segment {', '.join(map(str, found[0][2]))}."
    if field.options:
        return FieldDraft(reasoning, choices=tuple(Choice(str(it.value), sure, ids) for it, sure, ids in found))
    it, sure, ids = found[0]
    assert not isinstance(it.value, str)
    return FieldDraft(reasoning, value=it.value, confidence=sure, ids=ids)


def _answers(field: CustomField) -> list[Answer]:
    if field.options:
        return [Answer(option.code, option.label) for option in field.options]
    if field.type == "boolean":
        return [Answer(True, "Yes"), Answer(False, "No")]
    least, most = field.min or 0, field.max or 0
    step = max(1, math.ceil((most - least + 1) / RATING_STEPS))
    return [Answer(value, str(value)) for value in range(least, most + 1, step)]


def _lean(model: Model, question: str, answers: Sequence[Answer], lines: Sequence[Line]) -> list[float]:
    """How much more the model is for each answer than for "not said", in nats, its habit taken off."""
    options = (*(quoted(it.words) for it in answers), NOT_SAID)
    task = f"Question about these lines: {quoted(question)}"
    told = model.choose(Prompt(SYSTEM, transcript_block(lines), task), options)
    habit = _habit(model, task, options)
    nats = [_log(one) - _log(other) for one, other in zip(told, habit, strict=True)]
    return [value - nats[-1] for value in nats[:-1]]


def _habit(model: Model, task: str, options: tuple[str, ...]) -> tuple[float, ...]:
    """What the model says when nothing was said: asked once a question and process."""
    key = (model.name, task, options)
    known = _habits.get(key)
    if known is None:
        if len(_habits) >= MOST_HABITS:
            _habits.clear()
        told = model.choose(Prompt(SYSTEM, transcript_block([Line(0, 0.0, 1.0, "Hello.")]), task), options)
        _habits[key] = told
        return told
    return known


def _log(probability: float) -> float:
    return math.log(max(probability, 1e-3))


def _evidence(likeness: np.ndarray, nearest: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(sorted(nearest, key=lambda at: -likeness[at])[:EVIDENCE_LINES]))


def _no_match(field: CustomField) -> FieldDraft:
    return FieldDraft(f"Nothing said in the transcript answers this clearly enough: {field.label}.")
