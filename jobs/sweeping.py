"""The sweeper: sends what was committed but never sent (jobs, and re-runs of their analytics), requeues what lost its
worker, frees what is held for failed work, forgets expired voices, and recordings that their redacted copies stand for.
Safe to run anywhere, twice, at any time.
"""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog

from jobs import charges, originals, tasks
from jobs.models import AnalyticsRun, Job, Voice
from jobs.owed import OwedQuerySet

log = structlog.get_logger(__name__)
# A message is sent right after the commit; this much later it is taken for lost on the way.
UNSENT_GRACE = timedelta(seconds=5)
# A queued job whose message went out this long ago is nudged again: the queue may have lost it. A second message does
# no harm.
MESSAGE_LOST_AFTER = timedelta(minutes=10)
BATCH = 500


def sweep() -> int:
    """One round; returns how many messages it sent. Of each kind it stops at the first one that the queue does not
    take.
    """
    forgotten, _ = Voice.objects.expired().delete()
    if forgotten:
        log.info("voices_expired", count=forgotten)
    sent = _resend(Job.objects.all(), tasks.send) + _resend(AnalyticsRun.objects.all(), tasks.send_run)
    for job in Job.objects.replaced()[:BATCH]:
        originals.forget(job)
    return sent


def _resend(rows: OwedQuerySet[Any], send: Callable[[uuid.UUID], bool]) -> int:
    """Requeues what was lost and sends what is unsent, oldest first; how many messages that were."""
    lost = rows.requeue_lost()
    charges.release_failed(rows)
    if lost:
        log.warning("requeued", rows=rows.model.__name__, count=len(lost))
    sent = 0
    unsent = rows.unsent(grace=UNSENT_GRACE, lost_after=MESSAGE_LOST_AFTER)
    for row_id in unsent.values_list("pk", flat=True)[:BATCH]:
        if not send(row_id):
            break
        sent += 1
    return sent
