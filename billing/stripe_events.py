"""What Stripe's events mean for top-ups: `handle_event`, for the webhook, of an event whose signature holds.

Events come in any order and any number of times. One that is early (a refund before its payment) is kept as waiting and
applied when the payment arrives; one that does not fit our rows is refused, logged and kept for staff to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from uuid import UUID

import structlog
from django.db import connection, transaction

from billing import saved_cards, settlements
from billing.models import StripeEvent, TopUp
from billing.settlements import Mismatch
from billing.stripe_gateway import Event, Facts

log = structlog.get_logger(__name__)
Outcome = StripeEvent.Outcome
# An inquiry, or one that a refund settled: no money has left.
_NO_MONEY_MOVED = ("warning_needs_response", "warning_under_review", "warning_closed", "prevented")


def handle_event(event: Event) -> StripeEvent:
    """Applies an event once, in one transaction with its row. Then keeps the card of a payment where the customer asked
    for that, which needs Stripe: StripeUnreachable means that the event is to be sent again, and is safe.
    """
    row = _apply(event)
    if row.top_up is not None:
        saved_cards.keep_card(top_up=row.top_up)
    return row


@transaction.atomic
def apply_answer(event_type: str, facts: Facts) -> None:
    """Stripe said this when it was asked: the same as its event, which may come before, after or beside it."""
    _lock_payment(facts.payment_intent_id)
    try:
        with transaction.atomic():
            top_up = _top_up_of(facts)
            outcome, _ = _RULES[event_type](top_up, facts)
    except Mismatch as mismatch:
        log.error("stripe_answer_refused", object_id=facts.object_id, reason=str(mismatch))
    else:
        if top_up is not None and outcome == Outcome.APPLIED:
            _apply_waiting(top_up)


@transaction.atomic
def _apply(event: Event) -> StripeEvent:
    _lock_payment(event.facts.payment_intent_id)
    row, is_new = StripeEvent.objects.get_or_create(
        event_id=event.id,
        defaults={
            "type": event.type[:100],
            "outcome": Outcome.IGNORED,
            "payment_intent_id": event.facts.payment_intent_id,
            "facts": asdict(event.facts),
            "created_at": event.created_at,
        },
    )
    if is_new and event.type in _RULES:
        _decide(row)
        if row.top_up is not None and row.outcome == Outcome.APPLIED:
            _apply_waiting(row.top_up)
    if is_new:
        log.info("stripe_event", event_id=event.id, type=event.type, outcome=row.outcome, note=row.note)
    return row


def _decide(row: StripeEvent) -> None:
    """Applies an event that was just received or has waited, and says on its row what came of it."""
    facts = Facts(**row.facts)
    try:
        with transaction.atomic():  # what a mismatch had begun is undone
            row.top_up = _top_up_of(facts)
            row.outcome, row.note = _RULES[row.type](row.top_up, facts)
    except Mismatch as mismatch:
        row.outcome, row.note = Outcome.REFUSED, str(mismatch)
        log.error("stripe_event_refused", event_id=row.event_id, type=row.type, reason=str(mismatch))
    row.save()


def _apply_waiting(top_up: TopUp) -> None:
    waiting = StripeEvent.objects.filter(outcome=Outcome.WAITING, payment_intent_id=top_up.payment_intent_id)
    for row in waiting.exclude(payment_intent_id="").order_by("created_at", "pk"):
        _decide(row)
        log.info("stripe_event_waited", event_id=row.event_id, type=row.type, outcome=row.outcome)


def _lock_payment(payment_intent_id: str) -> None:
    """One event of a payment at a time: a refund must not miss the deposit that is being posted beside it."""
    if payment_intent_id:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [payment_intent_id])


def _top_up_of(facts: Facts) -> TopUp | None:
    """The top-up that an event names or whose payment it is about, locked. Mismatch: it names one that is not."""
    rows = TopUp.objects.select_for_update(of=("self",)).select_related("account")
    if not facts.top_up_id:
        return rows.filter(payment_intent_id=facts.payment_intent_id).first() if facts.payment_intent_id else None
    try:
        found = rows.filter(pk=UUID(facts.top_up_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise Mismatch("There is no such top-up.")
    return found


Decision = tuple[Outcome, str]
_APPLIED: Decision = (Outcome.APPLIED, "")


def _ignored(why: str) -> Decision:
    return Outcome.IGNORED, why


def _session(top_up: TopUp | None, facts: Facts) -> Decision:
    """A session was completed, or its slow payment arrived."""
    if top_up is None:
        raise Mismatch("The Checkout session is not one of ours.")
    if facts.status == "unpaid":
        settlements.note_payment(top_up, facts)
        top_up.checkout_url = ""
        top_up.save(update_fields=["checkout_url"])
        return Outcome.APPLIED, "The payment is under way."
    if facts.status != "paid":
        raise Mismatch(f"The payment status is {facts.status}.")
    return _APPLIED if settlements.settle(top_up, facts) else _ignored("It was credited before.")


def _session_ended(status: TopUp.Status, failure: str) -> Callable[[TopUp | None, Facts], Decision]:
    """A session came to nothing."""

    def rule(top_up: TopUp | None, facts: Facts) -> Decision:
        if top_up is None:
            raise Mismatch("The Checkout session is not one of ours.")
        settlements.note_payment(top_up, facts)
        ended = settlements.fail(top_up, status, failure)
        return _APPLIED if ended else _ignored("The top-up was open no longer.")

    return rule


def _intent_succeeded(top_up: TopUp | None, facts: Facts) -> Decision:
    if top_up is None:
        return _ignored("No payment of a top-up.")
    return _APPLIED if settlements.settle(top_up, facts) else _ignored("It was credited before.")


def _intent_failed(top_up: TopUp | None, facts: Facts) -> Decision:
    """On the Checkout page another card can be tried; nobody is there to try one for an automatic top-up."""
    if top_up is None or not top_up.is_automatic:
        return _ignored("No automatic top-up.")
    settlements.note_payment(top_up, facts)
    ended = saved_cards.refuse(top_up, facts.problem or facts.refusal)
    return _APPLIED if ended else _ignored("The top-up was open no longer.")


def _later(change: Callable[[TopUp, Facts], bool]) -> Callable[[TopUp | None, Facts], Decision]:
    """What can only be done to a payment that has arrived: until then it waits."""

    def rule(top_up: TopUp | None, facts: Facts) -> Decision:
        if top_up is None or top_up.deposit_id is None:
            if not facts.payment_intent_id:
                return _ignored("No payment of a top-up.")
            return Outcome.WAITING, "Its payment has not arrived, or is no top-up."
        settlements.note_payment(top_up, facts)
        return _APPLIED if change(top_up, facts) else _ignored("It was done before.")

    return rule


def _disputed(top_up: TopUp | None, facts: Facts) -> Decision:
    if facts.status in _NO_MONEY_MOVED:
        return _ignored("An inquiry: no money has left.")
    return _later(settlements.take_back_dispute)(top_up, facts)


def _dispute_closed(top_up: TopUp | None, facts: Facts) -> Decision:
    if facts.status != "won":
        return _disputed(top_up, facts)
    return _later(settlements.give_back_dispute)(top_up, facts)


_RULES: dict[str, Callable[[TopUp | None, Facts], Decision]] = {
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "checkout.session.async_payment_failed": _session_ended(TopUp.Status.FAILED, "The payment did not go through."),
    "checkout.session.expired": _session_ended(TopUp.Status.EXPIRED, "It was not paid in time."),
    "payment_intent.succeeded": _intent_succeeded,
    "payment_intent.payment_failed": _intent_failed,
    "charge.refunded": _later(settlements.take_back_refunds),
    "charge.dispute.created": _disputed,
    "charge.dispute.funds_withdrawn": _disputed,
    "charge.dispute.closed": _dispute_closed,
    "charge.dispute.funds_reinstated": _later(settlements.give_back_dispute),
}
