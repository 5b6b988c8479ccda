"""How a job is shown: one function for a row, with the whole result spliced in as stored bytes or its preview."""

from typing import Any

import orjson
from django.conf import settings

from accounts import limits
from billing.api.serializers import line_row
from billing.prices import PRICE_LIST, Price, usd
from jobs import speed
from jobs.models import AnalyticsRun, Job
from jobs.owed import Owed
from tuplets.http import utc

# Additions to the documented row, shown as they were asked for.
PII_OPTIONS = ("pii_types", "pii_substitution")
SPEAKER_OPTIONS = ("num_speakers", "min_speakers", "max_speakers", "multichannel", "keyterms")


def accepted(job: Job) -> dict[str, Any]:
    """The answer to POST /jobs."""
    url = f"{settings.PUBLIC_URL}/jobs/{job.id}"
    return {
        "status": "accepted",
        "id": str(job.id),
        "status_url": url,
        "cancel_url": url,
        "cancel_token": job.cancel_token,
    }


def whole(job: Job) -> dict[str, Any]:
    """A job with its full result, which is copied into the answer as it is stored."""
    available = job.status == Job.Status.COMPLETED and not job.is_expired
    result = orjson.Fragment(bytes(job.result.document)) if available else None
    return row(job, result, speed.seconds_remaining([job]).get(job.pk))


def listed(jobs: list[Job]) -> list[dict[str, Any]]:
    """Jobs with the start of their texts."""
    remaining_s = speed.seconds_remaining(jobs)
    return [row(job, _preview(job), remaining_s.get(job.pk)) for job in jobs]


def estimate(price: Price, available_micros: int) -> dict[str, Any]:
    """The answer to POST /jobs/estimate. The lines add up to the cost; the one without a feature is what the minimum
    adds.
    """
    return {
        "estimated_cost_usd": usd(price.amount_micros),
        "minimum_cost_usd": usd(price.minimum_micros),
        "duration_seconds": price.seconds,
        "price_list": PRICE_LIST,
        "lines": [line_row(line.feature, line.rate_micros, line.amount_micros) for line in price.lines],
        "available_usd": usd(available_micros),
        "sufficient_credit": available_micros >= price.amount_micros,
    }


def _preview(job: Job) -> dict[str, str] | None:
    return {"text": job.result.preview} if job.status == Job.Status.COMPLETED and not job.is_expired else None


def row(job: Job, result: Any, remaining_s: int | None) -> dict[str, Any]:
    unfinished, expired = job.is_unfinished, job.is_expired
    return {
        "id": str(job.id),
        "status": job.status,
        "result": result,
        "error_message": job.error_message,
        "audio_duration_seconds": job.audio_duration_seconds,
        "language": job.language,
        "transcription_model": job.transcription_model,
        "diarization": job.diarization,
        "speaker_embeddings": job.speaker_embeddings,
        "pii_processing": job.pii_processing,
        "analytics": job.analytics,
        **_cost(job),
        "source_type": job.source_type,
        "result_download_available": job.status == Job.Status.COMPLETED
        and not expired
        and job.download_count < limits.DOWNLOADS_PER_JOB_MAX,
        "source_audio_available": bool(job.source_key and not job.redacted_audio_key) and not expired,
        "redacted_audio_available": bool(job.redacted_audio_key) and not expired,
        "progress_percent": job.progress_percent,
        "estimated_seconds_remaining": remaining_s,
        "cancel_token": job.cancel_token if unfinished else None,
        **{name: getattr(job, name) for name in (*SPEAKER_OPTIONS, *PII_OPTIONS)},
        "pii_audio": job.pii_audio or None,
        "analytics_run": _run(job.latest_run),
        "created_at": utc(job.created_at),
        "started_at": utc(job.started_at),
        "completed_at": utc(job.completed_at),
        "runtime_ms": job.runtime_ms,
    }


def _run(run: AnalyticsRun | None) -> dict[str, Any] | None:
    """The newest re-run of a job's analytics."""
    if run is None:
        return None
    return {
        "number": run.number,
        "status": run.status,
        "requested_at": utc(run.created_at),
        "started_at": utc(run.started_at),
        "completed_at": utc(run.completed_at),
        "error_message": run.error_message,
        **_cost(run),
    }


def _cost(row: Owed) -> dict[str, Any]:
    """Null for what is not known (yet), and for work that is older than prices."""
    return {
        "estimated_cost_usd": None if row.estimated_micros is None else usd(row.estimated_micros),
        "billed_cost_usd": None if row.billed_micros is None else usd(row.billed_micros),
        "billing_status": row.billing_status or None,
    }
