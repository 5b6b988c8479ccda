"""The web side of a re-run of analytics: request_run. The REST view calls it, and the dashboard and the admin may.

What the worker does with it is in `reanalysis.py`.
"""

from typing import Any

import structlog
from django.db import transaction

from accounts.models import ApiKey
from jobs import charges, features, tasks
from jobs.models import AnalyticsRun, Job
from tuplets.errors import Code, TupletsError

log = structlog.get_logger(__name__)


def request_run(*, job: Job, api_key: ApiKey | None, request: dict[str, Any]) -> Job:
    """Asks for the analytics of a finished job anew; `request` is normalised. Returns the job with the run.

    400 where this server has no analytics, 402 where the account can't pay for them, 409 unless the job is completed or
    while another run of it is unfinished, 410 for a result that is gone, 503 while the queue is out of reach. Two at
    once: one is accepted.
    """
    features.require_available({"analytics": request})
    if job.status != Job.Status.COMPLETED:
        raise TupletsError(
            Code.JOB_NOT_COMPLETED,
            "The job is not completed, so its analytics can't be run again. Wait for it to complete.",
        )
    if job.is_expired:
        raise TupletsError(Code.RESULT_EXPIRED)
    if not tasks.queue_is_up():
        raise TupletsError(Code.UNAVAILABLE)
    with transaction.atomic():
        run = _create(job, api_key, request)
        charges.hold_for_run(run)
        # Robust: what goes wrong after the commit must not look like a run that was not accepted.
        transaction.on_commit(lambda: tasks.send_run(run.pk), robust=True)
    log.info("analytics_run_accepted", job_id=str(job.pk), number=run.number)
    job.latest_run = run
    return job


def _create(job: Job, api_key: ApiKey | None, request: dict[str, Any]) -> AnalyticsRun:
    # Locked, so that of two at once the second finds the first; the constraint on the runs stands behind it. The run is
    # read by a statement of its own: one that waits for the lock sees joined rows as they were before the wait.
    locked = Job.objects.select_for_update().get(pk=job.pk)
    latest = locked.latest_run
    if latest is not None and latest.is_unfinished:
        raise TupletsError(Code.ANALYTICS_RUNNING)
    number = latest.number + 1 if latest else 1
    run = AnalyticsRun.objects.create(job=locked, number=number, api_key=api_key, request=request)
    Job.objects.filter(pk=job.pk).update(latest_run=run)
    return run
