"""Runs of number words: what they read, and where each character comes from."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from num2words import num2words

from jobs.engines.pii.claims import language
from jobs.engines.pii.spoken import runs
from jobs.pipeline.pii_types import LANGUAGES

languages = st.sampled_from(LANGUAGES)
digits = st.text("0123456789", min_size=2, max_size=20)
separators = st.sampled_from([" ", ", ", " - ", "\n"])


def values(text, code="en"):
    return [run.value for run in runs(text, language(code).lexicon)]


def digit_words(number, code):
    return [num2words(int(digit), lang=code) for digit in number]


@given(languages, digits, separators)
@settings(max_examples=200, deadline=None)
def test_digits_read_aloud_come_back(code, number, separator):
    assert values(separator.join(digit_words(number, code)), code) == [number]


@given(languages, digits)
@settings(max_examples=100, deadline=None)
def test_accents_and_case_do_not_matter(code, number):
    assert values(" ".join(digit_words(number, code)).upper(), code) == [number]


@given(languages, st.integers(0, 99))
@settings(max_examples=300, deadline=None)
def test_numerals_read_aloud_come_back(code, number):
    assert values(num2words(number, lang=code), code) == [str(number)]


@given(languages, st.integers(1900, 2049))
@settings(max_examples=200, deadline=None)
def test_years_read_aloud_come_back(code, year):
    assert values(num2words(year, lang=code).replace(",", ""), code) == [str(year)]


@given(languages, st.text(max_size=200) | st.text("0123456789 abcNM-,.+:;?$%\n€", max_size=200))
@settings(max_examples=300, deadline=None)
def test_offsets_lie_in_the_text_and_in_order(code, text):
    end = 0
    for run in runs(text, language(code).lexicon):
        offsets = run.offsets()
        assert len(offsets) == len(run.value)
        assert offsets[0][0] >= end
        assert all(0 <= first < after <= len(text) for first, after in offsets)
        assert sorted(offsets) == offsets
        end = offsets[-1][1]


@given(languages, digits, st.text("abc ,.", max_size=20))
@settings(max_examples=100, deadline=None)
def test_every_written_digit_maps_to_itself(code, number, before):
    text = f"{before} {number}"
    for run in runs(text, language(code).lexicon):
        for character, (start, end) in zip(run.value, run.offsets(), strict=True):
            assert not character.isdecimal() or text[start:end] == character


@pytest.mark.parametrize(
    ("code", "text", "value"),
    [
        ("en", "N M four four seven one, nine zero two three", "NM44719023"),
        ("en", "NM44719023", "NM44719023"),
        ("en", "N as in Nancy, M as in Mary, 4471", "NM4471"),
        ("en", "double five triple oh seven", "550007"),
        ("en", "four four uh seven one", "4471"),
        ("en", "4, 4, 7, 1", "4471"),
        ("en", "4471. Mhm. 9023.", "44719023"),
        ("en", "nineteen hundred eighty two", "1982"),
        ("en", "nineteen oh five", "1905"),
        ("en", "DE 89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("es", "cinco cuatro treinta y cuatro ka", "5434K"),
        ("fr", "zéro six douze quatre-vingt-dix-huit soixante dix sept", "06129877"),
        ("fr", "dix-neuf cent quatre-vingt-deux", "1982"),
        ("de", "null eins sieben sechs vierundzwanzig", "017624"),
        ("de", "vier und zwanzig, zwo, fuenf", "2425"),
        ("de", "neunzehnhundert neunundsiebzig", "1979"),
        ("pt", "nove um meia doze", "91612"),
        ("it", "mille novecento ottantadue", "1982"),
        ("nl", "nul zes vier en twintig tweeëntwintig", "062422"),
        ("pl", "sześćset dwa trzysta czterdzieści pięć", "602345"),
        ("pl", "piec szesc siedem", "567"),
    ],
)
def test_a_number_as_people_say_it(code, text, value):
    assert values(text, code) == [value]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "fifteen percent"),
        ("en", "two thousand units"),
        ("en", "at 10:30"),
        ("en", "$25"),
        ("en", "twelve thousand five hundred dollars"),
        ("en", "849.50 dollars"),
        ("en", "I have a cat"),
        ("es", "quince por ciento"),
        ("fr", "c'est parfait"),
        ("de", "zweitausend Stück"),
    ],
)
def test_a_quantity_is_no_run(code, text):
    assert values(text, code) == []


def test_repeats_of_repeats_end():
    assert values("double " * 5000 + "five")
