"""The verbs of money: deposit, grant, hold, raise_hold, capture, release, refund, reverse, adjust. Each posts immutable
transfers; the database refuses what must not be (migration 0002). Called by jobs, top-ups, the admin and commands.

What happens twice: `deposit`, `grant`, `refund`, `reverse` and `adjust` are known by their reference and answer with
the transfer that is there; a subject that holds something answers with its hold, and a hold that was resolved with what
resolved it. Every verb is atomic, joins the caller's transaction and locks the wallet first, until that ends: lock a
job's row before its money.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import structlog
from django.db import IntegrityError, transaction

from accounts.models import Account, Membership, User
from billing.models import LedgerAccount, Transfer
from billing.prices import FREE_CREDIT_MICROS
from tuplets.errors import Code, TupletsError

log = structlog.get_logger(__name__)
_Kind = Transfer.Kind
_RESOLUTIONS = (_Kind.CAPTURE, _Kind.RELEASE)


def wallet_for(account: Account) -> LedgerAccount:
    """The account's wallet as it is now, opened when it is first asked for."""
    wallet, _ = LedgerAccount.objects.get_or_create(account=account, kind=LedgerAccount.Kind.WALLET)
    return wallet


def available_micros(account: Account) -> int:
    """What the account may spend now; a wallet that was never used holds nothing."""
    wallet = LedgerAccount.objects.filter(account=account).first()
    return wallet.available_micros if wallet else 0


def require_available(account: Account, amount_micros: int) -> None:
    """402 before anything is kept; only a hold makes sure of it."""
    if available_micros(account) < amount_micros:
        raise TupletsError(Code.INSUFFICIENT_CREDIT)


def deposit(
    *, account: Account, amount_micros: int, reference: str, detail: Mapping[str, Any] | None = None
) -> Transfer:
    """Money that was paid. ValueError where the reference stands for another amount or account."""
    return _once(_Kind.DEPOSIT, _house("cash"), wallet_for(account), amount_micros, reference, detail=detail or {})


def grant(*, account: Account, amount_micros: int, reference: str, reason: str, actor: User | None = None) -> Transfer:
    """Credit that nobody paid for. ValueError where the reference stands for another amount or account."""
    wallet = wallet_for(account)
    return _once(_Kind.GRANT, _house("promotions"), wallet, amount_micros, reference, reason=reason, actor=actor)


def grant_free_credit(*, user: User, **_: Any) -> Transfer | None:
    """The free credit of a new account, once: called when its owner's e-mail is verified. None: they own none."""
    owned = user.memberships.filter(role=Membership.Role.OWNER).order_by("created_at", "pk").first()
    if owned is None:
        return None
    return grant(
        account=owned.account,
        amount_micros=FREE_CREDIT_MICROS,
        reference=f"free_credit:{owned.account_id}",
        reason="Free credit of a new account",
    )


@transaction.atomic
def hold(*, account: Account, amount_micros: int, subject: str) -> Transfer:
    """Sets an amount aside for a subject. 402 where it is more than is available; ValueError where it holds another
    amount already.
    """
    wallet = _locked(wallet_for(account))
    known = open_hold(subject)
    if known is not None:
        if (known.debit_id, known.amount_micros) != (wallet.pk, amount_micros):
            raise ValueError(f"{subject} holds another amount already")
        return known
    earlier = Transfer.objects.filter(kind=_Kind.HOLD, subject=subject).count()
    reference = subject if not earlier else f"{subject}:hold:{earlier + 1}"
    return _post(_Kind.HOLD, wallet, _house("revenue"), amount_micros, subject, reference)


def open_hold(subject: str) -> Transfer | None:
    """The hold of a subject that nothing has resolved yet. A subject has one at most."""
    holds = Transfer.objects.filter(kind=_Kind.HOLD, subject=subject).exclude(resolved_by__kind__in=_RESOLUTIONS)
    return holds.select_related("debit__account").order_by("-id").first()


def charge_of(subject: str) -> Transfer | None:
    """What a subject was charged."""
    return Transfer.objects.filter(kind=_Kind.CAPTURE, subject=subject).order_by("-id").first()


@transaction.atomic
def raise_hold(*, subject: str, amount_micros: int) -> Transfer | None:
    """Holds this much instead, where it is more than is held: the first is released, the second is for the whole. 402
    where it is more than is available, and the first then stays. None: nothing is held.
    """
    held = open_hold(subject)
    if held is None or held.amount_micros >= amount_micros:
        return held
    account = held.debit.account
    assert account is not None
    release(held=held)
    return hold(account=account, amount_micros=amount_micros, subject=subject)


