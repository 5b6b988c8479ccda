"""POST /jobs: what is accepted, what is refused and in which words, and that nothing half-kept is left behind."""

import errno
import json
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import limits
from jobs import tasks
from jobs.languages import PREMIUM_LANGUAGES, STANDARD_LANGUAGES
from jobs.models import Job
from tests.conftest import recording, tone

pytestmark = pytest.mark.django_db


def submit(person, **fields):
    fields.setdefault("audio_file", recording())
    return person.api.post("/jobs", {name: value for name, value in fields.items() if value is not None})


def stored_files():
    root = Path(default_storage.location)
    return [path for path in root.rglob("*") if path.is_file()] if root.exists() else []


def test_a_recording_is_accepted_with_its_urls_and_token(alice, settings, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = submit(alice)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"status", "id", "status_url", "cancel_url", "cancel_token"}
    assert body["status"] == "accepted"
    assert body["status_url"] == body["cancel_url"] == f"{settings.PUBLIC_URL}/jobs/{body['id']}"
    row = alice.api.get(f"/jobs/{body['id']}").json()
    assert row["status"] == "queued" and row["cancel_token"] == body["cancel_token"]
    assert row["audio_duration_seconds"] == pytest.approx(1.0, abs=0.05)
    assert [path.read_bytes() for path in stored_files()] == [tone()]


def test_the_worker_is_nudged_only_after_the_commit(alice, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        submit(alice)
        assert Job.objects.get().sent_at is None
    for callback in callbacks:
        callback()
    assert Job.objects.get().sent_at is not None


def test_a_queue_out_of_reach_only_delays_the_job(alice, monkeypatch, django_capture_on_commit_callbacks):
    import redis

    def unreachable(*args, **kwargs):
        raise redis.ConnectionError("no queue")

    monkeypatch.setattr(tasks.broker, "enqueue", unreachable)
    with django_capture_on_commit_callbacks(execute=True):
        assert submit(alice).status_code == 201
    assert Job.objects.get().sent_at is None


def test_no_queue_before_the_commit_is_503_and_nothing_is_kept(alice, monkeypatch):
    monkeypatch.setattr(tasks, "queue_is_up", lambda: False)
    answer = submit(alice)
    assert answer.status_code == 503 and answer["Retry-After"]
    assert not Job.objects.exists() and not stored_files()


def test_a_storage_out_of_reach_is_503(alice, monkeypatch):
    def away(*args, **kwargs):
        raise PermissionError("read-only file system")

    monkeypatch.setattr(FileSystemStorage, "save", away)
    answer = submit(alice)
    assert answer.status_code == 503 and not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_fails_after_the_commit_does_not_undo_the_job(alice, monkeypatch):
    def crash(job_id):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(tasks, "send", crash)
    assert submit(alice).status_code == 201
    assert Job.objects.get().status == "queued" and len(stored_files()) == 1


def test_the_files_name_is_kept_for_people_but_not_on_disk(alice):
    submit(alice, audio_file=recording("../../naïve – файл 音声 (1) & co.mp3"))
    job = Job.objects.get()
    assert job.source_name == "naïve – файл 音声 (1) & co.mp3"
    assert str(job.id) in job.source_key and "naïve" not in job.source_key


@pytest.mark.parametrize("value", ["false", "False", "0", "OFF", ""])
def test_booleans_may_be_written_in_the_usual_ways(alice, value):
    assert submit(alice, diarization=value).status_code == 201


@pytest.mark.parametrize("field", ["diarization", "speaker_embeddings", "pii_processing"])
@pytest.mark.parametrize("value", ["yes", "2", "maybe", "truee"])
def test_other_words_are_no_booleans(alice, field, value):
    answer = submit(alice, **{field: value})
    assert answer.status_code == 400
    assert field in answer.json()["detail"] and answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("EN", "en"),
        ("pt-BR", "pt"),
        ("auto", "auto"),
        ("Auto", "auto"),
        ("", "auto"),
        ("zh_Hant", "zh"),
        ("haw", "haw"),
    ],
)
def test_languages_ignore_case_and_count_by_their_primary_subtag(alice, sent, kept):
    assert submit(alice, language=sent).status_code == 201
    assert Job.objects.get().language == kept


