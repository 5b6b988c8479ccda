"""GET /jobs/{id}/download: an attachment, 20 times, for 7 days."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from jobs import intake
from jobs.models import Job
from jobs.retention import RESULT_RETENTION
from tests.conftest import DOCUMENT, claimed, complete, make_job

pytestmark = pytest.mark.django_db


def download(person, job):
    return person.api.get(f"/jobs/{job.pk}/download")


def body(answer):
    return b"".join(answer.streaming_content)


def test_the_download_is_the_stored_document_as_an_attachment(alice):
    answer = download(alice, complete(make_job(alice)))
    assert answer.status_code == 200 and body(answer) == DOCUMENT
    assert answer["Content-Type"] == "application/json" and answer["Content-Length"] == str(len(DOCUMENT))
    assert answer["Content-Disposition"] == 'attachment; filename="call.json"'


@pytest.mark.parametrize(
    "name", ["naïve – файл 音声.mp3", 'a"b\r\nX: y.mp3', "", "...", "/etc/passwd", "🎙️.mp3", "!!!.wav"]
)
def test_any_source_name_gives_a_safe_header(alice, name):
    from jobs import sources

    job = complete(make_job(alice))
    Job.objects.filter(pk=job.pk).update(source_name=sources.display_name(name))
    header = download(alice, job)["Content-Disposition"]
    assert header.startswith("attachment") and "\n" not in header and ".json" in header


def test_an_unfinished_or_failed_job_is_409(alice):
    job = make_job(alice)
    assert download(alice, job).status_code == 409
    claim = claimed(job)
    assert download(alice, job).status_code == 409
    Job.objects.fail(claim, code="x", message="It failed.")
    answer = download(alice, job)
    assert answer.status_code == 409 and answer.json()["code"] == "job_not_completed"


def test_after_twenty_downloads_it_is_410(alice):
    job = complete(make_job(alice))
    for _ in range(20):
        assert body(download(alice, job)) == DOCUMENT
    answer = download(alice, job)
    assert answer.status_code == 410 and "20" in answer.json()["detail"]
    row = alice.api.get(f"/jobs/{job.pk}").json()
    assert row["result_download_available"] is False and row["result"] == json.loads(DOCUMENT)


def test_head_and_broken_sends_are_not_counted(alice):
    job = complete(make_job(alice), document=b'"' + b"x" * 200_000 + b'"')
    assert alice.api.head(f"/jobs/{job.pk}/download")["Content-Length"] == "200002"
    chunks = intake.open_download(job=job)
    next(chunks)
    chunks.close()
    job.refresh_from_db()
    assert job.download_count == 0


def test_after_seven_days_it_is_410(alice):
    job = complete(make_job(alice))
    Job.objects.filter(pk=job.pk).update(completed_at=timezone.now() - RESULT_RETENTION)
    answer = download(alice, job)
    assert answer.status_code == 410 and "7 days" in answer.json()["detail"]


@pytest.mark.django_db(transaction=True)
def test_exactly_twenty_of_many_at_once_pass(alice):
    job = complete(make_job(alice))

    def one(_):
        try:
            answer = Client(headers={"Authorization": f"Bearer {alice.key}"}).get(f"/jobs/{job.pk}/download")
            if answer.status_code == 200:
                body(answer)
            return answer.status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(one, range(30)))
    assert statuses.count(200) == 20 and statuses.count(410) == 10
