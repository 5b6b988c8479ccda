"""One page of an account's jobs: newest first, an opaque cursor over (created_at, id), and the number of jobs in
the filter.
"""

import base64
import binascii
import uuid
from datetime import UTC, datetime, timedelta

from django.db.models import Q, Sum

from accounts.models import Account
from jobs.models import Job, JobTally
from tuplets.errors import Code, TupletsError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def page(account: Account, *, status: str | None, limit: int, cursor: str | None) -> tuple[list[Job], str | None]:
    """At most `limit` jobs after the cursor, and the cursor of the next page or None. Stable while new jobs arrive."""
    jobs = Job.objects.owned_by(account).for_answers().order_by("-created_at", "-id")
    if status:
        jobs = jobs.filter(status=status)
    if cursor:
        created_at, job_id = _decode(cursor)
        jobs = jobs.filter(
            Q(created_at__lt=created_at) | Q(created_at=created_at, id__lt=job_id), created_at__lte=created_at
        )
    found = list(jobs[: limit + 1])
    return found[:limit], _encode(found[limit - 1]) if len(found) > limit else None


def total(account: Account, *, status: str | None) -> int:
    """How many jobs the filter holds, from the tally that the database keeps."""
    tallies = JobTally.objects.filter(account=account, **({"status": status} if status else {}))
    return tallies.aggregate(total=Sum("jobs"))["total"] or 0


def _encode(job: Job) -> str:
    packed = ((job.created_at - _EPOCH) // _MICROSECOND).to_bytes(8, "big") + job.id.bytes
    return base64.urlsafe_b64encode(packed).decode()


def _decode(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        packed = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        if len(packed) != 24:
            raise ValueError
        return _EPOCH + int.from_bytes(packed[:8], "big") * _MICROSECOND, uuid.UUID(bytes=packed[8:])
    except (ValueError, OverflowError, binascii.Error):
        raise TupletsError(
            Code.INVALID_FIELD, "cursor is not valid: use next_cursor of the page before.", field="cursor"
        ) from None
