"""Chapters and what is condensed for the model: cut where the talk turns, in order, within their bounds."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.briefs import row_characters
from analytics.modules import ITEM_CAP
from analytics.spoken import Line, Spoken
from jobs.engines.analyst.chapters import LEAST_LINES, LEAST_S, first_lines
from jobs.engines.analyst.condensed import centrality, condensed
from tests.analytics.conversations import AGENT, CALLER, conversation, the_call
from tests.jobs.engines.analyst.conftest import Read

CAR = [
    "My car was hit in the parking lot last night.",
    "The bumper of the car is broken and the left light too.",
    "Did you see the other driver's licence plate?",
    "No, the other car drove away before I came out.",
    "The police took a report about the accident.",
    "The repair shop says the bumper costs nine hundred.",
    "The adjuster will look at the damage of the car.",
    "I need a rental car until mine is repaired.",
    "The rental car is covered by the collision policy.",
    "The garage will paint the door as well.",
    "The tow truck brought the car to the garage.",
    "The accident happened beside the supermarket.",
]
BREAD = [
    "For the bread you need flour, water, salt and yeast.",
    "Knead the dough until it is smooth and soft.",
    "Let the dough rise in a warm place under a towel.",
    "The oven should be very hot before the loaf goes in.",
    "A little honey makes the crust darker.",
    "My grandmother baked rye bread with caraway.",
    "You can add walnuts or seeds to the dough.",
    "The crumb gets lighter with more water in the dough.",
    "Cut the top of the loaf with a sharp knife.",
    "Sourdough takes longer than yeast but tastes better.",
    "Bake the loaf until it sounds hollow.",
    "Butter melts nicely on a warm slice of bread.",
]


def talk(texts: list[str], line_s: float = 8.0) -> Spoken:
    lines = tuple(
        Line(at, at * line_s, (at + 1) * line_s, text, (AGENT, CALLER)[at % 2]) for at, text in enumerate(texts)
    )
    return Spoken(lines, "en", len(texts) * line_s, True)


@pytest.mark.parametrize("texts", [CAR + BREAD, BREAD + CAR])
def test_two_conversations_one_after_the_other_are_cut_near_the_seam(read: Read, texts: list[str]) -> None:
    found = first_lines(read(talk(texts)))

    assert min(abs(first - 12) for first in found) <= 1


def test_chapters_begin_with_the_first_line_and_have_a_least_length(read: Read) -> None:
    spoken = talk((CAR + BREAD) * 4)
    found = first_lines(read(spoken))
    ends = [*found[1:], len(spoken.lines)]

    assert found[0] == 0 and found == tuple(sorted(set(found))) and 1 < len(found) <= ITEM_CAP
    for first, end in zip(found, ends, strict=True):
        assert end - first >= LEAST_LINES
        assert spoken.lines[end - 1].end_s - spoken.lines[first].start_s >= LEAST_S


def test_there_are_never_more_chapters_than_the_cap(read: Read) -> None:
    pieces = [CAR[:6], BREAD[:6]] * 40

    assert len(first_lines(read(talk([text for piece in pieces for text in piece], 30.0)))) == ITEM_CAP


@pytest.mark.parametrize(
    "spoken",
    [
        conversation((AGENT, "Hello.")),
        conversation((AGENT, ""), (CALLER, "")),
        conversation(*[(AGENT, "Yes.")] * 60),
        the_call(),
        talk(CAR + BREAD, 0.0),
    ],
    ids=["one line", "empty lines", "all the same", "a short call", "no time"],
)
def test_any_transcript_has_a_first_chapter(read: Read, spoken: Spoken) -> None:
    assert first_lines(read(spoken))[0] == 0


# What the model is given to read.


def test_a_transcript_that_fits_is_read_whole(read: Read) -> None:
    spoken = the_call()

    assert condensed(read(spoken), (0,), [], 10_000) == list(spoken.lines)


@pytest.mark.parametrize("budget", [0, 30, 200, 600, 1_000])
def test_what_is_condensed_stays_in_its_budget_and_in_order(read: Read, budget: int) -> None:
    spoken = talk(CAR + BREAD)

    found = condensed(read(spoken), (0, 12), [3], budget)

    assert sum(map(row_characters, found)) <= budget
    assert [line.id for line in found] == sorted({line.id for line in found})
    assert all(spoken.lines[line.id].text.startswith(line.text.removesuffix("…")) for line in found)
    if budget >= 600:
        assert any(line.id < 12 for line in found) and any(line.id >= 12 for line in found)


def test_of_a_line_longer_than_all_the_room_the_beginning_is_read(read: Read) -> None:
    spoken = conversation((AGENT, "The adjuster looks at the car and then " * 200), (CALLER, "word " * 400))

    found = condensed(read(spoken), (0,), [], 500)

    assert found and 300 < sum(map(row_characters, found)) <= 500
    assert all(line.text.endswith("…") for line in found)


def test_a_line_that_does_something_comes_before_others(read: Read) -> None:
    spoken = talk(CAR)
    reading = read(spoken)
    least = int(np.argmin(centrality(reading, (0,))))
    budget = 3 * max(map(row_characters, spoken.lines))

    assert spoken.lines[least] not in condensed(reading, (0,), [], budget)
    assert spoken.lines[least] in condensed(reading, (0,), [least], budget)
