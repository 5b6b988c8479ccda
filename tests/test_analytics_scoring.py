"""The figures of benchmarks/analytics.py mean what README says: what counts as right, found, said and made up."""

from typing import Any

import pytest

from analytics.fields import CustomField, Option
from analytics.spoken import Line, Spoken
from benchmarks import analytics_items as listed
from benchmarks import analytics_scoring as scoring
from benchmarks.analytics_data import conversations, evidence_as_ids
from benchmarks.analytics_invented import KINDS, counted, invented, number_said
from benchmarks.analytics_tables import majorities

TEXTS = (
    "Hello, this is Mara.",
    "I'll send the form by Friday.",
    "Thank you.",
    "It costs two hundred euros.",
    "Bye now.",
)
SPOKEN = Spoken(
    tuple(Line(at, 4.0 * at, 4.0 * at + 3, text, f"SPEAKER_0{at % 2}") for at, text in enumerate(TEXTS)),
    "en",
    20.0,
    True,
)


def shown(*ids: int) -> list[dict[str, Any]]:
    lines = [SPOKEN.lines[id_] for id_ in ids]
    return [{"start": it.start_s, "end": it.end_s, "speaker": it.speaker, "text": it.text} for it in lines]


def action(*ids: int, **members: Any) -> dict[str, Any]:
    known = {"action": "Send the form", "owner": "SPEAKER_01", "due_date": "Friday", "source_quote": TEXTS[ids[0]]}
    return {**known, "evidence": shown(*ids), **members}


def payload(**members: Any) -> dict[str, Any]:
    lists: dict[str, Any] = {name: [] for name in listed.LISTS}
    return {"profile": "full", "summary": "", "key_topics": [], **lists, **members}


# Fields


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ({"value": "BILLING"}, ["BILLING"], True),
        ({"value": "BILLING"}, ["OTHER"], False),
        ({"value": "BILLING"}, None, False),
        ({"value": "BILLING", "accept": ["OTHER", None]}, ["OTHER"], True),
        ({"value": "BILLING", "accept": ["OTHER", None]}, None, True),
        ({"value": None}, None, True),
        ({"value": None}, False, False),
        ({"value": []}, None, True),
        ({"value": False}, False, True),
        ({"value": False}, None, False),
        ({"value": 1}, True, False),
        ({"value": 3, "accept": [2, 4]}, 4, True),
        ({"value": ["A", "B"]}, ["B", "A"], True),
        ({"value": ["A", "B"]}, ["A"], False),
        ({"value": ["A", "B"], "accept": [["A"], None]}, ["A"], True),
        ({"value": ["A", "B"], "accept": [["A"], None]}, ["B"], False),
    ],
)
def test_an_answer_is_right_when_it_is_golds_or_one_that_gold_accepts(gold: dict[str, Any], answer: Any, right: bool):
    assert scoring.is_right(gold, answer) is right


def test_the_majority_is_the_most_frequent_value_whatever_the_order_of_options_and_the_same_at_every_run():
    assert scoring.most_frequent([["A", "B"], ["B", "A"], ["A"]]) == frozenset({"A", "B"})
    assert scoring.most_frequent(["B", "A"]) == scoring.most_frequent(["A", "B"]) == "A"
    assert scoring.most_frequent([None, [], "A"]) is None


def chosen(code: str, *ids: int) -> dict[str, Any]:
    return {"status": "matched", "selected": [{"code": code, "evidence_segment_ids": list(ids)}]}


def test_accuracy_stands_beside_the_majority_and_evidence_beside_golds():
    gold = {"value": "A", "evidence": [1, 2]}
    score = scoring.FieldScore()
    score.add(scoring.field_score(gold, chosen("A", 1, 4), "B"))
    score.add(scoring.field_score(gold, chosen("B", 3, 4), "A"))
    score.add(scoring.field_score(gold, {"status": "no_match", "selected": []}, "A"))
    assert (score.asked, score.right, score.majority_right, score.no_match) == (3, 1, 2, 1)
    assert score.points == pytest.approx(-100 / 3)
    assert (score.evidence_right, score.evidence) == (0.5, 0.25)


def test_a_skipped_field_is_wrong_even_where_nothing_was_said():
    score = scoring.field_score({"value": None}, {"status": "skipped", "value": None, "evidence_segment_ids": []}, None)
    assert (score.right, score.skipped, score.no_match, score.majority_right) == (0, 1, 0, 1)


