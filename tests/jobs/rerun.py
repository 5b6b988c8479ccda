"""Finished jobs whose analytics are to be run again: made by processing with pretend engines."""

import json

import pytest

from analytics.requests import parse_request
from jobs import leases, processing, reanalysis
from jobs.models import AnalyticsRun, Job
from tests.jobs.pretend import Analyst, Redactor, engines, job_with_recording, said

CALL = [
    said(0.5, "Hello, I would like to cancel my policy."),
    said(9.0, "I am sorry to hear that, may I ask why?"),
    said(20.0, "It is too expensive for me now."),
]


def normalised(diarization=False, **asked):
    return parse_request(asked).normalised(diarization=diarization)


def finished(monkeypatch, person, analyst=None, segments=CALL, asked=None, redactor=None, **options):
    """A completed job; `asked`: its analytics at submission."""
    # The heartbeat has a connection of its own, which does not see a test's transaction.
    monkeypatch.setattr(leases, "HEARTBEAT_INTERVAL_S", 600.0)
    monkeypatch.setattr(leases, "PROGRESS_INTERVAL_S", 0.0)
    engine = engines(segments, redactor or Redactor(), analyst=analyst or Analyst())
    monkeypatch.setattr(processing, "engine", engine)
    request = normalised(**asked, diarization=options.get("diarization", False)) if asked else None
    job = job_with_recording(person, analytics=request, **options)
    processing.process(str(job.pk))
    job.refresh_from_db()
    assert job.status == "completed", job.error_message
    return job


def run_of(job, **asked):
    """A queued re-run, as the web side leaves it."""
    asked = asked or {"profile": "full"}
    number = job.analytics_runs.count() + 1
    run = AnalyticsRun.objects.create(job=job, number=number, request=normalised(**asked, diarization=job.diarization))
    Job.objects.filter(pk=job.pk).update(latest_run=run)
    return run


def rerun(monkeypatch, run, analyst=None):
    """One attempt in the worker; the run as it is then."""

    def engine(role):
        assert role == "analyst"
        if isinstance(analyst, Exception):
            raise analyst
        return analyst or Analyst()

    monkeypatch.setattr(reanalysis, "engine", engine)
    reanalysis.reanalyse(str(run.pk))
    run.refresh_from_db()
    return run


def document_of(job):
    job = Job.objects.select_related("result").get(pk=job.pk)
    return json.loads(bytes(job.result.document))


@pytest.fixture
def available(monkeypatch):
    """A server that has every engine."""
    monkeypatch.setattr("jobs.features.available", lambda role: True)


@pytest.fixture
def sent(monkeypatch):
    """The runs that would have been sent to the queue."""
    from jobs import tasks

    ids = []
    monkeypatch.setattr(tasks.rerun_analytics, "send", ids.append)
    return ids
