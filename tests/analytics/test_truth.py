"""What an analyst made up is dropped, whoever it was: ids, evidence, owners, due dates, numbers, names, answers."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings

from analytics import grounding
from analytics.drafts import (
    Action,
    Answered,
    Chapter,
    Choice,
    CustomDraft,
    Decision,
    FieldDraft,
    GenericDraft,
    Opportunity,
    Risk,
    Topic,
)
from analytics.fields import CustomField
from analytics.payload import analytics_payload
from analytics.requests import AnalyticsRequest
from analytics.spoken import Spoken
from analytics.truth import borne_out, capped_modules, fields_borne_out, summary_said
from tests.analytics.conversations import (
    AGENT,
    BOOLEAN,
    CALLER,
    FIELDS,
    RATING,
    conversation,
    custom_drafts,
    generic_drafts,
    select,
    spoken_texts,
    the_call,
)
from tests.analytics.documented import problems

any_draft = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
LETTER = "Send the settlement letter"


def actions(*found: Action, said: Spoken | None = None) -> tuple[Action, ...]:
    return borne_out(GenericDraft(actions=found), said or the_call()).actions


def field(field: CustomField, draft: FieldDraft | None) -> FieldDraft:
    asked = {} if draft is None else {field.key: draft}
    return fields_borne_out(CustomDraft(asked), [field], the_call()).fields[field.key]


# Ids and evidence


def test_ids_outside_the_transcript_are_dropped():
    assert actions(Action(LETTER, (-1, 12, 7, 99)))[0].ids == (7,)


@pytest.mark.parametrize("ids", [(), (-1,), (12, 99)])
def test_an_item_without_evidence_is_dropped(ids):
    draft = GenericDraft(
        topics=(Topic("water damage", ids),),
        actions=(Action(LETTER, ids),),
        answered=(Answered("When?", "By Friday", ids),),
        decisions=(Decision(LETTER, ids),),
        risks=(Risk("water damage", ids),),
        opportunities=(Opportunity("Nobody answers", "unanswered", ids),),
    )
    assert borne_out(draft, the_call()) == GenericDraft()


def test_an_item_whose_words_are_not_in_its_evidence_is_dropped():
    assert actions(Action(LETTER, (7,)))
    assert not actions(Action(LETTER, (0,)))
    assert not actions(Action("Book the helicopter flight", (7,)))


def test_an_item_with_a_number_that_is_not_in_its_evidence_is_dropped():
    assert actions(Action("Look up policy number 5512", (4,)))
    assert not actions(Action("Look up policy number 5513", (4,)))
    assert not actions(Action("Send the settlement letter 5512", (7,)))


# Duplicates and caps


def test_items_that_say_the_same_are_one_with_the_evidence_of_both():
    found = actions(Action(LETTER, (7,)), Action("Send settlement letter soon", (7, 5)), Action(LETTER, (6, 7)))
    assert [(action.action, action.ids) for action in found] == [(LETTER, (5, 6, 7))]


def test_duplicates_have_at_most_three_pieces_of_evidence_together():
    found = actions(Action(LETTER, (5, 6, 7)), Action(LETTER, (7, 8, 9)))
    assert [action.ids for action in found] == [(5, 6, 7)]


def test_questions_are_the_same_by_their_questions_and_openings_by_their_lines():
    draft = GenericDraft(
        answered=(
            Answered("When is the letter sent?", "By Friday", (6, 7)),
            Answered("When will the letter be sent?", "They send the settlement letter", (7,)),
            Answered("Which policy is it?", "The homeowners policy", (4,)),
        ),
        opportunities=(
            Opportunity("Nobody owns the estimate", "follow-up", (5,)),
            Opportunity("The estimate is left open", "clarification", (5,)),
            Opportunity("Nobody owns the estimate", "follow-up", (6,)),
        ),
    )
    found = borne_out(draft, the_call())
    assert [answered.ids for answered in found.answered] == [(6, 7), (4,)]
    assert [(opening.type, opening.ids) for opening in found.opportunities] == [
        ("follow-up", (5,)),
        ("follow-up", (6,)),
    ]


def test_a_list_that_reaches_its_cap_is_named():
    said = conversation(*((AGENT, f"{word} matters here") for word in "abcdefghijklm"))
    topics = tuple(Topic(f"{line.text.split()[0]} {line.text}", (line.id,)) for line in said.lines)
    distinct = tuple(Topic("x" * at, (at,)) for at in range(1, 12))
    assert capped_modules(GenericDraft(topics=topics)) == ("key_topics",)
    assert capped_modules(GenericDraft(topics=distinct)) == ()
    assert capped_modules(GenericDraft(chapters=tuple(Chapter("c", at) for at in range(13)))) == ("chapters",)


# Owners and due dates


@pytest.mark.parametrize(
    ("owner", "kept"),
    [(CALLER, CALLER), ("Sarah", "Sarah"), ("SPEAKER_07", None), ("Zoe", None), ("sarah", None), ("", None)],
)
def test_an_owner_is_a_speaker_or_a_name_that_is_said(owner, kept):
    assert actions(Action(LETTER, (7,), owner=owner))[0].owner == kept


def test_without_diarization_a_speakers_label_is_nobodys_name():
    assert actions(Action(LETTER, (7,), owner=AGENT), said=the_call(diarized=False))[0].owner is None


@pytest.mark.parametrize("owner", ["Thank you for calling, have", "Thank you for calling Northgate Insurance"])
def test_a_sentence_that_is_said_is_nobodys_name(owner):
    assert actions(Action(LETTER, (7,), owner=owner))[0].owner is None


def test_half_a_name_that_is_said_is_no_owner():
    said = conversation((AGENT, "Savannah sends the settlement letter on Monday"))
    assert actions(Action(LETTER, (0,), owner="Anna"), said=said)[0].owner is None


@pytest.mark.parametrize("pronoun", ["I", "You", "We"])
def test_a_pronoun_is_nobodys_name(pronoun):
    said = conversation((AGENT, f"{pronoun} send the settlement letter."), (CALLER, "Okay."))
    assert actions(Action(LETTER, (0,), owner=pronoun), said=said)[0].owner is None


@pytest.mark.parametrize(("name", "text"), [("王经理", "王经理会发合同。"), ("محمد", "محمد يرسل العقد غدا")])
def test_an_owner_is_kept_in_scripts_without_capitals(name, text):
    said = conversation((AGENT, text), language="zh")
    assert actions(Action(text, (0,), owner=name), said=said)[0].owner == name


@pytest.mark.parametrize(
    ("due", "kept"), [("Friday", "Friday"), ("by Friday", "by Friday"), ("Monday", None), ("", None), ("today", None)]
)
def test_a_due_date_is_said_in_the_evidence_and_not_elsewhere(due, kept):
    assert actions(Action(LETTER, (7,), due_date=due))[0].due_date == kept


# Summaries


@pytest.mark.parametrize(
    "summary",
    [
        "The caller asks about a claim for water damage.",
        "The caller's policy is number 5512.",
        "Sarah says that the adjuster has looked at the photos.",
        f"{AGENT} will send the settlement letter by Friday.",
    ],
)
def test_a_sentence_of_a_summary_is_kept_if_its_numbers_and_names_are_said(summary):
    assert summary_said(summary, the_call()) == summary


@pytest.mark.parametrize(
    "invented",
    ["The claim is worth 9,000 dollars.", "The caller spoke to Roberto about it.", "They meet again on Monday."],
)
def test_a_sentence_with_a_number_or_a_name_that_nobody_said_is_left_out(invented):
    true = "The caller asks about a claim."
    assert summary_said(f"{true} {invented} {true}", the_call()) == f"{true} {true}"


def test_german_nouns_are_no_names():
    said = conversation((AGENT, "Ich schicke die Rechnung morgen."), language="de")
    assert summary_said("Die Rechnung wird mit der Post verschickt.", said)


def test_a_name_that_nobody_said_is_noticed_at_the_beginning_of_a_sentence():
    assert summary_said("Roberto confirms the claim.", the_call()) == ""


# Chapters


def test_chapters_begin_with_the_first_line_and_come_in_order():
    draft = GenericDraft(chapters=(Chapter("End", 9), Chapter("Start", 2), Chapter("Again", 9), Chapter("Not", 99)))
    assert [(it.title, it.first) for it in borne_out(draft, the_call()).chapters] == [("Start", 0), ("End", 9)]


def test_a_chapters_summary_is_of_its_own_lines():
    draft = GenericDraft(
        chapters=(
            Chapter("Start", 0, "The caller asks about water damage."),
            Chapter("End", 9, "It is about water damage."),
        )
    )
    assert [it.summary for it in borne_out(draft, the_call()).chapters] == ["The caller asks about water damage.", ""]


# Custom fields


def test_an_option_that_does_not_exist_or_has_no_evidence_is_dropped():
    draft = FieldDraft("r", choices=(Choice("X", 0.9, (1,)), Choice("B", 0.8, (99,)), Choice("A", 0.5, (2, 99))))
    assert field(select(), draft).choices == (Choice("A", 0.5, (2,)),)


def test_a_single_choice_is_the_surest():
    draft = FieldDraft("r", choices=(Choice("A", 0.5, (1,)), Choice("C", 0.9, (2,)), Choice("B", 0.7, (3,))))
    assert field(select(), draft).choices == (Choice("C", 0.9, (2,)),)


def test_several_choices_are_in_the_order_of_the_options_each_once():
    draft = FieldDraft("r", choices=(Choice("C", 0.5, (1,)), Choice("A", 0.9, (2,)), Choice("C", 0.8, (3,))))
    kept = field(select(type_="multi_select"), draft).choices
    assert kept == (Choice("A", 0.9, (2,)), Choice("C", 0.8, (3,)))


def test_a_field_cites_eight_lines_in_all_and_every_option_at_least_one():
    every = tuple(range(12))
    draft = FieldDraft("r", choices=tuple(Choice(code, 0.5, every) for code in "ABC"))
    kept = field(select(type_="multi_select"), draft).choices
    assert [len(choice.ids) for choice in kept] == [6, 1, 1]
    many = select(type_="multi_select", codes="A B C D E F G H I J")
    draft = FieldDraft("r", choices=tuple(Choice(code, 0.5, every) for code in "ABCDEFGHIJ"))
    assert [len(choice.ids) for choice in field(many, draft).choices] == [1] * 8


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_true_or_false(value):
    assert field(BOOLEAN, FieldDraft("r", value=value, confidence=0.8, ids=(3,))).value is value


@pytest.mark.parametrize("value", [0, 1, 2])
def test_a_number_is_no_boolean(value):
    assert field(BOOLEAN, FieldDraft("r", value=value, confidence=0.8, ids=(3,))) == FieldDraft("r", confidence=0.8)


@pytest.mark.parametrize(("value", "kept"), [(1, 1), (5, 5), (0, None), (6, None), (True, None), (None, None)])
def test_a_rating_is_within_its_bounds(value, kept):
    assert field(RATING, FieldDraft("r", value=value, ids=(3,))).value == kept


@pytest.mark.parametrize("ids", [(), (99,), (-1,)])
def test_a_value_without_evidence_is_no_match(ids):
    found = field(RATING, FieldDraft("r", value=3, ids=ids))
    assert (found.value, found.ids, found.skipped) == (None, (), False)


def test_a_value_cites_at_most_eight_lines():
    assert field(RATING, FieldDraft("r", value=3, ids=tuple(range(12)))).ids == tuple(range(8))


def test_an_answer_of_the_wrong_kind_is_none():
    assert field(RATING, FieldDraft("r", choices=(Choice("A", 0.9, (1,)),))) == FieldDraft("r")
    assert field(select(), FieldDraft("r", value=3, ids=(1,))).value is None


def test_a_field_that_was_not_answered_is_skipped_and_one_that_was_not_asked_is_left_out():
    assert field(RATING, None).skipped
    draft = CustomDraft({"mood": FieldDraft("r"), "unasked": FieldDraft("r", value=True, ids=(1,))})
    assert list(fields_borne_out(draft, [BOOLEAN, RATING], the_call()).fields) == ["resolved", "mood"]


def test_a_skipped_field_has_no_answer():
    draft = FieldDraft("r", choices=(Choice("X", 0.9, (99,)),), value=3, ids=(99,), skipped=True)
    assert field(select(), draft) == FieldDraft("r", skipped=True)
    assert field(RATING, draft) == FieldDraft("r", skipped=True)


# Whatever a draft holds


@any_draft
@given(generic_drafts, spoken_texts())
def test_whatever_is_drafted_no_missing_line_is_cited_and_nothing_unsaid_is_owned_or_due(draft, said):
    found = borne_out(draft, said)
    for item in (*found.topics, *found.actions, *found.answered, *found.decisions, *found.risks, *found.opportunities):
        assert 1 <= len(item.ids) <= 3
        assert list(item.ids) == sorted(set(item.ids))
        assert all(0 <= id_ < len(said.lines) for id_ in item.ids)
    for action in found.actions:
        evidence = " ".join(said.lines[id_].text for id_ in action.ids)
        assert action.due_date is None or grounding.phrase_said(action.due_date, evidence)
        assert action.owner is None or action.owner in said.speakers or grounding.phrase_said(action.owner, said.text)
        assert grounding.numbers_said(action.action, evidence)
    assert grounding.numbers_said(found.summary, said.text + " " + " ".join(said.speakers))
    firsts = [chapter.first for chapter in found.chapters]
    assert firsts == sorted({first for first in firsts if 0 <= first < len(said.lines)})
    assert firsts[:1] in ([], [0])


@any_draft
@given(generic_drafts, spoken_texts())
def test_what_is_borne_out_stays_so(draft, said):
    once = borne_out(draft, said)
    assert borne_out(once, said) == once


@any_draft
@given(generic_drafts, spoken_texts())
def test_whatever_is_drafted_comes_out_in_the_documented_shape(draft, said):
    true = borne_out(draft, said)
    felt = dataclasses.replace(true, feelings=(true.feelings * len(said.lines))[: len(said.lines)])
    failed = frozenset() if felt.feelings else frozenset({"sentiment"})
    payload = analytics_payload(
        AnalyticsRequest("full"), (), said, dataclasses.replace(felt, failed=failed, keywords=()), None
    )
    assert problems(payload) == []


@any_draft
@given(custom_drafts, spoken_texts())
def test_whatever_is_drafted_fields_have_existing_answers_with_existing_lines(draft, said):
    found = fields_borne_out(draft, FIELDS, said)
    assert list(found.fields) == [field.key for field in FIELDS]
    for asked in FIELDS:
        result = found.fields[asked.key]
        ids = [*result.ids, *(id_ for choice in result.choices for id_ in choice.ids)]
        assert len(ids) <= 8
        assert all(0 <= id_ < len(said.lines) for id_ in ids)
        assert bool(ids) == (bool(result.choices) or result.value is not None)
        codes = [choice.code for choice in result.choices]
        assert codes == [option.code for option in asked.options if option.code in codes]
    assert fields_borne_out(found, FIELDS, said) == found


@any_draft
@given(custom_drafts, spoken_texts())
def test_whatever_is_drafted_fields_come_out_in_the_documented_shape(draft, said):
    true = fields_borne_out(draft, FIELDS, said)
    for result in true.fields.values():
        object.__setattr__(result, "reasoning", "Because.")
    request = AnalyticsRequest(None, None, "v1", FIELDS)
    assert problems(analytics_payload(request, FIELDS, said, None, true)) == []
