"""Whether a transcript is analysed: each reason to skip, each path failing alone, and what may be told of a failure."""

from __future__ import annotations

import dataclasses
import json
import logging

import pytest

from analytics.drafts import Action, Choice, CustomDraft, Feeling, FieldDraft, GenericDraft
from analytics.model import AnswerFailed, ModelUnavailable
from analytics.requests import parse_request
from analytics.spoken import Spoken
from jobs.pipeline.analysis import EXTRACTED, PARTLY_READ, Analysis, analysed, spoken_of
from jobs.pipeline.document import analytics_execution
from jobs.pipeline.types import EngineUnavailable, Redaction, Segment, Transcript
from tests.analytics.conversations import AGENT, CALLER, the_call
from tests.analytics.documented import SAMPLES, problems

SECRET = "my password is swordfish"
BOTH = '{"profile":"full","domain":"insurance"}'


class Analyst:
    """Finds one action and one answer; `generic_error` and `custom_error` are raised instead."""

    def __init__(self, *, generic_error=None, custom_error=None, languages=("en",), draft=None, partial=()):
        self.generic_error, self.custom_error = generic_error, custom_error
        self.languages, self.draft, self.partial = languages, draft, frozenset(partial)
        self.heard: list[Spoken] = []
        self.modules: list[frozenset[str]] = []

    def reads(self, language):
        return language in self.languages

    def generic(self, spoken, modules, on_progress):
        self.heard.append(spoken)
        self.modules.append(modules)
        on_progress(0.5)
        if self.generic_error:
            raise self.generic_error
        on_progress(1.0)
        felt = tuple(Feeling("neutral", 0.8) for _ in spoken.lines)
        return self.draft or GenericDraft(
            feelings=felt, actions=(Action("Send the settlement letter", (7, 99), "Roberto", "Monday"),)
        )

    def custom(self, spoken, fields, domain, on_progress):
        self.heard.append(spoken)
        on_progress(0.5)
        if self.custom_error:
            raise self.custom_error
        on_progress(1.0)
        found = FieldDraft("Asked.", choices=(Choice("CLAIM_STATUS", 0.9, (2, 99)),))
        return CustomDraft({"call_reason": found}, self.partial)


def run(analyst, request=BOTH, *, spoken=None, on_progress=lambda fraction: None, redaction=None) -> Analysis:
    asked = parse_request(request)
    assert asked is not None
    engine = analyst if callable(analyst) else lambda: analyst
    found = analysed(spoken or the_call(), asked, engine, on_progress, redaction)
    assert problems(found.payload) == []
    return found


def raising(error):
    def engine():
        raise error

    return engine


def fields(found: Analysis) -> dict:
    return found.payload["custom"]["fields"]


# What is analysed


def test_both_paths_run_and_only_what_is_borne_out_comes_out():
    found = run(Analyst())
    assert found.generic_applied and found.custom_applied
    [action] = found.payload["action_items"]
    assert (action["owner"], action["due_date"], len(action["evidence"])) == (None, None, 1)
    assert fields(found)["call_reason"]["selected"][0]["evidence_segment_ids"] == [2]
    assert fields(found)["policy_line"]["status"] == "skipped"
    assert found.warnings == ()


def test_lines_are_the_segments_with_their_speakers_only_if_they_were_told_apart():
    segments = (Segment(0.0, 2.0, "Hello.", "en", speaker=AGENT), Segment(2.0, 3.0, "Hi.", "en", speaker=CALLER))
    transcript = Transcript(segments, "en", "pretend")
    said = spoken_of(transcript, 20.0, diarized=True)
    assert [(line.id, line.start_s, line.end_s, line.text, line.speaker) for line in said.lines] == [
        (0, 0.0, 2.0, "Hello.", AGENT),
        (1, 2.0, 3.0, "Hi.", CALLER),
    ]
    assert [line.speaker for line in spoken_of(transcript, 20.0, diarized=False).lines] == [None, None]


