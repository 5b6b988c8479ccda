"""How fast this machine transcribes, measured from finished jobs, and what follows from it for those that wait
(best effort).
"""

from datetime import datetime

from django.core.cache import cache
from django.utils import timezone

from jobs.models import Job

_WEIGHT_OF_NEWEST = 0.3
_KEY = "speed:{model}"
_KEPT_S = 30 * 24 * 3600
# With fewer than this many percent done, the machine's measured speed says more than the job's own.
_OWN_SPEED_FROM_PERCENT = 10.0


def note(model: str, *, audio_s: float, elapsed_s: float) -> None:
    """Remembers one job's speed in an exponential moving average (audio seconds a second). Lost values do no harm."""
    if audio_s < 5 or elapsed_s <= 0:
        return
    newest = audio_s / elapsed_s
    try:
        known = cache.get(_KEY.format(model=model))
        value = newest if known is None else known + _WEIGHT_OF_NEWEST * (newest - known)
        cache.set(_KEY.format(model=model), value, timeout=_KEPT_S)
    except Exception:  # noqa: S110  (the cache is away: an estimate is not worth a failed job)
        pass


def measured(model: str) -> float | None:
    """Audio seconds that this machine processes in a second, or None before the first job."""
    try:
        return cache.get(_KEY.format(model=model))
    except Exception:  # the cache is away: no estimate
        return None


def seconds_remaining(job: Job, *, now: datetime | None = None) -> int | None:
    """Whole seconds until the job is likely to finish; None when nothing is known yet."""
    now = now or timezone.now()
    if job.status == Job.Status.RUNNING and job.claimed_at and job.progress_percent >= _OWN_SPEED_FROM_PERCENT:
        elapsed_s = (now - job.claimed_at).total_seconds()
        return max(1, round(elapsed_s * (100 - job.progress_percent) / job.progress_percent))
    speed = measured(job.transcription_model)
    if not speed or job.audio_duration_seconds is None:
        return None
    own_s = job.audio_duration_seconds * (1 - job.progress_percent / 100) / speed
    return max(1, round(own_s + (_backlog_audio_s(job) / speed if job.status == Job.Status.QUEUED else 0)))


def _backlog_audio_s(job: Job) -> float:
    """Audio seconds of unfinished jobs that were submitted before this one, over all accounts."""
    ahead = Job.objects.unfinished().filter(created_at__lt=job.created_at)[:1000]
    return sum(
        (seconds or 0) * (1 - done / 100)
        for seconds, done in ahead.values_list("audio_duration_seconds", "progress_percent")
    )
