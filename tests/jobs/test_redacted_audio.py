"""GET /jobs/{id}/audio: a copy of the recording without what was found, and the end of the original."""

import uuid
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from jobs import leases, originals, processing, sweeping, tasks, voices
from jobs.engines.audio import AudioDecoder
from jobs.models import Job, JobQuerySet
from jobs.retention import RESULT_RETENTION
from tests.conftest import claimed, complete, make_job, tone
from tests.jobs.pretend import Redactor, engines, job_with_recording, said

pytestmark = pytest.mark.django_db
COPY = b"ID3 a copy"
REPLACED = {"pii_processing": True, "pii_audio": "silence"}
SPOKEN = [said(0.0, "I am Sarah Mitchell and that is all that I say.")]
SECRET_S, REST_S = (1.0, 2.0), (2.5, 5.5)  # "Sarah Mitchell", and from "that" on


def audio_of(person, job_id):
    return person.api.get(f"/jobs/{job_id}/audio")


def row_of(person, job):
    return person.api.get(f"/jobs/{job.pk}").json()


def stored():
    """The names of all files in the storage."""
    root = Path(default_storage.location)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def with_copy(person, name="call.wav"):
    """A completed job whose copy stands and whose original is still there: its worker died in between."""
    job = job_with_recording(person, **REPLACED)
    copy = default_storage.save(f"redacted/{job.pk}.mp3", ContentFile(COPY))
    done = {"document": b"{}", "preview": "", "audio_duration_s": 6.0, "redacted_audio_key": copy}
    assert Job.objects.finish(claimed(job), **done)
    Job.objects.filter(pk=job.pk).update(source_name=name)
    job.refresh_from_db()
    return job


@pytest.fixture
def process(monkeypatch):
    """Processes a job of six seconds of a tone in which somebody says who they are."""
    # The heartbeat has a connection of its own, which does not see this test's transaction.
    monkeypatch.setattr(leases, "HEARTBEAT_INTERVAL_S", 600.0)

    def process(job, redactor=None):
        pretended = engines(SPOKEN, redactor or Redactor(PERSON="Sarah Mitchell"))
        monkeypatch.setattr(processing, "engine", pretended)
        processing.process(str(job.pk))
        job.refresh_from_db()
        return job

    return process


def test_the_copy_comes_as_an_attachment(alice, bob):
    for person in (alice, bob):
        answer = audio_of(person, with_copy(alice).pk)
        assert answer.status_code == 200 and b"".join(answer.streaming_content) == COPY
        assert answer["Content-Type"] == "audio/mpeg" and answer["Content-Length"] == str(len(COPY))
        assert answer["Content-Disposition"] == 'attachment; filename="call.mp3"'


@pytest.mark.parametrize("name", ["naïve – файл.mp3", 'a"b\r\nX: y.mp3', "", "/etc/passwd", "!!!.wav"])
def test_any_source_name_gives_a_safe_header(alice, name):
    header = audio_of(alice, with_copy(alice, name).pk)["Content-Disposition"]
    assert header.startswith("attachment") and "\n" not in header and ".mp3" in header and "/" not in header


def test_what_was_found_can_not_be_heard_in_the_copy_and_the_rest_can(alice, process, tmp_path):
    job = process(job_with_recording(alice, tone(6.0), **REPLACED))
    copy = tmp_path / "copy.mp3"
    copy.write_bytes(b"".join(audio_of(alice, job.pk).streaming_content))
    with AudioDecoder().decode(copy, tmp_path, lambda done: None) as audio:
        assert np.abs(audio.read(*SECRET_S)).max() < 0.01
        assert np.abs(audio.read(*REST_S)).max() > 0.1 and np.abs(audio.read(0.1, 0.7)).max() > 0.1


def test_without_a_key_or_with_a_wrong_one_it_is_401(alice, anyone):
    job = with_copy(alice)
    wrong = Client(headers={"Authorization": "Bearer tb_" + "x" * 40})
    for client in (anyone, wrong):
        answer = client.get(f"/jobs/{job.pk}/audio")
        assert answer.status_code == 401 and answer.json()["code"] == "unauthorized"


def test_someone_elses_job_is_404_as_if_it_did_not_exist(alice, charlie):
    job = with_copy(alice)
    answers = [audio_of(charlie, job_id) for job_id in (job.pk, uuid.uuid4(), "no-id")]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({answer.json()["detail"] for answer in answers}) == 1


