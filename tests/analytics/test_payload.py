"""`result.analytics` in the documented shape: the documentation's own samples, and ours for every kind of request."""

from __future__ import annotations

import copy

import pytest

from analytics.drafts import (
    Action,
    Answered,
    Chapter,
    Choice,
    CustomDraft,
    Decision,
    Feeling,
    FieldDraft,
    GenericDraft,
    Opportunity,
    Risk,
    Topic,
    Urgency,
)
from analytics.payload import Skipped, analytics_payload
from analytics.requests import AnalyticsRequest, parse_request
from analytics.spoken import Spoken
from tests.analytics.conversations import AGENT, conversation, the_call
from tests.analytics.documented import (
    AUDIT_KEYS,
    CUSTOM,
    GENERIC_KEYS,
    NO_URGENCY,
    SAMPLES,
    SKIP_REASONS,
    orders_of_keys,
    problems,
)

JOB = SAMPLES["job"]["result"]["analytics"]
LETTER = "We'll send the settlement letter by Friday."


def draft(said: Spoken, **changes: object) -> GenericDraft:
    """Something in every module."""
    felt = [Feeling("neutral", 0.8123) for _ in said.lines]
    felt[8] = Feeling("positive", 0.7)
    felt[6] = Feeling("negative", 0.64)
    found: dict[str, object] = {
        "summary": "The caller asks about a claim.",
        "feelings": tuple(felt),
        "explanation": "Mostly procedure.",
        "topics": (Topic("water damage", (2,)),),
        "actions": (Action("Send the letter", (7, 6), AGENT, "Friday", "high"),),
        "answered": (Answered("When will I hear back?", "By Friday", (6, 7)),),
        "decisions": (Decision("The letter is sent", (7,)),),
        "risks": (Risk("Water damage", (2,), "low"),),
        "opportunities": (Opportunity("Nobody explains the estimate", "clarification", (5,), "low"),),
        "chapters": (Chapter("Opening", 0, "Greeting."), Chapter("Claim", 5)),
        "urgency": Urgency(3, "The caller waits.", (6,)),
        "keywords": ("claim", "water damage"),
    }
    return GenericDraft(**{**found, **changes})  # type: ignore[arg-type]  the members' types differ


def payload(
    profile: str | None, said: Spoken, generic: object = None, domain: str | None = None, custom: object = None
):
    request = parse_request({"profile": profile, "domain": domain})
    assert request is not None
    if profile and generic is None:
        generic = draft(said)
    if domain and custom is None:
        custom = insurance()
    return analytics_payload(request, request.asked_fields, said, generic, custom)  # type: ignore[arg-type]  the members' types differ


def insurance() -> CustomDraft:
    return CustomDraft(
        {
            "call_reason": FieldDraft("Asked.", choices=(Choice("CLAIM_STATUS", 0.914, (2,)),)),
            "policy_line": FieldDraft("Said.", choices=(Choice("HOME", 0.8, (4,)),)),
            "claim_stage": FieldDraft("Nothing said."),
            "cancellation_risk": FieldDraft("Nothing said."),
            "missed_retention_opportunity": FieldDraft("Addressed.", value=False, confidence=0.8249, ids=(5, 7)),
            "compliance_disclosure_present": FieldDraft("Not looked for.", skipped=True),
        }
    )


# The documentation's samples


@pytest.mark.parametrize("sample", [JOB, SAMPLES["full"], SAMPLES["basic"]], ids=["job", "full", "basic"])
def test_the_documentations_samples_are_in_the_documented_shape(sample):
    assert problems(sample) == []


def test_the_documentations_custom_sample_is_in_the_documented_shape():
    assert problems(SAMPLES["insurance"], CUSTOM) == []


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("profile",), "deep"),
        (("tier",), "fast"),
        (("modules", 0), "qa_pairs"),
        (("sentiment", "overall"), "mixed"),
        (("sentiment", "distribution", "neutral", "count"), 0),
        (("key_topics", 0, "evidence"), []),
        (("action_items", 0, "confidence"), 0.9),
        (("risks", 0, "severity"), "critical"),
        (("urgency", "score"), 11),
        (("speaker_stats",), None),
        (("custom", "fields", "call_reason", "selected", 0, "evidence_segment_ids"), list(range(9))),
        (("custom", "fields", "cancellation_risk", "value"), None),
        (("extra",), 1),
    ],
)
def test_the_documented_shape_is_narrow(path, wrong):
    sample = copy.deepcopy(JOB)
    *parents, last = path
    at = sample
    for key in parents:
        at = at[key]
    at[last] = wrong
    assert problems(sample)


