"""A re-run in the worker: what it replaces in a result, what it leaves, and that it happens once, whoever dies."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from analytics.model import AnswerFailed
from jobs import leases, reanalysis, sweeping, tasks
from jobs.models import FAILURES_MAX, AnalyticsRun, Job, Result
from jobs.owed import OwedQuerySet
from jobs.pipeline.analysis import DOWNGRADED, PARTLY_FAILED, PARTLY_READ, WARNINGS
from jobs.pipeline.types import EngineUnavailable
from jobs.retention import RESULT_RETENTION
from tests.jobs.pretend import Analyst, Redactor
from tests.jobs.rerun import document_of, finished, normalised, rerun, run_of, sent  # noqa: F401  (sent: a fixture)

pytestmark = pytest.mark.django_db
UNAVAILABLE = EngineUnavailable("no weights")


def lapse(run):
    AnalyticsRun.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def claim_of(run):
    claim = AnalyticsRun.objects.claim(run.pk)
    assert claim is not None
    return claim


def with_warnings(job, *warnings):
    document = document_of(job)
    document["processing_warnings"] = list(warnings)
    Result.objects.filter(pk=job.pk).update(document=json.dumps(document).encode())


# What is replaced


@pytest.mark.parametrize("earlier", [None, {"profile": "basic"}, {"profile": "full", "domain": "support"}])
@pytest.mark.parametrize("options", [{}, {"diarization": True}, {"pii_processing": True}])
def test_a_re_run_leaves_the_result_that_a_first_run_would_have_given(alice, monkeypatch, earlier, options):
    asked = {"profile": "full", "domain": "insurance"}
    once = finished(monkeypatch, alice, asked=asked, **options)
    job = finished(monkeypatch, alice, asked=earlier, **options)
    run = rerun(monkeypatch, run_of(job, **asked))
    assert run.status == "completed" and run.error_message is None
    job.refresh_from_db()
    assert job.analytics == once.analytics and job.status == "completed"
    assert timeless(document_of(job)) == timeless(document_of(once))
    assert orders(document_of(job)) == orders(document_of(once))


def timeless(document):
    execution = document["feature_execution"]
    kept = {name: value for name, value in execution.items() if not name.endswith("_seconds")}
    return {**document, "feature_execution": kept}


def orders(document):
    return list(document), list(document["feature_execution"]), list(document["analytics"])


def test_the_analyst_sees_the_stored_redacted_lines_with_their_speakers(alice, monkeypatch):
    redactor = Redactor(PERSON="policy")
    job = finished(monkeypatch, alice, redactor=redactor, diarization=True, pii_processing=True)
    analyst = Analyst()
    rerun(monkeypatch, run_of(job), analyst)
    [(spoken, modules)] = analyst.asked
    assert spoken.diarized and spoken.language == "en" and spoken.duration_s == 3600.0
    assert [line.id for line in spoken.lines] == [0, 1, 2] and spoken.speakers == ("SPEAKER_00",)
    assert "<PERSON>" in spoken.text and "policy" not in spoken.text and "speaker_stats" in modules
    assert spoken.lines[1].start_s == 9.0


def test_without_speakers_nobody_is_told_apart(alice, monkeypatch):
    analyst = Analyst()
    job = finished(monkeypatch, alice)
    rerun(monkeypatch, run_of(job), analyst)
    [(spoken, modules)] = analyst.asked
    assert not spoken.diarized and spoken.speakers == () and "speaker_stats" not in modules
    assert document_of(job)["analytics"]["speaker_stats"] is None


def test_words_segments_and_preview_stay_as_they_were(alice, monkeypatch):
    job = finished(monkeypatch, alice, diarization=True)
    before, preview = document_of(job), job.result.preview
    rerun(monkeypatch, run_of(job))
    after = document_of(job)
    assert {name: after[name] for name in before if name not in ("feature_execution", "processing_warnings")} == {
        name: before[name] for name in before if name not in ("feature_execution", "processing_warnings")
    }
    assert Result.objects.get(job=job).preview == preview


def test_warnings_of_earlier_analytics_go_and_those_of_the_transcript_stay(alice, monkeypatch):
    job = finished(monkeypatch, alice, asked={"profile": "full"})
    of_transcript = ["The file is damaged at its end.", "Analytics are a fine thing."]
    gone = [
        *(text.format(path="Custom analytics") for text in WARNINGS.values()),
        DOWNGRADED,
        PARTLY_FAILED.format(modules="decisions, key_topics"),
        PARTLY_READ.format(names="call_reason, risks"),
    ]
    with_warnings(job, of_transcript[0], *gone, of_transcript[1])
    rerun(monkeypatch, run_of(job))
    assert document_of(job)["processing_warnings"] == of_transcript


def test_the_owner_downloads_the_new_result(alice, monkeypatch):
    job = finished(monkeypatch, alice)
    rerun(monkeypatch, run_of(job, profile="none", domain="insurance"))
    row = alice.api.get(f"/jobs/{job.pk}").json()
    assert row["analytics_run"]["status"] == "completed" and row["analytics"]["custom_schema"]["domain"] == "insurance"
    downloaded = b"".join(alice.api.get(f"/jobs/{job.pk}/download").streaming_content)
    assert b'"call_reason"' in downloaded and row["result"]["analytics"]["custom"]["domain"] == "insurance"


# What is not to be had


def test_where_nothing_came_of_it_earlier_analytics_stay_and_the_run_says_why(alice, monkeypatch):
    job = finished(monkeypatch, alice, asked={"profile": "basic"})
    before = bytes(job.result.document)

    def broken(told):
        raise AnswerFailed("no usable answer")

    for number, analyst in enumerate((UNAVAILABLE, Analyst(languages=("pl",)), Analyst(behaviour=broken)), start=1):
        run = rerun(monkeypatch, run_of(job, profile="full", domain="insurance"), analyst)
        assert run.number == number and run.status == "failed" and "skipped" in run.error_message
        assert run.error_message.endswith("keeps its earlier analytics.")
        assert bytes(Result.objects.get(job=job).document) == before
        assert Job.objects.get(pk=job.pk).analytics == normalised(profile="basic")


def test_without_earlier_analytics_a_skip_is_recorded_as_in_a_first_run(alice, monkeypatch):
    job = finished(monkeypatch, alice)
    run = rerun(monkeypatch, run_of(job), UNAVAILABLE)
    document = document_of(job)
    assert run.status == "completed" and document["analytics"]["skipped_reason"] == "analyst_unavailable"
    assert document["processing_warnings"] == [WARNINGS["analyst_unavailable"]]
    assert document["feature_execution"]["analytics_applied"] is False


def test_a_path_that_fails_by_itself_leaves_the_other(alice, monkeypatch):
    job = finished(monkeypatch, alice, asked={"profile": "basic"})

    class OnlyGeneric(Analyst):
        def custom(self, *args):
            raise AnswerFailed("no usable answer")

    run = rerun(monkeypatch, run_of(job, profile="full", domain="insurance"), OnlyGeneric())
    analytics = document_of(job)["analytics"]
    assert run.status == "completed" and analytics["summary"] and analytics["skipped_reason"] is None
    assert analytics["custom"]["skipped_reason"] == "generation_failed"


def test_a_withheld_transcript_is_never_analysed(alice, monkeypatch):
    class Broken:
        def find(self, *args):
            raise ValueError

    job = finished(monkeypatch, alice, redactor=Broken(), pii_processing=True)
    analyst = Analyst()
    run = rerun(monkeypatch, run_of(job), analyst)
    document = document_of(job)
    assert run.status == "completed" and not analyst.asked and document["text"] == ""
    assert document["analytics"]["skipped_reason"] == "pii_review_required"
    assert WARNINGS["pii_review_required"] in document["processing_warnings"]


def test_a_transcript_that_needs_review_is_not_analysed_though_it_has_text(alice, monkeypatch):
    job = finished(monkeypatch, alice, redactor=Redactor(problem="Names were not looked for."), pii_processing=True)
    assert document_of(job)["text"] and document_of(job)["pii_review_required"]
    analyst = Analyst()
    rerun(monkeypatch, run_of(job), analyst)
    assert not analyst.asked and document_of(job)["analytics"]["skipped_reason"] == "pii_review_required"


def test_a_result_that_expired_while_it_waited_fails_the_run(alice, monkeypatch):
    job = finished(monkeypatch, alice)
    run = run_of(job)
    Job.objects.filter(pk=job.pk).update(completed_at=timezone.now() - RESULT_RETENTION)
    before = bytes(Result.objects.get(job=job).document)
    run = rerun(monkeypatch, run)
    assert run.status == "failed" and "no longer available" in run.error_message
    assert bytes(Result.objects.get(job=job).document) == before


def test_a_result_that_is_purged_meanwhile_fails_the_run_and_changes_nothing(alice, monkeypatch):
    job = finished(monkeypatch, alice)
    run = rerun(monkeypatch, run_of(job), Analyst(lambda told: Result.objects.filter(job=job).delete()))
    assert run.status == "failed" and "no longer available" in run.error_message
    assert Job.objects.get(pk=job.pk).analytics is None


# Claim, lease, fence


def test_whatever_is_delivered_twice_runs_once(alice, monkeypatch):
    job = finished(monkeypatch, alice)
    run, analyst = run_of(job), Analyst()
    rerun(monkeypatch, run, analyst)
    rerun(monkeypatch, run, analyst)
    assert len(analyst.asked) == 1 and AnalyticsRun.objects.get().attempt == 1


def test_the_actor_does_one_attempt_and_hears_of_a_shutdown(alice, monkeypatch):
    job = finished(monkeypatch, alice)
    run = run_of(job)
    monkeypatch.setattr(reanalysis, "engine", lambda role: Analyst())
    monkeypatch.setattr(tasks, "close_old_connections", lambda: None)  # this test's transaction lives on it
    tasks.rerun_analytics.fn(str(run.pk))
    run.refresh_from_db()
    assert run.status == "completed" and tasks.rerun_analytics.options["notify_shutdown"] is True


def test_a_killed_workers_run_is_taken_over_and_the_late_one_can_not_write(alice, monkeypatch, sent):  # noqa: F811
    job = finished(monkeypatch, alice)
    run = run_of(job, profile="basic")
    late = []

    def stalls(told):
        """The first worker falls silent; the sweeper and a second worker finish the run in the meantime."""
        lapse(run)
        assert sweeping.sweep() == 1 and sent == [str(run.pk)]
        rerun(monkeypatch, run, Analyst())
        late.append(document_of(job))

    rerun(monkeypatch, run, Analyst(behaviour=stalls))
    run.refresh_from_db()
    assert run.status == "completed" and run.attempt == 2 and run.failures == 1
    assert late and document_of(job) == late[0]


def test_a_late_duplicate_can_neither_extend_fail_nor_complete(alice, monkeypatch, sent):  # noqa: F811
    job = finished(monkeypatch, alice)
    run = run_of(job)
    old = claim_of(run)
    lapse(run)
    sweeping.sweep()
    new = claim_of(run)
    runs = AnalyticsRun.objects
    assert new.attempt == old.attempt + 1
    assert not runs.extend(old) and not runs.fail(old, code="x", message="x") and not runs.complete(old)
    assert not runs.give_back(old, failed=True) and not runs.completed_by(old)
    assert runs.extend(new) and runs.complete(new) and not runs.completed_by(old)


def test_a_worker_that_lost_its_claim_stops_at_the_next_report(alice, monkeypatch):
    job = finished(monkeypatch, alice)
    run, reached = run_of(job), []

    def taken_over(told):
        told(0.2)
        AnalyticsRun.objects.filter(pk=run.pk).update(attempt=5)
        told(0.4)
        reached.append("after the claim was gone")

    rerun(monkeypatch, run, Analyst(behaviour=taken_over))
    assert not reached and run.status == "running" and "analytics" not in document_of(job)


def test_the_sweeper_sends_runs_that_were_never_sent_and_those_that_the_queue_lost(alice, monkeypatch, sent):  # noqa: F811
    now = timezone.now()
    ages = {
        "fresh": {},
        "forgotten": {"created_at": now - timedelta(seconds=10)},
        "waiting": {"created_at": now - timedelta(hours=1), "sent_at": now - timedelta(minutes=5)},
        "lost": {"created_at": now - timedelta(hours=1), "sent_at": now - timedelta(minutes=11)},
    }
    runs = {name: run_of(finished(monkeypatch, alice)) for name in ages}
    for name, changes in ages.items():
        if changes:
            AnalyticsRun.objects.filter(pk=runs[name].pk).update(**changes)
    assert sweeping.sweep() == 2 and set(sent) == {str(runs["forgotten"].pk), str(runs["lost"].pk)}


def test_a_run_that_keeps_losing_its_worker_fails_and_leaves_the_result(alice, monkeypatch, sent):  # noqa: F811
    job = finished(monkeypatch, alice, asked={"profile": "basic"})
    before = bytes(job.result.document)
    run = run_of(job)
    for _ in range(FAILURES_MAX):
        claim_of(run)
        lapse(run)
        sweeping.sweep()
    run.refresh_from_db()
    assert run.status == "failed" and f"stopped unexpectedly {FAILURES_MAX} times" in run.error_message
    assert bytes(Result.objects.get(job=job).document) == before
    assert alice.api.get(f"/jobs/{job.pk}").json()["status"] == "completed"


def test_a_defect_gives_the_claim_back_then_fails_without_what_was_said(alice, monkeypatch):
    job = finished(monkeypatch, alice)
    run = run_of(job)

    def crash(document):
        raise ZeroDivisionError("cancel my policy")

    monkeypatch.setattr(reanalysis, "spoken_again", crash)
    for attempt in range(1, FAILURES_MAX + 1):
        with pytest.raises(ZeroDivisionError):
            rerun(monkeypatch, run)
        run.refresh_from_db()
        assert run.attempt == attempt and run.status == ("queued" if attempt < FAILURES_MAX else "failed")
    assert "error on the server" in run.error_message and "policy" not in run.error_message


def test_a_shutdown_gives_the_run_back_however_often(alice, monkeypatch):
    from dramatiq.middleware import Shutdown

    run = run_of(finished(monkeypatch, alice))

    def shut_down(told):
        raise Shutdown()

    for _ in range(FAILURES_MAX + 1):
        with pytest.raises(Shutdown):
            rerun(monkeypatch, run, Analyst(behaviour=shut_down))
    run.refresh_from_db()
    assert run.status == "queued" and run.sent_at is None and run.failures == 0


def test_a_commit_whose_answer_was_lost_counts_as_done(alice, monkeypatch):
    job = finished(monkeypatch, alice)
    finish = reanalysis._finish
    calls = []

    def unanswered(claim, **fields):
        calls.append(finish(claim, **fields))
        if len(calls) == 1:
            raise OperationalError("the connection is gone")
        return calls[-1]

    monkeypatch.setattr(reanalysis, "_finish", unanswered)
    monkeypatch.setattr(leases.connection, "close", lambda: None)
    run = rerun(monkeypatch, run_of(job))
    assert calls == [True, True] and run.status == "completed" and document_of(job)["analytics"]["summary"]


def test_nothing_is_stored_when_the_claim_is_lost_at_the_very_end(alice, monkeypatch):
    job = finished(monkeypatch, alice)
    run = run_of(job)
    complete = OwedQuerySet.complete

    def just_too_late(self, claim, **changes):
        self.filter(pk=claim.row_id).update(attempt=9)
        return complete(self, claim, **changes)

    monkeypatch.setattr(OwedQuerySet, "complete", just_too_late)
    rerun(monkeypatch, run)
    assert run.status == "running" and "analytics" not in document_of(job)
    assert Job.objects.get(pk=job.pk).analytics is None


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_keeps_the_runs_lease_through_a_long_silence(alice, monkeypatch):
    job = finished(monkeypatch, alice)
    run = run_of(job)
    monkeypatch.setattr(leases, "HEARTBEAT_INTERVAL_S", 0.02)
    seen = []

    def silent(told):
        lapse(run)
        threading.Event().wait(0.3)
        seen.append(AnalyticsRun.objects.get(pk=run.pk).lease_expires_at > timezone.now())

    rerun(monkeypatch, run, Analyst(behaviour=silent))
    assert seen == [True] and run.status == "completed"