def test_a_job_without_a_copy_is_404_and_told_how_to_get_one(alice):
    answer = audio_of(alice, complete(make_job(alice)).pk)
    assert answer.status_code == 404 and answer.json()["code"] == "not_found"
    assert "pii_audio=beep" in answer.json()["detail"] and "pii_processing=true" in answer.json()["detail"]


def test_an_unfinished_or_failed_job_is_409(alice):
    job = make_job(alice, **REPLACED)
    assert audio_of(alice, job.pk).status_code == 409
    claim = claimed(job)
    assert audio_of(alice, job.pk).status_code == 409
    Job.objects.fail(claim, code="x", message="It failed.")
    answer = audio_of(alice, job.pk)
    assert answer.status_code == 409 and answer.json()["code"] == "job_not_completed"


def test_after_seven_days_it_is_410_and_no_audio_is_called_available(alice):
    job = with_copy(alice)
    Job.objects.filter(pk=job.pk).update(completed_at=timezone.now() - RESULT_RETENTION)
    answer = audio_of(alice, job.pk)
    assert answer.status_code == 410 and "7 days" in answer.json()["detail"]
    row = row_of(alice, job)
    assert row["redacted_audio_available"] is False and row["source_audio_available"] is False


def test_once_the_copy_stands_the_original_is_gone(alice, process):
    job = job_with_recording(alice, tone(6.0), **REPLACED)
    before, original = row_of(alice, job), job.source_key
    assert before["source_audio_available"] is True and before["redacted_audio_available"] is False
    process(job)
    after = row_of(alice, job)
    assert after["status"] == "completed"
    assert after["source_audio_available"] is False and after["redacted_audio_available"] is True
    assert original not in stored() and stored() == {job.redacted_audio_key} and job.source_key == ""


@pytest.mark.parametrize("options", [{}, {"pii_processing": True}])
def test_without_a_wish_for_a_copy_the_original_stays(alice, process, options):
    job = process(job_with_recording(alice, tone(6.0), **options))
    sweeping.sweep()
    row = row_of(alice, job)
    assert row["source_audio_available"] is True and row["redacted_audio_available"] is False
    assert stored() == {job.source_key} and audio_of(alice, job.pk).status_code == 404


@pytest.mark.parametrize(
    ("redactor", "because"),
    [(RuntimeError("no redactor"), "failed"), (Redactor(problem="Names can't be found here."), "needs review")],
)
def test_when_something_may_still_have_to_go_there_is_no_copy_to_trust(alice, process, redactor, because):
    job = process(job_with_recording(alice, tone(6.0), **REPLACED), redactor)
    row = row_of(alice, job)
    assert row["status"] == "completed" and row["redacted_audio_available"] is False
    assert row["source_audio_available"] is True and stored() == {job.source_key}
    (warning,) = [text for text in row["result"]["processing_warnings"] if "No redacted copy" in text]
    assert because in warning and "original recording is kept" in warning
    answer = audio_of(alice, job.pk)
    assert answer.status_code == 404 and "processing_warnings" in answer.json()["detail"]


def test_a_result_whose_commit_was_not_answered_keeps_its_copy(alice, process, monkeypatch):
    finish = JobQuerySet.finish

    def unanswered(self, claim, **fields):
        monkeypatch.setattr(JobQuerySet, "finish", finish)
        assert finish(self, claim, **fields)
        raise OperationalError("the connection is gone")

    monkeypatch.setattr(JobQuerySet, "finish", unanswered)
    monkeypatch.setattr(leases.connection, "close", lambda: None)
    job = process(job_with_recording(alice, tone(6.0), **REPLACED))
    assert job.status == "completed" and stored() == {job.redacted_audio_key}


def test_a_copy_counts_as_a_download_and_a_look_at_its_size_does_not(alice):
    job = with_copy(alice)
    looked = alice.api.head(f"/jobs/{job.pk}/audio")
    assert looked.status_code == 200 and looked["Content-Length"] == str(len(COPY)) and looked.content == b""
    for _ in range(20):
        assert b"".join(audio_of(alice, job.pk).streaming_content) == COPY
    assert audio_of(alice, job.pk).status_code == 410
    assert alice.api.get(f"/jobs/{job.pk}/download").status_code == 410


