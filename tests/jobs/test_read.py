"""GET /jobs/{id} and /jobs: whole rows, previews, pages, counts, and nobody else's jobs."""

import json
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import ApiKey
from jobs.models import Job, JobTally
from jobs.processing import preview_of
from jobs.retention import RESULT_RETENTION
from tests.conftest import DOCUMENT, claimed, complete, make_job

pytestmark = pytest.mark.django_db

DOCUMENTED_FIELDS = {
    *("id status result error_message audio_duration_seconds transcription_model diarization".split()),
    *("speaker_embeddings pii_processing analytics estimated_cost_usd billed_cost_usd billing_status".split()),
    *("source_type result_download_available source_audio_available progress_percent".split()),
    *("estimated_seconds_remaining cancel_token created_at started_at completed_at runtime_ms".split()),
}


def get(person, job):
    return person.api.get(f"/jobs/{job.pk}").json()


def test_a_queued_job_has_every_documented_field(alice):
    row = get(alice, make_job(alice))
    assert set(row) >= DOCUMENTED_FIELDS
    assert row["status"] == "queued" and row["result"] is None and row["progress_percent"] == 0
    assert row["cancel_token"] and row["started_at"] is None and row["runtime_ms"] is None
    assert row["estimated_cost_usd"] is None and row["billed_cost_usd"] is None and row["billing_status"] is None
    assert row["created_at"].endswith("Z")


def test_a_completed_job_carries_the_stored_document_byte_for_byte(alice):
    document = b'{"text":"\xc3\xa9","segments":[],"odd":1.10}'
    job = complete(make_job(alice), document=document)
    answer = alice.api.get(f"/jobs/{job.pk}")
    assert b'"result":' + document in answer.content
    row = answer.json()
    assert row["status"] == "completed" and row["progress_percent"] == 100 and row["cancel_token"] is None
    assert row["estimated_seconds_remaining"] is None and row["result_download_available"] is True
    assert row["runtime_ms"] == round((job.completed_at - job.started_at).total_seconds() * 1000)


def test_a_failed_job_says_why_and_has_no_result(alice):
    job = make_job(alice)
    Job.objects.fail(claimed(job), code="invalid_audio", message="The file has no audio track.")
    row = get(alice, job)
    assert (
        row["status"] == "failed" and row["error_message"] == "The file has no audio track." and row["result"] is None
    )
    assert row["result_download_available"] is False and row["cancel_token"] is None


def test_past_its_retention_the_result_is_gone_from_row_and_list(alice):
    job = complete(make_job(alice))
    Job.objects.filter(pk=job.pk).update(completed_at=timezone.now() - RESULT_RETENTION)
    for row in (get(alice, job), alice.api.get("/jobs").json()["items"][0]):
        assert row["status"] == "completed" and row["result"] is None
        assert row["result_download_available"] is False and row["source_audio_available"] is False


@pytest.mark.parametrize("path", ["/jobs/{id}", "/jobs/{id}/download"])
def test_malformed_random_and_foreign_ids_are_the_same_404(alice, charlie, path):
    job = complete(make_job(alice))
    answers = [charlie.api.get(path.format(id=job_id)) for job_id in (job.pk, uuid.uuid4(), "nonsense", "cancel%20")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.json()["detail"] for answer in answers}) == 1


def test_someone_elses_job_cannot_be_cancelled_nor_listed(alice, charlie):
    job = make_job(alice)
    assert charlie.api.delete(f"/jobs/{job.pk}").status_code == 404
    assert charlie.api.post("/jobs/cancel", {"cancel_token": job.cancel_token}).status_code == 404
    listed = charlie.api.get("/jobs").json()
    assert listed["items"] == [] and listed["total_items"] == 0
    assert get(alice, job)["status"] == "queued"


def test_a_team_mate_sees_the_accounts_jobs(alice, bob):
    job = make_job(alice)
    assert bob.api.get(f"/jobs/{job.pk}").status_code == 200


def test_the_list_is_newest_first_with_previews_only(alice):
    jobs = [make_job(alice) for _ in range(3)]
    complete(jobs[0])
    body = alice.api.get("/jobs").json()
    assert [item["id"] for item in body["items"]] == [str(job.pk) for job in reversed(jobs)]
    assert set(body["items"][0]) >= DOCUMENTED_FIELDS
    assert body["items"][2]["result"] == {"text": "Good morning."}
    assert body["items"][0]["result"] is None
    assert body["total_items"] == 3 and body["status_filter"] is None and body["next_cursor"] is None