# Ours


@pytest.mark.parametrize("diarized", [True, False], ids=["diarized", "one voice"])
@pytest.mark.parametrize("domain", ["insurance", None])
@pytest.mark.parametrize("profile", ["full", "basic", None])
def test_what_was_found_comes_out_in_the_documented_shape(profile, domain, diarized):
    if profile or domain:
        assert problems(payload(profile, the_call(diarized=diarized), domain=domain)) == []


@pytest.mark.parametrize("reason", SKIP_REASONS)
@pytest.mark.parametrize("profile", ["full", "basic", None])
def test_what_was_skipped_comes_out_in_the_documented_shape(profile, reason):
    found = payload(profile, the_call(), profile and Skipped(reason), "insurance", Skipped(reason))
    assert problems(found) == []
    assert found["skipped_reason"] == found["custom"]["skipped_reason"] == reason
    assert found.get("generic_skipped_reason") == (reason if profile else None)
    assert found["modules"] == []
    assert {field["status"] for field in found["custom"]["fields"].values()} == {"skipped"}


def test_keys_come_in_the_order_of_the_documentations_samples():
    ours = orders_of_keys(payload("full", the_call(), domain="insurance"))
    theirs = orders_of_keys({**SAMPLES["full"], "custom": SAMPLES["insurance"]})
    assert theirs.keys() <= ours.keys() | {""}
    for place, keys in theirs.items():
        assert [key for key in ours[place] if key in keys] == keys


@pytest.mark.parametrize("profile", ["basic", "full"])
def test_modules_are_those_of_the_documentations_sample(profile):
    assert payload(profile, the_call())["modules"] == SAMPLES[profile]["modules"]


# Basic


def test_basic_has_empty_arrays_and_the_default_urgency_whatever_was_found():
    found = payload("basic", the_call())
    assert [found[key] for key in AUDIT_KEYS] == [[]] * len(AUDIT_KEYS)
    assert found["urgency"] == NO_URGENCY
    assert found["key_topics"] and found["chapters"] and found["keywords"]


# Custom only


def test_custom_only_has_no_generic_keys():
    found = payload(None, the_call(), domain="insurance")
    assert not set(GENERIC_KEYS) & set(found)
    assert (found["profile"], found["tier"], found["modules"], found["skipped_reason"]) == (None, None, [], None)


def test_a_request_without_custom_fields_has_no_custom_part():
    assert "custom" not in payload("full", the_call())


def test_each_documented_field_state():
    fields = payload(None, the_call(), domain="insurance")["custom"]["fields"]
    assert fields["call_reason"] == {
        "status": "matched",
        "selected": [
            {
                "id": 1,
                "code": "CLAIM_STATUS",
                "label": "Claim status",
                "confidence": 0.91,
                "evidence_segment_ids": [2],
            }
        ],
        "reasoning": "Asked.",
    }
    assert fields["claim_stage"] == {"status": "no_match", "selected": [], "reasoning": "Nothing said."}
    assert fields["missed_retention_opportunity"] == {
        "status": "matched",
        "value": False,
        "confidence": 0.82,
        "evidence_segment_ids": [5, 7],
        "reasoning": "Addressed.",
    }
    assert fields["cancellation_risk"] == {
        "status": "no_match",
        "value": None,
        "evidence_segment_ids": [],
        "reasoning": "Nothing said.",
    }
    assert fields["compliance_disclosure_present"]["status"] == "skipped"


def test_the_callers_version_and_fields_come_with_the_domains():
    own = {"key": "vip", "label": "VIP", "type": "rating", "min": 0, "max": 3}
    request = parse_request({"domain": "sales", "schema": {"schema_version": "v7", "fields": [own]}})
    assert request is not None
    answers = CustomDraft({field.key: FieldDraft("Nothing said.") for field in request.asked_fields})
    answers.fields["vip"] = FieldDraft("Said.", value=0, confidence=0.5, ids=(1,))
    found = analytics_payload(request, request.asked_fields, the_call(), None, answers)
    assert found["custom"]["schema_version"] == "v7"
    assert list(found["custom"]["fields"])[-1] == "vip"
    assert found["custom"]["fields"]["vip"]["status"] == "matched"
    assert found["custom"]["fields"]["vip"]["value"] == 0
    assert problems(found) == []


