"""The web side of a job: submit_job, cancel_job, cancel_by_token, open_download.
The REST view, the dashboard and the admin call these.

submit_job: probe, price, keep the recording, save the row and hold its price, nudge the worker once that
is committed.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import structlog
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F

from accounts import limits
from accounts.models import Account, ApiKey
from billing.prices import Price
from jobs import charges, features, sources, tasks
from jobs.engines import audio
from jobs.models import Job
from jobs.pipeline.types import InputRejected
from tuplets.errors import Code, TupletsError

log = structlog.get_logger(__name__)
_CHUNK_BYTES = 64 * 1024


def submit_job(
    *, account: Account, api_key: ApiKey | None, options: dict[str, Any], upload: UploadedFile | None
) -> Job:
    """Accepts a recording, whole or not at all. Once it is committed, a queue out of reach only delays it.

    400 for an option this server lacks or a file that can be seen to be no recording, 402 where the account can't pay
    for it, 503 while queue or storage is out of reach; nothing is kept then.
    """
    features.require_available(options)
    if not tasks.queue_is_up():
        raise TupletsError(Code.UNAVAILABLE)
    assert upload is not None  # the other two sources are refused above
    duration_s = _probe(upload, multichannel=options["multichannel"])
    job = Job(
        account=account,
        api_key=api_key,
        source_type=Job.Source.UPLOAD,
        source_name=sources.display_name(upload.name),
        source_bytes=upload.size or 0,
        audio_duration_seconds=duration_s,
        **{name: options[name] for name in OPTION_FIELDS},
    )
    amount_micros = charges.set_estimate(job)
    charges.require_credit(account, amount_micros)
    job.source_key = _keep(upload, job.id)
    try:
        with transaction.atomic():
            job.save(force_insert=True)
            charges.hold_for(job, amount_micros)
            # Robust: what goes wrong after the commit must not look like a job that was not accepted.
            transaction.on_commit(lambda: tasks.send(job.id), robust=True)
    except BaseException:
        sources.discard(job.source_key)
        raise
    log.info("job_accepted", job_id=str(job.id), bytes=job.source_bytes, audio_s=duration_s)
    return job


def estimate(*, account: Account, options: dict[str, Any], duration_s: float) -> Price:
    """What such a recording would cost at most. 400 for an option this server lacks."""
    features.require_available(options)
    job = Job(account=account, audio_duration_seconds=duration_s, **{name: options[name] for name in OPTION_FIELDS})
    return charges.quote(job)


OPTION_FIELDS = (
    *("language", "transcription_model", "diarization", "speaker_embeddings", "pii_processing", "analytics"),
    *("pii_types", "pii_substitution", "pii_audio"),
    *("num_speakers", "min_speakers", "max_speakers", "multichannel", "keyterms"),
)


def _keep(upload: UploadedFile, job_id: uuid.UUID) -> str:
    """503 when the storage is out of reach or full."""
    try:
        return sources.keep(upload, job_id)
    except OSError as error:
        log.error("storage_unreachable", error=type(error).__name__)
        raise TupletsError(
            Code.UNAVAILABLE, "The recording can't be stored right now. Retry after a short delay."
        ) from None


def _probe(upload: UploadedFile, *, multichannel: bool) -> float | None:
    """The duration that the file declares or suggests, in seconds; 400 when it can be seen to be no recording, or to
    have too many channels to be read one by one.
    """
    try:
        found = audio.probe(sources.path_of(upload))
        if multichannel:
            audio.require_channels(found)
        return found.duration_s or found.estimated_duration_s
    except InputRejected as error:
        raise TupletsError(Code.INVALID_AUDIO, error.message, field="audio_file") from None


def cancel_job(*, job: Job) -> Job:
    """Fails a queued or running job at once and charges what was done; its worker stops within a window and can store
    nothing.
    409 when it has finished.
    """
    if not charges.cancel(job):
        raise TupletsError(Code.JOB_FINISHED)
    log.info("job_cancelled", job_id=str(job.id))
    return Job.objects.for_answers().get(pk=job.pk)


def cancel_by_token(*, account: Account, token: str) -> Job:
    """The same for whoever holds the job's cancel token in the account that owns it;
    to others the token is unknown (404).
    """
    job_id = Job.id_of_cancel_token(token)
    job = Job.objects.owned_by(account).filter(pk=job_id).first() if job_id else None
    if job is None:
        raise TupletsError(
            Code.NOT_FOUND, "This cancel_token is not known. Use the one returned for a job of this account."
        )
    return cancel_job(job=job)


def check_downloadable(job: Job) -> None:
    """409 before completion or after failure, 410 past the retention or the download limit."""
    if job.status != Job.Status.COMPLETED:
        raise TupletsError(Code.JOB_NOT_COMPLETED)
    if job.is_expired:
        raise TupletsError(Code.RESULT_EXPIRED)
    if job.download_count >= limits.DOWNLOADS_PER_JOB_MAX:
        raise TupletsError(Code.DOWNLOAD_LIMIT)


def check_audible(job: Job) -> None:
    """The same for the redacted copy of the sound, and 404 where the job has none."""
    check_downloadable(job)
    if not job.pii_audio:
        raise TupletsError(
            Code.NOT_FOUND, "This job has no redacted audio. Submit with pii_processing=true and pii_audio=beep."
        )
    if not job.redacted_audio_key:
        raise TupletsError(Code.NOT_FOUND, "No redacted audio could be made: see the result's processing_warnings.")


def open_download(*, job: Job) -> Iterator[bytes]:
    """Counts one download and hands out the result in chunks. A send that breaks off is not counted."""
    check_downloadable(job)
    document = bytes(job.result.document)
    parts = (document[start : start + _CHUNK_BYTES] for start in range(0, len(document), _CHUNK_BYTES))
    return _counted(job, parts)


def open_redacted_audio(*, job: Job) -> tuple[Iterator[bytes], int]:
    """The same for the redacted copy of the sound, and its size in bytes. 503 while the storage is out of reach."""
    file = _redacted_audio(job)
    size = file.size
    return _counted(job, _chunks(file)), size


def size_of_redacted_audio(*, job: Job) -> int:
    """In bytes; refused as the copy itself would be."""
    with _redacted_audio(job) as file:
        return file.size


def _redacted_audio(job: Job) -> File:
    check_audible(job)
    try:
        return sources.open_stored(job.redacted_audio_key)
    except OSError as error:
        log.error("storage_unreachable", error=type(error).__name__)
        raise TupletsError(Code.UNAVAILABLE) from None


def _chunks(file: File) -> Iterator[bytes]:
    with file:
        yield from file.chunks(_CHUNK_BYTES)


def _counted(job: Job, parts: Iterator[bytes]) -> Iterator[bytes]:
    counted = Job.objects.filter(pk=job.pk, download_count__lt=limits.DOWNLOADS_PER_JOB_MAX).update(
        download_count=F("download_count") + 1
    )
    if not counted:
        raise TupletsError(Code.DOWNLOAD_LIMIT)
    return _send(job.pk, parts)


def _send(job_id: uuid.UUID, parts: Iterator[bytes]) -> Iterator[bytes]:
    sent_whole = False
    try:
        yield from parts
        sent_whole = True
    finally:
        if not sent_whole:
            Job.objects.filter(pk=job_id, download_count__gt=0).update(download_count=F("download_count") - 1)