def test_the_list_filters_by_status_and_counts_the_filter(alice):
    jobs = [make_job(alice) for _ in range(5)]
    complete(jobs[1])
    complete(jobs[3])
    body = alice.api.get("/jobs?status=completed&limit=1").json()
    assert body["total_items"] == 2 and body["status_filter"] == "completed" and len(body["items"]) == 1
    assert body["items"][0]["id"] == str(jobs[3].pk)


def test_the_cursor_walks_every_job_once_while_new_ones_arrive(alice):
    moment = timezone.now()
    jobs = [make_job(alice, created_at=moment) for _ in range(4)] + [make_job(alice) for _ in range(3)]
    seen, cursor = [], None
    while True:
        body = alice.api.get("/jobs", {"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["id"] for item in body["items"]]
        make_job(alice)
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) and set(seen) == {str(job.pk) for job in jobs}


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("limit=1.5", "limit"),
     ("status=done", "status"), ("cursor=!!", "cursor"), ("cursor=YWJj", "cursor"), ("cursor=" + "_" * 32, "cursor")],
)  # fmt: skip
def test_a_bad_query_is_named(alice, query, field):
    answer = alice.api.get(f"/jobs?{query}")
    assert answer.status_code == 400 and field in answer.json()["detail"]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cursor=st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_no_cursor_breaks_the_list(alice, cursor):
    assert alice.api.get("/jobs", {"cursor": cursor}).status_code in (200, 400)


@given(text=st.text(max_size=3000))
def test_a_preview_is_about_a_thousand_characters(text):
    preview = preview_of(text)
    assert len(preview) <= 1001
    assert preview == text if len(text) <= 1000 else preview.endswith("…") and text.startswith(preview[:-1])


def test_a_query_parameter_that_is_not_ours_is_ignored(alice):
    assert alice.api.get("/jobs?_=123&utm_source=x").status_code == 200


def test_the_compiled_lookups_find_what_the_orm_finds(alice):
    job = complete(make_job(alice, analytics={"profile": None}))
    found = Job.objects.find(job.pk, alice.account)
    by_orm = Job.objects.select_related("result").get(pk=job.pk)
    assert vars(found.result) | {"_state": 0} == vars(by_orm.result) | {"_state": 0}
    assert {f.attname: getattr(found, f.attname) for f in Job._meta.fields} == {
        f.attname: getattr(by_orm, f.attname) for f in Job._meta.fields
    }
    key = ApiKey.objects.find(alice.key)
    assert (key, key.account, key.created_by) == (alice.user.api_keys.get(), alice.account, alice.user)
    with CaptureQueriesContext(connection) as captured:
        assert found.result.preview and key.account.name and key.created_by.email
    assert not captured.captured_queries


def test_the_tally_follows_every_change(alice, charlie):
    jobs = [make_job(alice) for _ in range(4)] + [make_job(charlie)]
    complete(jobs[0])
    Job.objects.cancel(jobs[1])
    claimed(jobs[2])
    jobs[3].delete()
    tallies = {(row.account_id, row.status): row.jobs for row in JobTally.objects.all() if row.jobs}
    assert tallies == {
        (alice.account.pk, "completed"): 1,
        (alice.account.pk, "failed"): 1,
        (alice.account.pk, "running"): 1,
        (charlie.account.pk, "queued"): 1,
    }
    assert alice.api.get("/jobs").json()["total_items"] == 3


def test_an_eta_follows_the_jobs_own_speed_and_then_the_machines(alice):
    from jobs import speed

    job = make_job(alice)
    assert get(alice, job)["estimated_seconds_remaining"] is None
    speed.note("standard", audio_s=100, elapsed_s=10)
    assert get(alice, job)["estimated_seconds_remaining"] == 6
    later = make_job(alice)
    assert get(alice, later)["estimated_seconds_remaining"] == 12
    claim = claimed(job)
    Job.objects.extend(claim, progress_percent=25)
    Job.objects.filter(pk=job.pk).update(claimed_at=timezone.now() - timedelta(seconds=10))
    assert get(alice, job)["estimated_seconds_remaining"] == pytest.approx(30, abs=1)


def test_the_list_reads_no_transcript_and_asks_the_database_little(alice, django_assert_max_num_queries):
    for _ in range(5):
        complete(make_job(alice))
    alice.api.get("/jobs")
    with django_assert_max_num_queries(3) as captured:
        alice.api.get("/jobs")
    assert not any("document" in query["sql"] for query in captured.captured_queries)


def test_the_whole_row_is_valid_json_with_the_document_inside(alice):
    assert get(alice, complete(make_job(alice)))["result"] == json.loads(DOCUMENT)
