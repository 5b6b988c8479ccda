"""Terms that the decoder was told to expect: which texts are suspected of repeating them, and which were not said."""

import pytest

from jobs.engines.keyterms import added_terms, mostly_terms

TERMS = ("Zyrtec", "Lakeside Family Clinic", "Claritin")


@pytest.mark.parametrize(
    "text",
    [
        "Zyrtec.",
        "zyrtec, claritin",
        "Lakeside Family Clinic, thank you.",
        "We will call you back tomorrow. Zyrtec.",
        "So I went there and asked for Zyrtec, Lakeside Family Clinic and so on and on and on for an hour.",
    ],
    ids=["one term", "any case", "half of the words", "a sentence of its own", "two in the list's order"],
)
def test_a_text_that_is_little_but_terms_is_suspected(text):
    assert mostly_terms(text, TERMS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I take Zyrtec every day.",
        "I went to the Lakeside clinic with my family.",
        "She has Claritin at home, and sometimes Zyrtec too, she says.",
    ],
    ids=["nothing", "a term in a sentence", "parts of a term", "two in another order"],
)
def test_a_sentence_with_terms_in_it_is_not(text):
    assert not mostly_terms(text, TERMS)


def test_without_terms_nothing_is_suspected():
    assert not mostly_terms("Zyrtec.", ()) and not mostly_terms("Zyrtec.", ("…",))


def test_terms_of_a_language_without_spaces_are_found_character_by_character():
    assert mostly_terms("東京タワーです", ("東京タワー",))
    assert not mostly_terms("昨日は東京タワーまで歩いて行きました", ("東京タワー",))


@pytest.mark.parametrize("plain", ["", "Thanks.", "Take it twice a day."])
def test_terms_where_the_plain_reading_has_no_words_were_not_said(plain):
    assert added_terms(f"{plain} Zyrtec, Lakeside Family Clinic, Claritin.", plain, TERMS)


def test_a_term_in_the_place_of_other_words_is_a_correction():
    assert not added_terms("I take Zyrtec every day.", "I take sir tech every day.", TERMS)
    assert not added_terms("At Lakeside Family Clinic.", "At lake side clinic.", TERMS)


def test_many_terms_for_one_word_are_none():
    assert added_terms("Zyrtec Lakeside Family Clinic Claritin.", "Thanks.", TERMS)