@pytest.mark.parametrize("language", ["xx", "he", "sq", "ht", "yue", "fil", "english", "e", "1"])
def test_languages_that_the_standard_tier_lacks_are_refused_with_the_list(alice, language):
    answer = submit(alice, language=language)
    assert answer.status_code == 400
    detail = answer.json()["detail"]
    assert "language" in detail and "en" in detail and "auto" in detail
    assert ("premium" in detail) == (language in ("yue", "fil"))


def test_premium_has_its_own_thirty_languages(alice):
    assert len(STANDARD_LANGUAGES) == 96 and len(PREMIUM_LANGUAGES) == 30
    answer = submit(alice, transcription_model="premium", language="sw")
    assert (
        answer.status_code == 400 and "premium" in answer.json()["detail"] and answer.json()["code"] == "invalid_field"
    )


def test_an_unknown_tier_is_refused_with_the_accepted_ones(alice):
    detail = submit(alice, transcription_model="turbo").json()["detail"]
    assert "transcription_model" in detail and "standard" in detail and "premium" in detail


@pytest.mark.parametrize(
    "other", [{"transcription_model": "standard", "diarization": "true"}, {"transcription_model": "premium"}, {}]
)
def test_speaker_embeddings_need_premium_and_diarization(alice, other):
    answer = submit(alice, speaker_embeddings="true", **other)
    assert answer.status_code == 400
    assert all(word in answer.json()["detail"] for word in ("speaker_embeddings", "premium", "diarization"))


@pytest.mark.parametrize(
    "fields",
    [
        {"audio_file": None, "remote_url": "https://example.com/a.mp3"},
        {"audio_file": None, "uploaded_audio_key": "k", "uploaded_audio_token": "t"},
    ],
)
def test_options_whose_engines_are_not_here_are_refused_by_name(alice, fields):
    answer = submit(alice, **fields)
    assert answer.status_code == 400 and answer.json()["code"] == "feature_unavailable"
    assert "not available on this server" in answer.json()["detail"]
    assert not Job.objects.exists() and not stored_files()


def test_analytics_without_an_analyst_are_refused_by_name(alice, settings):
    settings.ENGINE_PROFILE = "gpu"  # whose analyst is a server of the operator's, and none is named
    answer = submit(alice, analytics='{"profile":"basic"}')
    assert answer.status_code == 400 and answer.json()["code"] == "feature_unavailable"
    assert answer.json()["detail"] == "analytics is not available on this server."
    settings.ANALYST_URL = "http://127.0.0.1:8103/v1"
    assert submit(alice, analytics='{"profile":"basic"}').status_code == 201


def test_accepted_analytics_are_shown_as_they_were_understood(alice):
    shown = submit(alice, diarization="true", analytics='{"profile":"full","domain":"insurance"}').json()
    assert shown["status"] == "accepted"
    analytics = Job.objects.get().analytics
    assert analytics["tier"] == "deep" and len(analytics["modules"]) == 13
    assert analytics["custom_schema"] == {"domain": "insurance", "schema_version": "2026-05-31", "fields": []}


@pytest.mark.parametrize("value", ["{}", '{"profile":"none"}', '{"profile":"off"}', ""])
def test_an_empty_analytics_request_is_none(alice, value):
    assert submit(alice, analytics=value).status_code == 201
    assert Job.objects.get().analytics is None


@pytest.mark.parametrize("value", ["{", "[]", '"x"', '{"profile":"extra"}', '{"domain":"law"}', '{"foo":1}'])
def test_malformed_analytics_are_refused_in_words(alice, value):
    answer = submit(alice, analytics=value)
    assert answer.status_code == 400 and "analytics" in answer.json()["detail"]


def test_an_unknown_field_is_refused_with_the_accepted_ones(alice):
    detail = submit(alice, langauge="en").json()["detail"]
    assert "langauge" in detail and "language" in detail and "audio_file" in detail


def test_a_field_sent_twice_is_refused(alice):
    answer = submit(alice, language=["en", "de"])
    assert answer.status_code == 400 and "language" in answer.json()["detail"]