@pytest.mark.parametrize("diarized", [True, False])
def test_only_the_profiles_modules_are_asked_for(diarized):
    analyst = Analyst()
    run(analyst, '{"profile":"basic"}', spoken=the_call(diarized=diarized))
    assert ("speaker_stats" in analyst.modules[0]) == diarized
    assert "action_items" not in analyst.modules[0]


def test_only_what_is_asked_for_runs():
    found = run(Analyst(generic_error=ValueError()), '{"domain":"insurance"}')
    assert (found.generic_applied, found.custom_applied, found.warnings) == (False, True, ())
    found = run(Analyst(custom_error=ValueError()), '{"profile":"full"}')
    assert (found.generic_applied, found.custom_applied, found.warnings) == (True, False, ())


def test_only_redacted_text_is_read_and_quoted():
    segments = (Segment(0.0, 9.0, "My name is [PERSON].", "en"), Segment(9.0, 20.0, "Thank you, [PERSON].", "en"))
    analyst = Analyst()
    transcript = Transcript(segments, "en", "pretend")
    found = run(analyst, spoken=spoken_of(transcript, 20.0, diarized=False), redaction=Redaction("en", applied=True))
    assert {line.text for said in analyst.heard for line in said.lines} == {it.text for it in segments}
    assert [row["text"] for row in found.payload["sentiment"]["segments"]] == [it.text for it in segments]


# What is skipped

SKIPS = {
    "audio_too_short": {"spoken": dataclasses.replace(the_call(), duration_s=14.999)},
    "no_speech": {"spoken": Spoken((), None, 60.0)},
    "language_unsupported": {"spoken": the_call(language="xx")},
    "pii_review_required": {"redaction": Redaction(None, error="failed", review_required=True)},
}


@pytest.mark.parametrize("reason", SKIPS)
@pytest.mark.parametrize("request_", [BOTH, '{"profile":"basic"}', '{"domain":"sales"}'])
def test_what_cannot_be_analysed_is_skipped_with_its_reason_and_one_warning(request_, reason):
    found = run(Analyst(), request_, **SKIPS[reason])
    assert not found.generic_applied and not found.custom_applied
    assert found.payload["skipped_reason"] == reason
    assert len(found.warnings) == 1 and found.warnings[0].startswith("Analytics were skipped: ")
    assert (found.generic_elapsed_s, found.custom_elapsed_s) == (0.0, 0.0)
    if "custom" in found.payload:
        assert found.payload["custom"]["skipped_reason"] == reason
        assert {row["status"] for row in fields(found).values()} == {"skipped"}


@pytest.mark.parametrize("reason", ["audio_too_short", "no_speech", "pii_review_required"])
def test_an_analyst_that_is_not_needed_is_not_built(reason):
    run(raising(AssertionError("built")), **SKIPS[reason])


def test_fifteen_seconds_are_enough():
    assert run(Analyst(), spoken=dataclasses.replace(the_call(), duration_s=15.0)).generic_applied


def test_a_server_without_an_analyst_skips_and_tells_the_operator_why(caplog):
    error = EngineUnavailable("Run make weights.")
    found = run(raising(error))
    assert found.payload["skipped_reason"] == "analyst_unavailable"
    assert "Run make weights." in caplog.text
    assert "Run make weights." not in " ".join(found.warnings)


@pytest.mark.parametrize("error", [ModelUnavailable("No server."), RuntimeError(SECRET)])
def test_whatever_keeps_the_analyst_from_starting_fails_no_job(error):
    found = run(raising(error))
    assert not found.generic_applied and not found.custom_applied


