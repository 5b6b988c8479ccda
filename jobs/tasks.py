"""Dramatiq actors and the broker: ids only, limits stated. A message is a nudge; the row says what is owed."""

import uuid
from typing import Any

import dramatiq
import redis
import structlog
from django.conf import settings
from django.db import Error as DatabaseProblem
from django.db import close_old_connections
from django.utils import timezone
from dramatiq.brokers.redis import RedisBroker

from jobs import processing, reanalysis
from jobs.models import AnalyticsRun, Job
from jobs.owed import Owed, OwedQuerySet

log = structlog.get_logger(__name__)

# Notice a killed worker within a minute (the defaults take minutes); the lease in the row notices sooner.
broker = RedisBroker(
    url=settings.REDIS_URL,
    socket_timeout=5,
    socket_connect_timeout=2,
    heartbeat_timeout=60_000,
    maintenance_chance=100_000,
)
broker.add_middleware(processing.WorkerProcess())
dramatiq.set_broker(broker)

# Native code can't be interrupted by Dramatiq: processing has its own budget, this only ends what is lost for good.
TIME_LIMIT_MS = 24 * 3600 * 1000


@dramatiq.actor(max_retries=0, time_limit=TIME_LIMIT_MS, max_age=None, notify_shutdown=True)
def process_job(job_id: str) -> None:
    """One attempt at one job. Delivered twice or late, it finds nothing to claim and returns."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(job_id=job_id)
    close_old_connections()
    try:
        processing.process(job_id)
    finally:
        close_old_connections()


@dramatiq.actor(max_retries=0, time_limit=TIME_LIMIT_MS, max_age=None, notify_shutdown=True)
def rerun_analytics(run_id: str) -> None:
    """The same for one re-run of a finished job's analytics."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(run_id=run_id)
    close_old_connections()
    try:
        reanalysis.reanalyse(run_id)
    finally:
        close_old_connections()


def send(job_id: uuid.UUID) -> bool:
    """Nudges the worker. False when queue or database is out of reach: the row stays unsent for the sweeper."""
    return _send(process_job, Job.objects.all(), job_id)


def send_run(run_id: uuid.UUID) -> bool:
    """The same for a re-run of analytics."""
    return _send(rerun_analytics, AnalyticsRun.objects.all(), run_id)


def _send(actor: dramatiq.Actor[Any, None], rows: OwedQuerySet[Any], row_id: uuid.UUID) -> bool:
    unsent = rows.filter(pk=row_id, status=Owed.Status.QUEUED)
    known = {"actor": actor.actor_name, "row_id": str(row_id)}
    try:
        # Before the message: a worker that gives the row back at once must not be overwritten.
        unsent.update(sent_at=timezone.now())
        actor.send(str(row_id))
    except (dramatiq.errors.BrokerConnectionError, redis.RedisError) as error:
        log.warning("queue_unreachable", **known, error=type(error).__name__)
        unsent.update(sent_at=None)
        return False
    except DatabaseProblem as error:
        log.warning("unsent", **known, error=type(error).__name__)
        return False
    return True


def queue_is_up() -> bool:
    """Whether the queue takes messages now."""
    try:
        return bool(broker.client.ping())
    except redis.RedisError as error:
        log.warning("queue_unreachable", error=type(error).__name__)
        return False