def test_a_copy_that_can_not_be_read_now_is_503(alice):
    job = with_copy(alice)
    default_storage.delete(job.redacted_audio_key)
    answer = audio_of(alice, job.pk)
    assert answer.status_code == 503 and answer["Retry-After"]
    job.refresh_from_db()
    assert job.download_count == 0


def test_the_sound_that_a_killed_worker_had_decoded_goes_with_the_next_attempt(alice, process, settings):
    job = job_with_recording(alice, tone(6.0), **REPLACED)
    left = Path(settings.FILE_UPLOAD_TEMP_DIR) / f"work-{job.pk}-1" / "job-x"
    left.mkdir(parents=True)
    (left / "decoded-0.s16").write_bytes(b"sound")
    Job.objects.filter(pk=job.pk).update(attempt=1)
    process(job)
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


def test_what_an_earlier_attempt_left_goes_with_the_next(alice, process):
    job = job_with_recording(alice, tone(6.0), **REPLACED)
    default_storage.save(f"redacted/{job.pk}/1.mp3", ContentFile(COPY))
    Job.objects.filter(pk=job.pk).update(attempt=1)
    process(job)
    assert stored() == {f"redacted/{job.pk}/2.mp3"} == {job.redacted_audio_key}


def test_the_sweeper_deletes_the_original_where_the_worker_died_in_between(alice, process, monkeypatch):
    job, others = job_with_recording(alice, tone(6.0), **REPLACED), job_with_recording(alice, **REPLACED)
    original = job.source_key

    def die(job):
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(originals, "forget", die)
        with pytest.raises(SystemExit):
            process(job)
    assert original in stored() and row_of(alice, job)["status"] == "completed"
    assert row_of(alice, job)["source_audio_available"] is False
    sweeping.sweep()
    job.refresh_from_db()
    assert stored() == {job.redacted_audio_key, others.source_key} and job.source_key == ""
    assert audio_of(alice, job.pk).status_code == 200


def test_forgetting_the_original_twice_changes_nothing(alice):
    job = with_copy(alice)
    originals.forget(job)
    once = Job.objects.filter(pk=job.pk).values().get()
    assert stored() == {job.redacted_audio_key} and once["source_key"] == ""
    originals.forget(job)
    originals.forget(Job.objects.get(pk=job.pk))
    sweeping.sweep()
    assert stored() == {job.redacted_audio_key} and Job.objects.filter(pk=job.pk).values().get() == once


def test_the_original_of_a_job_whose_copy_does_not_stand_yet_stays(alice):
    job = job_with_recording(alice, **REPLACED)
    assert not Job.objects.replaced().exists()
    sweeping.sweep()
    assert stored() == {job.source_key}


def test_a_job_that_is_cancelled_before_it_is_stored_keeps_no_copy(alice, process, monkeypatch):
    job = job_with_recording(alice, tone(6.0), **REPLACED)
    monkeypatch.setattr(voices, "suggestions", lambda job, document: alice.api.delete(f"/jobs/{job.pk}") and None)
    process(job)
    assert job.status == "failed" and job.redacted_audio_key == "" and stored() == {job.source_key}


@pytest.fixture
def storage_that_keeps_everything(monkeypatch):
    def away(*args, **kwargs):
        raise PermissionError("read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(FileSystemStorage, "delete", away)
        yield broken


def test_a_storage_that_can_not_delete_does_not_stop_the_sweeper(alice, monkeypatch, storage_that_keeps_everything):
    waiting, with_copy_job = make_job(alice, created_at=timezone.now() - RESULT_RETENTION), with_copy(alice)
    sent = []
    monkeypatch.setattr(tasks.process_job, "send", sent.append)
    sweeping.sweep()
    assert sent == [str(waiting.pk)]
    storage_that_keeps_everything.undo()
    sweeping.sweep()
    assert stored() == {with_copy_job.redacted_audio_key}


def test_a_storage_that_can_not_delete_costs_a_finished_job_nothing(alice, process, storage_that_keeps_everything):
    job = process(job_with_recording(alice, tone(6.0), **REPLACED))
    assert job.status == "completed" and row_of(alice, job)["source_audio_available"] is False
    storage_that_keeps_everything.undo()
    sweeping.sweep()
    assert stored() == {job.redacted_audio_key}