# Paths fail alone


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AnswerFailed("No usable answer."), "generation_failed"),
        (ModelUnavailable("No server."), "analyst_unavailable"),
        (ValueError(SECRET), "generation_failed"),
        (KeyError(SECRET), "generation_failed"),
        (EngineUnavailable("Gone."), "analyst_unavailable"),
    ],
)
def test_generic_and_custom_fail_independently(error, reason):
    found = run(Analyst(generic_error=error))
    assert (found.generic_applied, found.custom_applied) == (False, True)
    assert found.payload["generic_skipped_reason"] == reason
    assert fields(found)["call_reason"]["status"] == "matched"
    assert len(found.warnings) == 1
    found = run(Analyst(custom_error=error))
    assert (found.generic_applied, found.custom_applied) == (True, False)
    assert found.payload["custom"]["skipped_reason"] == reason
    assert found.payload["action_items"]
    assert len(found.warnings) == 1


def test_both_paths_may_fail_each_with_its_own_warning():
    found = run(Analyst(generic_error=ValueError(), custom_error=ValueError()))
    assert found.payload["skipped_reason"] == "generation_failed"
    assert [warning.split(" were")[0] for warning in found.warnings] == ["Generic analytics", "Custom analytics"]


def test_one_cause_is_told_once():
    error = ModelUnavailable("No server.")
    found = run(Analyst(generic_error=error, custom_error=error))
    assert len(found.warnings) == 1


def test_modules_without_an_answer_and_a_missing_model_are_told():
    felt = tuple(Feeling("neutral", 0.8) for _ in the_call().lines)
    draft = GenericDraft(feelings=felt, failed=frozenset({"risks", "qa"}), downgraded="analyst_unavailable")
    found = run(Analyst(draft=draft))
    assert len(found.warnings) == 2
    assert found.warnings[1].endswith("qa, risks.")
    assert found.payload["generic_skipped_reason"] == "analyst_unavailable"
    assert not {"qa", "risks"} & set(found.payload["modules"])


def test_what_was_read_in_part_only_is_said_of_both_paths():
    felt = tuple(Feeling("neutral", 0.8) for _ in the_call().lines)
    analyst = Analyst(draft=GenericDraft(feelings=felt, partial=frozenset({"risks"})), partial={"call_reason"})
    assert run(analyst).warnings == (PARTLY_READ.format(names="call_reason, risks"),)


def test_a_summary_of_the_transcripts_own_sentences_is_told():
    felt = tuple(Feeling("neutral", 0.8) for _ in the_call().lines)
    found = run(Analyst(draft=GenericDraft(summary=the_call().lines[2].text, feelings=felt, extracted=True)))
    assert found.generic_applied and found.warnings == (EXTRACTED,)


def test_a_path_in_which_everything_failed_was_not_applied():
    felt = tuple(Feeling("neutral", 0.8) for _ in the_call().lines)
    asked = "summary sentiment key_topics action_items qa decisions risks missed_opportunities urgency chapters"
    found = run(Analyst(draft=GenericDraft(feelings=felt, failed=frozenset(asked.split()))), '{"profile":"full"}')
    assert not found.generic_applied
    assert found.payload["skipped_reason"] == "generation_failed"


def test_a_custom_path_in_which_every_field_was_skipped_was_not_applied():
    class Failing(Analyst):
        def custom(self, spoken, fields, domain, on_progress):
            return CustomDraft({field.key: FieldDraft("No answer.", skipped=True) for field in fields})

    found = run(Failing(), '{"domain":"insurance"}')
    assert not found.custom_applied


# Progress


class Cancelled(Exception):
    pass


class StoppedAtOnce(BaseException):
    pass


@pytest.mark.parametrize("error", [Cancelled, StoppedAtOnce])
@pytest.mark.parametrize("calls_before", [0, 1, 2, 3])
def test_what_progress_raises_passes_through(calls_before, error):
    left = iter([None] * calls_before)

    def on_progress(fraction):
        if next(left, error) is error:
            raise error

    analyst = Analyst()
    with pytest.raises(error):
        run(analyst, on_progress=on_progress)
    assert len(analyst.heard) == (1 if calls_before < 2 else 2)


