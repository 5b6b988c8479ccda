"""Every worked example of every pack: what it expects is what the real vectors and classifiers answer."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.catalogue import Pack, WorkedExample, packs
from analytics.drafts import FieldDraft
from analytics.spoken import Spoken
from analytics.truth import fields_borne_out
from jobs.engines.analyst_embedded import EmbeddedAnalyst
from tests.analytics.conversations import conversation

EXAMPLES = [(pack, example) for pack in packs() for example in pack.worked_examples]
EXPECTED = [
    pytest.param(pack, example, key, id=f"{pack.domain}: {example.title}: {key}")
    for pack, example in EXAMPLES
    for key in example.expects
]
_answers: dict[str, dict[str, FieldDraft]] = {}


def spoken_of(example: WorkedExample) -> Spoken:
    return conversation(*example.lines, language=example.language)


def answers(analyst: EmbeddedAnalyst, pack: Pack, example: WorkedExample) -> dict[str, FieldDraft]:
    """Each example is read once for all its fields."""
    name = f"{pack.domain}: {example.title}"
    if name not in _answers:
        spoken, fields = spoken_of(example), tuple(it.field for it in pack.fields)
        draft = analyst.custom(spoken, fields, pack.domain, lambda share: None)
        _answers[name] = fields_borne_out(draft, fields, spoken).fields
    return _answers[name]


def answer_of(draft: FieldDraft) -> Any:
    """An option's code, the codes of several, a value, or None for no match."""
    codes = [choice.code for choice in draft.choices]
    return (codes[0] if len(codes) == 1 else codes) if codes else draft.value


def plain(expected: Any) -> Any:
    return expected[0] if isinstance(expected, list) and len(expected) == 1 else expected


@pytest.mark.parametrize(("pack", "example", "key"), EXPECTED)
def test_a_worked_example_gets_the_answer_it_expects(
    analyst: EmbeddedAnalyst, pack: Pack, example: WorkedExample, key: str
) -> None:
    found = answers(analyst, pack, example)[key]

    assert answer_of(found) == plain(example.expects[key]), found.reasoning
    assert type(answer_of(found)) is type(plain(example.expects[key]))


@pytest.mark.parametrize(("pack", "example"), EXAMPLES, ids=[example.title for _, example in EXAMPLES])
def test_what_is_answered_has_evidence_and_a_confidence(
    analyst: EmbeddedAnalyst, pack: Pack, example: WorkedExample
) -> None:
    for draft in answers(analyst, pack, example).values():
        cited = [(choice.confidence, choice.ids) for choice in draft.choices]
        cited += [(draft.confidence, draft.ids)] if draft.value is not None else []
        for confidence, ids in cited:
            assert 0 < confidence <= 1
            assert ids == tuple(sorted(set(ids))) and set(ids) <= set(range(len(example.lines)))
        assert draft.reasoning.endswith(".") and not draft.skipped


@pytest.mark.parametrize("pack", list(packs()), ids=lambda pack: pack.domain)
def test_each_pack_has_worked_examples_in_more_than_one_language(pack: Pack) -> None:
    assert len({example.language for example in pack.worked_examples}) > 1
    assert len(pack.worked_examples) >= 4