def test_evidence_is_not_judged_where_gold_has_none_for_an_answer_it_accepts():
    accepted = scoring.field_score({"value": None, "accept": ["A"]}, chosen("A", 1), None)
    refused = scoring.field_score({"value": None}, chosen("A", 1), None)
    assert (accepted.right, accepted.cited, refused.right, refused.cited) == (1, 0, 0, 1)


# Items


def test_an_item_is_golds_by_a_line_they_share_or_by_the_words_that_tell_it():
    by_line = {"evidence": [1, 2], "said": ["parcel"]}
    by_words = {"evidence": [2], "said": ["form", "friday"]}
    neither = {"evidence": [2], "said": ["form", "parcel"]}
    assert listed.matches([by_line], [action(1)], SPOKEN) == [(0, 0)]
    assert listed.matches([by_words], [action(1)], SPOKEN) == [(0, 0)]
    assert listed.matches([neither], [action(1)], SPOKEN) == []


def test_one_gold_item_is_one_kept_item_and_as_many_pairs_as_can_be_are_found():
    wide, narrow = {"evidence": [1, 3]}, {"evidence": [1]}
    assert listed.matches([wide], [action(1), action(3)], SPOKEN) in ([(0, 0)], [(0, 1)])
    assert sorted(listed.matches([wide, narrow], [action(1, 3), action(3)], SPOKEN)) == [(0, 1), (1, 0)]


def item_score(gold: list[dict[str, Any]], *items: dict[str, Any]) -> listed.ItemScore:
    return listed.item_score("action_items", gold, items, SPOKEN, {1, 3})


def test_precision_recall_and_f1_count_pairs_and_evidence_counts_lines():
    score = item_score([{"evidence": [1], "owner": None}, {"evidence": [2], "owner": None}], action(1), action(3))
    assert (score.precision, score.recall, score.f1) == (0.5, 0.5, 0.5)
    assert (score.evidence_own, score.evidence_any) == (1, 2)
    assert (item_score([]).precision, item_score([]).recall, item_score([]).f1) == (None, None, None)


@pytest.mark.parametrize(
    ("owner", "given", "right"),
    [
        ("SPEAKER_01", "SPEAKER_01", 1),
        ("SPEAKER_01", "SPEAKER_00", 0),
        ("Mara", "Mara Lindt", 1),
        (None, None, 1),
        (None, "Mara", 0),
        ("Mara", None, 0),
    ],
)
def test_an_owner_is_right_when_one_name_holds_the_other(owner: str | None, given: str | None, right: int):
    assert item_score([{"evidence": [1], "owner": owner}], action(1, owner=given)).owners_right == right


@pytest.mark.parametrize(
    ("due", "given", "right"),
    [("by Friday", "friday", 1), ("Friday", "Monday", 0), (None, None, 1), (None, "Friday", 0), ("Friday", None, 0)],
)
def test_a_due_date_is_right_when_one_wording_holds_the_other(due: str | None, given: str | None, right: int):
    score = item_score([{"evidence": [1], "due": due}], action(1, due_date=given))
    assert (score.dues_right, score.dues, score.dues_found) == (right, bool(due), right if due else 0)


def test_a_topic_is_a_hit_by_a_part_of_it_and_right_only_when_its_lines_say_it():
    said = {"topic": "the form", "evidence": shown(1)}
    unsaid = {"topic": "sending a form", "evidence": shown(2)}
    other = {"topic": "weather", "evidence": shown(1)}
    score = listed.topic_score([["form", "letter"], ["price"]], [said, unsaid, other])
    assert (score.gold_hit, score.kept_hit, score.evidence_right, score.kept) == (1, 2, 1, 3)


# Summary, chapters, urgency, sentiment


def test_a_fact_is_told_when_every_group_has_an_alternative_in_the_summary():
    both, one = {"groups": [["tuyau", "pipe"], ["cuisine"]]}, {"groups": [["pipe", "tuyau"], ["garden"]]}
    rent = {"groups": [[" rent ", " rent."]]}
    score = scoring.summary_score([both, one, rent], "Un TUYAU a éclaté dans la cuisiné. A parent paid the rent.")
    assert (score.facts, score.told) == (3, 2)
    assert scoring.summary_score([rent], "A current parent.").told == 0


def test_a_chapter_is_found_within_two_lines_each_once_and_the_beginning_does_not_count():
    assert [scoring.near([10], [found]) for found in (7, 8, 12, 13)] == [0, 1, 1, 0]
    assert scoring.near([10, 20], [9, 12, 30]) == 1
    assert scoring.near([10, 12], [11, 11]) == 2
    score = scoring.chapter_score([0, 4], [0.0, 8.0], SPOKEN)
    assert (score.gold, score.kept, score.found) == (1, 1, 1)


