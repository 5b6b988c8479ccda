"""Very long recordings: everything comes to an end, within the documented bounds. How long it takes is a benchmark's
business; here a quadratic step would run into pytest's own time limit.
"""

from __future__ import annotations

import random

import pytest

from analytics.catalogue import pack
from analytics.modules import ITEM_CAP
from analytics.spoken import Line, Spoken
from analytics.truth import borne_out, fields_borne_out
from jobs.engines import chat_tokens
from jobs.engines.analyst.audit import MOST_ITEMS
from jobs.engines.analyst_embedded import READ_TOKENS, EmbeddedAnalyst
from tests.analytics.conversations import AGENT, CALLER, conversation
from tests.jobs.engines.analyst.pretend_writer import PretendWriter

LINES = 20_000


def long_recording(lines: int = LINES) -> Spoken:
    """Few different lines, so that the encoder has little to do and all the rest has much."""
    chance = random.Random(7)
    of_pack = [phrase for field in pack("insurance").fields for answer in field.answers for phrase in answer.examples]
    said = [phrase.text for phrase in of_pack if phrase.language == "en"][:150]
    said += ["Okay.", "I'll send you the contract by Friday.", "When will the technician come?", "I don't know.", ""]
    return Spoken(
        tuple(Line(at, at * 4.0, at * 4.0 + 4, chance.choice(said), (AGENT, CALLER)[at % 2]) for at in range(lines)),
        "en",
        lines * 4.0,
        True,
    )


@pytest.mark.slow
def test_twenty_thousand_lines_come_to_an_end_within_every_bound() -> None:
    spoken = long_recording()
    fields = tuple(it.field for it in pack("insurance").fields)
    writer = PretendWriter()
    analyst = EmbeddedAnalyst(writer)

    draft = analyst.generic(spoken, frozenset({"action_items"}), lambda share: None)
    found = analyst.custom(spoken, fields, "insurance", lambda share: None)

    assert len(draft.feelings) == LINES
    assert len(draft.chapters) == ITEM_CAP and draft.chapters[0].first == 0
    for items in (draft.actions, draft.answered, draft.decisions, draft.risks, draft.opportunities):
        assert len(items) <= MOST_ITEMS
    assert draft.actions and draft.topics and draft.keywords and draft.summary
    assert borne_out(draft, spoken).actions
    assert set(fields_borne_out(found, fields, spoken).fields) == {field.key for field in fields}
    for _, prompt in writer.asked:
        assert chat_tokens.estimate(prompt.context) <= 1.5 * READ_TOKENS
        assert len(prompt.task) < 4_000


@pytest.mark.parametrize("piece", ["word ", "a", "1 ", ", ", ". ", "Monday, ", "你好", "no "])
def test_a_line_of_twenty_thousand_characters_comes_to_an_end(analyst: EmbeddedAnalyst, piece: str) -> None:
    spoken = conversation((AGENT, (piece * 20_000)[:20_000]), (CALLER, "Okay."))
    fields = tuple(it.field for it in pack("insurance").fields)

    draft = analyst.generic(spoken, frozenset({"action_items"}), lambda share: None)
    analyst.custom(spoken, fields, "insurance", lambda share: None)

    assert len(draft.feelings) == 2


@pytest.mark.parametrize("lines", [1, 2, 3])
@pytest.mark.parametrize("text", ["", " ", "Okay.", "I'll send it by Friday.", "?", "<PHONE_NUMBER>"])
def test_a_few_lines_are_enough(analyst: EmbeddedAnalyst, lines: int, text: str) -> None:
    spoken = conversation(*[(None, text)] * lines, diarized=False)

    draft = analyst.generic(spoken, frozenset({"action_items"}), lambda share: None)

    assert len(draft.feelings) == lines and draft.chapters[0].first == 0
