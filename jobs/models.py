"""Job (the state machine with its lease), Result (the transcript, stored once), JobTally (how many jobs an account
has in each state). The models of the speaker library are in `voice_models.py`; Django finds them here.

A job's row says what is owed; a queue message is only a nudge.
Every change of state is one conditional UPDATE here, so that of two
that race exactly one wins:

    queued ──claim──► running ──finish──► completed
      ▲  ▲──requeue──────┘ └────fail────► failed ◄──cancel── queued, running

`attempt` is the fence: it grows with each claim and each cancel, and a worker may write only while the row still
carries its number.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from accounts import limits
from accounts.models import Account, ApiKey
from jobs.retention import RESULT_RETENTION
from jobs.voice_models import Voice as Voice
from jobs.voice_models import VoiceLibrary as VoiceLibrary
from jobs.voice_models import voice_expiry as voice_expiry
from tuplets.lookup import Lookup

# A running job whose lease was not extended for this long has lost its worker.
LEASE = timedelta(seconds=30)
# After this many attempts that ended in a crash or without a word, the job fails. A shutdown is none.
FAILURES_MAX = 3
CANCELLED_MESSAGE = "Job was cancelled."
_cancel_signer = Signer(salt="jobs.cancel", sep=".")


@dataclass(frozen=True)
class Claim:
    """A worker's right to one attempt at one job."""

    job_id: uuid.UUID
    attempt: int


class JobQuerySet(models.QuerySet["Job"]):
    """Reads for one tenant, and the conditional changes of state."""

    def owned_by(self, account: Account) -> "JobQuerySet":
        return self.filter(account=account)

    def for_answers(self) -> "JobQuerySet":
        """With what a row of the list needs, without any transcript."""
        return self.select_related("result").defer("result__document")

    def find(self, job_id: uuid.UUID, account: Account) -> "Job | None":
        """An account's job with its whole result."""
        return _JOB_BY_ID.get(job_id, account.pk)

    def unfinished(self) -> "JobQuerySet":
        return self.filter(status__in=[Job.Status.QUEUED, Job.Status.RUNNING])

    def held_by(self, claim: Claim) -> "JobQuerySet":
        """The job while the claim still stands, nothing after a cancel or a newer claim."""
        return self.filter(pk=claim.job_id, attempt=claim.attempt, status=Job.Status.RUNNING)

    def claim(self, job_id: str | uuid.UUID) -> Claim | None:
        """Takes a queued job for one attempt. None when another took it, or nothing is owed any more."""
        now = timezone.now()
        taken = self.filter(pk=job_id, status=Job.Status.QUEUED).update(
            status=Job.Status.RUNNING,
            attempt=F("attempt") + 1,
            lease_expires_at=now + LEASE,
            claimed_at=now,
            started_at=Coalesce("started_at", now),
        )
        if not taken:
            return None
        # Only the holder of a live lease changes `attempt`, so this reads the number just written, or a cancel's,
        # which is fenced too.
        row = self.values_list("attempt", "status").get(pk=job_id)
        return Claim(uuid.UUID(str(job_id)), row[0]) if row[1] == Job.Status.RUNNING else None

    def extend(self, claim: Claim, *, progress_percent: float | None = None) -> bool:
        """Extends the lease, and the progress with it (it never falls, and 100 is for completed jobs). False:
        the claim is gone.
        """
        changes: dict[str, Any] = {"lease_expires_at": timezone.now() + LEASE}
        if progress_percent is not None:
            changes["progress_percent"] = Greatest(F("progress_percent"), min(progress_percent, 99.0))
        return bool(self.held_by(claim).update(**changes))

    def note_duration(self, claim: Claim, seconds: float) -> None:
        """The true duration, as soon as the recording is decoded."""
        self.held_by(claim).update(audio_duration_seconds=seconds)

    def give_back(self, claim: Claim, *, failed: bool) -> bool:
        """Ends an attempt without a result: queued again, to be sent at once by the sweeper.

        One that failed counts, and after FAILURES_MAX of them the job fails.
        """
        held = self.held_by(claim)
        if failed and held.filter(failures__gte=FAILURES_MAX - 1).update(
            **_failure("processing_error", "The recording could not be processed because of an error on the server.")
        ):
            return True
        return bool(held.update(**_REQUEUED, failures=F("failures") + int(failed)))

    def fail(self, claim: Claim, *, code: str, message: str) -> bool:
        """Ends the job with a sentence for the customer. False: the claim is gone."""
        return bool(self.held_by(claim).update(**_failure(code, message)))

    def cancel(self, job: "Job") -> bool:
        """Fails the job at once and fences its worker off. False: it had already finished."""
        changes = _failure("cancelled", CANCELLED_MESSAGE) | {"attempt": F("attempt") + 1}
        return bool(self.unfinished().filter(pk=job.pk).update(**changes))

    @transaction.atomic
    def finish(
        self, claim: Claim, *, document: bytes, preview: str, audio_duration_s: float, redacted_audio_key: str = ""
    ) -> bool:
        """Stores the result and completes the job, both or neither. False: the claim is gone, and nothing is kept.

        Again, as when the answer to the first commit was lost, answers the same.
        """
        done = self.held_by(claim).update(
            status=Job.Status.COMPLETED,
            completed_at=timezone.now(),
            progress_percent=100,
            lease_expires_at=None,
            audio_duration_seconds=audio_duration_s,
            redacted_audio_key=redacted_audio_key,
        )
        if done:
            Result.objects.create(job_id=claim.job_id, document=document, preview=preview)
            return True
        return self.filter(pk=claim.job_id, attempt=claim.attempt, status=Job.Status.COMPLETED).exists()

    def replaced(self) -> "JobQuerySet":
        """Completed jobs whose redacted copy stands for a recording that is still there."""
        return self.filter(status=Job.Status.COMPLETED).exclude(redacted_audio_key="").exclude(source_key="")

    def requeue_lost(self) -> list[uuid.UUID]:
        """Running jobs whose lease ran out: queued again, or failed after too many attempts. The ids queued again."""
        lost = self.filter(status=Job.Status.RUNNING, lease_expires_at__lt=timezone.now())
        lost.filter(failures__gte=FAILURES_MAX - 1).update(
            **_failure(
                "worker_lost",
                f"Processing stopped unexpectedly {FAILURES_MAX} times. Check the recording and submit it again.",
            )
        )
        changes = {**_REQUEUED, "failures": F("failures") + 1}
        return [job_id for job_id in lost.values_list("pk", flat=True) if lost.filter(pk=job_id).update(**changes)]

    def unsent(self, *, grace: timedelta, lost_after: timedelta) -> "JobQuerySet":
        """Queued jobs whose message was never sent (older than `grace`) or was sent so long ago that it may be lost."""
        now = timezone.now()
        never = Q(sent_at__isnull=True, created_at__lt=now - grace) | Q(sent_at__isnull=True, attempt__gt=0)
        return self.filter(never | Q(sent_at__lt=now - lost_after), status=Job.Status.QUEUED).order_by("created_at")


