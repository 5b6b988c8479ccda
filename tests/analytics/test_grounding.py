"""Whether words were said: across inflection, accents and capitals, in languages with and without spaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.grounding import folded, names, numbers_said, phrase_said, share_said, similar, stems

SAID = "I'll send the revised support copy by Friday, and María pays 5,000 euros."


@pytest.mark.parametrize("phrase", ["Friday", "by friday", "BY FRIDAY,", "Maria", "support copy", "5,000 euros"])
def test_a_phrase_is_said_whatever_its_capitals_accents_and_punctuation(phrase):
    assert phrase_said(phrase, SAID)


@pytest.mark.parametrize("phrase", ["Fri", "on Friday", "copy support", "Mar", "500", "", " ", "…", "tomorrow"])
def test_a_phrase_that_is_not_said_word_for_word_is_not_said(phrase):
    assert not phrase_said(phrase, SAID)


@pytest.mark.parametrize("phrase", ["星期五", "星期 五", "発送"])
def test_a_phrase_without_spaces_is_found_inside_a_sentence(phrase):
    assert phrase_said(phrase, "我们星期五发货。 明日発送します。")
    assert not phrase_said(phrase, "我们星期六发货。")


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_what_stands_in_a_text_as_whole_words_is_said(phrase, before, after):
    assert phrase_said(phrase, f"{before} {phrase} {after}") or not folded(phrase)


@pytest.mark.parametrize("text", ["5,000", "at 5,000 euros", "no number", ""])
def test_numbers_that_are_said_are_said(text):
    assert numbers_said(text, SAID)


@pytest.mark.parametrize("text", ["5", "5000", "50", "000", "5,000.50", "2 of 5,000"])
def test_a_number_that_is_not_said_as_it_stands_is_not_said(text):
    assert not numbers_said(text, SAID)


def test_an_inflected_word_is_said():
    assert share_said("invoices confirmed", "please confirm the invoice") == 1.0
    assert share_said("Rechnungen geprüft", "Die Rechnung wird noch geprüft") == 1.0


def test_short_words_carry_no_meaning_where_words_have_spaces():
    assert stems("We go to the big house") == {"house"}
    assert stems("我去") == {"我", "去"}


@given(st.text(max_size=60))
def test_a_text_says_all_of_itself(text):
    assert share_said(text, text) == 1.0
    assert similar(text, text) == 1.0
    assert numbers_said(text, text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_likeness_is_a_share_and_the_same_both_ways(one, other):
    assert 0.0 <= similar(one, other) == similar(other, one) <= 1.0
    assert 0.0 <= share_said(one, other) <= 1.0


def test_names_are_capitals_inside_a_sentence():
    assert names("The caller met Anna O'Neill. She paid on Monday: Nothing else.") == ["Anna", "O'Neill", "Monday"]
