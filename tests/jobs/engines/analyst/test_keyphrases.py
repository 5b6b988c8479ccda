"""Keywords and topics: what the talk is about, never greetings, fillers, placeholders, numbers or weekdays."""

from __future__ import annotations

import pytest

from analytics.grounding import folded
from analytics.spoken import Spoken
from jobs.engines.analyst.keyphrases import keyphrases
from jobs.engines.analyst.topics import CANDIDATES, titles, topics
from jobs.engines.analyst.vectors import SentenceVectors
from tests.analytics.conversations import AGENT, CALLER, conversation, the_call
from tests.jobs.engines.analyst.conftest import Read

KITCHEN = (
    (AGENT, "Good morning, how are you? Thank you for calling, okay, yeah, you know."),
    (CALLER, "Hello, um, my dishwasher broke on Monday and the kitchen floor is under water."),
    (AGENT, "I see, the dishwasher. Is the warranty for the dishwasher still running? <PHONE_NUMBER> <CREDIT_CARD>"),
    (
        CALLER,
        "The warranty runs until 2026, 12 months, [EMAIL_ADDRESS_1] and [LOCATION_2], Wednesday and Friday.",
    ),
    (AGENT, "Okay, yeah. A technician repairs the dishwasher on Wednesday, twenty minutes, right?"),
    (CALLER, "Great, thanks, bye. The technician may ring, #### and ████."),
)


def keywords(read: Read, vectors: SentenceVectors, spoken: Spoken, most: int = 12) -> tuple[str, ...]:
    return keyphrases(read(spoken), vectors, most)


def test_keywords_name_what_they_talk_about(read: Read, vectors: SentenceVectors) -> None:
    found = " ".join(keywords(read, vectors, conversation(*KITCHEN)))

    assert "dishwasher" in found and "technician" in found


@pytest.mark.parametrize("language", ["en", None])
def test_keywords_are_no_greetings_fillers_placeholders_numbers_or_days(
    read: Read, vectors: SentenceVectors, language: str | None
) -> None:
    found = keywords(read, vectors, conversation(*KITCHEN, language=language), 100)
    words = {word for phrase in found for word in folded(phrase).split()}

    assert words and not words & set(
        "hello good morning thank thanks calling okay yeah you know um bye great right see phone number email address "
        "credit card location monday wednesday friday twenty minutes months 2026 12".split()
    )
    assert not any(char in phrase for phrase in found for char in "<>[]#█_")


def test_keywords_are_said_word_for_word_in_lower_case_and_each_once(read: Read, vectors: SentenceVectors) -> None:
    for spoken in (conversation(*KITCHEN), the_call()):
        found = keywords(read, vectors, spoken, 100)
        said = folded(spoken.text)
        assert all(phrase == phrase.lower() and folded(phrase) in said for phrase in found)
        every = [word for phrase in found for word in folded(phrase).split()]
        assert len(every) == len(set(every))


def test_people_are_no_keywords(read: Read, vectors: SentenceVectors) -> None:
    spoken = conversation((AGENT, "The invoice for Penelope is late."), (CALLER, "So Penelope waits for the invoice."))

    assert not any("penelope" in phrase for phrase in keywords(read, vectors, spoken))


@pytest.mark.parametrize(
    ("language", "text", "word"),
    [
        ("zh", "我的保险单出了问题，保险单的号码不对。", "保险单"),
        ("ja", "インターネットが遅いです。インターネットの契約を変えたいです。", "インターネット"),
        ("th", "ประกันรถยนต์ของผมหมดอายุแล้ว อยากต่อประกันรถยนต์", None),
        ("ko", "인터넷이 느려요. 인터넷 계약을 바꾸고 싶어요.", None),
        ("ar", "فاتورة الكهرباء مرتفعة. أريد شرحا حول فاتورة الكهرباء.", None),
        ("ru", "Мой договор заканчивается. Я хочу продлить договор.", None),
    ],
)
def test_other_scripts_do_not_fail(
    read: Read, vectors: SentenceVectors, language: str, text: str, word: str | None
) -> None:
    spoken = conversation((AGENT, text), (CALLER, text), language=language)

    found = keywords(read, vectors, spoken)

    assert all(folded(phrase) in folded(text) for phrase in found)
    assert word is None or any(phrase in word for phrase in found)


@pytest.mark.parametrize("text", ["", " ", "...", "Okay.", "12 13 14.", "<PHONE_NUMBER>", "Hello, hello, hello."])
def test_where_nothing_is_said_there_are_no_keywords_and_no_topics(
    read: Read, vectors: SentenceVectors, text: str
) -> None:
    reading = read(conversation((AGENT, text)))

    assert keyphrases(reading, vectors) == ()
    assert topics(reading, (), vectors) == ()
    assert titles(reading, (0,), vectors) == [" ".join(text.split())]


def test_fewer_keywords_are_the_first_of_more(read: Read, vectors: SentenceVectors) -> None:
    reading = read(the_call())

    assert keyphrases(reading, vectors, 3) == keyphrases(reading, vectors, 30)[:3]


@pytest.mark.parametrize("rows", [KITCHEN, tuple((line.speaker, line.text) for line in the_call().lines)])
def test_the_evidence_of_a_topic_holds_its_phrase(
    read: Read, vectors: SentenceVectors, rows: tuple[tuple[str, str], ...]
) -> None:
    spoken = conversation(*rows)
    reading = read(spoken)

    found = topics(reading, keyphrases(reading, vectors, CANDIDATES), vectors)

    assert found and [topic.ids[0] for topic in found] == sorted(topic.ids[0] for topic in found)
    for topic in found:
        assert 1 <= len(topic.ids) <= 3 and topic.ids == tuple(sorted(topic.ids))
        assert topic.topic[0] == topic.topic[0].upper()
        assert all(folded(topic.topic) in folded(spoken.lines[id_].text) for id_ in topic.ids)


def test_a_topic_that_comes_often_cites_three_lines(read: Read, vectors: SentenceVectors) -> None:
    spoken = conversation(
        *[(AGENT, f"The dishwasher is broken, {word}.") for word in "one two three four five".split()]
    )
    reading = read(spoken)

    found = topics(reading, keyphrases(reading, vectors, CANDIDATES), vectors)

    assert found and max(len(topic.ids) for topic in found) == 3
