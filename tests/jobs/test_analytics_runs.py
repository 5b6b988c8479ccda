"""POST /jobs/{id}/analytics: what is accepted, what is refused and how, and how a job shows its newest re-run."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from jobs import analytics_runs, tasks
from jobs.models import AnalyticsRun, Job
from jobs.retention import RESULT_RETENTION
from tests.conftest import claimed, complete, make_job, make_person
from tests.jobs.rerun import available, normalised, sent  # noqa: F401  (fixtures)
from tuplets.errors import TupletsError

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("available")]
FULL = {"analytics": {"profile": "full", "domain": "insurance"}}


def path(job):
    return f"/jobs/{getattr(job, 'pk', job)}/analytics"


def ask(person, job, body=FULL):
    return person.api.post(path(job), body, content_type="application/json")


def ended(run, **changes):
    now = timezone.now()
    fields = {"status": "completed", "progress_percent": 100, "started_at": now, "completed_at": now, **changes}
    AnalyticsRun.objects.filter(pk=run.pk).update(**fields)


def test_a_run_is_accepted_and_the_job_shows_it_queued(alice, bob, django_capture_on_commit_callbacks, sent):  # noqa: F811
    job = complete(make_job(alice, diarization=True))
    with django_capture_on_commit_callbacks(execute=True):
        answer = ask(alice, job)
    assert answer.status_code == 202
    row = answer.json()
    assert row["id"] == str(job.pk) and row["status"] == "completed" and row["result"]["text"] == "Good morning."
    shown = row["analytics_run"]
    times = ["requested_at", "started_at", "completed_at"]
    costs = ["estimated_cost_usd", "billed_cost_usd", "billing_status"]
    assert list(shown) == ["number", "status", *times, "error_message", *costs]
    assert shown["number"] == 1 and shown["status"] == "queued" and shown["requested_at"].endswith("Z")
    assert shown["started_at"] is None and shown["completed_at"] is None and shown["error_message"] is None
    run = AnalyticsRun.objects.get()
    assert run.request == normalised(profile="full", domain="insurance", diarization=True)
    assert sent == [str(run.pk)] and run.sent_at is not None
    assert bob.api.get(f"/jobs/{job.pk}").json() == row
    # Until it has run, the job says what its result holds.
    assert row["analytics"] is None


def test_the_list_shows_the_run_too_and_a_job_without_one_shows_null(alice):
    plain, job = complete(make_job(alice)), complete(make_job(alice))
    ask(alice, job)
    rows = {row["id"]: row["analytics_run"] for row in alice.api.get("/jobs").json()["items"]}
    assert rows[str(plain.pk)] is None and rows[str(job.pk)]["status"] == "queued"
    assert alice.api.get(f"/jobs/{plain.pk}").json()["analytics_run"] is None


@pytest.mark.parametrize("encode", [dict, lambda form: {**form}])
def test_a_form_field_is_as_good_as_json(alice, encode):
    form = encode({"analytics": '{"profile":"basic"}'})
    job = complete(make_job(alice))
    assert alice.api.post(path(job), form).status_code == 202
    assert AnalyticsRun.objects.get().request == normalised(profile="basic")


@pytest.mark.parametrize("key", [None, "tb_" + "x" * 40])
def test_without_a_key_that_works_nothing_is_run(anyone, alice, key):
    job = complete(make_job(alice))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = anyone.post(path(job), FULL, content_type="application/json", headers=headers)
    assert answer.status_code == 401 and not AnalyticsRun.objects.exists()


def test_an_unverified_address_may_not_ask(db):
    dora = make_person("dora@example.org", verified=False)
    assert ask(dora, complete(make_job(dora))).status_code == 403


def test_someone_elses_job_does_not_exist(alice, charlie):
    job = complete(make_job(alice))
    for id_ in (job.pk, uuid.uuid4(), "nonsense"):
        assert ask(charlie, id_).status_code == 404
    assert not AnalyticsRun.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"analytics": None}, {"analytics": {}}, {"analytics": {"profile": "none"}}, {"analytics": []}),
        *({"analytics": {"profile": "extra"}}, {"analytics": {"domain": "law"}}, {"analytics": "{"}),
    ],
)
def test_what_asks_for_nothing_or_is_malformed_is_refused_by_name(alice, body):
    answer = ask(alice, complete(make_job(alice)), body)
    assert answer.status_code == 400 and "analytics" in answer.json()["detail"]
    assert answer.json()["errors"][0]["field"] == "analytics" and not AnalyticsRun.objects.exists()


def test_the_place_of_a_mistake_is_named_as_in_a_submission(alice):
    schema = {"fields": [{"key": "a", "label": "A", "type": "single_select", "options": [{"code": "b"}]}]}
    answer = ask(alice, complete(make_job(alice)), {"analytics": {"schema": schema}})
    assert answer.status_code == 400 and "analytics.schema.fields[0].options[0].code" in answer.json()["detail"]


def test_other_fields_are_refused(alice):
    answer = ask(alice, complete(make_job(alice)), {**FULL, "language": "en"})
    assert answer.status_code == 400 and "language" in answer.json()["detail"]


def test_a_job_that_is_not_completed_is_409(alice):
    waiting, running, failed = make_job(alice), make_job(alice), make_job(alice)
    claimed(running)
    Job.objects.fail(claimed(failed), code="x", message="It failed.")
    for job in (waiting, running, failed):
        answer = ask(alice, job)
        assert answer.status_code == 409 and answer.json()["code"] == "job_not_completed"


def test_a_result_that_is_gone_is_410(alice):
    job = complete(make_job(alice))
    Job.objects.filter(pk=job.pk).update(completed_at=timezone.now() - RESULT_RETENTION)
    assert ask(alice, job).status_code == 410 and not AnalyticsRun.objects.exists()


def test_one_run_at_a_time_and_each_has_the_next_number(alice):
    job = complete(make_job(alice))
    assert ask(alice, job).status_code == 202
    run = AnalyticsRun.objects.get()
    for state in ("queued", "running"):
        lease = timezone.now() if state == "running" else None
        AnalyticsRun.objects.filter(pk=run.pk).update(status=state, lease_expires_at=lease)
        answer = ask(alice, job)
        assert answer.status_code == 409 and answer.json()["code"] == "analytics_running"
        assert "analytics_run" in answer.json()["detail"]
    ended(run, lease_expires_at=None)
    assert ask(alice, job).json()["analytics_run"]["number"] == 2
    assert alice.api.get(f"/jobs/{job.pk}").json()["analytics_run"]["number"] == 2


def test_a_failed_run_says_why(alice):
    job = complete(make_job(alice))
    ask(alice, job)
    ended(
        AnalyticsRun.objects.get(),
        status="failed",
        progress_percent=0,
        error_code="x",
        error_message="It could not be.",
    )
    shown = alice.api.get(f"/jobs/{job.pk}").json()["analytics_run"]
    assert shown["status"] == "failed" and shown["error_message"] == "It could not be." and shown["completed_at"]


def test_the_database_keeps_a_second_unfinished_run_out(alice):
    job = complete(make_job(alice))
    AnalyticsRun.objects.create(job=job, number=1, request={})
    with pytest.raises(IntegrityError, match="analyticsrun_one_unfinished"), transaction.atomic():
        AnalyticsRun.objects.create(job=job, number=2, request={})


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_accepted(alice):
    job = complete(make_job(alice))
    barrier = threading.Barrier(6)

    def attempt(_):
        try:
            own = Job.objects.find(job.pk, alice.account)
            barrier.wait()
            analytics_runs.request_run(job=own, api_key=None, request=normalised(profile="full"))
            return 202
        except TupletsError as error:
            return error.code.status
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(attempt, range(6))) == [202, 409, 409, 409, 409, 409]
    assert AnalyticsRun.objects.count() == 1


def test_a_server_without_an_analyst_says_so(alice, monkeypatch):
    monkeypatch.setattr("jobs.features.available", lambda role: role != "analyst")
    answer = ask(alice, complete(make_job(alice)))
    assert answer.status_code == 400 and answer.json()["code"] == "feature_unavailable"
    assert answer.json()["errors"][0]["field"] == "analytics" and not AnalyticsRun.objects.exists()


def test_a_queue_out_of_reach_is_503_and_nothing_is_kept(alice, monkeypatch):
    monkeypatch.setattr(tasks, "queue_is_up", lambda: False)
    answer = ask(alice, complete(make_job(alice)))
    assert answer.status_code == 503 and int(answer["Retry-After"]) > 0 and not AnalyticsRun.objects.exists()


def test_a_cancel_of_a_finished_job_leaves_its_run_alone(alice):
    job = complete(make_job(alice))
    ask(alice, job)
    assert alice.api.delete(f"/jobs/{job.pk}").status_code == 409
    assert AnalyticsRun.objects.get().status == "queued"


def test_the_answer_is_the_stored_result_byte_for_byte(alice):
    document = b'{"text":"\xc3\xa9","segments":[],"odd":1.10}'
    answer = ask(alice, complete(make_job(alice), document=document))
    assert b'"result":' + document in answer.content and json.loads(answer.content)["analytics_run"]["number"] == 1
