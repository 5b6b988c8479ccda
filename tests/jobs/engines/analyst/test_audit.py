"""Action items and their owners, questions and answers, missed openings, urgency: found by what sentences do."""

from __future__ import annotations

import pytest

from analytics.drafts import Action, Answered, Opportunity
from analytics.modules import ITEM_CAP
from analytics.spoken import Spoken
from jobs.engines.analyst.audit import MOST_ITEMS, Audit
from jobs.engines.analyst.feelings import feelings
from tests.analytics.conversations import AGENT, CALLER, conversation, the_call
from tests.jobs.engines.analyst.conftest import Read

THIRD = "SPEAKER_02"


def audited(read: Read, spoken: Spoken) -> Audit:
    reading = read(spoken)
    return Audit(reading, feelings(reading))


def actions(
    read: Read, *rows: tuple[str | None, str], language: str = "en", diarized: bool = True
) -> tuple[Action, ...]:
    return audited(read, conversation(*rows, language=language, diarized=diarized)).actions()


def answered(read: Read, *rows: tuple[str | None, str], diarized: bool = True) -> tuple[Answered, ...]:
    return audited(read, conversation(*rows, diarized=diarized)).answered()


# Action items.


@pytest.mark.parametrize(
    ("language", "promise", "due"),
    [
        ("en", "I'll send you the contract by Friday.", "by Friday"),
        ("es", "Le enviaré el contrato antes del viernes.", "antes del viernes"),
        ("fr", "Je vous enverrai le contrat avant vendredi.", "avant vendredi"),
        ("de", "Ich schicke Ihnen den Vertrag bis Freitag.", "bis Freitag"),
        ("it", "Le mando il contratto entro venerdì.", "entro venerdì"),
        ("nl", "Ik stuur u het contract voor vrijdag.", "voor vrijdag"),
        ("pt", "Vou enviar-lhe o contrato até sexta-feira.", "até sexta-feira"),
        ("pl", "Wyślę pani umowę do piątku.", "do piątku"),
    ],
)
def test_a_promise_is_the_speakers_with_the_words_that_say_when(
    read: Read, language: str, promise: str, due: str
) -> None:
    [action] = actions(read, (CALLER, "Mhm."), (AGENT, promise), (CALLER, "Okay."), language=language)

    assert (action.action, action.owner, action.due_date, action.ids) == (promise, AGENT, due, (1,))


def test_a_request_that_is_agreed_to_is_the_other_ones(read: Read) -> None:
    [action] = actions(
        read, (CALLER, "Could you send me the form by email?"), (AGENT, "Sure, of course."), (CALLER, "Thank you.")
    )

    assert action.ids == (0,) and action.owner == AGENT


def test_a_request_that_is_answered_at_once_is_no_task(read: Read) -> None:
    request = (AGENT, "Could you give me your policy number, please?")

    assert actions(read, request, (CALLER, "Sure, it's 5512.")) == ()
    assert actions(read, request, (CALLER, "Yes, it's five seven one two.")) == ()


def test_a_request_that_nobody_agrees_to_is_no_task(read: Read) -> None:
    assert actions(read, (CALLER, "Could you send me the form by email?"), (AGENT, "The form is online.")) == ()


def test_a_promise_that_is_denied_is_none(read: Read) -> None:
    assert actions(read, (AGENT, "I won't send you the contract by Friday."), (CALLER, "Okay.")) == ()


def test_who_is_named_in_an_assignment_owns_it(read: Read) -> None:
    found = actions(
        read,
        (AGENT, "Tom, please take care of the slides by Monday."),
        (CALLER, "All right."),
        (THIRD, "The weather is nice."),
    )

    assert [action.owner for action in found] == ["Tom"]


def test_a_request_among_three_speakers_has_no_owner_unless_one_is_named(read: Read) -> None:
    found = actions(
        read,
        (CALLER, "Could you please send the minutes to everybody by Friday?"),
        (AGENT, "Sure, no problem."),
        (THIRD, "The minutes were long."),
    )

    assert [(action.ids, action.owner) for action in found] == [((0,), None)]


