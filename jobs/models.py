"""Job (its options, its end, its cancel), Result (the transcript), JobTally (how many jobs an account has in each
state). The models of the speaker library are in `voice_models.py`, that of re-runs of analytics in `run_models.py`;
Django finds them here.

A job's states, LEASE, FAILURES_MAX, `claim` and the fence are those of `owed.py`, with two changes of its own:

    queued ──claim──► running ──finish──► completed
      ▲  ▲──requeue──────┘ └────fail────► failed ◄──cancel── queued, running

`finish` stores the result in the same transaction; a cancel grows `attempt` too, which fences the worker off.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.core.signing import BadSignature, Signer
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import limits
from accounts.models import Account, ApiKey
from jobs.owed import FAILURES_MAX as FAILURES_MAX
from jobs.owed import LEASE as LEASE
from jobs.owed import Claim as Claim
from jobs.owed import Owed, OwedQuerySet, failure
from jobs.retention import RESULT_RETENTION
from jobs.run_models import AnalyticsRun as AnalyticsRun
from jobs.voice_models import Voice as Voice
from jobs.voice_models import VoiceLibrary as VoiceLibrary
from jobs.voice_models import voice_expiry as voice_expiry
from tuplets.lookup import Lookup

CANCELLED_MESSAGE = "Job was cancelled."
_cancel_signer = Signer(salt="jobs.cancel", sep=".")


class JobQuerySet(OwedQuerySet["Job"]):
    """Reads for one tenant, and the changes of state that only jobs have."""

    # A customer who cancels does not pay for work that was lost.
    before_an_attempt: ClassVar[dict[str, Any]] = {"stage": "", "processed_seconds": 0, "begun": []}

    def owned_by(self, account: Account) -> "JobQuerySet":
        return self.filter(account=account)

    def for_answers(self) -> "JobQuerySet":
        """With what a row of the list needs, without any transcript."""
        return self.select_related("result", "latest_run").defer("result__document", "latest_run__request")

    def find(self, job_id: uuid.UUID, account: Account) -> "Job | None":
        """An account's job with its whole result."""
        return _JOB_BY_ID.get(job_id, account.pk)

    def note_duration(self, claim: Claim, seconds: float) -> None:
        """The true duration, as soon as the recording is decoded."""
        self.held_by(claim).update(audio_duration_seconds=seconds)

    def cancel(self, job: "Job") -> bool:
        """Fails the job at once and fences its worker off. False: it had already finished."""
        changes = failure("cancelled", CANCELLED_MESSAGE) | {"attempt": F("attempt") + 1}
        return bool(self.unfinished().filter(pk=job.pk).update(**changes))

    @transaction.atomic
    def finish(
        self, claim: Claim, *, document: bytes, preview: str, audio_duration_s: float, redacted_audio_key: str = ""
    ) -> bool:
        """Stores the result and completes the job, both or neither. False: the claim is gone, and nothing is kept.

        Again, as when the answer to the first commit was lost, answers the same.
        """
        changes = {"audio_duration_seconds": audio_duration_s, "redacted_audio_key": redacted_audio_key}
        if self.complete(claim, **changes):
            Result.objects.create(job_id=claim.row_id, document=document, preview=preview)
            return True
        return self.completed_by(claim)

    def replaced(self) -> "JobQuerySet":
        """Completed jobs whose redacted copy stands for a recording that is still there."""
        return self.filter(status=Job.Status.COMPLETED).exclude(redacted_audio_key="").exclude(source_key="")


class Job(Owed):
    """One recording to be turned into one result for one account."""

    DEFECT_MESSAGE = "The recording could not be processed because of an error on the server."
    LOST_MESSAGE = "Processing stopped unexpectedly {times} times. Check the recording and submit it again."

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

    audio_duration_seconds = models.FloatField(null=True, blank=True)
    download_count = models.PositiveIntegerField(default=0)
    latest_run = models.OneToOneField(
        AnalyticsRun, null=True, on_delete=models.SET_NULL, related_name="+", help_text="the newest re-run of analytics"
    )

    # How far the work is: for staff, and for the price of a job that is cancelled.
    stage = models.CharField(max_length=16, blank=True, help_text="the last stage that began")
    processed_seconds = models.FloatField(default=0, help_text="of audio, recognised so far")
    begun = models.JSONField(default=list, blank=True, help_text="the priced features whose work began")

    objects = JobQuerySet.as_manager()

    class Meta(Owed.Meta):
        indexes = [
            *Owed.Meta.indexes,
            models.Index(fields=["account", "-created_at", "-id"], name="job_list"),
            models.Index(fields=["account", "status", "-created_at", "-id"], name="job_list_by_status"),
        ]
        constraints = [
            *Owed.Meta.constraints,
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
    def subject(self) -> str:
        return f"job:{self.id}"

    @property
    def expires_at(self) -> datetime | None:
        """When result and source audio are no longer available; None before the job has ended."""
        return self.completed_at + RESULT_RETENTION if self.completed_at else None

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def has_speakers(self) -> bool:
        """Whether speakers were asked for, however they are told apart."""
        return self.diarization or self.multichannel

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
    from it or its analytics are run again, never shown in the admin.
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
_JOB_BY_ID = Lookup(
    lambda: (
        Job.objects.select_related("result", "latest_run")
        .defer("latest_run__request")
        .filter(pk=_NIL)
        .filter(account=_NIL)
    )
)