# Skips and failures


def test_one_path_that_was_skipped_leaves_the_other():
    found = payload("full", the_call(), Skipped("generation_failed"), "insurance")
    assert (found["skipped_reason"], found["generic_skipped_reason"]) == (None, "generation_failed")
    assert found["custom"]["skipped_reason"] is None
    assert found["custom"]["fields"]["call_reason"]["status"] == "matched"
    found = payload("full", the_call(), None, "insurance", Skipped("generation_failed"))
    assert found["skipped_reason"] is None and "generic_skipped_reason" not in found
    assert found["summary"] and found["custom"]["skipped_reason"] == "generation_failed"


def test_a_module_that_failed_is_not_among_the_modules():
    said = the_call()
    found = payload("full", said, draft(said, failed=frozenset({"sentiment"}), feelings=()))
    assert "sentiment" not in found["modules"]
    assert found["sentiment"] is None
    assert found["generic_skipped_reason"] == "generation_failed"
    assert problems(found) == []


def test_what_was_done_without_a_part_of_the_analyst_says_so():
    found = payload("basic", the_call(), draft(the_call(), downgraded="analyst_unavailable"))
    assert found["generic_skipped_reason"] == "analyst_unavailable"
    assert found["skipped_reason"] is None
    assert problems(found) == []


# Single rules


def test_without_diarization_nobody_is_named():
    found = payload("full", the_call(diarized=False))
    assert found["speaker_stats"] is None
    assert "speaker_stats" not in found["modules"]
    assert not any("speaker" in row for row in found["sentiment"]["segments"])
    assert "speaker" not in found["action_items"][0]["evidence"][0]


def test_a_source_quote_is_the_first_piece_of_evidence():
    action = payload("full", the_call())["action_items"][0]
    assert action["source_quote"] == action["evidence"][0]["text"] == "Okay. When will I hear back from you?"
    assert action["evidence"][1]["text"] == LETTER


def test_chapters_reach_from_their_first_line_to_the_next_chapter():
    rows = payload("full", the_call())["chapters"]
    assert [(row["title"], row["start"], row["end"]) for row in rows] == [("Opening", 0.0, 20.0), ("Claim", 20.0, 48.0)]


def test_lists_are_cut_at_twelve_and_the_statistics_say_which():
    said = conversation(*((AGENT, f"line {at}") for at in range(14)))
    items = range(14)
    long = draft(
        said,
        topics=tuple(Topic(f"topic {at}", (at,)) for at in items),
        actions=tuple(Action(f"do {at}", (at,)) for at in items),
        chapters=tuple(Chapter(f"part {at}", at) for at in items),
        answered=tuple(Answered(f"q {at}", f"a {at}", (at,)) for at in range(12)),
        decisions=tuple(Decision(f"d {at}", (at,)) for at in range(11)),
    )
    found = payload("full", said, long)
    assert [len(found[key]) for key in ("key_topics", "action_items", "chapters", "qa_pairs")] == [12] * 4
    assert found["statistics"]["advisory_limit_exceeded"] == "key_topics, action_items, qa, chapters"
    assert found["chapters"][-1]["end"] == 56.0
    assert problems(found) == []
    assert "advisory_limit_exceeded" not in payload("full", the_call())["statistics"]


def test_the_overall_label_of_the_analyst_wins_over_the_balance():
    said = the_call()
    assert payload("full", said)["sentiment"]["overall"] == "neutral"
    assert payload("full", said, draft(said, overall="negative"))["sentiment"]["overall"] == "negative"


def test_no_urgency_found_is_the_default():
    assert payload("full", the_call(), draft(the_call(), urgency=None))["urgency"] == NO_URGENCY


def test_two_payloads_share_nothing():
    request = AnalyticsRequest("basic")
    one = analytics_payload(request, (), the_call(), draft(the_call()), None)
    one["urgency"]["score"] = 7
    assert analytics_payload(request, (), the_call(), draft(the_call()), None)["urgency"] == NO_URGENCY
