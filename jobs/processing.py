"""The worker side of a job: claim it, run the pipeline, store the result and charge it. Called by jobs.tasks in
the worker only.

A claim is a lease in the job's row (jobs.leases extends it). Whoever finds it gone, cancelled or taken over after a
silence, stops and stores nothing.
"""

import threading
import time
from typing import Any

import dramatiq
import orjson
import structlog
from django.db import Error as DatabaseProblem
from django.utils.crypto import salted_hmac

from accounts import limits
from analytics.requests import from_normalised
from jobs import charges, liveness, originals, sources, speed, voices
from jobs.engines.registry import engine
from jobs.leases import ClaimLost, Lease, patiently
from jobs.models import Claim, Job
from jobs.pipeline.pii_types import TYPES
from jobs.pipeline.privacy import Privacy
from jobs.pipeline.run import Options, Outcome, run
from jobs.pipeline.substitution import substitute
from jobs.pipeline.types import Audio, EngineUnavailable, InputRejected, SpeakerBounds

log = structlog.get_logger(__name__)
UNAVAILABLE_MESSAGE = (
    "Transcription is not available on this server right now. Its operator can run `manage.py doctor` to see why."
)
DIARIZATION_UNAVAILABLE_MESSAGE = (
    "The job asked for diarization, and the models that tell speakers apart can't be loaded on this server right now. "
    "Its operator can run `manage.py doctor` to see why; without diarization=true the recording can be transcribed."
)
# Of the whole job, where a redacted copy of the sound is made too.
MASKING_SHARE = 0.1


def process(job_id: str) -> None:
    """One attempt at one job; returns at once when nothing is owed.

    An unexpected failure gives the claim back, then re-raises.
    """
    claim = Job.objects.claim(job_id)
    if claim is None:
        return
    job = Job.objects.get(pk=claim.row_id)
    log.info("job_started", attempt=claim.attempt, audio_s=job.audio_duration_seconds)
    try:
        with Lease(claim) as lease:
            started = time.monotonic()
            outcome, copy_key = _run(job, claim, lease)
            _finish(job, claim, outcome, copy_key, elapsed_s=time.monotonic() - started)
    except ClaimLost:
        log.info("job_stopped", attempt=claim.attempt)
    except InputRejected as error:
        patiently(_fail, claim, code=error.code, message=error.message)
        log.info("job_failed", code=error.code)
    except EngineUnavailable as error:
        patiently(_fail, claim, code="engine_unavailable", message=_unavailable_message(error))
        log.error("engine_unavailable", error=str(error))
    except BaseException as error:  # dramatiq's Shutdown is no Exception: it costs the job nothing
        charges.give_back(Job.objects.all(), claim, failed=isinstance(error, Exception))
        log.warning("job_given_back", attempt=claim.attempt, error=type(error).__name__)
        raise


def _run(job: Job, claim: Claim, lease: Lease) -> tuple[Outcome, str]:
    """What came of the recording, and the storage name of its redacted copy if one was asked for and could be made."""
    share = 1.0 - MASKING_SHARE if job.pii_audio else 1.0
    options = _options(job)

    begun: dict[str, None] = {}

    def report(stage: str, fraction: float) -> None:
        if stage != "decode":
            begun[stage] = None
        done_s = options.seconds_done(stage, fraction, job.audio_duration_seconds or 0.0)
        features = charges.features_begun(job, begun)
        lease.report(share * fraction, stage=stage, processed_seconds=done_s, begun=features)

    def on_decoded(audio: Audio) -> None:
        Job.objects.note_duration(claim, audio.duration_s)
        charges.raise_estimate(job, claim, audio.duration_s)

    with sources.work_folder(job.pk, claim.attempt) as folder, sources.local_copy(job.source_key) as path:
        outcome = run(
            options,
            path,
            engine,
            report,
            work_dir=folder,
            on_decoded=on_decoded,
        )
        if not job.pii_audio or outcome.redaction is None:
            return outcome, ""
        if problem := originals.why_no_copy(outcome.redaction):
            outcome.document["processing_warnings"].append(problem)
            return outcome, ""

        ran = sorted(charges.features_that_ran(outcome.document, outcome.analysis)) if job.price_list else []

        def on_masked(done: float) -> None:
            lease.report(share + MASKING_SHARE * done, stage="mask", begun=ran)

        return outcome, originals.redacted_copy(job, claim, path, outcome.redaction, on_masked, folder)


