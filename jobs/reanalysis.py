"""The worker side of a re-run of analytics: claim it, analyse the stored transcript, replace its analytics. Called by
jobs.tasks in the worker only.

The claim is a lease in the run's row, as a job's is in the job's; what is asked and stored, `jobs.analytics_runs` and
`jobs.pipeline.regrafting` decide.
"""

import uuid
from typing import Any

import orjson
import structlog
from django.db import transaction

from analytics.requests import from_normalised
from jobs import charges
from jobs.engines.registry import engine
from jobs.leases import ClaimLost, Lease, patiently
from jobs.models import AnalyticsRun, Job, Result
from jobs.owed import Claim
from jobs.pipeline.analysis import Analysis, analysed
from jobs.pipeline.regrafting import has_analytics, redaction_of, regrafted, spoken_again

log = structlog.get_logger(__name__)
GONE_MESSAGE = "The result is no longer available, so its analytics can't be run again."
KEPT_SENTENCE = "The result keeps its earlier analytics."


class _NothingToStore(Exception):
    """The run ends without a change to the result; the message is a sentence for the customer."""


def reanalyse(run_id: str) -> None:
    """One attempt at one re-run; returns at once when nothing is owed.

    An unexpected failure gives the claim back, then re-raises.
    """
    claim = AnalyticsRun.objects.claim(run_id)
    if claim is None:
        return
    run = AnalyticsRun.objects.select_related("job").get(pk=claim.row_id)
    log.info("analytics_run_started", job_id=str(run.job_id), number=run.number, attempt=claim.attempt)
    try:
        with Lease(claim, AnalyticsRun.objects.all()) as lease:
            analysis = _analysed(run, lease)
            if not patiently(_finish, claim, run=run, analysis=analysis):
                raise ClaimLost
        log.info("analytics_run_completed", job_id=str(run.job_id), number=run.number, attempt=claim.attempt)
    except ClaimLost:
        log.info("analytics_run_stopped", attempt=claim.attempt)
    except _NothingToStore as problem:
        patiently(_fail, claim, code="analytics_skipped", message=str(problem))
        log.info("analytics_run_failed", job_id=str(run.job_id), number=run.number)
    except BaseException as error:  # dramatiq's Shutdown is no Exception: it costs the run nothing
        charges.give_back(AnalyticsRun.objects.all(), claim, failed=isinstance(error, Exception))
        log.warning("analytics_run_given_back", attempt=claim.attempt, error=type(error).__name__)
        raise


def _analysed(run: AnalyticsRun, lease: Lease) -> Analysis:
    """What the stored transcript says to the run's request; nothing that is worse than what is there already."""
    if run.job.is_expired:
        raise _NothingToStore(GONE_MESSAGE)
    document = _document_of(run.job_id)
    analysis = analysed(
        spoken_again(document),
        from_normalised(run.request),
        lambda: engine("analyst"),
        lambda fraction: lease.report(fraction),
        redaction_of(document),
    )
    if not (analysis.generic_applied or analysis.custom_applied) and has_analytics(document):
        raise _NothingToStore(" ".join([*analysis.warnings, KEPT_SENTENCE]))
    return analysis


@transaction.atomic
def _finish(claim: Claim, *, run: AnalyticsRun, analysis: Analysis) -> bool:
    """Completes the run, replaces the analytics and charges them, all or nothing. False: the claim is gone, and
    nothing is kept.

    Again, as when the answer to the first commit was lost, answers the same.
    """
    if not AnalyticsRun.objects.complete(claim):
        return AnalyticsRun.objects.completed_by(claim)
    document = _document_of(run.job_id)
    Result.objects.filter(pk=run.job_id).update(document=orjson.dumps(regrafted(document, analysis)))
    Job.objects.filter(pk=run.job_id).update(analytics=run.request)
    charges.finish_run(run, analysis)
    return True


def _fail(claim: Claim, *, code: str, message: str) -> bool:
    return charges.fail(AnalyticsRun.objects.all(), claim, code=code, message=message)


def _document_of(job_id: uuid.UUID) -> dict[str, Any]:
    """Nobody else writes it while the claim stands: a job has one unfinished run."""
    stored = Result.objects.filter(pk=job_id).values_list("document", flat=True).first()
    if stored is None:
        raise _NothingToStore(GONE_MESSAGE)
    return orjson.loads(bytes(stored))
