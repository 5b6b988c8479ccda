"""An account's card at Stripe: customer_of, replace_customer, keep_card, and `refuse`, when it could not be charged.
When it is charged is in `auto_top_up`.
"""

from __future__ import annotations

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import Account
from billing import settlements
from billing.models import AutoTopUp, TopUp
from billing.stripe_gateway import StripeRefused, gateway

log = structlog.get_logger(__name__)

_BY_HAND = "Top up by hand with save_card, then turn automatic top-ups on again."
_REASONS = {
    "authentication_required": f"The bank wants the card holder to confirm the payment. {_BY_HAND}",
    "expired_card": f"The saved card has expired. {_BY_HAND}",
    "card_declined": f"The saved card was declined. {_BY_HAND}",
}

NOT_KNOWN = "Stripe no longer knows the customer, so what became of the charge is not known."
_CARD_GONE = f"The saved card is no longer there. {_BY_HAND}"


def customer_of(account: Account) -> str:
    """The account's customer at Stripe, made when a card is first to be saved. Asks Stripe: outside a transaction."""
    known = AutoTopUp.objects.filter(account=account).first()
    if known is not None and known.customer_id:
        return known.customer_id
    made = gateway().create_customer(account_id=account.pk)
    with transaction.atomic():
        auto = locked_settings(account)
        auto.customer_id = auto.customer_id or made
        auto.save()
    return auto.customer_id


def replace_customer(account: Account, gone: str) -> str:
    """A customer instead of one that is no longer at Stripe. Its card went with it: automatic top-ups are off, and say
    why where there was one. Of two callers at once, both get the same. Asks Stripe: outside a transaction.
    """
    made = gateway().create_customer(account_id=account.pk, instead_of=gone)
    with transaction.atomic():
        charged = TopUp.objects.filter(account=account, is_automatic=True, status=TopUp.Status.OPEN)
        open_ones = list(charged.select_for_update())  # before the settings, as everywhere
        auto = locked_settings(account)
        if auto.customer_id == gone:
            for top_up in open_ones:
                settlements.fail(top_up, TopUp.Status.FAILED, NOT_KNOWN)
                log.error("charge_of_lost_customer_unknown", top_up=str(top_up.pk))
            if auto.has_card:
                auto.last_failure, auto.last_failed_at = _CARD_GONE, timezone.now()
            auto.customer_id, auto.enabled = made, False
            auto.payment_method_id = auto.card_brand = auto.card_last4 = ""
            auto.save()
            log.warning("stripe_customer_replaced", account_id=str(account.pk))
    return auto.customer_id or made


def keep_card(*, top_up: TopUp) -> None:
    """Remembers the card of a paid top-up whose customer asked for that, once. Asks Stripe: outside a transaction."""
    if not (top_up.save_card and top_up.status == TopUp.Status.PAID and top_up.payment_intent_id):
        return
    try:
        card = gateway().card_of(top_up.payment_intent_id)
    except StripeRefused:  # its payment is no longer there: asking again would not help
        card = None
    with transaction.atomic():
        if TopUp.objects.filter(pk=top_up.pk, save_card=True).update(save_card=False) and card is not None:
            auto = locked_settings(top_up.account)
            auto.payment_method_id = card.payment_method_id
            auto.card_brand, auto.card_last4 = card.brand[:40], card.last4[:4]
            auto.save()
            log.info("card_saved", account_id=str(top_up.account_id))


def refuse(top_up: TopUp, code: str) -> bool:
    """The saved card could not be charged: automatic top-ups are off until a person turns them on. False: known before.
    The caller holds the top-up's row lock.
    """
    failure = _REASONS.get(code, f"The saved card can't be charged. {_BY_HAND}")
    if not settlements.fail(top_up, TopUp.Status.FAILED, failure):
        return False
    AutoTopUp.objects.filter(account=top_up.account_id).update(
        enabled=False, last_failure=failure, last_failed_at=timezone.now()
    )
    log.warning("auto_top_up_refused", account_id=str(top_up.account_id), code=code)
    return True


def locked_settings(account: Account) -> AutoTopUp:
    """The account's row, made when it is first needed; inside a transaction."""
    AutoTopUp.objects.get_or_create(account=account)
    return AutoTopUp.objects.select_for_update().get(account=account)
