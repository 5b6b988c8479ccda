"""A job with pii_processing, from row to stored result: redacted, withheld or skipped, and what is said of it."""

import json
import re

import pytest

from jobs import leases, processing
from jobs.engines.redactor_presidio import PresidioRedactor
from jobs.models import Job, Result
from jobs.pipeline.types import EngineUnavailable
from tests.jobs.pretend import Diarizer, Redactor, engines, job_with_recording, said

pytestmark = pytest.mark.django_db
CALL = [
    said(0.5, "Hello, I am Sarah Mitchell."),
    said(4.0, "My number is four one five, five five five"),
    said(9.0, "oh one three two, please call. Sarah says bye."),
]
NUMBER = "four one five, five five five oh one three two"
FOUND = {"PERSON": "Sarah Mitchell|Sarah", "PHONE_NUMBER": NUMBER}
SECRETS = ("sarah", "mitchell", "four one", "five five", "oh one")
REDACTED = {"pii_processing": True}


@pytest.fixture
def process(monkeypatch):
    """Processes a job whose recording says `segments`; its stored result."""
    # The heartbeat has a connection of its own, which does not see this test's transaction.
    monkeypatch.setattr(leases, "HEARTBEAT_INTERVAL_S", 600.0)
    monkeypatch.setattr(leases, "PROGRESS_INTERVAL_S", 0.0)

    def process(job, redactor=None, segments=CALL, **kind):
        redactor = Redactor(**FOUND) if redactor is None else redactor
        monkeypatch.setattr(processing, "engine", engines(segments, redactor, **kind))
        processing.process(str(job.pk))
        job.refresh_from_db()
        return json.loads(bytes(job.result.document)) if job.status == "completed" else None

    return process


class Broken:
    """Quotes what was said when it fails."""

    def find(self, text, language, on_progress):
        raise ValueError(f"can't read {text}")


class Unasked:
    def find(self, text, language, on_progress):
        raise AssertionError("nothing should have been looked for")


def assert_without_secrets(*texts):
    for text in texts:
        assert not [secret for secret in SECRETS if secret in text.lower()], text


def test_what_was_found_is_a_placeholder_in_every_form_of_the_text(alice, process):
    job = job_with_recording(alice, **REDACTED, transcription_model="premium", diarization=True)
    result = process(job, tier="premium")
    text = "Hello, I am <PERSON>. My number is <PHONE_NUMBER> please call. <PERSON> says bye."
    assert result["text"] == text == " ".join(segment["text"] for segment in result["segments"])
    assert " ".join(word["word"] for word in result["words"]) == text
    assert {segment["speaker"] for segment in result["segments"]} == {"SPEAKER_00"}
    item = alice.api.get("/jobs").json()["items"][0]
    assert item["result"] == {"text": text} and job.result.preview == text
    assert_without_secrets(
        bytes(job.result.document).decode(),
        alice.api.get(f"/jobs/{job.pk}").content.decode(),
        b"".join(alice.api.get(f"/jobs/{job.pk}/download").streaming_content).decode(),
        str(Job.objects.filter(pk=job.pk).values().get()),
    )


def test_each_finding_says_where_its_placeholder_stands(alice, process):
    result = process(job_with_recording(alice, **REDACTED))
    found = [(finding["type"], result["text"][finding["start"] : finding["end"]]) for finding in result["pii_findings"]]
    assert found == [("PERSON", "<PERSON>"), ("PHONE_NUMBER", "<PHONE_NUMBER>"), ("PERSON", "<PERSON>")]
    assert all(
        set(finding) == {"type", "start", "end", "confidence", "detector_count"} for finding in result["pii_findings"]
    )
    execution = result["feature_execution"]
    assert execution["pii_processing_requested"] is execution["pii_processing_applied"] is True
    assert execution["pii_processing_language"] == "en" and execution["pii_processing_elapsed_seconds"] >= 0
    assert not {"pii_processing_error", "pii_review_required"} & set(result) and result["processing_warnings"] == []


def test_without_the_option_nothing_is_looked_for(alice, process):
    result = process(job_with_recording(alice), Unasked())
    assert "Sarah Mitchell" in result["text"] and "pii_findings" not in result
    execution = result["feature_execution"]
    assert execution["pii_processing_requested"] is execution["pii_processing_applied"] is False


def test_only_the_wanted_kinds_go(alice, process):
    result = process(job_with_recording(alice, **REDACTED, pii_types=["PHONE_NUMBER"]))
    assert "Sarah Mitchell" in result["text"] and "four" not in result["text"]
    assert [finding["type"] for finding in result["pii_findings"]] == ["PHONE_NUMBER"]


@pytest.mark.parametrize("redactor", [Broken(), EngineUnavailable("run make setup"), MemoryError()])
@pytest.mark.parametrize("options", [{}, {"transcription_model": "premium", "diarization": True}])
def test_a_redactor_that_fails_withholds_the_text_and_says_so(alice, process, caplog, options, redactor):
    caplog.set_level("DEBUG")
    job = job_with_recording(alice, **REDACTED, **options)
    result = process(job, redactor, tier=options.get("transcription_model", "standard"))
    assert job.status == "completed" and job.error_message is None
    assert result["text"] == "" and result["segments"] == [] and not result.get("words")
    assert "pii_findings" not in result and result["pii_review_required"] is True
    assert "withheld" in result["pii_processing_error"]
    assert result["pii_processing_error"] in result["processing_warnings"]
    assert result["feature_execution"]["pii_processing_applied"] is False
    assert alice.api.get("/jobs").json()["items"][0]["result"] == {"text": ""}
    assert "redaction failed" in caplog.text
    assert_without_secrets(caplog.text, bytes(job.result.document).decode(), job.result.preview)


