"""The recording behind a job whose sound was redacted: the copy that stands for it, and its end.

Called by `processing` when a job completes and by the sweeper, in case a worker died in between.
"""

from collections.abc import Callable
from pathlib import Path

import structlog

from jobs import sources
from jobs.engines import audio_masking
from jobs.models import Claim, Job
from jobs.pipeline.types import Redaction

log = structlog.get_logger(__name__)

NO_COPY = (
    "No redacted copy of the audio was made, because {reason}; the original recording is kept as any other job's is."
)


def why_no_copy(redaction: Redaction) -> str | None:
    """Why the sound can't be redacted as the job asked; None where it can.

    A copy of which something may still have to go would be taken for one that is safe.
    """
    if redaction.error is not None:
        return NO_COPY.format(reason="PII processing failed")
    if redaction.skip_reason is not None:
        return NO_COPY.format(reason="PII processing was skipped")
    if redaction.review_required:
        return NO_COPY.format(reason="the transcript needs review")
    return None


def redacted_copy(
    job: Job, claim: Claim, source: Path, redaction: Redaction, on_progress: Callable[[float], None], folder: Path
) -> str:
    """Makes, in `folder`, and keeps the copy that the job asked for; returns its storage name.

    Nothing is kept when this raises.
    """
    target = folder / f"copy{audio_masking.SUFFIX}"
    audio_masking.mask(source, target, redaction.spans_s, job.pii_audio, on_progress)
    return sources.keep_redacted(target, job.id, claim.attempt, audio_masking.SUFFIX)


def forget(job: Job) -> None:
    """Deletes the original of a completed job that has a redacted copy. Again changes nothing.

    Where the storage can't, it is logged, and the sweeper tries again.
    """
    try:
        sources.discard(job.source_key)
    except OSError as error:
        log.error("original_not_deleted", job_id=str(job.pk), error=type(error).__name__)
        return
    Job.objects.replaced().filter(pk=job.pk).update(source_key="")
    log.info("original_deleted", job_id=str(job.pk))
