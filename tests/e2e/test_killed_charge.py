"""Workers killed at random moments around the end of a job, between its result and its charge too: nothing is charged
twice, and no completed job is left uncharged.
"""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from billing import ledger
from billing.checks import check_ledger
from billing.models import Transfer
from jobs import processing
from jobs.models import Job, Result
from jobs.sweeping import sweep
from tests.conftest import recording
from tests.jobs.pretend import Redactor, engines, said

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]
KILLS = 20
GRANTED = 10_000_000
CALL = [said(0.5, "Hello and goodbye.")]
# Gives each job to a process of its own, which pauses before and after each step of the end, and kills it at a moment
# of its own.
KILLER = """
import os, pathlib, random, signal, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "tuplets.settings"
import django
django.setup()
from billing import ledger
from jobs import leases, processing
from jobs.models import JobQuerySet
from tests.jobs.pretend import Redactor, engines, said

seen = pathlib.Path(sys.argv[1])

def slowly(name, function):
    def slow(*arguments, **named):
        time.sleep(0.03)
        found = function(*arguments, **named)
        (seen / f"{name}-{os.getpid()}").touch()
        time.sleep(0.03)
        return found
    return slow

JobQuerySet.finish = slowly("result", JobQuerySet.finish)
ledger.capture = slowly("charge", ledger.capture)
processing.engine = engines([said(0.5, "Hello and goodbye.")], Redactor())
for job_id in sys.argv[2:]:
    pid = os.fork()
    if pid == 0:
        processing.process(job_id)
        os._exit(0)
    time.sleep(random.uniform(0.02, 0.3))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""


def test_kills_around_the_end_leave_one_charge_for_each_completed_job_and_clean_books(alice, monkeypatch, tmp_path):
    ledger.grant(account=alice.account, amount_micros=GRANTED, reference="test", reason="For a test")
    jobs = [alice.api.post("/jobs", {"audio_file": recording()}).json()["id"] for _ in range(KILLS)]
    url = urlsplit(os.environ.get("DATABASE_URL") or settings.LAYOUT.database_url())
    environment = {
        **os.environ,
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}")),
        "TUPLETS_DATA_DIR": str(tmp_path),
        "REDIS_URL": settings.REDIS_URL,
        "LOG_LEVEL": "ERROR",
    }
    seen = tmp_path / "seen"
    seen.mkdir()
    command = [sys.executable, "-c", KILLER, str(seen), *jobs]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    stored, charged = ({it.name.partition("-")[2] for it in seen.glob(f"{step}-*")} for step in ("result", "charge"))
    assert stored - charged, "no kill came between a result and its charge"
    assert len(stored) < KILLS, "no kill came before a result"
    assert check_ledger() == []
    for job in Job.objects.filter(status=Job.Status.COMPLETED):
        assert job.billing_status == "charged" and Transfer.objects.filter(kind="capture", subject=job.subject).exists()

    # Whoever lost its worker is done again.
    Job.objects.filter(status=Job.Status.RUNNING).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    sweep()
    monkeypatch.setattr(processing, "engine", engines(CALL, Redactor()))
    for job_id in jobs:
        processing.process(job_id)

    assert Job.objects.filter(status=Job.Status.COMPLETED, billing_status="charged").count() == KILLS
    assert Result.objects.count() == KILLS == Transfer.objects.filter(kind="capture").count()
    assert check_ledger() == []
    wallet = ledger.wallet_for(alice.account)
    # An hour of standard transcription each, by the pretended decoder.
    assert (wallet.balance_micros, wallet.held_micros) == (2_500_000 + GRANTED - KILLS * 140_000, 0)
