"""What work costs: which features are asked for and which ran, holds, charges and releases.

A hold of the estimate when work is accepted; a charge of what ran when it is completed, in the transaction that stores
the result; nothing when it fails; the part that was done when it is cancelled. The ledger resolves a hold once, so
whatever is delivered twice is charged once. Work that is older than prices (`price_list` empty) costs nothing.

Every verb changes the work's row first and its money after it, so that two that race lock in one order.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from accounts.models import Account
from analytics.requests import from_normalised
from billing import ledger
from billing.prices import ANALYTICS, PRICE_LIST, TRANSCRIPTION, Feature, Price, cancelled_price, capped, price_of
from jobs.models import AnalyticsRun, Claim, Job
from jobs.owed import Owed, OwedQuerySet
from jobs.pipeline.analysis import LEAST_AUDIO_S, Analysis
from jobs.pipeline.pii_types import LANGUAGES as PII_LANGUAGES
from jobs.pipeline.types import InputRejected
from tuplets.errors import TupletsError

log = structlog.get_logger(__name__)
_Status = Owed.BillingStatus
# Failed work whose hold is still there, released in one round of the sweeper.
BATCH = 500

# What a stage does of what was asked; recognising and telling speakers apart run side by side.
_RECOGNISED = TRANSCRIPTION | {Feature.DIARIZATION}
_OF_STAGE = {"transcribe": _RECOGNISED, "diarize": _RECOGNISED, "redact": {Feature.PII}, "analyse": ANALYTICS}


def features_of_request(analytics: dict[str, Any] | None, audio_s: float | None) -> frozenset[Feature]:
    """Of a normalised request; none where the recording is too short for analytics."""
    if analytics is None or (audio_s is not None and audio_s < LEAST_AUDIO_S):
        return frozenset()
    request = from_normalised(analytics)
    return frozenset(_analytics(request.profile, request.profile is not None, request.custom))


def features_of(job: Job) -> frozenset[Feature]:
    """What a job asks for and may have to pay: without what is known beforehand not to run."""
    found = {Feature.PREMIUM if job.transcription_model == "premium" else Feature.STANDARD}
    if job.has_speakers:
        found.add(Feature.DIARIZATION)
    if job.pii_processing and (job.language == "auto" or job.language in PII_LANGUAGES):
        found.add(Feature.PII)
    return frozenset(found) | features_of_request(job.analytics, job.audio_duration_seconds)


def features_that_ran(document: dict[str, Any], analysis: Analysis | None) -> frozenset[Feature]:
    """By the result's own `feature_execution`: what ran is paid, not what was asked. None of a transcript that is
    withheld because its redaction failed; of one that was redacted in part, all but the redaction.
    """
    ran, in_doubt = document["feature_execution"], document.get("pii_review_required")
    if in_doubt and not ran["pii_processing_applied"]:
        return frozenset()
    found = {Feature.PREMIUM if ran["transcription_model_applied"] == "premium" else Feature.STANDARD}
    if ran["diarization_applied"]:
        found.add(Feature.DIARIZATION)
    if ran.get("pii_processing_applied") and not in_doubt:
        found.add(Feature.PII)
    return frozenset(found) | features_of_analysis(analysis)


def features_begun(job: Job, stages: Collection[str]) -> list[Feature]:
    """The features whose work begins with these stages: what a cancelled job is paid for."""
    asked = features_of(job)
    return sorted(feature for stage in stages for feature in asked & _OF_STAGE.get(stage, frozenset()))


def features_of_analysis(analysis: Analysis | None) -> frozenset[Feature]:
    if analysis is None:
        return frozenset()
    return frozenset(_analytics(analysis.request.profile, analysis.generic_applied, analysis.custom_applied))


def _analytics(profile: str | None, generic: bool, custom: bool) -> set[Feature]:
    found = {Feature.FULL if profile == "full" else Feature.BASIC} if generic else set()
    return found | ({Feature.CUSTOM} if custom else set())


# Accepting


def quote(job: Job) -> Price:
    """What a job may cost at most: for its duration, or the minimum while that is not known."""
    return price_of(features_of(job), job.audio_duration_seconds or 0, job.price_list or PRICE_LIST)


def set_estimate(job: Job) -> int:
    """Writes the estimate on a job that is not saved yet; what is to be held for it."""
    job.price_list, job.billing_status = PRICE_LIST, _Status.PENDING
    amount = quote(job).amount_micros
    job.estimated_micros = amount if job.audio_duration_seconds is not None else None
    return amount


def hold_for_run(run: AnalyticsRun) -> None:
    """Sets the price of a re-run aside, in the transaction that makes it. 402 where it is more than is available."""
    features = features_of_request(run.request, run.job.audio_duration_seconds)
    amount = price_of(features, run.job.audio_duration_seconds or 0).amount_micros if features else 0
    run.estimated_micros, run.price_list, run.billing_status = amount, PRICE_LIST, _Status.PENDING
    run.save(update_fields=["estimated_micros", "price_list", "billing_status"])
    if amount:
        ledger.hold(account=run.job.account, amount_micros=amount, subject=run.subject)


@transaction.atomic
def raise_estimate(job: Job, claim: Claim, audio_s: float) -> None:
    """Once the true duration is known, before the work: holds what it will cost. InputRejected with the sentence of the
    402 where the account can't pay for it; the recording is then not processed, nor charged.
    """
    job.audio_duration_seconds = audio_s
    amount = quote(job).amount_micros
    if not job.price_list or (job.estimated_micros is not None and amount <= job.estimated_micros):
        return
    job.estimated_micros = amount
    if not Job.objects.held_by(claim).update(estimated_micros=amount):
        return
    try:
        ledger.raise_hold(subject=job.subject, amount_micros=amount)
    except TupletsError as error:
        raise InputRejected(error.code.code, error.detail) from None


# Ending


@transaction.atomic
def finish(claim: Claim, *, features: Collection[Feature], **stored: Any) -> bool:
    """Stores the result, completes the job and charges it, all or nothing. False: the claim is gone.

    Again, as when the answer to the first commit was lost, answers the same and charges nothing more.
    """
    if Job.objects.completed_by(claim):
        return True
    if not Job.objects.finish(claim, **stored):
        return False
    job = Job.objects.get(pk=claim.row_id)
    if features and job.price_list:
        _settle(job, price_of(features, stored["audio_duration_s"], job.price_list), job.api_key_id)
    else:
        release(job)
    return True


def finish_run(run: AnalyticsRun, analysis: Analysis) -> None:
    """Charges a completed re-run, in the transaction that stores its result; the job's own cost grows by it."""
    features = features_of_analysis(analysis)
    if not features or not run.price_list:
        release(run)
        return
    _settle(run, price_of(features, run.job.audio_duration_seconds or 0, run.price_list), run.api_key_id)
    if run.billed_micros:
        Job.objects.filter(pk=run.job_id).update(
            billed_micros=Coalesce(F("billed_micros"), Value(0)) + run.billed_micros
        )