def test_an_undiarized_promise_has_no_owner(read: Read) -> None:
    [action] = actions(read, (None, "I'll send you the contract by Friday."), (None, "Okay."), diarized=False)

    assert action.owner is None and action.due_date == "by Friday"


def test_one_line_gives_one_item_whatever_it_says_beside(read: Read) -> None:
    text = "Okay. I'll send you the contract by Friday. And I'll call you on Monday. Goodbye."

    [action] = actions(read, (AGENT, text), (CALLER, "Fine."))

    assert action.ids == (0,) and action.action in text


# Long recordings.


def test_of_very_many_items_the_surest_come_first_in_their_order(read: Read) -> None:
    weak, sure = "I'll see about the garden shed tomorrow.", "I'll send you the contract by Friday."
    assert len(actions(read, (AGENT, weak))) == 1
    rows = [(AGENT, weak if at < 100 else sure) for at in range(100 + ITEM_CAP)]

    found = actions(read, *rows)

    assert len(found) <= MOST_ITEMS
    shown = [action.ids[0] for action in found[:ITEM_CAP]]
    assert shown == list(range(100, 100 + ITEM_CAP))


def test_a_few_items_stay_in_the_order_of_the_recording(read: Read) -> None:
    found = actions(
        read,
        (AGENT, "I'll send you the contract by Friday."),
        (AGENT, "I'll have a look at that one."),
        (AGENT, "I'll call you back tomorrow morning."),
    )

    assert [action.ids[0] for action in found] == sorted(action.ids[0] for action in found)
    assert len(found) >= 2


# Questions and answers.


def test_a_question_is_paired_with_what_the_other_one_says_next(read: Read) -> None:
    [pair] = answered(
        read,
        (CALLER, "When will the technician come to our house?"),
        (AGENT, "He will be there on Tuesday."),
        (AGENT, "In the afternoon."),
        (CALLER, "All right."),
        (AGENT, "The invoice comes later."),
    )

    assert pair.question == "When will the technician come to our house?"
    assert pair.answer == "He will be there on Tuesday. In the afternoon."
    assert pair.ids == (0, 1, 2)


def test_a_question_that_nobody_answers_is_not_answered(read: Read) -> None:
    assert answered(read, (CALLER, "When will the technician come to our house?")) == ()
    assert answered(read, (CALLER, "When will the technician come?"), (CALLER, "I wonder about that a lot.")) == ()


def test_a_question_back_is_no_answer(read: Read) -> None:
    found = answered(read, (CALLER, "When will the technician come to us?"), (AGENT, "Where do you live, please?"))

    assert found == ()


def test_questions_that_run_the_conversation_are_none(read: Read) -> None:
    found = answered(
        read, (AGENT, "How can I help you today?"), (CALLER, "I have a problem with my bill."), (AGENT, "I see.")
    )

    assert found == ()


def test_a_long_answer_is_cut_between_words(read: Read) -> None:
    long = "He comes on Tuesday " + "or on Wednesday " * 60

    [pair] = answered(read, (CALLER, "When will the technician come to our house?"), (AGENT, long))

    assert len(pair.answer) <= 401 and pair.answer.endswith("…") and long.startswith(pair.answer[:-1])


def test_an_undiarized_question_is_answered_by_the_next_line(read: Read) -> None:
    [pair] = answered(
        read,
        (None, "When will the technician come to our house?"),
        (None, "He will be there on Tuesday."),
        (None, "The invoice comes later."),
        diarized=False,
    )

    assert pair.ids == (0, 1)


