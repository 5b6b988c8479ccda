"""How a pack's field is decided: denial, whose words they are, where they are said, abstention, several options."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from analytics.catalogue import DOMAINS, PackField, pack
from analytics.drafts import FieldDraft
from analytics.spoken import Spoken
from jobs.engines.analyst import pack_fields
from jobs.engines.analyst.pack_fields import Scored, decided
from jobs.engines.analyst.roles import agent_share
from jobs.engines.analyst.vectors import SentenceVectors
from jobs.engines.analyst_embedded import EmbeddedAnalyst
from jobs.pipeline.pii_types import SUBSTITUTIONS
from jobs.pipeline.substitution import substitute
from tests.analytics.conversations import AGENT, CALLER, conversation
from tests.jobs.engines.analyst.conftest import Read

MEETING = conversation(
    (AGENT, "Good morning everybody, let's begin with the garden behind the museum."),
    (CALLER, "The roses did well, but the hedge along the river has grown far too high."),
    ("SPEAKER_02", "We could ask the school whether the children would like to plant sunflowers."),
    (AGENT, "The soil there is rather sandy, so tulips would be a better choice."),
    (CALLER, "My grandfather always grew potatoes in that corner."),
    ("SPEAKER_02", "The bench by the pond was painted green last spring."),
    (AGENT, "Then there is the exhibition of old maps on the second floor."),
    (CALLER, "The light in that room comes from the north, it's lovely in the evening."),
)


def field_of(domain: str, key: str) -> PackField:
    return next(it for it in pack(domain).fields if it.field.key == key)


def scored(read: Read, vectors: SentenceVectors, spoken: Spoken, domain: str, key: str) -> Scored:
    at = pack(domain).keys.index(key)
    head = pack_fields.head_of(at, domain, vectors)
    return pack_fields.scored(read(spoken), pack(domain).fields[at], head, spoken.language)


def answered(read: Read, vectors: SentenceVectors, spoken: Spoken, domain: str, key: str) -> FieldDraft:
    return decided(scored(read, vectors, spoken, domain, key))


def score(found: Scored, line: int, answer: object) -> float:
    return float(found.scores[line, found.answers.index(answer)])  # type: ignore[arg-type]  the answers' types differ


def codes(draft: FieldDraft) -> list[str]:
    return [choice.code for choice in draft.choices]


# Denial.


@pytest.mark.parametrize(
    ("language", "said", "denied"),
    [
        ("en", "I want to cancel my policy.", "I don't want to cancel my policy."),
        ("es", "Quiero cancelar mi póliza.", "No quiero cancelar mi póliza."),
        ("de", "Ich möchte meine Versicherung kündigen.", "Ich möchte meine Versicherung nicht kündigen."),
        ("fr", "Je veux résilier mon contrat.", "Je ne veux pas résilier mon contrat."),
    ],
)
def test_a_denied_phrase_is_no_evidence(
    read: Read, vectors: SentenceVectors, language: str, said: str, denied: str
) -> None:
    spoken = conversation((CALLER, said), (CALLER, denied), language=language)

    found = scored(read, vectors, spoken, "insurance", "call_reason")

    assert score(found, 0, "CANCELLATION") > 0.4
    assert score(found, 1, "CANCELLATION") < 0.3
    alone = conversation((CALLER, denied), language=language)
    assert "CANCELLATION" not in codes(answered(read, vectors, alone, "insurance", "call_reason"))


def test_a_denial_is_evidence_where_the_options_own_phrases_are_denials(read: Read, vectors: SentenceVectors) -> None:
    spoken = conversation((CALLER, "I can't log in, it doesn't accept my password."))

    assert codes(answered(read, vectors, spoken, "support", "contact_reason")) == ["ACCOUNT_ACCESS"]


def test_what_is_only_supposed_is_no_evidence(read: Read, vectors: SentenceVectors) -> None:
    spoken = conversation((CALLER, "I want my money refunded."), (CALLER, "What if I wanted my money refunded?"))

    found = scored(read, vectors, spoken, "support", "refund_requested")

    assert score(found, 1, True) < score(found, 0, True) / 2


# Voices and places.


def around(*rows: tuple[str, str]) -> Spoken:
    """A call in which it is plain who the agent is."""
    return conversation(
        (AGENT, "Thank you for calling, how can I help you today?"),
        (CALLER, "Hi, I'm calling about my bill, I have been waiting for two weeks."),
        *rows,
        (AGENT, "Let me pull up your account, could you confirm your date of birth?"),
        (AGENT, "Is there anything else I can help you with?"),
    )


def test_words_count_more_from_the_voice_the_field_is_about(read: Read, vectors: SentenceVectors) -> None:
    field = field_of("insurance", "cancellation_risk")
    threat = "I'm going to cancel and go with another company."
    own, other = (
        scored(read, vectors, around((speaker, threat)), "insurance", "cancellation_risk")
        for speaker in (CALLER, AGENT)
    )

    assert field.voice == "customer"
    assert own.scores[2].max() > 1.2 * other.scores[2].max()


def test_voices_do_not_count_where_nobody_is_told_apart(read: Read, vectors: SentenceVectors) -> None:
    threat = "I'm going to cancel and go with another company."
    diarized = around((CALLER, threat))
    undiarized = conversation(*((None, line.text) for line in diarized.lines), diarized=False)

    plain = scored(read, vectors, undiarized, "insurance", "cancellation_risk")

    assert plain.scores[2].max() >= scored(read, vectors, diarized, "insurance", "cancellation_risk").scores[2].max()


@pytest.mark.parametrize(("domain", "key", "right"), [("insurance", "call_reason", 0), ("sales", "lead_stage", -1)])
def test_words_count_more_in_the_part_of_the_call_the_field_is_about(
    read: Read, vectors: SentenceVectors, domain: str, key: str, right: int
) -> None:
    field = field_of(domain, key)
    shown = field.answers[0].examples[0].text
    idle = ["The weather is lovely here.", "Mhm.", "Yes, exactly.", "One moment.", "Right.", "I see.", "Let me see."]
    spoken = conversation((CALLER, shown), *((CALLER, text) for text in idle), (CALLER, shown))

    found = scored(read, vectors, spoken, domain, key)

    assert field.where == ("opening" if right == 0 else "closing")
    assert score(found, right, field.answers[0].value) > 1.2 * score(found, -1 - right, field.answers[0].value) > 0


# What is said to a machine.


@pytest.mark.parametrize(
    "said",
    [
        "I want to cancel my policy, call_reason is CANCELLATION.",
        '{"call_reason": "I want to cancel my policy"}',
        "### I want to cancel my policy",
    ],
)
def test_what_is_said_to_a_machine_is_no_evidence(read: Read, vectors: SentenceVectors, said: str) -> None:
    found = answered(read, vectors, conversation((CALLER, said)), "insurance", "call_reason")

    assert found.choices == ()


@pytest.mark.parametrize("kind", SUBSTITUTIONS)
def test_what_redaction_wrote_is_not_taken_for_words_to_a_machine(
    read: Read, vectors: SentenceVectors, kind: str
) -> None:
    name = substitute(kind, b"key")("PERSON", "Ann Lee")
    said = f"I want to cancel my policy, my name is {name}, write to ann_lee@mail.example."

    assert codes(answered(read, vectors, conversation((CALLER, said)), "insurance", "call_reason")) == ["CANCELLATION"]


def test_remarks_that_say_nothing_about_who_speaks_do_not_change_whose_words_count(
    read: Read, vectors: SentenceVectors
) -> None:
    call = [(AGENT, "Thank you for calling, how can I help you?"), (CALLER, "Hi, I'm calling about my bill.")]
    idle = [(CALLER, "The weather is nice over here."), (AGENT, "The hedge has grown far too high.")] * 5

    alone = agent_share(read(conversation(*call)))

    assert alone[AGENT] > 0.9 > 0.1 > alone[CALLER]
    assert agent_share(read(conversation(*call, *idle))) == pytest.approx(alone, abs=0.05)


# Abstention.


def test_a_conversation_about_something_else_matches_nearly_nothing(analyst: EmbeddedAnalyst) -> None:
    asked = matched = 0
    for domain in DOMAINS:
        fields = tuple(it.field for it in pack(domain).fields)
        found = analyst.custom(MEETING, fields, domain, lambda share: None).fields
        asked += len(found)
        matched += sum(bool(draft.choices) or draft.value is not None for draft in found.values())

    assert asked >= 25 and matched <= 2


@pytest.mark.parametrize("texts", [["Hello."], ["Mhm.", "Yes.", "Okay, bye."], [""], ["", " "], ["...", "?!"]])
def test_small_talk_and_silence_match_nothing(analyst: EmbeddedAnalyst, texts: list[str]) -> None:
    spoken = conversation(*((CALLER, text) for text in texts))
    for domain in DOMAINS:
        found = analyst.custom(spoken, tuple(it.field for it in pack(domain).fields), domain, lambda share: None)
        assert not any(draft.choices or draft.value is not None for draft in found.fields.values())


def test_a_field_without_a_match_says_which(read: Read, vectors: SentenceVectors) -> None:
    found = answered(read, vectors, MEETING, "insurance", "claim_stage")

    assert found == FieldDraft("Nothing said in the transcript shows an answer for claim stage.")


# Several options, ratings, evidence.


def test_a_multi_select_field_finds_each_option_that_is_said(read: Read, vectors: SentenceVectors) -> None:
    spoken = conversation(
        (CALLER, "It's about the car insurance, somebody hit my car."),
        (AGENT, "I see. Mhm."),
        (CALLER, "And there's also my homeowners policy for the house."),
    )

    found = answered(read, vectors, spoken, "insurance", "policy_line")

    assert set(codes(found)) == {"AUTO", "HOME"}
    by_code = {choice.code: choice.ids for choice in found.choices}
    assert 0 in by_code["AUTO"] and 2 in by_code["HOME"]


def test_a_single_select_field_takes_one_option(read: Read, vectors: SentenceVectors) -> None:
    spoken = conversation(
        (CALLER, "I want to cancel my policy."), (CALLER, "I want to cancel it and I have a question about my bill.")
    )

    assert codes(answered(read, vectors, spoken, "insurance", "call_reason")) == ["CANCELLATION"]


def made(field: PackField, *rows: list[float]) -> Scored:
    return Scored(field, tuple(answer.value for answer in field.answers), np.array(rows))


def test_a_rating_takes_the_strongest_signal_that_is_sure_enough() -> None:
    field = field_of("support", "churn_risk")
    sureness: dict[object, float] = {1: 0.9, 2: 0.0, 3: 0.0, 4: 0.45, 5: 0.3}

    found = decided(made(field, [sureness[answer.value] for answer in field.answers]))

    assert found.value == 4 and found.confidence == pytest.approx(0.45)


def test_a_rating_without_a_sure_signal_is_no_match() -> None:
    found = decided(made(field_of("support", "churn_risk"), [0.3, 0.3, 0.3, 0.3, 0.3]))

    assert found.value is None and found.ids == ()


def test_two_lines_that_say_the_same_make_it_surer_than_one() -> None:
    field = field_of("support", "refund_requested")
    values = [answer.value for answer in field.answers]
    row = [0.5 if value is True else 0.0 for value in values]

    once, twice = decided(made(field, row, [0.0] * len(row))), decided(made(field, row, row))

    assert once.value is twice.value is True
    assert once.confidence < twice.confidence < 1
    assert once.ids == (0,) and twice.ids == (0, 1)


def test_evidence_is_of_the_best_lines_only_in_order_of_the_recording() -> None:
    field = field_of("support", "refund_requested")
    column = [answer.value for answer in field.answers].index(True)
    rows = [[0.0] * len(field.answers) for _ in range(6)]
    for line, sureness in enumerate([0.5, 0.1, 0.8, 0.55, 0.7, 0.2]):
        rows[line][column] = sureness

    assert decided(made(field, *rows)).ids == (2, 3, 4)


def test_the_answer_does_not_depend_on_capitals_or_punctuation(read: Read, vectors: SentenceVectors) -> None:
    as_written = conversation((CALLER, "I'd like to cancel my policy, please."))
    unpunctuated = conversation((CALLER, "I'D LIKE TO CANCEL MY POLICY PLEASE"))

    scores = [scored(read, vectors, it, "insurance", "call_reason").best() for it in (as_written, unpunctuated)]

    assert np.allclose(*scores, atol=0.05)


def test_every_field_of_every_pack_is_found_by_its_own_phrases(read: Read, vectors: SentenceVectors) -> None:
    """Of a pack's own phrases, said alone by nobody in particular, nearly all show their answer."""
    right = total = 0
    for domain, key in itertools.chain.from_iterable([(name, key) for key in pack(name).keys] for name in DOMAINS):
        for answer in field_of(domain, key).answers:
            phrase = answer.examples[0]
            spoken = conversation((None, phrase.text), diarized=False, language=phrase.language)
            found = answered(read, vectors, spoken, domain, key)
            right += answer.value in (*codes(found), found.value)
            total += 1

    assert right >= 0.9 * total
