"""Top-ups by card: begin_top_up sends a customer to Stripe's Checkout page, catch_up asks what became of it.

The page that Stripe returns to knows nothing yet: credit comes with the webhook (`stripe_events`).
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account, User
from billing import auto_top_up, saved_cards, stripe_events
from billing.models import TopUp
from billing.stripe_gateway import Checkout, StripeRefused, StripeUnreachable, gateway
from billing.top_up_amounts import require_top_up
from tuplets.errors import Code, TupletsError

log = structlog.get_logger(__name__)

# Where Stripe sends the customer back to, on PUBLIC_URL. Neither says whether it was paid: only the webhook does.
RETURN_PATH = "/dashboard/billing/return?top_up={top_up_id}"
CANCEL_PATH = "/dashboard/billing"
# An open top-up is asked about when its event is this late. A Checkout session lives for a day; what is open for longer
# was paid by a slow method, and only its event tells. An automatic one is asked about until it ends.
EVENT_IS_LATE_AFTER, ASKED_ABOUT_FOR = timedelta(minutes=30), timedelta(days=3)
_ASKED_AT_ONCE = 100


def begin_top_up(*, account: Account, user: User, amount_micros: int, save_card: bool = False) -> TopUp:
    """An open top-up with the page where it is paid (`checkout_url`). 400 out of bounds, 409 where no key is set, 503
    where Stripe does not answer: the row is then failed and nothing can be paid. Asks Stripe: outside a transaction.
    """
    require_top_up(amount_micros)
    gateway()
    top_up = TopUp.objects.create(account=account, user=user, amount_micros=amount_micros, save_card=save_card)
    try:
        checkout = _checkout(top_up, user, saved_cards.customer_of(account) if save_card else None)
    except (StripeRefused, StripeUnreachable):
        top_up.finish(TopUp.Status.FAILED, StripeUnreachable().detail)
        raise StripeUnreachable from None
    top_up.session_id, top_up.checkout_url = checkout.session_id, checkout.url
    top_up.save(update_fields=["session_id", "checkout_url"])
    log.info("top_up_begun", top_up=str(top_up.pk), account_id=str(account.pk), micros=amount_micros)
    return top_up


def top_up_of(*, account: Account, top_up_id: str) -> TopUp:
    """The account's own; a malformed id, a random one and someone else's are the same 404."""
    try:
        found = TopUp.objects.filter(account=account, pk=UUID(top_up_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise TupletsError(Code.NOT_FOUND)
    return found


def catch_up(*, top_up: TopUp) -> TopUp:
    """Asks Stripe about an open top-up whose event did not come, and credits it where it was paid. Charges nothing.
    Twice is once; 503 where Stripe does not answer. Asks Stripe: outside a transaction.
    """
    if top_up.is_automatic:
        return auto_top_up.catch_up_automatic(top_up=top_up)
    if top_up.status == TopUp.Status.OPEN and top_up.session_id:
        try:
            facts = gateway().session(top_up.session_id)
        except StripeRefused:  # of another Stripe account, or of its test mode
            return top_up
        expired = facts.status == "expired"
        if expired or facts.status == "paid":
            stripe_events.apply_answer("checkout.session.expired" if expired else "checkout.session.completed", facts)
            top_up.refresh_from_db()
            saved_cards.keep_card(top_up=top_up)
    return top_up


def catch_up_open() -> int:
    """Asks about every top-up whose event is late, the oldest first: how many are open no longer. For a schedule; never
    raises for Stripe's sake. Asks Stripe: outside a transaction.
    """
    now, ended = timezone.now(), 0
    by_hand = Q(session_id__isnull=False, created_at__range=(now - ASKED_ABOUT_FOR, now - EVENT_IS_LATE_AFTER))
    automatic = Q(is_automatic=True, created_at__lt=now - auto_top_up.IN_THE_MAKING_FOR)
    late = TopUp.objects.filter(by_hand | automatic, status=TopUp.Status.OPEN).select_related("account")
    for top_up in late.order_by("created_at")[:_ASKED_AT_ONCE]:
        try:
            ended += catch_up(top_up=top_up).status != TopUp.Status.OPEN
        except TupletsError as error:  # no key is set, or no answer: the next round asks again
            log.warning("catching_up_stopped", code=error.code.code)
            break
    return ended


def _checkout(top_up: TopUp, user: User, customer_id: str | None) -> Checkout:
    """The page where it is paid; where the customer was deleted at Stripe, with a new one."""
    try:
        return _asked_for_checkout(top_up, user, customer_id)
    except StripeRefused as refusal:
        if not customer_id or not refusal.no_such_customer:
            raise
    for charged in TopUp.objects.filter(account=top_up.account, is_automatic=True, status=TopUp.Status.OPEN):
        catch_up(top_up=charged)  # while it is known whose charge it was
    return _asked_for_checkout(top_up, user, saved_cards.replace_customer(top_up.account, customer_id))


def _asked_for_checkout(top_up: TopUp, user: User, customer_id: str | None) -> Checkout:
    return gateway().create_checkout(
        top_up_id=top_up.pk,
        account_id=top_up.account_id,
        amount_micros=top_up.amount_micros,
        email=user.email,
        return_url=settings.PUBLIC_URL + RETURN_PATH.format(top_up_id=top_up.pk),
        cancel_url=settings.PUBLIC_URL + CANCEL_PATH,
        customer_id=customer_id,
    )
