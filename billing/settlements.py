"""What a payment does to the ledger: settle, fail, take_back (a refund or a dispute), give_back (a dispute won).

Called inside the transaction that holds the top-up's row lock; every ledger verb then locks the wallet, in that order.
Each may be called any number of times for the same thing and posts once. Who believes Stripe, and when, is elsewhere.
"""

from __future__ import annotations

import structlog
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum

from billing import ledger
from billing.models import TopUp, Transfer
from billing.stripe_gateway import CURRENCY, Facts

log = structlog.get_logger(__name__)
_Kind = Transfer.Kind
SESSION, INTENT = "checkout.session", "payment_intent"


class Mismatch(Exception):
    """What Stripe says is not what we asked for: nothing was posted, and a person has to look. Its text is why."""


def settle(top_up: TopUp, facts: Facts) -> bool:
    """A payment arrived: deposits it. False: it was deposited before. Mismatch: amount, currency, account, session or
    payment differ from the top-up's.
    """
    _same_payment(top_up, facts)
    if top_up.deposit_id:
        return False
    if facts.amount_micros != top_up.amount_micros or facts.currency != CURRENCY:
        raise Mismatch(f"{facts.amount_cents} {facts.currency} cents are not the {top_up.amount_micros} micro-dollars.")
    note_payment(top_up, facts)
    reference = f"stripe:{facts.payment_intent_id or facts.object_id}"
    top_up.deposit = _deposit(top_up, facts.amount_micros, reference)
    top_up.finish(TopUp.Status.PAID)
    log.info("top_up_paid", top_up=str(top_up.pk), micros=top_up.amount_micros)
    return True


def note_payment(top_up: TopUp, facts: Facts) -> None:
    """Remembers which session and payment intent are this top-up's, for the events that name only those."""
    _same_payment(top_up, facts)
    if facts.payment_intent_id:
        top_up.payment_intent_id = facts.payment_intent_id
    if facts.kind == SESSION:
        top_up.session_id = facts.object_id
    try:
        with transaction.atomic():
            top_up.save(update_fields=["payment_intent_id", "session_id"])
    except IntegrityError:
        raise Mismatch("The payment is another top-up's.") from None


def fail(top_up: TopUp, status: TopUp.Status, failure: str) -> bool:
    """An open one came to nothing. False: it was open no longer."""
    if top_up.status != TopUp.Status.OPEN:
        return False
    top_up.finish(status, failure)
    log.info("top_up_ended", top_up=str(top_up.pk), status=status)
    return True


def take_back_refunds(top_up: TopUp, facts: Facts) -> bool:
    """A charge says how much of it was refunded in all: takes back what of that was not taken yet."""
    _usd(facts)
    before = _taken(top_up, "stripe:refund:")
    return _take(
        top_up,
        facts.amount_micros - before,
        f"stripe:refund:{facts.object_id}:{facts.amount_cents}",
        "The card payment was refunded.",
    )


def take_back_dispute(top_up: TopUp, facts: Facts) -> bool:
    """The card holder disputes the payment: the money is gone until the dispute is won."""
    _usd(facts)
    if _taken(top_up, _dispute(facts)):
        return False
    return _take(top_up, facts.amount_micros, _dispute(facts), "The card payment is disputed.")


def give_back_dispute(top_up: TopUp, facts: Facts) -> bool:
    """The dispute was won: credits what was taken for it; where it was not taken yet, it never will be."""
    took = take_back_dispute(top_up, facts)
    taken = _taken(top_up, _dispute(facts))
    won = f"stripe:dispute:{facts.object_id}:won"
    if not taken or Transfer.objects.filter(kind=_Kind.DEPOSIT, reference=won).exists():
        return took
    _deposit(top_up, taken, won)
    return True


def _deposit(top_up: TopUp, amount_micros: int, reference: str) -> Transfer:
    try:
        return ledger.deposit(
            account=top_up.account,
            amount_micros=amount_micros,
            reference=reference,
            detail={"top_up": str(top_up.pk)},
        )
    except ValueError:
        raise Mismatch(f"{reference} was deposited for another amount or account.") from None


def _same_payment(top_up: TopUp, facts: Facts) -> None:
    named = facts.account_id or facts.kind in (SESSION, INTENT)  # the account is always on what we made
    if named and facts.account_id != str(top_up.account_id):
        raise Mismatch("The account is not the top-up's.")
    if top_up.payment_intent_id and facts.payment_intent_id not in ("", top_up.payment_intent_id):
        raise Mismatch("The top-up has another payment: this one may have to be refunded.")
    if facts.kind == SESSION and top_up.session_id and facts.object_id != top_up.session_id:
        raise Mismatch("The top-up has another Checkout session: this one may have to be refunded.")


def _usd(facts: Facts) -> None:
    if facts.currency != CURRENCY:
        raise Mismatch(f"The currency is {facts.currency}, not {CURRENCY}.")


def _dispute(facts: Facts) -> str:
    return f"stripe:dispute:{facts.object_id}:taken"


def _take(top_up: TopUp, amount_micros: int, reference: str, reason: str) -> bool:
    """Reverses the top-up's deposits, the latest first: what a dispute took and gave back is a deposit of its own."""
    left = amount_micros
    for paid in _deposits(top_up):
        part = min(left, paid.amount_micros - _sum(Transfer.objects.filter(kind=_Kind.REVERSAL, of=paid)))
        if part > 0:
            own = reference if left == amount_micros else f"{reference}:{paid.pk}"
            ledger.reverse(paid=paid, amount_micros=part, reference=own, reason=reason)
            left -= part
    if left > 0:
        log.error("taken_back_more_than_paid", top_up=str(top_up.pk), reference=reference, micros=left)
    return left < amount_micros


def _deposits(top_up: TopUp) -> list[Transfer]:
    assert top_up.deposit is not None
    wallet = top_up.deposit.credit
    rows = Transfer.objects.filter(kind=_Kind.DEPOSIT, credit=wallet, detail__top_up=str(top_up.pk))
    return list(rows.order_by("-id"))


def _taken(top_up: TopUp, prefix: str) -> int:
    rows = Transfer.objects.filter(kind=_Kind.REVERSAL, of__in=_deposits(top_up), reference__startswith=prefix)
    return _sum(rows)


def _sum(rows: QuerySet[Transfer]) -> int:
    return rows.aggregate(total=Sum("amount_micros"))["total"] or 0