def test_urgency_is_inside_the_interval_bounds_included():
    gold = {"least": 3, "most": 5}
    assert [scoring.urgency_score(gold, score).inside for score in (2, 3, 5, 6)] == [0, 1, 1, 0]


def test_macro_f1_is_the_mean_of_the_labels_that_gold_has_and_stands_beside_always_neutral():
    rows = {"segments": [{"label": label} for label in ("neutral", "neutral", "negative", "negative")]}
    score = scoring.sentiment_score(["neutral", "neutral", "neutral", "negative"], rows)
    assert score.accuracy == 0.75
    assert score.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    assert score.always_neutral.macro_f1 == pytest.approx((6 / 7) / 2)


def test_a_result_without_sentiment_counts_as_neutral():
    assert scoring.sentiment_score(["neutral", "positive"], None).accuracy == 0.5


# Made up


def kinds(**members: Any) -> list[str]:
    return [kind for kind, _ in invented(payload(**members), SPOKEN, ())]


def test_nothing_is_made_up_in_what_was_said():
    summary = "Mara says it costs 200 euros. The form is sent by Friday."
    assert kinds(action_items=[action(1)], summary=summary) == []
    assert kinds(action_items=[action(1, owner="Mara", due_date=None)]) == []


def test_due_dates_owners_and_quotes_that_nobody_said_are_made_up():
    assert kinds(action_items=[action(0, due_date="Friday")]) == ["due dates"]
    assert kinds(action_items=[action(1, owner="Tom")]) == ["owners"]
    assert kinds(action_items=[action(1, source_quote="I'll send the form")]) == ["quotes"]


def test_evidence_with_other_times_or_words_than_the_transcript_is_made_up():
    late = [{**shown(1)[0], "start": 99.0}]
    other = [{**shown(1)[0], "text": "I'll send it."}]
    for evidence in (late, other, []):
        assert kinds(decisions=[{"decision": "x", "evidence": evidence}]) == ["evidence outside the transcript"]


def test_a_summary_sentence_with_a_number_or_name_that_nobody_said_is_made_up():
    found = kinds(summary="It costs 300 euros. The call with Tom was short. Hello.")
    assert found == [each for each in KINDS if each.startswith("summary")]


def test_a_number_is_said_in_figures_or_in_words():
    assert number_said("1,200", "it was 1200 in all", "en")
    assert number_said("31", "der einunddreißigste Mai", "de")
    assert not number_said("12", "it was 1200 in all", "en")


def test_ids_and_answers_that_do_not_exist_are_made_up():
    field = CustomField("reason", "Reason", "single_select", options=(Option(1, "A", "A"),))

    def found(row: dict[str, Any]) -> list[str]:
        custom = {"fields": {"reason": row}}
        return [kind for kind, _ in invented({"profile": None, "custom": custom}, SPOKEN, (field,))]

    assert found(chosen("A", 4)) == []
    assert found(chosen("A", 5)) == ["ids outside the transcript"]
    assert found(chosen("A")) == ["matched without evidence"]
    assert found(chosen("B", 1)) == ["answers outside the field"]
    assert set(counted([("quotes", "x")])) == set(KINDS)


# The set


def test_seconds_of_gold_evidence_become_the_lines_that_were_recognised_there():
    gold = {"custom": {"reason": {"value": "A", "evidence": [[4.5, 9.0]]}}, "risks": [{"evidence": [[11.2, 12.1]]}]}
    found = evidence_as_ids(gold, SPOKEN)
    assert (found["custom"]["reason"]["evidence"], found["risks"][0]["evidence"]) == ([1, 2], [])


def test_every_conversation_of_the_set_can_be_read_and_its_gold_is_within_it():
    chosen = conversations()
    assert len(chosen) >= 18
    for each in chosen:
        ids = [
            *each.gold["chapters"],
            *(id_ for row in each.gold["custom"].values() for id_ in row.get("evidence", [])),
        ]
        ids += [id_ for name in listed.LISTS for row in each.gold[name] for id_ in row["evidence"]]
        assert all(0 <= id_ < len(each.spoken.lines) for id_ in ids), each.name
        assert len(each.gold["sentiment"]) == len(each.spoken.lines), each.name
        assert all((each.domain, key) in majorities() for key in each.gold["custom"]), each.name
