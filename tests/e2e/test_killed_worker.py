"""A worker that is killed in the middle of a job: another finishes it, once."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from jobs.models import Job, Result
from jobs.sweeping import sweep
from tests.conftest import recording

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]
CALL = ROOT / "samples" / "insurance-call.mp3"


@pytest.fixture
def start_worker(tmp_path):
    """Starts real worker processes on the test's database and folders."""
    url = urlsplit(os.environ.get("DATABASE_URL") or settings.LAYOUT.database_url())
    environment = {
        **os.environ,
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}")),
        "TUPLETS_DATA_DIR": str(tmp_path),
        "TUPLETS_MODELS_DIR": str(settings.MODELS_DIR),
        "REDIS_URL": settings.REDIS_URL,
        "dramatiq_worker_timeout": "50",
    }
    started = []

    def start():
        command = [sys.executable, "-m", "dramatiq", "tuplets.worker", "--processes", "1", "--threads", "2"]
        log = (tmp_path / f"worker-{len(started)}.log").open("wb")
        started.append(
            subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, stdout=log, start_new_session=True)
        )
        return started[-1]

    yield start
    for process in started:
        kill(process)


def kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def until(job, reached, within_s=60):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        job.refresh_from_db()
        if reached(job):
            return
        time.sleep(0.05)
    raise AssertionError(f"{job.status}, {job.progress_percent} %, attempt {job.attempt}")


def test_a_job_whose_worker_is_killed_is_finished_by_another_once(alice, start_worker):
    answer = alice.api.post("/jobs", {"audio_file": recording("call.mp3", CALL.read_bytes())})
    job = Job.objects.get(pk=answer.json()["id"])
    first = start_worker()
    until(job, lambda job: job.status == Job.Status.RUNNING)
    kill(first)
    assert sweep() == 0, "its lease still runs"
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert sweep() == 1
    start_worker()
    until(job, lambda job: job.status == Job.Status.COMPLETED, within_s=120)
    assert job.attempt == 2 and Result.objects.filter(job=job).count() == 1
    assert "claim" in bytes(Result.objects.get(job=job).document).decode().lower()
