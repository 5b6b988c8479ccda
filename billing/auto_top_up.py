"""Automatic top-ups: auto_top_up_of, change_auto_top_up, and `top_up_if_low`, which charges the saved card when credit
runs low. Off until a person turns them on; a refusal turns them off and says why.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import Account
from billing import ledger, stripe_events
from billing.models import AutoTopUp, TopUp
from billing.saved_cards import locked_settings, refuse
from billing.stripe_gateway import StripeRefused, StripeUnreachable, gateway
from billing.top_up_amounts import require_threshold, require_top_up
from tuplets.errors import Code, TupletsError

log = structlog.get_logger(__name__)

# One whose outcome is not known yet may still be paid: it is left alone until it is this old, …
OPEN_FOR = timedelta(hours=1)
# … and then asked for again under its own idempotency key, which Stripe keeps for a day: it is charged once.
KEY_KEPT_FOR = timedelta(hours=23)


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
    was nothing to do. Never raises: a refusal is kept as a sentence and turns them off; where Stripe does not answer,
    its event will tell. Asks Stripe: call it outside a transaction.
    """
    try:
        gateway()
        begun = _begin(account)
        if begun is not None:
            _charge(*begun)
            return TopUp.objects.get(pk=begun[0].pk)
    except TupletsError:  # no key is set
        pass
    except Exception:
        log.exception("auto_top_up_failed", account_id=str(account.pk))
    return None


@transaction.atomic
def _begin(account: Account) -> tuple[TopUp, AutoTopUp] | None:
    """The row of a charge, committed before Stripe is asked: of two callers at once, one gets it. The balance is read
    last: what was open a moment ago may be credited by now.
    """
    auto = AutoTopUp.objects.select_for_update().filter(account=account, enabled=True).first()
    open_ones = TopUp.objects.filter(account=account, is_automatic=True, status=TopUp.Status.OPEN)
    unsettled, now = open_ones.order_by("-created_at").first(), timezone.now()
    if auto is None or (unsettled and unsettled.created_at > now - OPEN_FOR):
        return None
    if ledger.available_micros(account) >= auto.threshold_micros:
        return None
    if unsettled and unsettled.created_at > now - KEY_KEPT_FOR:
        return unsettled, auto
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