def test_a_language_that_is_not_covered_is_skipped_and_said_so(alice, process):
    result = process(job_with_recording(alice, **REDACTED), Unasked(), [said(0.5, "こんにちは。", "ja")], language="ja")
    execution = result["feature_execution"]
    assert result["text"] == "こんにちは。"
    assert execution["pii_processing_requested"] is True and execution["pii_processing_applied"] is False
    assert execution["pii_processing_skip_reason"] == "unsupported_language"
    assert execution["pii_processing_language"] == "ja"
    assert not {"pii_findings", "pii_processing_error", "pii_review_required"} & set(result)
    (warning,) = result["processing_warnings"]
    assert "skipped" in warning and "not redacted" in warning and "ja" in warning


def test_without_speech_there_is_nothing_to_redact(alice, process):
    result = process(job_with_recording(alice, **REDACTED), Unasked(), [])
    execution = result["feature_execution"]
    assert result["text"] == "" and result["segments"] == [] and result["language"] is None
    assert execution["pii_processing_applied"] is False and execution["pii_processing_skip_reason"] == "no_speech"
    assert not {"pii_findings", "pii_processing_error", "pii_review_required"} & set(result)
    assert len(result["processing_warnings"]) == 1


def test_words_in_a_language_that_nobody_told_are_withheld(alice, process):
    result = process(job_with_recording(alice, **REDACTED), Unasked(), language=None)
    assert result["text"] == "" and result["segments"] == [] and result["pii_review_required"] is True
    assert "withheld" in result["pii_processing_error"]


def test_what_could_not_be_looked_for_is_said_and_needs_review(alice, process):
    sentence = "Names can't be found on this server."
    result = process(job_with_recording(alice, **REDACTED), Redactor(**FOUND, problem=sentence))
    assert "<PERSON>" in result["text"] and "<PHONE_NUMBER>" in result["text"]
    assert result["feature_execution"]["pii_processing_applied"] is True
    assert result["pii_review_required"] is True and result["processing_warnings"] == [sentence]
    assert "pii_processing_error" not in result


def test_without_its_weights_the_redactor_works_by_rules_and_tells_no_customer_of_the_servers_folders(
    alice, process, tmp_path
):
    (tmp_path / "models" / "rampart").mkdir(parents=True)
    spoken = [said(0.5, "My card number is 4111 1111 1111 1111.")]
    result = process(job_with_recording(alice, **REDACTED), PresidioRedactor(models_dir=tmp_path / "models"), spoken)
    assert result["text"] == "My card number is <CREDIT_CARD>." and result["pii_review_required"] is True
    (warning,) = result["processing_warnings"]
    assert "names" in warning and str(tmp_path) not in warning


def test_parts_in_a_language_that_is_not_covered_need_review(alice, process):
    result = process(job_with_recording(alice, **REDACTED), None, [*CALL, said(20.0, "こんにちは。", "ja")])
    assert result["pii_review_required"] is True and "<PERSON>" in result["text"]
    assert result["feature_execution"]["pii_processing_applied"] is True
    assert "(ja)" in result["processing_warnings"][0]


def test_a_hash_is_the_same_in_all_jobs_of_an_account_and_in_nobody_elses(alice, bob, charlie, process):
    def names(person):
        result = process(job_with_recording(person, **REDACTED, pii_substitution="hash"))
        return re.findall(r"<PERSON:[0-9a-f]{12}>", result["text"])

    first, second, colleague, other = (names(person) for person in (alice, alice, bob, charlie))
    assert first == second == colleague and len(set(first)) == len(first) == 2
    assert not set(first) & set(other) and len(other) == 2


def test_a_numbered_person_keeps_the_number_within_a_job_and_each_job_counts_anew(alice, process):
    for _ in range(2):
        result = process(job_with_recording(alice, **REDACTED, pii_substitution="numbered"))
        assert re.findall(r"<PERSON_\d>", result["text"]) == ["<PERSON_1>", "<PERSON_1>"]


def test_the_speaker_library_names_nobody_whose_name_is_to_go(alice, process):
    options = {"transcription_model": "premium", "diarization": True, "speaker_embeddings": True}
    alice.api.put("/account/voice-library", {"enabled": True}, content_type="application/json")
    first = job_with_recording(alice, **options)
    assert process(first, tier="premium")["diarization"]["speaker_embeddings"]["vectors"] == {
        "SPEAKER_00": list(Diarizer.VECTOR)
    }
    voice = {"name": "Zoë Quinn", "job_id": str(first.pk), "speaker": "SPEAKER_00"}
    assert alice.api.post("/account/voices", voice, content_type="application/json").status_code == 201
    named = process(job_with_recording(alice, **options), tier="premium")
    assert named["diarization"]["speaker_suggestions"]["SPEAKER_00"]["name"] == "Zoë Quinn"
    redacted = process(job_with_recording(alice, **options, **REDACTED), tier="premium")
    assert "speaker_embeddings" in redacted["diarization"] and "speaker_suggestions" not in redacted["diarization"]
    assert "Quinn" not in json.dumps(redacted)


def test_a_job_that_is_cancelled_while_it_is_redacted_stores_nothing(alice, process):
    job = job_with_recording(alice, **REDACTED)

    class Cancelled:
        def find(self, text, language, on_progress):
            alice.api.delete(f"/jobs/{job.pk}")
            on_progress(0.5)
            raise AssertionError("it should have stopped")

    assert process(job, Cancelled()) is None
    assert job.status == "failed" and job.error_code == "cancelled" and not Result.objects.exists()