_REQUEUED: dict[str, Any] = {"status": "queued", "lease_expires_at": None, "sent_at": None}


def _failure(code: str, message: str) -> dict[str, Any]:
    return {
        "status": Job.Status.FAILED,
        "error_code": code,
        "error_message": message,
        "completed_at": timezone.now(),
        "lease_expires_at": None,
    }


_COMPLETED = Q(status="completed")
_ENDED = Q(status__in=["completed", "failed"])


def _only_when(state: Q, then: Q, otherwise: Q, name: str) -> models.CheckConstraint:
    """`then` holds in that state, `otherwise` in every other."""
    return models.CheckConstraint(condition=(state & then) | (~state & otherwise), name=name)


class Job(models.Model):
    """One recording to be turned into one result for one account."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"

    class Source(models.TextChoices):
        UPLOAD = "upload"
        REMOTE_URL = "remote_url"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="jobs", db_index=False)
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)

    source_type = models.CharField(max_length=16, choices=Source.choices)
    source_name = models.CharField(max_length=255, blank=True, help_text="the customer's file name, for people only")
    source_key = models.CharField(
        max_length=255, blank=True, help_text="object name in the storage; empty once deleted"
    )
    source_bytes = models.BigIntegerField(default=0)
    redacted_audio_key = models.CharField(
        max_length=255, blank=True, help_text="object name of the redacted copy, which stands for the source then"
    )

    language = models.CharField(max_length=8, default="auto")
    transcription_model = models.CharField(max_length=16, default="standard")
    diarization = models.BooleanField(default=False)
    speaker_embeddings = models.BooleanField(default=False)
    pii_processing = models.BooleanField(default=False)
    pii_types = models.JSONField(default=list, blank=True, help_text="which kinds; empty: all")
    pii_substitution = models.CharField(max_length=8, default="type")
    pii_audio = models.CharField(max_length=8, blank=True, help_text="what is heard in a redacted copy of the sound")
    analytics = models.JSONField(null=True, blank=True)
    num_speakers = models.PositiveSmallIntegerField(null=True, blank=True)
    min_speakers = models.PositiveSmallIntegerField(null=True, blank=True)
    max_speakers = models.PositiveSmallIntegerField(null=True, blank=True)
    multichannel = models.BooleanField(default=False)
    keyterms = models.JSONField(default=list, blank=True)

    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.TextField(null=True, blank=True)
    audio_duration_seconds = models.FloatField(null=True, blank=True)
    progress_percent = models.FloatField(default=0)
    download_count = models.PositiveIntegerField(default=0)

    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="attempts that crashed or lost their worker")
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="when its message last reached the queue")

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True, help_text="when it completed or failed")

    objects = JobQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["account", "-created_at", "-id"], name="job_list"),
            models.Index(fields=["account", "status", "-created_at", "-id"], name="job_list_by_status"),
            models.Index(fields=["lease_expires_at"], condition=Q(status="running"), name="job_running"),
            models.Index(fields=["created_at"], condition=~_ENDED, name="job_unfinished"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "completed", "failed"]), name="job_status_known"
            ),
            _only_when(
                Q(status="running"),
                Q(lease_expires_at__isnull=False),
                Q(lease_expires_at__isnull=True),
                "job_lease_while_running",
            ),
            _only_when(_ENDED, Q(completed_at__isnull=False), Q(completed_at__isnull=True), "job_ended_has_a_time"),
            _only_when(
                Q(status="failed"), Q(error_message__isnull=False), Q(error_message__isnull=True), "job_failed_says_why"
            ),
            _only_when(
                _COMPLETED, Q(progress_percent=100), Q(progress_percent__lt=100), "job_progress_100_when_completed"
            ),
            models.CheckConstraint(
                condition=Q(num_speakers__isnull=True) | Q(min_speakers__isnull=True, max_speakers__isnull=True),
                name="job_speakers_exact_or_bounds",
            ),
            models.CheckConstraint(
                condition=Q(download_count__lte=limits.DOWNLOADS_PER_JOB_MAX), name="job_downloads_capped"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_unfinished(self) -> bool:
        return self.status in (self.Status.QUEUED, self.Status.RUNNING)

    @property
    def expires_at(self) -> datetime | None:
        """When result and source audio are no longer available; None before the job has ended."""
        return self.completed_at + RESULT_RETENTION if self.completed_at else None

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def runtime_ms(self) -> int | None:
        if self.completed_at is None or self.started_at is None:
            return None
        return round((self.completed_at - self.started_at) / timedelta(milliseconds=1))

    @property
    def cancel_token(self) -> str:
        """A signature over the id: nothing is stored, and it can't be guessed from the id."""
        return _cancel_signer.sign(self.id.hex)

    @staticmethod
    def id_of_cancel_token(token: str) -> uuid.UUID | None:
        try:
            return uuid.UUID(_cancel_signer.unsign(token))
        except (BadSignature, ValueError):
            return None


class Result(models.Model):
    """The transcript JSON of a completed job, as the bytes that are served. Parsed again only when a voice is taken
    from it, never shown in the admin.
    """

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="result")
    document = models.BinaryField()
    preview = models.TextField(help_text="the first characters of the text, for the list")

    def __str__(self) -> str:
        return f"result of {self.job_id}"


class JobTally(models.Model):
    """How many jobs an account has in each state; kept by a database trigger, so that `total_items` costs one row,
    not a count.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=16)
    jobs = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "status"], name="job_tally_once")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.status}: {self.jobs}"


_NIL = uuid.UUID(int=0)
_JOB_BY_ID = Lookup(lambda: Job.objects.select_related("result").filter(pk=_NIL).filter(account=_NIL))