@pytest.mark.parametrize(
    ("language", "question", "reply"),
    [
        ("en", "Will the price go up next year?", "I don't know, to be honest."),
        ("es", "¿Va a subir el precio el año que viene?", "No lo sé, la verdad."),
        ("de", "Wird der Preis nächstes Jahr steigen?", "Das weiß ich nicht, ehrlich gesagt."),
        ("fr", "Est-ce que le prix va augmenter l'an prochain ?", "Je ne sais pas, franchement."),
    ],
)
def test_a_question_that_nobody_knows_an_answer_to_is_a_missed_opening(
    read: Read, language: str, question: str, reply: str
) -> None:
    spoken = conversation((CALLER, question), (AGENT, reply), language=language)

    found = audited(read, spoken).opportunities()

    assert Opportunity(question, "unanswered", (0, 1)) in found


# Decisions and risks.


def test_a_decision_is_found_and_a_question_about_one_is_not(read: Read) -> None:
    spoken = conversation((AGENT, "So we've decided to go with the second offer."), (CALLER, "Good."))
    asked = conversation((AGENT, "Have we decided to go with the second offer?"), (CALLER, "Hmm."))

    assert [it.ids for it in audited(read, spoken).decisions()] == [(0,)]
    assert audited(read, asked).decisions() == ()


def test_a_risk_is_found_with_a_severity(read: Read) -> None:
    spoken = conversation((AGENT, "There's a risk that we won't make the deadline."), (CALLER, "Mhm."))

    [risk] = audited(read, spoken).risks()

    assert risk.ids == (0,) and risk.severity in ("low", "medium", "high")


# Urgency.


def test_nothing_urgent_is_a_low_score_without_evidence(read: Read) -> None:
    calm = conversation((AGENT, "The garden looks lovely this year."), (CALLER, "Yes, the roses did well."))

    found = audited(read, calm).urgency()

    assert 1 <= found.score <= 4 and found.ids == () and found.reasoning


def test_an_emergency_scores_high_and_cites_the_line(read: Read) -> None:
    spoken = conversation(
        (CALLER, "This is an emergency, it can't wait, we need somebody right now!"), (AGENT, "I understand.")
    )

    found = audited(read, spoken).urgency()

    assert found.score >= 6 and found.ids == (0,)
    assert spoken.lines[0].text in found.reasoning


def test_urgency_stays_within_its_bounds_when_every_line_is_urgent_and_angry(read: Read) -> None:
    rows = [(CALLER, "This is terrible and urgent, it must be fixed immediately, I'm furious!")] * 50

    assert audited(read, conversation(*rows)).urgency().score in range(6, 11)


# Any transcript.


@pytest.mark.parametrize(
    "spoken",
    [
        conversation((None, "Hello."), diarized=False),
        conversation((AGENT, "")),
        conversation((AGENT, " "), (CALLER, ""), (AGENT, "?")),
        conversation((AGENT, "Could you send it by Friday?")),
        conversation((AGENT, "明天我会发给您。"), (CALLER, "好的。"), language="zh"),
        conversation((AGENT, "I'll do it."), (CALLER, "Fine."), language=None),
        conversation((AGENT, "Jeg sender det i morgen."), (CALLER, "Tak."), language="da"),
        the_call(diarized=False),
    ],
    ids=["one line", "empty", "blank", "one request", "Chinese", "no language", "Danish", "undiarized call"],
)
def test_no_transcript_is_too_odd(read: Read, spoken: Spoken) -> None:
    audit = audited(read, spoken)
    lists = (audit.actions(), audit.answered(), audit.decisions(), audit.risks(), audit.opportunities())

    for item in (item for items in lists for item in items):
        assert item.ids and set(item.ids) <= set(range(len(spoken.lines)))
    assert 1 <= audit.urgency().score <= 10


def test_the_calls_promise_is_its_one_action_item(read: Read) -> None:
    found = audited(read, the_call()).actions()

    assert [(action.action, action.owner, action.due_date) for action in found] == [
        ("We'll send the settlement letter by Friday.", AGENT, "by Friday")
    ]
