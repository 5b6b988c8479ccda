"""Claim, lease, fence, sweeper: whatever is delivered late, twice or never, a job ends once with one result."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from jobs import leases, processing, sweeping, tasks
from jobs.models import FAILURES_MAX, Job, JobQuerySet, Result
from jobs.pipeline.run import Outcome
from jobs.pipeline.types import EngineUnavailable, InputRejected
from tests.conftest import claimed, complete, make_job

pytestmark = pytest.mark.django_db


def lapse(job):
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def sent(monkeypatch):
    """What would have been sent to the queue."""
    ids = []
    monkeypatch.setattr(tasks.process_job, "send", ids.append)
    return ids


@pytest.fixture
def pipeline(monkeypatch):
    """Stands in for the pipeline: calls what the test gives it with the reporter."""

    def install(behaviour):
        monkeypatch.setattr(processing, "run", lambda options, path, engine, report, **kwargs: behaviour(report))
        monkeypatch.setattr(leases, "PROGRESS_INTERVAL_S", 0.0)

    return install


def outcome(text="Hello."):
    return Outcome(
        document={"text": text, "segments": []},
        audio_duration_s=60.0,
        audio_s_transcribed=60.0,
        elapsed_s={"transcribe": 2.0},
    )


def with_recording(job):
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    job.source_key = default_storage.save(f"recordings/{job.pk}", ContentFile(b"x"))
    job.save(update_fields=["source_key"])
    return job


def test_a_job_is_claimed_once(alice):
    job = make_job(alice)
    first = claimed(job)
    assert first.attempt == 1 and Job.objects.claim(job.pk) is None
    assert Job.objects.claim(uuid.uuid4()) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_exactly_one_gets_the_job(alice):
    job = make_job(alice)
    barrier = threading.Barrier(8)

    def attempt(_):
        try:
            barrier.wait()
            return Job.objects.claim(job.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        claims = [claim for claim in pool.map(attempt, range(8)) if claim]
    assert len(claims) == 1


def test_progress_never_falls_and_stays_below_100_until_completed(alice):
    job = make_job(alice)
    claim = claimed(job)
    for reported, kept in ((10, 10), (50, 50), (20, 50), (100, 99), (0, 99)):
        assert Job.objects.extend(claim, progress_percent=reported)
        job.refresh_from_db()
        assert job.progress_percent == kept


def test_a_late_duplicate_can_neither_write_nor_finish(alice, sent):
    job = make_job(alice)
    old = claimed(job)
    lapse(job)
    sweeping.sweep()
    new = claimed(job)
    assert new.attempt == old.attempt + 1
    assert not Job.objects.extend(old) and not Job.objects.fail(old, code="x", message="x")
    assert not Job.objects.finish(old, document=b"old", preview="old", audio_duration_s=1)
    assert Job.objects.finish(new, document=b"new", preview="new", audio_duration_s=1)
    assert not Job.objects.finish(old, document=b"old", preview="old", audio_duration_s=1)
    assert bytes(Result.objects.get(job=job).document) == b"new"


def test_the_sweeper_requeues_what_lost_its_worker(alice, sent):
    job, alive = make_job(alice), make_job(alice)
    claimed(job)
    claimed(alive)
    lapse(job)
    assert sweeping.sweep() == 1
    assert sent == [str(job.pk)]
    job.refresh_from_db()
    alive.refresh_from_db()
    assert job.status == "queued" and job.sent_at is not None and alive.status == "running"


def test_a_job_that_keeps_losing_its_worker_fails_with_a_sentence(alice, sent):
    job = make_job(alice)
    for _ in range(FAILURES_MAX):
        claimed(job)
        lapse(job)
        sweeping.sweep()
    job.refresh_from_db()
    assert job.status == "failed" and "stopped unexpectedly" in job.error_message


def test_the_sweeper_sends_what_was_never_sent_and_what_the_queue_lost(alice, sent):
    now = timezone.now()
    fresh = make_job(alice)
    forgotten = make_job(alice, created_at=now - timedelta(seconds=10))
    waiting = make_job(alice, created_at=now - timedelta(hours=1), sent_at=now - timedelta(minutes=5))
    lost = make_job(alice, created_at=now - timedelta(hours=1), sent_at=now - timedelta(minutes=11))
    done = complete(make_job(alice))
    assert sweeping.sweep() == 2
    assert set(sent) == {str(forgotten.pk), str(lost.pk)}
    assert not {str(fresh.pk), str(waiting.pk), str(done.pk)} & set(sent)


def test_the_sweeper_stops_when_the_queue_is_away_and_tries_again(alice, monkeypatch):
    make_job(alice, created_at=timezone.now() - timedelta(seconds=10))
    monkeypatch.setattr(tasks, "send", lambda job_id: False)
    assert sweeping.sweep() == 0
    monkeypatch.undo()
    assert sweeping.sweep() == 1


def test_processing_stores_the_result_once_whatever_is_redelivered(alice, pipeline):
    job = with_recording(make_job(alice))
    calls = []
    pipeline(lambda report: calls.append(1) or report("transcribe", 0.5) or outcome())
    processing.process(str(job.pk))
    processing.process(str(job.pk))
    job.refresh_from_db()
    assert job.status == "completed" and calls == [1] and Result.objects.count() == 1


def test_a_rejected_recording_fails_with_its_sentence(alice, pipeline):
    job = with_recording(make_job(alice))

    def reject(report):
        raise InputRejected("no_audio_track", "The file has no audio track.")

    pipeline(reject)
    processing.process(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.error_code, job.error_message) == (
        "failed",
        "no_audio_track",
        "The file has no audio track.",
    )


def test_a_missing_engine_fails_the_job_and_says_so(alice, pipeline):
    job = with_recording(make_job(alice))

    def unavailable(report):
        raise EngineUnavailable("run make setup")

    pipeline(unavailable)
    processing.process(str(job.pk))
    job.refresh_from_db()
    assert job.status == "failed" and "not available on this server" in job.error_message


def test_a_defect_gives_the_claim_back_then_fails_without_a_traceback(alice, pipeline):
    job = with_recording(make_job(alice))

    def crash(report):
        raise ZeroDivisionError("secret transcript text")

    pipeline(crash)
    for attempt in range(1, FAILURES_MAX + 1):
        with pytest.raises(ZeroDivisionError):
            processing.process(str(job.pk))
        job.refresh_from_db()
        assert job.attempt == attempt
        assert job.status == ("queued" if attempt < FAILURES_MAX else "failed")
    assert "error on the server" in job.error_message and "secret" not in job.error_message


def test_a_shutdown_gives_the_job_back_however_often(alice, pipeline):
    from dramatiq.middleware import Shutdown

    job = with_recording(make_job(alice))

    def shut_down(report):
        raise Shutdown()

    pipeline(shut_down)
    for _ in range(FAILURES_MAX + 1):
        with pytest.raises(Shutdown):
            processing.process(str(job.pk))
    job.refresh_from_db()
    assert job.status == "queued" and job.sent_at is None and job.failures == 0


def test_dramatiq_is_asked_to_tell_the_actor_of_a_shutdown():
    assert tasks.process_job.options["notify_shutdown"] is True


@pytest.mark.django_db(transaction=True)
def test_a_database_that_restarts_at_the_end_costs_no_result(alice, pipeline, monkeypatch):
    job = with_recording(make_job(alice))
    finish, calls = JobQuerySet.finish, []

    def flaky(self, claim, **fields):
        calls.append(1)
        if len(calls) < 3:
            raise OperationalError("the server closed the connection")
        return finish(self, claim, **fields)

    monkeypatch.setattr(JobQuerySet, "finish", flaky)
    pipeline(lambda report: outcome())
    processing.process(str(job.pk))
    job.refresh_from_db()
    assert job.status == "completed" and job.attempt == 1 and len(calls) == 3


def test_a_worker_without_progress_is_killed_but_a_slow_one_is_not(alice, pipeline, monkeypatch):
    killed = []
    monkeypatch.setattr(leases.os, "kill", lambda pid, number: killed.append(number))
    monkeypatch.setattr(leases, "HEARTBEAT_INTERVAL_S", 0.02)
    monkeypatch.setattr(leases, "STALLED_AFTER_S", 0.2)
    monkeypatch.setattr(leases.Lease, "_extend", lambda self, **changes: True)

    def work(pause, reports):
        def steps(report):
            for step in range(reports):
                report("transcribe", step / reports)
                threading.Event().wait(pause)
            return outcome()

        return steps

    for pause, reports, expected in ((0.05, 10, False), (0.6, 1, True)):
        job = with_recording(make_job(alice))
        pipeline(work(pause, reports))
        processing.process(str(job.pk))
        assert bool(killed) == expected


def test_the_true_duration_is_known_as_soon_as_the_recording_is_decoded(alice):
    job = make_job(alice)
    Job.objects.note_duration(claimed(job), 61.5)
    assert Job.objects.get(pk=job.pk).audio_duration_seconds == 61.5


def test_a_cancelled_job_stops_at_the_next_report_and_stores_nothing(alice, pipeline):
    job = with_recording(make_job(alice))
    reached = []

    def work(report):
        report("transcribe", 0.2)
        alice.api.delete(f"/jobs/{job.pk}")
        report("transcribe", 0.4)
        reached.append("after the cancel")
        return outcome()

    pipeline(work)
    processing.process(str(job.pk))
    job.refresh_from_db()
    assert job.status == "failed" and job.error_code == "cancelled" and not reached and not Result.objects.exists()


def test_a_cancel_between_the_last_report_and_the_end_wins(alice, pipeline):
    job = with_recording(make_job(alice))
    pipeline(lambda report: alice.api.delete(f"/jobs/{job.pk}") and outcome())
    processing.process(str(job.pk))
    assert Job.objects.get(pk=job.pk).status == "failed" and not Result.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_keeps_the_lease_through_a_long_silence(alice, pipeline, monkeypatch):
    job = with_recording(make_job(alice))
    monkeypatch.setattr(leases, "HEARTBEAT_INTERVAL_S", 0.02)
    seen = []

    def silent(report):
        lapse(job)
        threading.Event().wait(0.3)
        seen.append(Job.objects.get(pk=job.pk).lease_expires_at > timezone.now())
        return outcome()

    pipeline(silent)
    processing.process(str(job.pk))
    assert seen == [True]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "running"},
        {"status": "completed"},
        {"status": "failed"},
        {"status": "paused"},
        {"progress_percent": 100},
        {"download_count": 21},
    ],
)
def test_the_database_refuses_states_that_make_no_sense(alice, changes):
    job = make_job(alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**changes)


def test_a_database_that_is_briefly_away_does_not_stop_a_job(alice, pipeline, monkeypatch):
    job = with_recording(make_job(alice))
    extend, calls = JobQuerySet.extend, []

    def flaky(self, claim, **changes):
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("the server closed the connection")
        return extend(self, claim, **changes)

    monkeypatch.setattr(JobQuerySet, "extend", flaky)
    monkeypatch.setattr(leases.connection, "close", lambda: None)
    pipeline(lambda report: report("transcribe", 0.2) or report("transcribe", 0.4) or outcome())
    processing.process(str(job.pk))
    assert Job.objects.get(pk=job.pk).status == "completed" and len(calls) == 2
