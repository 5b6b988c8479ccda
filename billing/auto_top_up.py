"""Automatic top-ups: auto_top_up_of, change_auto_top_up, `top_up_if_low`, which charges the saved card when credit runs
low, and `catch_up_automatic`, which asks what became of a charge. Off until a person turns them on; a refusal, or too
many in a day, turns them off and says why.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import Account
from billing import ledger, settlements, stripe_events
from billing.models import AutoTopUp, TopUp
from billing.saved_cards import NOT_KNOWN, locked_settings, refuse
from billing.stripe_gateway import StripeRefused, StripeUnreachable, gateway
from billing.top_up_amounts import AUTOMATIC_A_DAY_MAX, require_threshold, require_top_up
from tuplets.errors import Code, TupletsError

log = structlog.get_logger(__name__)

# One whose outcome is not known may be in the making: it is left alone until it is this old, and then asked about. …
IN_THE_MAKING_FOR = timedelta(minutes=5)
# … Where Stripe knows of no charge, it is asked for again under its own idempotency key, which Stripe keeps for a day:
# it is charged once. …
KEY_KEPT_FOR = timedelta(hours=23)
# … A charge that is not there after this never will be.
GIVEN_UP_AFTER = timedelta(hours=24)
_NEVER_CHARGED = "The charge never reached the card."
_TOO_MANY = (
    f"The card was charged {AUTOMATIC_A_DAY_MAX} times within 24 hours. "
    "Choose a larger amount, then turn automatic top-ups on again."
)


def auto_top_up_of(account: Account) -> AutoTopUp:
    """The account's settings; unsaved defaults where it has none."""
    return AutoTopUp.objects.filter(account=account).first() or AutoTopUp(account=account)


@transaction.atomic
def change_auto_top_up(
    *, account: Account, enabled: bool, threshold_micros: int | None = None, amount_micros: int | None = None
) -> AutoTopUp:
    """Turns automatic top-ups on or off; what is not given stays. 400 out of bounds, or on without a saved card."""
    auto = locked_settings(account)
    if threshold_micros is not None:
        require_threshold(threshold_micros)
        auto.threshold_micros = threshold_micros
    if amount_micros is not None:
        require_top_up(amount_micros)
        auto.amount_micros = amount_micros
    if enabled and not auto.has_card:
        raise TupletsError(
            Code.INVALID_FIELD,
            "enabled needs a saved card: top up once with save_card, then turn automatic top-ups on.",
            field="enabled",
        )
    if enabled and not auto.enabled:
        auto.last_failure, auto.last_failed_at = "", None
    auto.enabled = enabled
    auto.save()
    log.info("auto_top_up_changed", account_id=str(account.pk), enabled=enabled)
    return auto


def top_up_if_low(*, account: Account) -> TopUp | None:
    """Charges the saved card where automatic top-ups are on and less than the threshold is available; None where there
    was nothing to charge. An earlier charge of unknown outcome is asked about first, so that a need is charged once.
    Never raises: a refusal is kept as a sentence and turns them off; where Stripe does not answer, its event will tell.
    Asks Stripe: call it outside a transaction.
    """
    try:
        gateway()
        auto = AutoTopUp.objects.filter(account=account, enabled=True).first()
        if auto is None or ledger.available_micros(account) >= auto.threshold_micros:
            return None
        begun = _begin(account, {top_up.pk for top_up in _open_ones(account) if _has_no_charge(top_up)})
        if begun is not None:
            _charge(*begun)
            return TopUp.objects.get(pk=begun[0].pk)
    except TupletsError:  # no key is set, or Stripe did not answer: the next call asks again
        pass
    except Exception:
        log.exception("auto_top_up_failed", account_id=str(account.pk))
    return None


def catch_up_automatic(*, top_up: TopUp) -> TopUp:
    """Asks Stripe what became of an open automatic top-up: credited where it was paid, failed where the card was
    refused or where a day has brought no charge. Charges nothing. Twice is once; 503 where Stripe does not answer.
    Asks Stripe: outside a transaction.
    """
    _has_no_charge(top_up)
    return top_up


def _open_ones(account: Account) -> list[TopUp]:
    return list(TopUp.objects.filter(account=account, is_automatic=True, status=TopUp.Status.OPEN))


def _has_no_charge(top_up: TopUp) -> bool:
    """Asks about it and does what follows. True: it is open still, and Stripe knows of no charge."""
    age = timezone.now() - top_up.created_at
    if top_up.status != TopUp.Status.OPEN or age < IN_THE_MAKING_FOR:
        return False
    customer_id, is_known = auto_top_up_of(top_up.account).customer_id or "", True
    try:
        facts = gateway().charge_of(top_up_id=top_up.pk, customer_id=customer_id, since=top_up.created_at)
    except StripeRefused:
        facts, is_known = None, False
    if facts is not None:
        if facts.status == "succeeded":
            stripe_events.apply_answer("payment_intent.succeeded", facts)
        elif facts.refusal:
            stripe_events.apply_answer("payment_intent.payment_failed", facts)
    elif age > GIVEN_UP_AFTER:
        with transaction.atomic():
            locked = TopUp.objects.select_for_update().get(pk=top_up.pk)
            settlements.fail(locked, TopUp.Status.FAILED, _NEVER_CHARGED if is_known else NOT_KNOWN)
    top_up.refresh_from_db()
    return facts is None and is_known and top_up.status == TopUp.Status.OPEN


@transaction.atomic
def _begin(account: Account, never_charged: set[UUID]) -> tuple[TopUp, AutoTopUp] | None:
    """The row of a charge, committed before Stripe is asked: of two callers at once, one gets it. None while one is
    open that may be paid. The balance is read last: what was open a moment ago may be credited by now.
    """
    auto = AutoTopUp.objects.select_for_update().filter(account=account, enabled=True).first()
    open_ones, now = _open_ones(account), timezone.now()
    if auto is None or any(top_up.pk not in never_charged for top_up in open_ones):
        return None
    if ledger.available_micros(account) >= auto.threshold_micros:
        return None
    if open_ones:
        newest = max(open_ones, key=lambda top_up: top_up.created_at)
        return (newest, auto) if newest.created_at > now - KEY_KEPT_FOR else None
    lately = TopUp.objects.filter(account=account, is_automatic=True, created_at__gt=now - timedelta(hours=24))
    if lately.exclude(status=TopUp.Status.FAILED).count() >= AUTOMATIC_A_DAY_MAX:
        auto.enabled, auto.last_failure, auto.last_failed_at = False, _TOO_MANY, now
        auto.save()
        log.warning("auto_top_up_too_often", account_id=str(account.pk))
        return None
    return TopUp.objects.create(account=account, amount_micros=auto.amount_micros, is_automatic=True), auto


def _charge(top_up: TopUp, auto: AutoTopUp) -> None:
    try:
        facts = gateway().charge_saved_card(
            top_up_id=top_up.pk,
            account_id=top_up.account_id,
            amount_micros=top_up.amount_micros,
            customer_id=auto.customer_id or "",
            payment_method_id=auto.payment_method_id,
        )
    except StripeRefused as refusal:
        with transaction.atomic():
            refuse(TopUp.objects.select_for_update().get(pk=top_up.pk), refusal.code)
    except StripeUnreachable as error:
        AutoTopUp.objects.filter(pk=auto.pk).update(last_failure=error.detail, last_failed_at=timezone.now())
    else:
        if facts.status == "succeeded":
            stripe_events.apply_answer("payment_intent.succeeded", facts)
