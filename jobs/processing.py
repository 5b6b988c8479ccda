"""The worker side of a job: claim it, run the pipeline, store the result.
Called by jobs.tasks, never by the web process.

A claim is a lease in the job's row. It is extended by every report of progress and by a heartbeat between them;
whoever finds it gone
(cancelled, or taken over after a silence) stops and stores nothing.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dramatiq
import orjson
import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import Error as DatabaseProblem
from django.db import connection

from accounts import limits
from jobs import sources, speed
from jobs.engines.registry import engine
from jobs.models import ATTEMPTS_MAX, Claim, Job
from jobs.pipeline.run import Options, Outcome, run
from jobs.pipeline.types import EngineUnavailable, InputRejected

log = structlog.get_logger(__name__)
UNAVAILABLE_MESSAGE = (
    "Transcription is not available on this server right now. Its operator can run `manage.py doctor` to see why."
)
HEARTBEAT_INTERVAL_S = 5.0
PROGRESS_INTERVAL_S = 1.0  # the row is written at most this often
# A job may take this long before its worker is taken for hung and replaced: many times what the slowest machine needs.
BUDGET_BASE_S = 900.0
BUDGET_PER_AUDIO_SECOND = 5.0


class ClaimLost(Exception):
    """The job was cancelled or taken over: stop, and store nothing."""


def process(job_id: str) -> None:
    """One attempt at one job; returns at once when nothing is owed.
    An unexpected failure gives the claim back, then re-raises.
    """
    claim = Job.objects.claim(job_id)
    if claim is None:
        return
    job = Job.objects.get(pk=claim.job_id)
    log.info("job_started", attempt=claim.attempt, audio_s=job.audio_duration_seconds)
    try:
        with _heartbeat(claim, budget_s=_budget_s(job)) as lost:
            outcome = _run(job, claim, lost)
    except ClaimLost:
        log.info("job_stopped", attempt=claim.attempt)
    except InputRejected as error:
        Job.objects.fail(claim, code=error.code, message=error.message)
        log.info("job_failed", code=error.code)
    except EngineUnavailable as error:
        Job.objects.fail(claim, code="engine_unavailable", message=UNAVAILABLE_MESSAGE)
        log.error("engine_unavailable", error=str(error))
    except BaseException as error:  # dramatiq's Shutdown is no Exception
        _give_back(claim, error)
        raise
    else:
        _finish(job, claim, outcome)


def _run(job: Job, claim: Claim, lost: threading.Event) -> Outcome:
    options = Options(language=job.language, transcription_model=job.transcription_model)
    with sources.local_copy(job.source_key) as path:
        return run(options, path, engine, _Reporter(claim, lost), work_dir=Path(settings.FILE_UPLOAD_TEMP_DIR))


def _finish(job: Job, claim: Claim, outcome: Outcome) -> None:
    document = orjson.dumps(outcome.document)
    preview = preview_of(outcome.document["text"])
    if not Job.objects.finish(claim, document=document, preview=preview, audio_duration_s=outcome.audio_duration_s):
        log.info("job_stopped", attempt=claim.attempt)
        return
    elapsed_s = sum(outcome.elapsed_s.values())
    speed.note(job.transcription_model, audio_s=outcome.audio_duration_s, elapsed_s=elapsed_s)
    log.info("job_completed", attempt=claim.attempt, audio_s=outcome.audio_duration_s, elapsed_s=round(elapsed_s, 2))


def preview_of(text: str) -> str:
    """The start of a text for the list: about 1,000 characters, ending in "…" where it was cut."""
    return text if len(text) <= limits.PREVIEW_CHARACTERS else text[: limits.PREVIEW_CHARACTERS].rstrip() + "…"


def _give_back(claim: Claim, error: BaseException) -> None:
    """A defect or a shutdown: another attempt may do better, but not for ever."""
    if isinstance(error, Exception) and claim.attempt >= ATTEMPTS_MAX:
        Job.objects.fail(
            claim,
            code="processing_error",
            message="The recording could not be processed because of an error on the server.",
        )
    else:
        Job.objects.give_back(claim)
    log.warning("job_given_back", attempt=claim.attempt, error=type(error).__name__)


class _Reporter:
    """The pipeline's `report(stage, fraction)`: keeps row and lease up to date, and stops the pipeline when the
    claim is gone.
    """

    def __init__(self, claim: Claim, lost: threading.Event) -> None:
        self._claim = claim
        self._lost = lost
        self._written_at = 0.0

    def __call__(self, stage: str, fraction: float) -> None:
        if self._lost.is_set():
            raise ClaimLost
        now = time.monotonic()
        if now - self._written_at < PROGRESS_INTERVAL_S:
            return
        self._written_at = now
        if not _extend_quietly(self._claim, progress_percent=round(100 * fraction, 1)):
            raise ClaimLost


def _budget_s(job: Job) -> float:
    return BUDGET_BASE_S + BUDGET_PER_AUDIO_SECOND * (job.audio_duration_seconds or 0)


@contextmanager
def _heartbeat(claim: Claim, *, budget_s: float) -> Iterator[threading.Event]:
    """Extends the lease from a thread of its own; the event is set when the claim is gone.

    Native code that hangs can't be interrupted: past its budget the whole worker is killed, its runner starts
    another, and the sweeper
    requeues what it held, at most ATTEMPTS_MAX times.
    """
    lost, done = threading.Event(), threading.Event()
    deadline = time.monotonic() + budget_s

    def beat() -> None:
        try:
            while not done.wait(HEARTBEAT_INTERVAL_S):
                if time.monotonic() > deadline:
                    log.critical("worker_hung", job_id=str(claim.job_id), budget_s=budget_s)
                    os.kill(os.getpid(), signal.SIGKILL)
                if not _extend_quietly(claim):
                    lost.set()
                    return
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"lease-{claim.job_id}", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        done.set()
        thread.join()


def _extend_quietly(claim: Claim, *, progress_percent: float | None = None) -> bool:
    """A database that is briefly away is no reason to stop: the lease outlives a few beats."""
    try:
        return Job.objects.extend(claim, progress_percent=progress_percent)
    except DatabaseProblem as error:
        log.warning("heartbeat_missed", error=type(error).__name__)
        connection.close()
        return True


class WorkerHeartbeat(dramatiq.Middleware):
    """In the worker process, after the fork: tells `manage.py doctor` that it lives, and loads the model before the
    first job asks.
    """

    CACHE_KEY = "heartbeat:worker"

    def after_process_boot(self, broker: Any) -> None:
        beat_forever(self.CACHE_KEY)
        threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()


def _warm_up() -> None:
    try:
        engine("transcriber.standard")
    except EngineUnavailable as error:
        log.error("engine_unavailable", error=str(error))


def beat_forever(cache_key: str) -> None:
    """Writes the time under `cache_key` every few seconds from a daemon thread, for as long as the process lives."""

    def beat() -> None:
        while True:
            try:
                cache.set(cache_key, time.time(), timeout=60)
            except Exception as error:  # the queue is away: the missing heartbeat says so
                log.warning("heartbeat_missed", error=type(error).__name__)
            time.sleep(HEARTBEAT_INTERVAL_S)

    threading.Thread(target=beat, name=cache_key, daemon=True).start()


__all__ = ["ClaimLost", "WorkerHeartbeat", "beat_forever", "preview_of", "process"]
