"""DELETE /jobs/{id} and POST /jobs/cancel: both fail the job at once and fence its worker off."""

import pytest

from jobs.models import Job
from tests.conftest import claimed, complete, make_job

pytestmark = pytest.mark.django_db


def by_id(person, job):
    return person.api.delete(f"/jobs/{job.pk}")


def by_token(person, job):
    return person.api.post("/jobs/cancel", {"cancel_token": job.cancel_token}, content_type="application/json")


@pytest.mark.parametrize("cancel", [by_id, by_token])
@pytest.mark.parametrize("running", [False, True])
def test_cancelling_answers_the_failed_job_and_fences_the_worker(alice, cancel, running):
    job = make_job(alice)
    claim = claimed(job) if running else None
    answer = cancel(alice, job)
    assert answer.status_code == 200
    row = answer.json()
    assert row["id"] == str(job.pk) and row["status"] == "failed" and row["error_message"] == "Job was cancelled."
    assert row["cancel_token"] is None and row["result"] is None
    if claim:
        assert not Job.objects.extend(claim, progress_percent=50)
        assert not Job.objects.finish(claim, document=b"{}", preview="", audio_duration_s=1)
        assert not Job.objects.give_back(claim, failed=True)
    assert Job.objects.claim(job.pk) is None
    assert Job.objects.get(pk=job.pk).status == "failed"


@pytest.mark.parametrize("cancel", [by_id, by_token])
def test_a_finished_job_cannot_be_cancelled(alice, cancel):
    job = complete(make_job(alice))
    answer = cancel(alice, job)
    assert answer.status_code == 409 and answer.json()["code"] == "job_finished"
    assert alice.api.get(f"/jobs/{job.pk}").json()["result"] is not None


def test_cancelling_twice_is_409(alice):
    job = make_job(alice)
    assert by_id(alice, job).status_code == 200
    assert by_token(alice, job).status_code == 409


@pytest.mark.parametrize("token", ["nonsense", "0" * 32 + ".forged", "é"])
def test_an_unknown_token_is_404(alice, token):
    answer = alice.api.post("/jobs/cancel", {"cancel_token": token}, content_type="application/json")
    assert answer.status_code == 404 and "cancel_token" in answer.json()["detail"]


@pytest.mark.parametrize("body", [{}, {"cancel_token": None}, {"cancel_token": ""}, {"cancel_token": 5, "x": 1}])
def test_a_missing_token_is_named(alice, body):
    answer = alice.api.post("/jobs/cancel", body, content_type="application/json")
    assert answer.status_code == 400 and "cancel_token" in answer.json()["detail"]


def test_a_job_id_is_no_cancel_token(alice):
    job = make_job(alice)
    assert alice.api.post("/jobs/cancel", {"cancel_token": str(job.pk)}).status_code == 404
