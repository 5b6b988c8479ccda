"""The sweeper: sends what was committed but never sent, requeues what lost its worker, forgets expired voices, and
recordings that their redacted copies stand for.
Safe to run anywhere, twice, at any time.
"""

from datetime import timedelta

import structlog

from jobs import originals, tasks
from jobs.models import Job, Voice

log = structlog.get_logger(__name__)
# A message is sent right after the commit; this much later it is taken for lost on the way.
UNSENT_GRACE = timedelta(seconds=5)
# A queued job whose message went out this long ago is nudged again: the queue may have lost it. A second message does
# no harm.
MESSAGE_LOST_AFTER = timedelta(minutes=10)
BATCH = 500


def sweep() -> int:
    """One round; returns how many messages it sent. Stops at the first one that the queue does not take."""
    forgotten, _ = Voice.objects.expired().delete()
    if forgotten:
        log.info("voices_expired", count=forgotten)
    lost = Job.objects.requeue_lost()
    if lost:
        log.warning("jobs_requeued", count=len(lost))
    sent = 0
    for job_id in Job.objects.unsent(grace=UNSENT_GRACE, lost_after=MESSAGE_LOST_AFTER).values_list("pk", flat=True)[
        :BATCH
    ]:
        if not tasks.send(job_id):
            break
        sent += 1
    for job in Job.objects.replaced()[:BATCH]:
        originals.forget(job)
    return sent
