"""The figures of benchmarks/pii.py mean what README says, and its second set of sentences is the same at every run."""

import pytest

from benchmarks.pii_scoring import scored, total
from benchmarks.pii_sentences import Sentence, Span, chapter, given, plain, written
from jobs.pipeline.pii_types import LANGUAGES, TYPES


def test_half_of_the_characters_is_found_and_less_is_not():
    half = scored([Span("PERSON", 0, 10)], [Span("PERSON", 5, 12)])["PERSON"]
    assert (half.recall, half.recall_any, half.coverage, half.precision) == (1.0, 1.0, 0.5, 1.0)
    less = scored([Span("PERSON", 0, 10)], [Span("PERSON", 6, 12)])["PERSON"]
    assert (less.recall, less.coverage, less.precision) == (0.0, 0.4, 1.0)


def test_two_findings_together_find_a_span():
    score = scored([Span("PHONE_NUMBER", 0, 12)], [Span("PHONE_NUMBER", 0, 3), Span("PHONE_NUMBER", 8, 12)])
    assert score["PHONE_NUMBER"].recall == 1.0


def test_another_type_counts_as_found_of_any_type_alone():
    scores = scored([Span("IBAN_CODE", 3, 9)], [Span("BANK_ACCOUNT", 3, 9)])
    assert (scores["IBAN_CODE"].recall, scores["IBAN_CODE"].recall_any) == (0.0, 1.0)
    assert scores["BANK_ACCOUNT"].precision == 1.0


def test_a_finding_beside_every_span_is_wrong_and_shares_of_nothing_are_none():
    score = total(scored([], [Span("PERSON", 3, 9)]).values())
    assert (score.precision, score.recall, score.coverage) == (0.0, None, None)


def test_plain_text_keeps_its_spans_and_what_stands_inside_words():
    text = "Sí, ¿Ana-María O'Neil? j.smith at x.com, 415-555-0132."
    words = ("Ana-María O'Neil", "j.smith at x.com", "415-555-0132")
    spans = tuple(Span("PERSON", text.index(word), text.index(word) + len(word)) for word in words)
    lowered = plain(Sentence("es", text, spans))
    assert lowered.text == "sí ana-maría o'neil j.smith at x.com 415-555-0132"
    assert [lowered.text[span.start : span.end] for span in lowered.spans] == [word.lower() for word in words]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_second_set_is_the_same_twice_and_has_every_type(language: str):
    sentences = list(written(language, rounds=1))
    assert sentences == list(written(language, rounds=1))
    assert len({sentence.text for sentence in sentences}) >= 30
    spans = [(sentence.text[span.start : span.end], span.type) for sentence in sentences for span in sentence.spans]
    assert all(value and value == value.strip() for value, _ in spans)
    wanted = "PERSON LOCATION PHONE_NUMBER EMAIL_ADDRESS CREDIT_CARD NATIONAL_ID DATE_OF_BIRTH IBAN_CODE".split()
    assert {*wanted, "POLICY_NUMBER", "CLAIM_NUMBER", "ORDER_NUMBER"} <= {kind for _, kind in spans} <= set(TYPES)
    assert len(chapter(language).no_pii.split()) >= 120


def test_the_given_sentences_are_read():
    assert len(given()) == 88
