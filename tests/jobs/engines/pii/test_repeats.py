"""What was found once is found wherever it is said again, however far away and whether whole or in part."""

import time

import pytest

from jobs.engines.pii.claims import language
from jobs.engines.pii.heard import Heard
from jobs.engines.pii.repeats import said_again
from jobs.engines.pii.scene import Language
from jobs.engines.redactor_presidio import PresidioRedactor
from jobs.pipeline.types import Finding

TALK = "we talked about the weather for a while and then some more. "
FAR = TALK * 500  # 30,000 characters: more than is read at once
NEAR = TALK * 4


@pytest.fixture(scope="module")
def redactor():
    return PresidioRedactor()


@pytest.fixture(scope="module")
def after(redactor):
    """(first, gap, second) -> what is found in `second`, as (type, text)."""

    def found(first, gap, second, code="en"):
        text = first + " " + gap + second
        items = redactor.find(text, code, lambda fraction: None).items
        start = len(text) - len(second)
        return [(item.type, text[item.start : item.end]) for item in items if item.end > start]

    return found


@pytest.mark.parametrize(
    ("first", "second", "kind", "said"),
    [
        ("my policy number is N M 4 4 7 1 9 0 2 3.", "to confirm, that is N M 4 4 7 1 9 0 2 3.", "POLICY_NUMBER",
         "N M 4 4 7 1 9 0 2 3"),
        ("my policy number is NM 4471 9023.", "I have N M four four seven one nine zero two three here",
         "POLICY_NUMBER", "N M four four seven one nine zero two three"),
        ("my account number is 447190235.", "so it ends with 9 0 2 3 5, right?", "BANK_ACCOUNT", "9 0 2 3 5"),
        ("my account number is 447190235.", "it's the one with 4 4 7 1 9 at the front", "BANK_ACCOUNT", "4 4 7 1 9"),
        ("my account number is 447190235.", "so that was 4471902 then", "BANK_ACCOUNT", "4471902"),
        ("my order number is B 4 1 0.", "B four one zero, thanks", "ORDER_NUMBER", "B four one zero"),
        ("the security code on the back is 7 3 1.", "seven three one, I see", "CARD_SECURITY_CODE", "seven three one"),
        ("I was born on March 14th, 1982.", "the fourteenth of march eighty two, I see", "DATE_OF_BIRTH",
         "fourteenth of march eighty two"),
        ("my name is xanthippa quorlow", "and so the quorlow file is closed", "PERSON", "quorlow"),
        ("My name is Xanthippa Quorlow.", "And so Quorlow's file is closed.", "PERSON", "Quorlow"),
        ("My name is Zbrinska.", "And then somebody told zbrinska to wait.", "PERSON", "zbrinska"),
        ("that is spelled q u o r l o w", "so the quorlow file is closed", "PERSON", "quorlow"),
        ("My name is Will Green.", "And I told Will to wait.", "PERSON", "Will"),
        ("I live at 27 Quorlow Street.", "and so quorlow street is closed", "LOCATION", "quorlow street"),
    ],
)  # fmt: skip
def test_what_was_found_is_found_again(after, first, second, kind, said):
    assert after(first, NEAR, second) == [(kind, said)]


@pytest.mark.parametrize(
    ("first", "second", "kind", "said"),
    [
        ("my policy number is N M 4 4 7 1 9 0 2 3.", "so that is N M 4 4 7 1 9 0 2 3.", "POLICY_NUMBER",
         "N M 4 4 7 1 9 0 2 3"),
        ("my name is xanthippa quorlow", "and so the quorlow file is closed", "PERSON", "quorlow"),
    ],
)  # fmt: skip
def test_distance_does_not_matter(after, first, second, kind, said):
    assert after(first, FAR, second) == after(f"{second}. {FAR} {first}.", "", second) == [(kind, said)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("My name is Will Green.", "will you mark the green box in may"),
        ("My name is Anna Table.", "so put it on the table"),
        ("my account number is 447190235.", "the flat was built in 1990, 235 people live there, in 44 rooms"),
        ("my account number is 199044712.", "I moved there in 1990"),
        ("my account number is 20004471.", "it is 2000 dollars, and two thousand more"),
        ("my account number is 150004471.", "there were 15000 at the concert"),
        ("my account number is 447190235.", "the other is room 7190"),
        ("I was born on March 14th, 1982.", "we opened in March 1982, on the 14th"),
        ("I live at 27 Quorlow Street.", "I crossed the street to number 27"),
    ],
)
def test_what_is_only_alike_is_left(after, first, second):
    assert after(first, NEAR, second) == []


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("Nazywam się Grzegorz Wiśniewski.", "dokumenty wiśniewskiego są tutaj", "wiśniewskiego"),
        ("Rozmawiałam z panem Wiśniewskim.", "dokumenty wiśniewskiego są tutaj", "wiśniewskiego"),
    ],
)
def test_a_name_is_found_again_in_another_form(after, first, second, said):
    assert after(first, "", second, "pl") == [("PERSON", said)]


def test_a_german_noun_is_no_name_because_of_its_capital(after):
    assert after("Mein Name ist Anna Krause-Tisch.", "", "Der Vertrag liegt auf dem Stuhl.", "de") == []


def test_ten_hours_are_looked_through_in_seconds():
    words = 90_000
    pieces = [TALK, "it was 4471 9023 and then 5 5 1 2, on March 3rd. "] * (words // 22)
    text = "".join(pieces)
    items, at = [], 0
    for number in range(3_000):
        at = text.index("4471 9023", at) + 1
        items.append(Finding(at - 1, at + 8, "POLICY_NUMBER", 0.8, (f"detector {number}",)))
    heard = Heard(Language("en"))
    heard.parts = {f"name{number}": True for number in range(3_000)}
    started = time.process_time()
    again = said_again(text, items, heard, language("en"))
    assert len(again) >= len(pieces) // 2 - len(items)
    assert time.process_time() - started < 20