def capture(*, held: Transfer, amount_micros: int, detail: Mapping[str, Any]) -> Transfer:
    """Charges what a hold was for, at most what it holds; the rest of it is free again. Twice, or after a release,
    answers with what is there.
    """
    return _resolve(held, _Kind.CAPTURE, amount_micros, detail)


def release(*, held: Transfer) -> Transfer:
    """Ends a hold without a charge. Twice, or after a capture, answers with what is there."""
    return _resolve(held, _Kind.RELEASE, held.amount_micros, {})


@transaction.atomic
def refund(
    *, charge: Transfer, amount_micros: int, reason: str, actor: User | None = None, reference: str = ""
) -> Transfer:
    """Gives back a charge or a part of it; without a reference, each call is another refund. 400 where it is more than
    is left of the charge.
    """
    if not reference:
        _locked(charge.debit)
        number = Transfer.objects.filter(of=charge, kind=_Kind.REFUND).count() + 1
        reference = f"{charge.reference}:refund:{number}"
    return _once(
        _Kind.REFUND,
        charge.credit,
        charge.debit,
        amount_micros,
        reference,
        subject=charge.subject,
        of=charge,
        reason=reason,
        actor=actor,
    )


def reverse(
    *, paid: Transfer, amount_micros: int, reference: str, reason: str = "", actor: User | None = None
) -> Transfer:
    """Takes back a deposit or a part of it, when the card payment was; the balance may fall below zero. 400 where it is
    more than is left of the deposit.
    """
    return _once(_Kind.REVERSAL, paid.credit, paid.debit, amount_micros, reference, of=paid, reason=reason, actor=actor)


def adjust(*, account: Account, amount_micros: int, reference: str, reason: str, actor: User) -> Transfer:
    """A correction by staff, up or down (below zero). 402 where it is more than is available."""
    wallet, house = wallet_for(account), _house("adjustments")
    debit, credit = (house, wallet) if amount_micros > 0 else (wallet, house)
    return _once(_Kind.ADJUSTMENT, debit, credit, abs(amount_micros), reference, reason=reason, actor=actor)


def _house(kind: str) -> LedgerAccount:
    account, _ = LedgerAccount.objects.get_or_create(kind=kind, account=None)
    return account


def _locked(wallet: LedgerAccount) -> LedgerAccount:
    """The wallet, which no other transaction moves money of until this one ends."""
    return LedgerAccount.objects.select_for_update(no_key=True).get(pk=wallet.pk)


@transaction.atomic
def _once(
    kind: str,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount_micros: int,
    reference: str,
    *,
    subject: str = "",
    **fields: Any,
) -> Transfer:
    """Posts what an outside event says, unless it was posted already."""
    _locked(debit if debit.account_id else credit)
    known = Transfer.objects.filter(kind=kind, reference=reference).first()
    if known is None:
        return _post(kind, debit, credit, amount_micros, subject or reference, reference, **fields)
    if (known.debit_id, known.credit_id, known.amount_micros) != (debit.pk, credit.pk, amount_micros):
        raise ValueError(f"{kind} {reference} was posted for another amount or account")
    return known


@transaction.atomic
def _resolve(held: Transfer, kind: str, amount_micros: int, detail: Mapping[str, Any]) -> Transfer:
    _locked(held.debit)
    known = Transfer.objects.filter(of=held, kind__in=_RESOLUTIONS).first()
    if known is not None:
        return known
    return _post(
        kind, held.debit, held.credit, amount_micros, held.subject, held.reference, of=held, detail=dict(detail)
    )


def _post(
    kind: str,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount_micros: int,
    subject: str,
    reference: str,
    **fields: Any,
) -> Transfer:
    row = Transfer(
        kind=kind,
        debit=debit,
        credit=credit,
        amount_micros=amount_micros,
        subject=subject,
        reference=reference,
        **fields,
    )
    try:
        with transaction.atomic():  # a savepoint: what is refused must not end the caller's transaction
            row.save(force_insert=True)
    except IntegrityError as error:
        _refuse(error)
    row.refresh_from_db(fields=["balance_after_micros", "held_after_micros", "created_at"])
    log.info("transfer_posted", kind=kind, subject=subject, micros=amount_micros, transfer=row.pk)
    return row


def _refuse(error: IntegrityError) -> NoReturn:
    """The database's refusal in our words."""
    match getattr(getattr(error.__cause__, "diag", None), "constraint_name", None):
        case "transfer_within_available":
            raise TupletsError(Code.INSUFFICIENT_CREDIT) from None
        case "transfer_within_source":
            raise TupletsError(
                Code.INVALID_FIELD, "amount is more than is left of the payment.", field="amount"
            ) from None
        case "transfer_amount_above_zero":
            raise TupletsError(Code.INVALID_FIELD, "amount must be above zero.", field="amount") from None
    raise error
