"""How fast this machine transcribes, measured from finished jobs, and what follows from it for those that wait
(best effort).
"""

import uuid

from django.core.cache import cache
from django.utils import timezone

from jobs.models import Job

_WEIGHT_OF_NEWEST = 0.3
_KEY = "speed:{kind}"
_KEPT_S = 30 * 24 * 3600
# With fewer than this many percent done, the machine's measured speed says more than the job's own.
_OWN_SPEED_FROM_PERCENT = 10.0
# Jobs further back in the queue get no estimate: nobody waits for it to the second.
_BACKLOG_LOOKED_AT = 1000


def kind_of(job: Job) -> str:
    """What a job's speed depends on besides the machine: its tier, how its speakers are told apart, its analytics."""
    kind = job.transcription_model
    if job.multichannel:
        kind += "+multichannel"
    elif job.diarization:
        kind += "+diarization"
    if job.analytics is not None:
        kind += f"+{job.analytics['profile'] or 'custom'}"
    return kind


def note(kind: str, *, audio_s: float, elapsed_s: float, side_by_side: int = 1) -> None:
    """Remembers one job's speed in an exponential moving average (audio seconds a second).

    Jobs that ran side by side shared the machine. Lost values do no harm.
    """
    if audio_s < 5 or elapsed_s <= 0:
        return
    newest = audio_s / elapsed_s * max(1, side_by_side)
    try:
        known = cache.get(_KEY.format(kind=kind))
        value = newest if known is None else known + _WEIGHT_OF_NEWEST * (newest - known)
        cache.set(_KEY.format(kind=kind), value, timeout=_KEPT_S)
    except Exception:  # noqa: S110  (the cache is away: an estimate is not worth a failed job)
        pass


def measured(kind: str) -> float | None:
    """Audio seconds that this machine processes in a second, or None before the first job of that kind."""
    try:
        return cache.get(_KEY.format(kind=kind))
    except Exception:  # the cache is away: no estimate
        return None


def seconds_remaining(jobs: list[Job]) -> dict[uuid.UUID, int]:
    """Whole seconds until each unfinished job is likely to finish, where something is known to go by."""
    unfinished = [job for job in jobs if job.is_unfinished]
    if not unfinished:
        return {}
    speeds = {kind: measured(kind) for kind in {kind_of(job) for job in unfinished}}
    ahead_s = _audio_ahead_s() if any(job.status == Job.Status.QUEUED for job in unfinished) else {}
    estimates = {job.pk: _estimate(job, ahead_s, speeds[kind_of(job)]) for job in unfinished}
    return {pk: max(1, round(seconds)) for pk, seconds in estimates.items() if seconds is not None}


def _estimate(job: Job, ahead_s: dict[uuid.UUID, float], speed: float | None) -> float | None:
    done = job.progress_percent / 100
    first = (
        job.status == Job.Status.RUNNING and job.attempt == 1
    )  # a later attempt starts with the progress of the last
    if first and job.claimed_at and job.progress_percent >= _OWN_SPEED_FROM_PERCENT:
        return (timezone.now() - job.claimed_at).total_seconds() * (1 - done) / done
    if not speed or job.audio_duration_seconds is None:
        return None
    if job.status == Job.Status.RUNNING:
        return job.audio_duration_seconds * (1 - done) / speed
    return (ahead_s[job.pk] + job.audio_duration_seconds) / speed if job.pk in ahead_s else None


def _audio_ahead_s() -> dict[uuid.UUID, float]:
    """For the first unfinished jobs of all accounts, oldest first: the audio seconds to be processed before each."""
    rows = (
        Job.objects.unfinished().order_by("created_at").values_list("pk", "audio_duration_seconds", "progress_percent")
    )
    ahead_s, total = {}, 0.0
    for pk, seconds, percent in rows[:_BACKLOG_LOOKED_AT]:
        ahead_s[pk] = total
        total += (seconds or 0) * (1 - percent / 100)
    return ahead_s
