"""A re-run of analytics through the real queue, and one whose worker is killed in the middle: another finishes it."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import dramatiq
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from jobs import features, leases, reanalysis, tasks
from jobs.models import AnalyticsRun
from jobs.sweeping import sweep
from tests.jobs.pretend import Analyst
from tests.jobs.rerun import document_of, finished

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]
# A worker whose analyst has begun and never ends.
HANGS = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "tuplets.settings"
import django
django.setup()
from jobs import reanalysis
from tests.jobs.pretend import Analyst

def hang(told):
    told(0.3)
    print("begun", flush=True)
    time.sleep(600)

reanalysis.engine = lambda role: Analyst(behaviour=hang)
reanalysis.reanalyse(sys.argv[1])
"""


@pytest.fixture
def asked(alice, monkeypatch):
    """A finished job of which a re-run was asked over HTTP; the job and its run."""
    monkeypatch.setattr(features, "available", lambda role: True)
    job = finished(monkeypatch, alice)
    monkeypatch.setattr(leases, "HEARTBEAT_INTERVAL_S", 5.0)
    body = {"analytics": {"profile": "full", "domain": "insurance"}}
    answer = alice.api.post(f"/jobs/{job.pk}/analytics", body, content_type="application/json")
    assert answer.status_code == 202 and answer.json()["analytics_run"]["status"] == "queued"
    return job, AnalyticsRun.objects.get()


@pytest.fixture
def worker(monkeypatch):
    """Starts a Dramatiq worker in this process, with an analyst that answers."""
    monkeypatch.setattr(reanalysis, "engine", lambda role: Analyst())
    started = []

    def start():
        started.append(dramatiq.Worker(tasks.broker, worker_timeout=50, worker_threads=1))
        started[-1].start()

    yield start
    for each in started:
        each.stop()


def until_completed(run, within_s=30):
    deadline = time.monotonic() + within_s
    while run.status != "completed" and time.monotonic() < deadline:
        time.sleep(0.05)
        run.refresh_from_db()
    assert run.status == "completed", (run.status, run.error_message)


def test_what_is_asked_over_http_is_done_by_the_worker_and_read_back(alice, asked, worker):
    job, run = asked
    worker()
    until_completed(run)
    row = alice.api.get(f"/jobs/{job.pk}").json()
    assert row["analytics_run"]["status"] == "completed" and row["analytics"]["profile"] == "full"
    assert row["result"]["analytics"]["summary"] and row["result"]["feature_execution"]["custom_analytics_applied"]


def test_a_run_whose_worker_is_killed_is_finished_by_another_once(asked, worker):
    job, run = asked
    tasks.broker.flush_all()
    url = urlsplit(os.environ.get("DATABASE_URL") or settings.LAYOUT.database_url())
    database = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
    first = subprocess.Popen(
        [sys.executable, "-c", HANGS, str(run.pk)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert first.stdout is not None and any(b"begun" in line for line in first.stdout)
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    run.refresh_from_db()
    assert (run.status, run.attempt) == ("running", 1) and "analytics" not in document_of(job)
    assert sweep() == 0, "its lease still runs"
    AnalyticsRun.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert sweep() == 1
    worker()
    until_completed(run)
    assert run.attempt == 2 and run.failures == 1 and document_of(job)["analytics"]["summary"]
