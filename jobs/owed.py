"""Work that a row owes: the states, the lease and the fence that jobs and re-runs of their analytics share.

A queue message is only a nudge; the row says what is owed. Every change of state is one conditional UPDATE here, so
that of two that race exactly one wins:

    queued ──claim──► running ──complete──► completed
      ▲  ▲──requeue──────┘ └─────fail─────► failed

`attempt` is the fence: it grows with each claim, and a worker may write only while the row still carries its number.
What the work is, and what else belongs in its finishing transaction, is in `models.py`, `run_models.py` and the modules
that do it.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

# Running work whose lease was not extended for this long has lost its worker.
LEASE = timedelta(seconds=30)
# After this many attempts that ended in a crash or without a word, the work fails. A shutdown is none.
FAILURES_MAX = 3

_UNFINISHED = Q(status__in=["queued", "running"])
_ENDED = Q(status__in=["completed", "failed"])
_REQUEUED: dict[str, Any] = {"status": "queued", "lease_expires_at": None, "sent_at": None}

Row = TypeVar("Row", bound="Owed")


@dataclass(frozen=True)
class Claim:
    """A worker's right to one attempt at the work of one row."""

    row_id: uuid.UUID
    attempt: int


class OwedQuerySet(models.QuerySet[Row]):
    """The conditional changes of state, each one UPDATE."""

    # What a row says of an attempt, as it is before one.
    before_an_attempt: ClassVar[dict[str, Any]] = {}

    def unfinished(self) -> Self:
        return self.filter(_UNFINISHED)

    def held_by(self, claim: Claim) -> Self:
        """The row while the claim still stands, nothing after a cancel or a newer claim."""
        return self.filter(pk=claim.row_id, attempt=claim.attempt, status=Owed.Status.RUNNING)

    def claim(self, row_id: str | uuid.UUID) -> Claim | None:
        """Takes a queued row for one attempt. None when another took it, or nothing is owed any more."""
        now = timezone.now()
        taken = self.filter(pk=row_id, status=Owed.Status.QUEUED).update(
            status=Owed.Status.RUNNING,
            attempt=F("attempt") + 1,
            lease_expires_at=now + LEASE,
            claimed_at=now,
            started_at=Coalesce("started_at", now),
        )
        if not taken:
            return None
        # Only the holder of a live lease changes `attempt`, so this reads the number just written, or a cancel's,
        # which is fenced too.
        row = self.values_list("attempt", "status").get(pk=row_id)
        return Claim(uuid.UUID(str(row_id)), row[0]) if row[1] == Owed.Status.RUNNING else None

    def extend(self, claim: Claim, *, progress_percent: float | None = None, **changes: Any) -> bool:
        """Extends the lease, and the progress with it (it never falls, and 100 is for what is completed). False:
        the claim is gone.
        """
        changes["lease_expires_at"] = timezone.now() + LEASE
        if progress_percent is not None:
            changes["progress_percent"] = Greatest(F("progress_percent"), min(progress_percent, 99.0))
        return bool(self.held_by(claim).update(**changes))

    def give_back(self, claim: Claim, *, failed: bool) -> bool:
        """Ends an attempt without a result: queued again, to be sent at once by the sweeper.

        One that failed counts, and after FAILURES_MAX of them the work fails.
        """
        held = self.held_by(claim)
        if failed and held.filter(failures__gte=FAILURES_MAX - 1).update(
            **failure("processing_error", self.model.DEFECT_MESSAGE)
        ):
            return True
        return bool(held.update(**_REQUEUED, **self.before_an_attempt, failures=F("failures") + int(failed)))

    def fail(self, claim: Claim, *, code: str, message: str) -> bool:
        """Ends the work with a sentence for the customer. False: the claim is gone."""
        return bool(self.held_by(claim).update(**failure(code, message)))

    def complete(self, claim: Claim, **changes: Any) -> bool:
        """Ends the work well. False: the claim is gone, and what goes with the change of state must not be kept."""
        return bool(
            self.held_by(claim).update(
                status=Owed.Status.COMPLETED,
                completed_at=timezone.now(),
                progress_percent=100,
                lease_expires_at=None,
                **changes,
            )
        )

    def completed_by(self, claim: Claim) -> bool:
        """Whether this very claim completed the work: the answer to its commit may have been lost."""
        return self.filter(pk=claim.row_id, attempt=claim.attempt, status=Owed.Status.COMPLETED).exists()

    def requeue_lost(self) -> list[uuid.UUID]:
        """Running rows whose lease ran out: queued again, or failed after too many attempts. The ids queued again."""
        lost = self.filter(status=Owed.Status.RUNNING, lease_expires_at__lt=timezone.now())
        lost.filter(failures__gte=FAILURES_MAX - 1).update(
            **failure("worker_lost", self.model.LOST_MESSAGE.format(times=FAILURES_MAX))
        )
        changes = {**_REQUEUED, **self.before_an_attempt, "failures": F("failures") + 1}
        return [row_id for row_id in lost.values_list("pk", flat=True) if lost.filter(pk=row_id).update(**changes)]

    def unsent(self, *, grace: timedelta, lost_after: timedelta) -> Self:
        """Queued rows whose message was never sent (older than `grace`) or was sent so long ago that it may be lost."""
        now = timezone.now()
        never = Q(sent_at__isnull=True, created_at__lt=now - grace) | Q(sent_at__isnull=True, attempt__gt=0)
        return self.filter(never | Q(sent_at__lt=now - lost_after), status=Owed.Status.QUEUED).order_by("created_at")