def test_an_engine_that_swallows_what_progress_raises_cannot_keep_the_job_alive():
    class Swallowing(Analyst):
        def generic(self, spoken, modules, on_progress):
            try:
                on_progress(0.1)
            except Cancelled:
                raise ValueError("wrapped") from None

    def on_progress(fraction):
        raise Cancelled

    with pytest.raises((Cancelled, ValueError)):
        run(Swallowing(), on_progress=on_progress)


@pytest.mark.parametrize(("request_", "last"), [(BOTH, 1.0), ('{"profile":"full"}', 1.0), ('{"domain":"sales"}', 1.0)])
def test_progress_only_grows_over_both_paths(request_, last):
    told: list[float] = []
    run(Analyst(), request_, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(last)
    assert all(0 <= fraction <= 1 for fraction in told)


# What is told of a failure


@pytest.mark.parametrize("where", ["generic_error", "custom_error"])
def test_no_word_of_the_transcript_is_logged_or_warned_of(where, caplog):
    caplog.set_level(logging.DEBUG)
    found = run(Analyst(**{where: ValueError(f"cannot parse {SECRET}")}))
    assert "swordfish" not in caplog.text
    assert "swordfish" not in json.dumps([found.payload, found.warnings])
    assert "ValueError" in caplog.text
    assert caplog.records[-1].exc_info is None


def test_a_sentence_written_for_the_operator_is_logged(caplog):
    run(Analyst(generic_error=ModelUnavailable("Start the model server with make run.")))
    assert "Start the model server with make run." in caplog.text


# feature_execution

DOCUMENTED = {key: value for key, value in SAMPLES["job"]["result"]["feature_execution"].items() if "analytics" in key}


def test_the_execution_of_both_paths_has_the_documented_keys_in_order():
    shown = analytics_execution(run(Analyst()))
    assert list(shown) == list(DOCUMENTED)
    assert {key: value for key, value in shown.items() if not key.endswith("seconds")} == {
        key: value for key, value in DOCUMENTED.items() if not key.endswith("seconds")
    }


def test_the_whole_takes_as_long_as_its_paths():
    found = dataclasses.replace(run(Analyst()), generic_elapsed_s=7.8, custom_elapsed_s=2.1)
    shown = analytics_execution(found)
    times = {key: value for key, value in shown.items() if key.endswith("elapsed_seconds")}
    assert times == {key: value for key, value in DOCUMENTED.items() if key.endswith("elapsed_seconds")}


def test_a_path_that_failed_was_requested_and_has_no_time():
    shown = analytics_execution(run(Analyst(generic_error=ValueError())))
    assert shown["analytics_applied"] and shown["custom_analytics_applied"]
    assert shown["generic_analytics_requested"] and not shown["generic_analytics_applied"]
    assert shown["generic_analytics_tier_requested"] == "deep"
    assert "generic_analytics_tier_applied" not in shown and "generic_analytics_elapsed_seconds" not in shown
    assert "custom_analytics_elapsed_seconds" in shown


def test_what_was_skipped_was_not_applied_and_took_no_time():
    shown = analytics_execution(run(Analyst(), **SKIPS["audio_too_short"]))
    assert not any(shown[key] for key in shown if key.endswith("applied"))
    assert not any(key.endswith("seconds") for key in shown)


def test_nothing_asked_is_nothing_requested():
    assert analytics_execution(None) == {
        "analytics_requested": False,
        "analytics_applied": False,
        "generic_analytics_requested": False,
        "generic_analytics_applied": False,
        "custom_analytics_requested": False,
        "custom_analytics_applied": False,
    }


def test_custom_only_has_no_profile_and_no_tier():
    shown = analytics_execution(run(Analyst(), '{"domain":"insurance"}'))
    assert shown["analytics_profile_requested"] is None
    assert not any("tier" in key for key in shown)
    assert shown["custom_analytics_applied"] and not shown["generic_analytics_requested"]