def _options(job: Job) -> Options:
    return Options(
        language=job.language,
        transcription_model=job.transcription_model,
        diarization=job.diarization,
        speaker_embeddings=job.speaker_embeddings,
        bounds=SpeakerBounds(job.num_speakers, job.min_speakers, job.max_speakers),
        multichannel=job.multichannel,
        keyterms=tuple(job.keyterms),
        privacy=_privacy(job) if job.pii_processing else None,
        analytics=None if job.analytics is None else from_normalised(job.analytics),
    )


def _privacy(job: Job) -> Privacy:
    """Hashes are the same in all of an account's jobs, and nobody else's."""
    key = salted_hmac("jobs.pii_substitution", str(job.account_id), algorithm="sha256").digest()
    return Privacy(
        substitute=substitute(job.pii_substitution, key),
        types=frozenset(job.pii_types or TYPES),
        times=bool(job.pii_audio),
    )


def _unavailable_message(error: EngineUnavailable) -> str:
    return DIARIZATION_UNAVAILABLE_MESSAGE if error.role == "diarizer" else UNAVAILABLE_MESSAGE


def _finish(job: Job, claim: Claim, outcome: Outcome, copy_key: str, *, elapsed_s: float) -> None:
    """Stores the result and charges it; the original goes where a redacted copy stands for it.

    `elapsed_s` is by the clock: stages overlap, so their own times add up to more.
    """
    suggested = patiently(lambda _: voices.suggestions(job, outcome.document), claim)
    if suggested is not None:
        outcome.document["diarization"]["speaker_suggestions"] = suggested
    document = orjson.dumps(outcome.document)
    preview = preview_of(outcome.document["text"])
    side_by_side = Job.objects.filter(status=Job.Status.RUNNING).count()
    duration_s = outcome.audio_duration_s
    features = charges.features_that_ran(outcome.document, outcome.analysis) if job.price_list else frozenset()
    stored = {
        "features": features,
        "document": document,
        "preview": preview,
        "audio_duration_s": duration_s,
        "redacted_audio_key": copy_key,
    }
    if not patiently(charges.finish, claim, **stored):
        sources.discard(copy_key)
        raise ClaimLost
    if copy_key:
        originals.forget(job)
    _note_recognised(suggested)
    speed.note(speed.kind_of(job), audio_s=duration_s, elapsed_s=elapsed_s, side_by_side=side_by_side)
    log.info("job_completed", attempt=claim.attempt, audio_s=duration_s, elapsed_s=round(elapsed_s, 2))


def _fail(claim: Claim, *, code: str, message: str) -> bool:
    return charges.fail(Job.objects.all(), claim, code=code, message=message)


def _note_recognised(suggested: dict[str, Any] | None) -> None:
    """The job is completed by now: a voice that is kept a little shorter is no reason to fail."""
    try:
        voices.note_recognised(suggested or {})
    except DatabaseProblem as error:
        log.warning("voices_not_extended", error=type(error).__name__)


def preview_of(text: str) -> str:
    """The start of a text for the list: about 1,000 characters, ending in "…" where it was cut."""
    return text if len(text) <= limits.PREVIEW_CHARACTERS else text[: limits.PREVIEW_CHARACTERS].rstrip() + "…"


class WorkerProcess(dramatiq.Middleware):
    """In the worker process, after the fork: its sign of life, and the model loaded before the first job asks."""

    def after_process_boot(self, broker: Any) -> None:
        liveness.beat_forever(liveness.WORKER_KEY)
        threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()


def _warm_up() -> None:
    try:
        engine("transcriber.standard")
    except EngineUnavailable as error:
        log.error("engine_unavailable", error=str(error))