def failure(code: str, message: str) -> dict[str, Any]:
    """The changes that end work without a result."""
    return {
        "status": Owed.Status.FAILED,
        "error_code": code,
        "error_message": message,
        "completed_at": timezone.now(),
        "lease_expires_at": None,
    }


def _only_when(state: Q, then: Q, otherwise: Q, name: str) -> models.CheckConstraint:
    """`then` holds in that state, `otherwise` in every other."""
    return models.CheckConstraint(condition=(state & then) | (~state & otherwise), name=name)


class Owed(models.Model):
    """A row whose work is done by a worker, once."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"

    class BillingStatus(models.TextChoices):
        PENDING = "pending"
        CHARGED = "charged"
        SKIPPED = "skipped"
        FAILED = "failed"

    # What a customer reads when attempts keep ending in a defect or without a word.
    DEFECT_MESSAGE: ClassVar[str]
    LOST_MESSAGE: ClassVar[str]

    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.TextField(null=True, blank=True)
    progress_percent = models.FloatField(default=0)

    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="attempts that crashed or lost their worker")
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="when its message last reached the queue")

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True, help_text="when it completed or failed")

    # Written by jobs.charges only.
    estimated_micros = models.BigIntegerField(null=True, blank=True, help_text="micro-dollars; null: not yet known")
    billed_micros = models.BigIntegerField(null=True, blank=True, help_text="micro-dollars")
    billing_status = models.CharField(max_length=8, choices=BillingStatus.choices, blank=True)
    price_list = models.CharField(
        max_length=16, blank=True, help_text="which prices hold for it; empty: it is older than prices"
    )

    class Meta:
        abstract = True
        indexes = [
            models.Index(
                fields=["completed_at"],
                condition=Q(status="failed", billing_status="pending"),
                name="%(class)s_hold_to_release",
            ),
            models.Index(fields=["lease_expires_at"], condition=Q(status="running"), name="%(class)s_running"),
            models.Index(fields=["created_at"], condition=~_ENDED, name="%(class)s_unfinished"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "completed", "failed"]), name="%(class)s_status_known"
            ),
            _only_when(
                Q(status="running"),
                Q(lease_expires_at__isnull=False),
                Q(lease_expires_at__isnull=True),
                "%(class)s_lease_while_running",
            ),
            _only_when(
                _ENDED, Q(completed_at__isnull=False), Q(completed_at__isnull=True), "%(class)s_ended_has_a_time"
            ),
            _only_when(
                Q(status="failed"),
                Q(error_message__isnull=False),
                Q(error_message__isnull=True),
                "%(class)s_failed_says_why",
            ),
            _only_when(
                Q(status="completed"),
                Q(progress_percent=100),
                Q(progress_percent__lt=100),
                "%(class)s_progress_100_when_completed",
            ),
        ]

    @property
    def subject(self) -> str:
        """What the ledger calls this work."""
        raise NotImplementedError

    @property
    def is_unfinished(self) -> bool:
        return self.status in (self.Status.QUEUED, self.Status.RUNNING)
