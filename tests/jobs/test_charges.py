"""What a job costs: held when it is accepted, charged for what ran, never twice, nothing when it fails."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.utils import timezone

from billing import ledger, prices
from billing.checks import check_ledger
from billing.models import Transfer
from billing.prices import PriceList
from jobs import charges, leases, processing, sweeping
from jobs.models import Job
from jobs.pipeline.types import EngineUnavailable, InputRejected
from tests.conftest import complete, make_job, recording
from tests.jobs.pretend import Analyst, Redactor, Transcriber, engines, said
from tests.jobs.rerun import rerun

pytestmark = pytest.mark.django_db
HOUR = [said(0.5, "Hello, I would like to cancel my policy."), said(3000.0, "Thank you and goodbye.")]
FULL_AND_PACK = '{"profile":"full","domain":"insurance"}'
FREE = 2_500_000


def submit(person, **fields):
    """A recording of one second by its header; the pretended decoder finds an hour in it."""
    answer = person.api.post("/jobs", {"audio_file": recording(), **fields})
    assert answer.status_code == 201, answer.json()
    return Job.objects.get(pk=answer.json()["id"])


def shown(person, job):
    row = person.api.get(f"/jobs/{job.pk}").json()
    return row["estimated_cost_usd"], row["billed_cost_usd"], row["billing_status"]


def money(person):
    """Balance and holds in micro-dollars; the books are right whenever one looks."""
    assert check_ledger() == []
    wallet = ledger.wallet_for(person.account)
    return wallet.balance_micros, wallet.held_micros


def spend_down_to(person, micros):
    ledger.adjust(
        account=person.account,
        amount_micros=micros - ledger.available_micros(person.account),
        reference=f"test:{micros}",
        reason="For a test",
        actor=person.user,
    )


@pytest.fixture
def process(monkeypatch):
    """One attempt at a job by pretended engines."""
    # The heartbeat has a connection of its own, which does not see this test's transaction.
    monkeypatch.setattr(leases, "HEARTBEAT_INTERVAL_S", 600.0)
    monkeypatch.setattr(leases, "PROGRESS_INTERVAL_S", 0.0)

    def process(job, redactor=None, analyst=None, transcriber=None, **kind):
        made = engines(HOUR, redactor or Redactor(), tier=job.transcription_model, analyst=analyst or Analyst(), **kind)
        engine = (lambda role: transcriber if role.startswith("transcriber") else made(role)) if transcriber else made
        monkeypatch.setattr(processing, "engine", engine)
        processing.process(str(job.pk))
        job.refresh_from_db()
        return job

    return process


# Accepting


def test_a_job_says_its_price_beforehand_and_holds_it(alice):
    job = submit(alice)

    assert shown(alice, job) == (0.01, None, "pending")
    assert money(alice) == (FREE, 10_000)


def test_a_job_that_cannot_be_paid_is_402_and_nothing_is_kept(alice):
    spend_down_to(alice, 9_999)

    answer = alice.api.post("/jobs", {"audio_file": recording()})

    assert answer.status_code == 402
    assert answer.json()["detail"] == "You do not have enough credit for this job."
    assert answer.json()["code"] == "insufficient_credit"
    assert not Job.objects.exists() and money(alice) == (9_999, 0)
    assert not default_storage.exists("recordings") or not any(default_storage.listdir("recordings"))


def test_a_hold_that_is_refused_at_the_last_moment_keeps_no_job_and_no_recording(alice, monkeypatch):
    monkeypatch.setattr(charges, "require_credit", lambda account, amount: None)
    spend_down_to(alice, 9_999)

    assert alice.api.post("/jobs", {"audio_file": recording()}).status_code == 402
    assert not Job.objects.exists() and money(alice) == (9_999, 0)


def test_a_database_that_fails_between_hold_and_commit_leaves_no_hold(alice, monkeypatch):
    def fail(*arguments, **named):
        raise DatabaseError("gone")

    monkeypatch.setattr("jobs.intake.transaction.on_commit", fail)
    alice.api.raise_request_exception = False

    assert alice.api.post("/jobs", {"audio_file": recording()}).status_code == 500
    assert not Job.objects.exists() and money(alice) == (FREE, 0)


@pytest.mark.django_db(transaction=True)
def test_of_fifty_jobs_at_once_on_a_balance_for_ten_exactly_ten_are_accepted(alice):
    spend_down_to(alice, 100_000)
    data = recording().read()
    barrier = threading.Barrier(10)

    def submit_some(_):
        try:
            barrier.wait()
            files = [recording(data=data) for _ in range(5)]
            return [alice.api.post("/jobs", {"audio_file": file}).status_code for file in files]
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        found = sorted(status for answers in pool.map(submit_some, range(10)) for status in answers)

    assert found == [201] * 10 + [402] * 40
    assert Job.objects.count() == 10 and money(alice) == (100_000, 100_000)


# Completion


def test_a_completed_job_costs_what_its_seconds_cost_and_the_rest_of_the_hold_is_free(alice, process):
    job = process(submit(alice))

    assert shown(alice, job) == (0.14, 0.14, "charged")
    assert money(alice) == (FREE - 140_000, 0)
    charge = Transfer.objects.get(kind="capture")
    assert (charge.subject, charge.amount_micros) == (f"job:{job.pk}", 140_000)
    assert charge.detail == {
        "seconds": 3600.0,
        "price_list": "2026-05",
        "minimum_micros": 10_000,
        "lines": [{"feature": "standard_transcription", "rate_micros": 140_000, "amount_micros": 140_000}],
        "api_key_id": str(job.api_key_id),
    }


def test_every_feature_that_ran_is_charged(alice, process):
    options = {"transcription_model": "premium", "diarization": "true", "pii_processing": "true"}
    job = process(submit(alice, **options, analytics=FULL_AND_PACK))

    # 0.25 + 0.08 + 0.06 + 0.60 + 0.45 for one hour
    assert shown(alice, job) == (1.44, 1.44, "charged")
    assert money(alice) == (FREE - 1_440_000, 0)


@pytest.mark.parametrize(
    ("options", "kind", "cost"),
    [
        ({"pii_processing": "true"}, {"language": "ja"}, 0.14),
        ({"analytics": FULL_AND_PACK}, {"analyst": Analyst(languages=())}, 0.14),
        ({"analytics": FULL_AND_PACK}, {"analyst": Analyst(languages=()), "language": "ja"}, 0.14),
        ({"analytics": '{"profile":"basic"}'}, {}, 0.38),
        ({"analytics": '{"domain":"insurance"}'}, {}, 0.59),
    ],
)
def test_what_did_not_run_is_not_paid(alice, process, options, kind, cost):
    job = process(submit(alice, **options), **kind)

    assert job.status == "completed" and shown(alice, job)[1:] == (cost, "charged")
    assert money(alice) == (FREE - round(cost * 1_000_000), 0)


def test_a_transcript_that_is_withheld_costs_nothing_at_all(alice, process):
    class Broken:
        def find(self, *arguments):
            raise ValueError

    job = process(submit(alice, pii_processing="true"), redactor=Broken())

    assert json.loads(bytes(job.result.document)).get("pii_review_required") is True
    assert shown(alice, job)[1:] == (None, "skipped") and money(alice) == (FREE, 0)


def test_analytics_of_a_recording_known_to_be_too_short_are_neither_held_nor_paid(alice):
    job = submit(alice, analytics=FULL_AND_PACK)

    assert shown(alice, job)[0] == 0.01 and money(alice) == (FREE, 10_000)


def test_redaction_of_a_language_that_cannot_be_redacted_is_not_held(alice):
    assert shown(alice, submit(alice, pii_processing="true", language="ru"))[0] == 0.01
    assert shown(alice, submit(alice, pii_processing="true", language="de"))[0] == 0.035


def test_whatever_is_redelivered_a_job_is_charged_once(alice, process):
    job = process(submit(alice))
    again = processing.process(str(job.pk))

    assert again is None and Transfer.objects.filter(kind="capture").count() == 1
    assert money(alice) == (FREE - 140_000, 0)


def test_a_finish_whose_answer_was_lost_charges_nothing_more(alice):
    job = submit(alice)
    claim = Job.objects.claim(job.pk)
    stored = {"document": b"{}", "preview": "", "audio_duration_s": 60.0, "features": charges.features_of(job)}

    assert charges.finish(claim, **stored) and charges.finish(claim, **stored)

    assert shown(alice, job)[1:] == (0.01, "charged") and money(alice) == (FREE - 10_000, 0)


def test_a_late_worker_charges_nothing(alice):
    job = submit(alice)
    claim = Job.objects.claim(job.pk)
    alice.api.delete(f"/jobs/{job.pk}")
    before = money(alice)

    stored = {"document": b"{}", "preview": "", "audio_duration_s": 60.0, "features": charges.features_of(job)}

    assert not charges.finish(claim, **stored) and money(alice) == before


def test_a_longer_recording_than_its_header_said_is_held_in_full_before_the_work(alice, process):
    seen = []

    class Looking(Transcriber):
        def transcribe(self, *arguments, **named):
            seen.append(money(alice))
            return super().transcribe(*arguments, **named)

    process(submit(alice), transcriber=Looking(HOUR, "en", "standard"))

    assert seen == [(FREE, 140_000)]


def test_a_recording_that_turns_out_too_long_for_the_balance_fails_with_the_sentence_and_costs_nothing(alice, process):
    class Unasked:
        def transcribe(self, *arguments, **named):
            raise AssertionError("nothing should have been transcribed")

    job = submit(alice)
    spend_down_to(alice, 100_000)
    job = process(job, transcriber=Unasked())

    assert (job.status, job.error_code) == ("failed", "insufficient_credit")
    assert job.error_message == "You do not have enough credit for this job."
    assert shown(alice, job)[1:] == (None, "skipped")
    assert money(alice) == (110_000, 0)


def test_work_that_is_older_than_prices_costs_nothing(alice):
    job = complete(make_job(alice))

    assert shown(alice, job) == (None, None, None) and money(alice) == (FREE, 0)


# Failing


class Rejecting:
    def transcribe(self, *arguments, **named):
        raise InputRejected("no_audio", "The recording has no sound.")


class Missing:
    def transcribe(self, *arguments, **named):
        raise EngineUnavailable("transcriber", "not there")


@pytest.mark.parametrize("transcriber", [Rejecting(), Missing()])
def test_a_failed_job_costs_nothing_and_its_hold_is_free_at_once(alice, process, transcriber):
    job = process(submit(alice), transcriber=transcriber)

    assert job.status == "failed" and shown(alice, job)[1:] == (None, "skipped")
    assert money(alice) == (FREE, 0)


def test_a_defect_keeps_the_hold_while_it_is_tried_again_and_frees_it_after_the_last_attempt(alice, process):
    class Defect:
        def transcribe(self, *arguments, **named):
            raise RuntimeError

    job = submit(alice)
    held = []
    for _ in range(3):
        with pytest.raises(RuntimeError):
            process(job, transcriber=Defect())
        held.append(money(alice)[1])

    assert held == [140_000, 140_000, 0]
    assert shown(alice, Job.objects.get())[1:] == (None, "skipped")


def test_the_sweeper_frees_what_a_dead_worker_held(alice):
    job = submit(alice)
    for _ in range(3):
        Job.objects.claim(job.pk)
        Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        sweeping.sweep()
    job.refresh_from_db()

    assert job.error_code == "worker_lost" and shown(alice, job)[1:] == (None, "skipped")
    assert money(alice) == (FREE, 0)


# Cancelling


def test_a_job_cancelled_before_its_work_costs_the_minimum_of_what_was_asked(alice):
    job = submit(alice, transcription_model="premium", pii_processing="true")
    alice.api.delete(f"/jobs/{job.pk}")

    assert shown(alice, job)[1:] == (0.08, "charged") and money(alice) == (FREE - 80_000, 0)


class CancelledAt(Transcriber):
    """Hears a part of the recording; then its customer cancels."""

    def __init__(self, person, job, fraction):
        super().__init__(HOUR, "en", "standard")
        self.person, self.job, self.fraction = person, job, fraction

    def transcribe(self, audio, language, on_progress, **options):
        on_progress(self.fraction)
        self.person.api.delete(f"/jobs/{self.job.pk}")
        on_progress(self.fraction)
        raise AssertionError("the worker went on after the cancel")


@pytest.mark.parametrize(("fraction", "cost"), [(0.5, 0.07), (0.25, 0.035), (0.01, 0.01), (1.0, 0.14)])
def test_a_job_cancelled_while_it_runs_costs_the_seconds_done(alice, process, fraction, cost):
    job = submit(alice)
    process(job, transcriber=CancelledAt(alice, job, fraction))

    assert shown(alice, job)[1:] == (cost, "charged") and money(alice) == (FREE - round(cost * 1e6), 0)


def test_stages_that_never_began_are_not_in_the_price_of_a_cancelled_job(alice, process):
    job = submit(alice, pii_processing="true", analytics=FULL_AND_PACK)
    process(job, transcriber=CancelledAt(alice, job, 1.0))

    # an hour of transcription is 0.14; the minimum of what was asked, 0.15
    assert shown(alice, job)[1:] == (0.15, "charged")


def test_a_job_cancelled_during_analytics_costs_all_that_began(alice, process):
    job = submit(alice, analytics='{"profile":"full"}')

    def cancel(told):
        told(0.1)
        alice.api.delete(f"/jobs/{job.pk}")
        told(0.9)

    process(job, analyst=Analyst(cancel))

    assert shown(alice, job)[1:] == (0.74, "charged") and money(alice) == (FREE - 740_000, 0)


def test_redaction_and_analytics_that_were_skipped_are_not_in_the_price_of_a_cancelled_job(alice, process, monkeypatch):
    job = submit(alice, pii_processing="true", analytics='{"profile":"full"}')

    def cancel(*arguments, **named):
        alice.api.delete(f"/jobs/{job.pk}")
        return True

    monkeypatch.setattr(charges, "finish", cancel)
    process(job, language="ja", analyst=Analyst(languages=()))

    # an hour of transcription is 0.14; the minimum of what was asked, 0.125
    assert shown(alice, job)[1:] == (0.14, "charged")


def test_a_job_cancelled_while_its_sound_is_masked_costs_what_ran(alice, process, monkeypatch):
    job = submit(alice, pii_processing="true", pii_audio="beep", analytics='{"profile":"full"}')

    def cancelled(job, claim, path, redaction, on_masked, folder):
        on_masked(0.5)
        alice.api.delete(f"/jobs/{job.pk}")
        on_masked(0.6)

    monkeypatch.setattr("jobs.originals.redacted_copy", cancelled)
    monkeypatch.setattr("jobs.originals.why_no_copy", lambda redaction: None)
    process(job, redactor=Redactor(PERSON="Hello"), analyst=Analyst(languages=()))

    # an hour of transcription and redaction; the analyst reads no English here
    assert shown(alice, job)[1:] == (0.2, "charged")


def test_work_that_was_lost_with_its_worker_is_not_in_the_price_of_a_cancelled_job(alice):
    job = submit(alice)
    claim = Job.objects.claim(job.pk)
    charges.raise_estimate(job, claim, 3600.0)
    Job.objects.extend(claim, stage="transcribe", processed_seconds=3000.0, begun=["standard_transcription"])
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    sweeping.sweep()
    alice.api.delete(f"/jobs/{job.pk}")

    assert shown(alice, job)[1:] == (0.01, "charged")


def test_a_job_is_charged_by_the_price_list_it_was_accepted_under(alice, process, monkeypatch):
    job = submit(alice)
    dearer = PriceList({feature: 10 * rate for feature, rate in prices.RATES.items()}, prices.MINIMUMS, prices.BUNDLES)
    monkeypatch.setitem(prices.PRICE_LISTS, "2027-01", dearer)
    monkeypatch.setattr(charges, "PRICE_LIST", "2027-01")
    process(job)

    assert shown(alice, job)[1:] == (0.14, "charged")
    assert Transfer.objects.get(kind="capture").detail["price_list"] == "2026-05"
    assert shown(alice, process(submit(alice)))[1:] == (1.4, "charged")


def test_one_hold_that_cannot_be_freed_holds_up_no_other(alice, monkeypatch):
    jobs = [submit(alice) for _ in range(2)]
    Job.objects.update(status="failed", error_message="x", completed_at=timezone.now())
    release = ledger.release

    def failing(*, held):
        if held.subject == jobs[0].subject:
            raise ValueError
        return release(held=held)

    monkeypatch.setattr(ledger, "release", failing)
    sweeping.sweep()

    assert shown(alice, jobs[1])[1:] == (None, "skipped") and money(alice)[1] == 10_000


# What the audit of the ledger finds of jobs


def test_the_audit_finds_a_hold_whose_job_has_ended_or_is_gone(alice):
    job = submit(alice)
    ledger.hold(account=alice.account, amount_micros=5_000, subject="job:00000000-0000-0000-0000-000000000000")
    Job.objects.filter(pk=job.pk).update(status="failed", error_message="x", completed_at=timezone.now())
    assert check_ledger() == []  # it has just ended

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_transfer DISABLE TRIGGER billing_never_changed")
        cursor.execute("UPDATE billing_transfer SET created_at = now() - interval '1 hour'")

    found = check_ledger()
    assert len(found) == 2 and any("is failed" in it for it in found) and any("is not there" in it for it in found)


def test_the_audit_finds_a_job_whose_cost_is_not_what_the_ledger_says(alice, process):
    job = process(submit(alice))
    assert check_ledger() == []
    Job.objects.filter(pk=job.pk).update(billed_micros=1)
    assert check_ledger() == [f"job {job.pk} says that it cost 1, and the ledger 140000"]
    Job.objects.filter(pk=job.pk).update(billed_micros=140_000, billing_status="skipped")
    assert check_ledger() == [f"job:{job.pk} is completed and says skipped, but was charged 140000"]


# Analytics again


def ask_again(person, job, **analytics):
    return person.api.post(
        f"/jobs/{job.pk}/analytics", {"analytics": analytics or {"profile": "full"}}, content_type="application/json"
    )


def test_a_rerun_is_a_second_charge_of_analytics_alone_and_the_job_shows_the_sum(alice, process, monkeypatch):
    job = process(submit(alice))
    answer = ask_again(alice, job)
    assert answer.json()["analytics_run"]["estimated_cost_usd"] == 0.6
    assert answer.json()["analytics_run"]["billing_status"] == "pending"
    assert money(alice) == (FREE - 140_000, 600_000)

    rerun(monkeypatch, job.analytics_runs.get())

    row = alice.api.get(f"/jobs/{job.pk}").json()
    assert row["billed_cost_usd"] == 0.74 and row["billing_status"] == "charged"
    assert row["analytics_run"]["billed_cost_usd"] == 0.6 and row["analytics_run"]["billing_status"] == "charged"
    assert money(alice) == (FREE - 740_000, 0)
    charge = Transfer.objects.filter(kind="capture").latest("id")
    assert charge.subject == f"job:{job.pk}:analytics:1" and charge.detail["api_key_id"] == str(job.api_key_id)


def test_a_rerun_that_brings_nothing_costs_nothing(alice, process, monkeypatch):
    job = process(submit(alice, analytics='{"profile":"basic"}'))
    ask_again(alice, job)
    run = rerun(monkeypatch, job.analytics_runs.get(), EngineUnavailable("analyst", "gone"))

    assert run.status == "failed"
    row = alice.api.get(f"/jobs/{job.pk}").json()
    assert row["billed_cost_usd"] == 0.38 and row["analytics_run"]["billing_status"] == "skipped"
    assert money(alice) == (FREE - 380_000, 0)


def test_a_rerun_that_cannot_be_paid_is_402_and_not_begun(alice, process):
    job = process(submit(alice))
    spend_down_to(alice, 599_999)

    answer = ask_again(alice, job)

    assert answer.status_code == 402 and not job.analytics_runs.exists()
    assert alice.api.get(f"/jobs/{job.pk}").json()["analytics_run"] is None
    assert money(alice) == (599_999, 0)


# The price before anything is sent


def estimate(person, **fields):
    return person.api.post("/jobs/estimate", fields, content_type="application/json")


def test_an_estimate_answers_price_minimum_and_the_lines_that_add_up_to_it(alice):
    answer = estimate(alice, duration_seconds=60, diarization=True, analytics={"profile": "basic"}).json()

    assert answer == {
        "estimated_cost_usd": 0.08,
        "minimum_cost_usd": 0.08,
        "duration_seconds": 60.0,
        "price_list": "2026-05",
        "lines": [
            {
                "feature": "standard_transcription",
                "label": "Standard transcription",
                "rate_usd_per_hour": 0.14,
                "amount_usd": 0.002334,
            },
            {
                "feature": "speaker_diarization",
                "label": "Speaker diarization",
                "rate_usd_per_hour": 0.08,
                "amount_usd": 0.001333,
            },
            {"feature": "basic_analytics", "label": "Basic analytics", "rate_usd_per_hour": 0.24, "amount_usd": 0.004},
            {"feature": None, "label": "Minimum charge", "rate_usd_per_hour": None, "amount_usd": 0.072333},
        ],
        "available_usd": 2.5,
        "sufficient_credit": True,
    }


def test_an_estimate_says_when_the_credit_is_too_small(alice):
    assert estimate(alice, duration_seconds=36_000, analytics={"profile": "full"}).json()["sufficient_credit"] is False


def test_an_estimate_equals_what_the_job_then_says(alice):
    options = {"transcription_model": "premium", "pii_processing": "true"}
    job = submit(alice, **options)

    assert estimate(alice, duration_seconds=1, **options).json()["estimated_cost_usd"] == shown(alice, job)[0] == 0.08


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "duration_seconds"),
        ({"duration_seconds": -1}, "duration_seconds"),
        ({"duration_seconds": "NaN"}, "duration_seconds"),
        ({"duration_seconds": "inf"}, "duration_seconds"),
        ({"duration_seconds": 1e12}, "duration_seconds"),
        ({"duration_seconds": "long"}, "duration_seconds"),
        ({"duration_seconds": 60, "speaker_embeddings": True}, "speaker_embeddings"),
        ({"duration_seconds": 60, "surprise": 1}, "surprise"),
    ],
)
def test_an_estimate_of_nonsense_names_the_field(alice, fields, named):
    answer = estimate(alice, **fields)

    assert answer.status_code == 400 and named in answer.json()["detail"]


def test_an_estimate_needs_a_key(anyone):
    assert anyone.post("/jobs/estimate", {"duration_seconds": 1}).status_code == 401
