"""The redactor as the pipeline sees it."""

import gc
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs.engines.pii.artifacts import Artifacts
from jobs.engines.pii.claims import Claim
from jobs.engines.pii.merging import Found, merge
from jobs.engines.pii.reading import Word
from jobs.engines.pii.scene import Scene
from jobs.engines.pii.spoken import Run
from jobs.engines.pii.stretches import LENGTH, stretches
from jobs.engines.pii.tokens import Token
from jobs.engines.redactor_presidio import PresidioRedactor


@pytest.fixture(scope="module")
def redactor():
    return PresidioRedactor()


def test_findings_are_in_order_and_do_not_overlap(redactor):
    text = "My social is 536-90-4399 and my card is 4111 1111 1111 1111. " * 3
    items = redactor.find(text, "en", lambda fraction: None).items
    assert [item.type for item in items] == ["NATIONAL_ID", "CREDIT_CARD"] * 3
    assert all(one.end <= other.start for one, other in itertools.pairwise(items))
    assert len(items[0].detectors) >= 2


def test_a_number_is_found_wherever_a_long_text_is_cut(redactor):
    filler = "we talked about the weather for a while and then some more. "
    for shift in range(0, 1200, 400):
        text = (filler * 450)[: LENGTH - 600 + shift] + " My card number is 4111 1111 1111 1111. " + filler * 30
        items = redactor.find(text, "en", lambda fraction: None).items
        assert "4111 1111 1111 1111" in [text[item.start : item.end] for item in items]


def test_threads_that_share_a_redactor_find_each_their_own(redactor):
    names = ["Margaret Okonkwo", "Zbrinska Quorlow", "Peter Mitchell", "Sarah Abernathy"]
    texts = [f"My name is {name}, my card is 4111 1111 1111 1111. " + "It is what it is. " * 40 for name in names] * 6

    def said(text):
        return [text[item.start : item.end] for item in redactor.find(text, "en", lambda fraction: None).items]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(said, texts))
    assert found == [[name, "4111 1111 1111 1111"] for name in names] * 6


def test_nothing_of_a_text_outlives_the_call(redactor):
    redactor.find("My name is Margaret Okonkwo, my account is 447190235.", "en", lambda fraction: None)
    gc.collect()
    kept = [each for each in gc.get_objects() if type(each) in (Scene, Artifacts, Word, Token, Run, Claim)]
    assert kept == []


def test_an_error_of_progress_comes_through(redactor):
    def cancelled(fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        redactor.find("hello", "en", cancelled)


def test_nothing_is_found_in_nothing(redactor):
    assert redactor.find("", "en", lambda fraction: None).items == ()


def test_other_languages_are_refused(redactor):
    with pytest.raises(ValueError, match="ja is not one of the languages"):
        redactor.find("こんにちは", "ja", lambda fraction: None)


def test_stretches_cover_the_text():
    text = "a sentence. " * 6000
    cut = list(stretches(text))
    assert cut[0].start == 0 and cut[-1].end == len(text)
    assert all(one.end == other.start for one, other in itertools.pairwise(cut))
    assert all(one.first <= one.start < one.end <= one.after for one in cut)


def test_overlapping_finds_become_one_span_of_the_surest_type():
    text = "a" * 40
    items = merge(
        text,
        [
            Found(0, 10, "PHONE_NUMBER", 0.6, "phone"),
            Found(2, 8, "POLICY_NUMBER", 0.8, "policy"),
            Found(20, 30, "PERSON", 0.9, "model"),
            Found(25, 35, "LOCATION", 0.5, "towns"),
        ],
    )
    assert [(item.start, item.end, item.type) for item in items] == [
        (0, 10, "POLICY_NUMBER"),
        (20, 30, "PERSON"),
        (30, 35, "LOCATION"),
    ]
    assert items[0].detectors == ("phone", "policy")
