"""When something is to be done: the transcript's very words in the eight languages, and nothing that is no date."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engines.analyst.cues import cues
from jobs.engines.analyst.dates import due_phrase

EIGHT = ("en", "es", "fr", "de", "it", "nl", "pt", "pl")
SAID = [
    ("en", "I'll send it over by Friday noon, promise.", "by Friday noon"),
    ("en", "You'll hear back within two weeks.", "within two weeks"),
    ("en", "I can do it tomorrow morning at 9 am.", "tomorrow morning at 9 am"),
    ("en", "It is due on March 3rd.", "due on March 3rd"),
    ("en", "We'll settle it in five to seven business days.", "in five to seven business days"),
    ("en", "Let's do it by the end of the month.", "by the end of the month"),
    ("es", "Se lo mando antes del viernes.", "antes del viernes"),
    ("es", "Le llamamos dentro de dos semanas.", "dentro de dos semanas"),
    ("es", "Lo hago mañana por la mañana.", "mañana por la mañana"),
    ("fr", "Je vous l'envoie avant vendredi.", "avant vendredi"),
    ("fr", "Vous aurez une réponse dans deux semaines.", "dans deux semaines"),
    ("de", "Ich schicke es bis Freitag.", "bis Freitag"),
    ("de", "Das dauert nicht lange, innerhalb von zwei Wochen.", "innerhalb von zwei Wochen"),
    ("it", "Glielo mando entro venerdì.", "entro venerdì"),
    ("it", "Riceverà la lettera tra due settimane.", "tra due settimane"),
    ("nl", "Ik stuur het voor vrijdag.", "voor vrijdag"),
    ("nl", "U hoort het binnen twee weken.", "binnen twee weken"),
    ("pt", "Envio até sexta-feira.", "até sexta-feira"),
    ("pt", "Respondemos dentro de duas semanas.", "dentro de duas semanas"),
    ("pl", "Wyślę to do piątku.", "do piątku"),
    ("pl", "Odpowiemy w ciągu dwóch tygodni.", "w ciągu dwóch tygodni"),
]


@pytest.mark.parametrize(("language", "text", "due"), SAID)
def test_the_words_that_say_when_are_found_as_they_are_written(language: str, text: str, due: str) -> None:
    assert due_phrase(text, language) == due
    assert due_phrase(text.upper(), language) == due.upper()


@pytest.mark.parametrize("language", EIGHT)
def test_a_text_without_a_date_has_none(language: str) -> None:
    for text in ("", " ", "...", "Okay.", "12345", "Hmm, a b c."):
        assert due_phrase(text, language) is None


@pytest.mark.parametrize("language", EIGHT)
def test_what_is_listed_as_no_date_is_none(language: str) -> None:
    for phrase in cues("due_dates")[language]["not_dates"]:
        assert due_phrase(f"xx {phrase} xx", language) is None, phrase
        assert due_phrase(str(phrase).capitalize(), language) is None, phrase


@pytest.mark.parametrize("language", EIGHT)
def test_every_day_and_every_expression_of_the_cues_is_found(language: str) -> None:
    listed = cues("due_dates")[language]
    idle = [str(phrase) for phrase in listed["not_dates"]]
    for phrase in [*listed["days"], *listed["relative"]]:
        if not any(other in str(phrase) for other in idle):
            found = due_phrase(f"xx {phrase} xx", language)
            assert found is not None and str(phrase) in found


def test_the_longest_of_several_phrases_is_taken() -> None:
    assert (
        due_phrase("Today I can't, but by the beginning of next week I can.", "en") == "by the beginning of next week"
    )
    assert due_phrase("Je passe le week-end prochain.", "fr") == "le week-end prochain"


def test_a_word_that_only_holds_a_days_name_is_no_date() -> None:
    assert due_phrase("The Fridaynight band and Mondayish moods.", "en") is None


def test_without_a_language_the_words_are_english_and_an_unknown_language_has_none() -> None:
    assert due_phrase("By Friday.", None) == "By Friday"
    assert due_phrase("By Friday.", "da") is None


@st.composite
def anything_like_dates(draw: st.DrawFn) -> tuple[str, str]:
    language = draw(st.sampled_from([*EIGHT, "zh", "ja", "ko", "th", "tr", "ru", "ar"]))
    listed = cues("due_dates").get(language, {})
    known = [str(phrase) for phrases in listed.values() for phrase in phrases]
    pieces = st.sampled_from([*known, "5", "31", "12:30", "am", "-", "–", ",", ".", "x", "\n", "\0"]) | st.text(
        max_size=5
    )
    gaps = st.sampled_from([" ", "", "  ", "\n", ", "])
    return language, "".join(draw(pieces) + draw(gaps) for _ in range(draw(st.integers(0, 12))))


@given(anything_like_dates())
def test_a_due_phrase_is_always_part_of_the_text_or_none(case: tuple[str, str]) -> None:
    language, text = case

    found = due_phrase(text, language)

    assert found is None or (found and found in text and found == found.strip(" ,."))


REPEATED = (
    *("monday ", "1 may ", "may 1 ", "by the ", "within the next ", "5 - ", "half a ", "first of ", "1 ", "a ", "1"),
    *("at a", "el ", "de ", "\t\n", ". ", ", ", "i", "monday" + " " * 300, "within the next 5" + " " * 300 + "or"),
)


@pytest.mark.parametrize("language", EIGHT)
def test_a_very_long_line_takes_no_catastrophic_time(language: str) -> None:
    """A pattern that backtracks exponentially would not come to an end at all; the bound is far from tight."""
    begun = time.process_time()
    for piece in REPEATED:
        due_phrase((piece * 20_000)[:20_000] + "!", language)
    assert time.process_time() - begun < 20
