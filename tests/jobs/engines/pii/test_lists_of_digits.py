"""A recording of nothing but digits, and numbers longer than any: no digit of them stays."""

import random
import time

import pytest
from num2words import num2words

from jobs.engines.redactor_presidio import PresidioRedactor

DIGITS = "".join(random.Random("digits").choices("0123456789", k=3_000))


@pytest.fixture(scope="module")
def left():
    """text -> the digits and letters of it that nobody found."""
    redactor = PresidioRedactor()

    def unfound(text, code="en"):
        kept = list(text)
        for item in redactor.find(text, code, lambda fraction: None).items:
            kept[item.start : item.end] = " " * (item.end - item.start)
        return [part for part in "".join(kept).split() if any(character.isalnum() for character in part)]

    return unfound


@pytest.mark.parametrize("separator", [" ", ", ", ". ", "\n", " - "])
@pytest.mark.parametrize("size", [1, 3, 4])
@pytest.mark.parametrize("shift", range(0, 1800, 600))
def test_a_list_of_digits_is_found_whole(left, separator, size, shift):
    digits = DIGITS[shift : shift + 600]
    assert left(separator.join(digits[at : at + size] for at in range(0, 600, size))) == []


@pytest.mark.parametrize("code", ["en", "de", "pl"])
def test_a_list_of_digits_is_found_whole_as_words(left, code):
    assert left(", ".join(num2words(int(digit), lang=code) for digit in DIGITS[:600]), code) == []


@pytest.mark.parametrize("length", [31, 40, 60, 3_000])
def test_one_number_may_be_of_any_length(left, length):
    assert left(f"here it is: {DIGITS[:length]}, thanks") == ["here", "it", "is:", "thanks"]


def test_a_long_number_is_found_whole_after_its_words(left):
    assert left("my account number is " + ", ".join(DIGITS[:30])) == ["my", "account", "number", "is"]


def test_a_small_number_beside_one_that_is_known_is_left(left):
    assert left("My card is 4111 1111 1111 1111, and 12.") == ["My", "card", "is", "and", "12."]


@pytest.mark.parametrize("text", [", ".join(DIGITS), "1, " * 3_000, "12 34, " * 1_500])
def test_a_list_of_digits_is_read_in_time(left, text):
    started = time.process_time()
    left(text)
    assert time.process_time() - started < 15