def test_no_source_and_two_sources_are_refused(alice):
    assert "exactly one" in submit(alice, audio_file=None).json()["detail"]
    answer = submit(alice, remote_url="https://example.com/a.mp3")
    assert answer.status_code == 400 and "audio_file and remote_url" in answer.json()["detail"]


def test_an_upload_key_needs_its_token(alice):
    answer = submit(alice, audio_file=None, uploaded_audio_key="k")
    assert answer.status_code == 400 and "uploaded_audio_token" in answer.json()["detail"]


def test_text_in_place_of_the_file_is_refused(alice):
    for body in ({"audio_file": "interview.mp3"}, {"audio_file": {"name": "x"}}):
        answer = alice.api.post("/jobs", json.dumps(body), content_type="application/json")
        assert answer.status_code == 400 and "audio_file" in answer.json()["detail"]


def test_json_bodies_are_read_like_forms(alice):
    body = {
        "remote_url": "https://example.com/a.mp3",
        "language": "EN",
        "diarization": False,
        "analytics": None,
        "pii_processing": 0,
    }
    answer = alice.api.post("/jobs", json.dumps(body), content_type="application/json")
    assert (
        answer.status_code == 400
        and answer.json()["code"] == "feature_unavailable"
        and "remote_url" in answer.json()["detail"]
    )


@pytest.mark.parametrize("content_type", ["text/plain", "audio/mpeg", "application/octet-stream", ""])
def test_other_content_types_are_refused_with_the_accepted_ones(alice, content_type):
    answer = alice.api.generic("POST", "/jobs", b"abc", content_type=content_type)
    assert answer.status_code == 400 and "multipart/form-data" in answer.json()["detail"]


def test_a_multipart_body_without_a_boundary_is_refused(alice):
    answer = alice.api.generic("POST", "/jobs", b"abc", content_type="multipart/form-data")
    assert answer.status_code == 400 and answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.mp3", b""),
        ("text.mp3", b"This is no sound. " * 200),
        ("random.wav", bytes(range(256)) * 100),
        ("header.wav", tone(0)),
    ],
)
def test_what_can_be_seen_to_be_no_recording_is_refused_and_not_kept(alice, name, data):
    answer = submit(alice, audio_file=recording(name, data))
    assert answer.status_code == 400
    assert answer.json()["detail"] and "Traceback" not in answer.json()["detail"]
    assert not Job.objects.exists() and not stored_files()


def test_a_recording_over_the_limit_stops_while_it_is_read(alice, monkeypatch):
    monkeypatch.setattr(limits, "RECORDING_BYTES_MAX", 200_000)
    answer = submit(alice, audio_file=recording(data=tone(20)))
    assert answer.status_code == 400 and answer.json()["code"] == "file_too_large" and "1 GB" in answer.json()["detail"]
    assert not Job.objects.exists() and not stored_files()
    assert not list((Path(default_storage.location).parent / "uploads").iterdir())


def test_a_full_disk_is_503_and_leaves_nothing(alice, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TemporaryUploadedFile, "write", full, raising=False)
    answer = submit(alice)
    assert answer.status_code == 503 and answer["Retry-After"] and "room" in answer.json()["detail"]
    assert not Job.objects.exists() and not stored_files()


def test_a_recording_just_under_the_limit_is_taken(alice, monkeypatch):
    monkeypatch.setattr(limits, "RECORDING_BYTES_MAX", len(tone(20)))
    assert submit(alice, audio_file=recording(data=tone(20))).status_code == 201


def test_nothing_is_kept_when_the_row_cannot_be_saved(alice, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("database")

    monkeypatch.setattr(Job, "save", fail)
    alice.api.raise_request_exception = False
    answer = submit(alice)
    assert answer.status_code == 500 and answer.json()["code"] == "internal_error"
    assert not stored_files()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.dictionaries(
        st.text(max_size=20),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=30), st.lists(st.integers(), max_size=3)),
        max_size=5,
    )
)
def test_any_json_object_gets_an_answer_in_words(alice, fields):
    answer = alice.api.post("/jobs", json.dumps(fields), content_type="application/json")
    assert answer.status_code == 400 and isinstance(answer.json()["detail"], str) and answer.json()["detail"]