@transaction.atomic
def cancel(job: Job) -> bool:
    """Cancels a job and charges what was done of it. False: it had already finished."""
    if not Job.objects.cancel(job):
        return False
    row = Job.objects.get(pk=job.pk)
    held = ledger.open_hold(row.subject)
    begun = [Feature(name) for name in row.begun]
    if row.price_list:
        estimate = held.amount_micros if held else 0
        price = cancelled_price(features_of(row), begun, row.processed_seconds, estimate, row.price_list)
        _settle(row, price, row.api_key_id)
    return True


@transaction.atomic
def fail(rows: OwedQuerySet[Any], claim: Claim, *, code: str, message: str) -> bool:
    """Ends work with a sentence for the customer, and frees what was held for it. False: the claim is gone."""
    if not rows.fail(claim, code=code, message=message):
        return False
    release(rows.get(pk=claim.row_id))
    return True


@transaction.atomic
def give_back(rows: OwedQuerySet[Any], claim: Claim, *, failed: bool) -> None:
    """Ends an attempt without a result; where that was the last one, what was held is free again."""
    rows.give_back(claim, failed=failed)
    release_failed(rows.filter(pk=claim.row_id))


def release_failed(rows: OwedQuerySet[Any]) -> int:
    """Frees what is still held for failed work; how many rows that were. Safe to run anywhere, at any time."""
    waiting = rows.filter(status=Owed.Status.FAILED, billing_status=_Status.PENDING).order_by("completed_at")
    ids = list(waiting.values_list("pk", flat=True)[:BATCH])
    for row_id in ids:
        try:
            with transaction.atomic():
                row = waiting.select_for_update(of=("self",)).filter(pk=row_id).first()
                if row is not None:
                    release(row)
        except Exception:  # one that can't be freed must not hold up the others
            log.exception("release_failed", row_id=str(row_id))
    return len(ids)


def release(row: Any) -> None:
    """Frees what is held for work that costs nothing."""
    if not row.price_list:
        return
    held = ledger.open_hold(row.subject)
    if held is not None:
        ledger.release(held=held)
    _note(row, _Status.SKIPPED, None)


def _settle(row: Any, price: Price, api_key_id: Any) -> None:
    """Charges a price and writes it on the row. A price that can't be charged is a defect: it is logged, and the work
    is not undone.
    """
    if not row.price_list:
        return
    held = ledger.open_hold(row.subject)
    if held is not None:
        price = capped(price, held.amount_micros)
        detail = detail_of(price, row.price_list, api_key_id)
        ledger.capture(held=held, amount_micros=price.amount_micros, detail=detail)
    charge = ledger.charge_of(row.subject)
    if charge is None:
        log.error("charge_failed", subject=row.subject, micros=price.amount_micros)
        _note(row, _Status.FAILED, None)
        return
    _note(row, _Status.CHARGED, charge.amount_micros)


def _note(row: Any, status: str, billed_micros: int | None) -> None:
    row.billing_status, row.billed_micros = status, billed_micros
    type(row).objects.filter(pk=row.pk).update(billing_status=status, billed_micros=billed_micros)


def detail_of(price: Price, price_list: str, api_key_id: Any) -> dict[str, Any]:
    """How a charge came about: what statements and receipts show of it."""
    return {
        "seconds": price.seconds,
        "price_list": price_list,
        "minimum_micros": price.minimum_micros,
        "lines": [
            {"feature": line.feature, "rate_micros": line.rate_micros, "amount_micros": line.amount_micros}
            for line in price.lines
        ],
        "api_key_id": str(api_key_id) if api_key_id else None,
    }


def hold_for(job: Job, amount_micros: int) -> None:
    """Sets a job's estimate aside, in the transaction that saves it. 402 where it is more than is available."""
    ledger.hold(account=job.account, amount_micros=amount_micros, subject=job.subject)


def require_credit(account: Account, amount_micros: int) -> None:
    """402 before a recording is kept, where it is plain already that it can't be paid."""
    ledger.require_available(account, amount_micros)
