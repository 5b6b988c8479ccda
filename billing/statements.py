"""The read side of the ledger: an account's balance and its entries, newest first, each explained in words. Posts
nothing. Called by the API, the pages and the CSV export. What was spent on what: `usage.py`.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from accounts.models import Account
from billing.alert_models import LOW_BALANCE_MICROS
from billing.models import LedgerAccount, Transfer
from billing.prices import LABELS, Feature
from tuplets.errors import Code, TupletsError

_Kind = Transfer.Kind
# What a charge's line without a feature is: what the minimum adds or, below zero, what the estimate takes off.
NO_FEATURE_LABELS = ("Minimum charge", "Limited to the estimate")
# The reference of a deposit that is no payment: a dispute that was won gives back what was taken for it.
_DISPUTE = "stripe:dispute:"
# What people call each kind.
KIND_NAMES = {
    _Kind.CAPTURE: "charge",
    _Kind.DEPOSIT: "top-up",
    _Kind.GRANT: "credit",
    _Kind.HOLD: "hold",
    _Kind.RELEASE: "release",
    _Kind.REFUND: "refund",
    _Kind.REVERSAL: "payment taken back",
    _Kind.ADJUSTMENT: "correction",
}


@dataclass(frozen=True)
class Balance:
    """What an account has, in micro-dollars; what is on hold is a part of it."""

    balance_micros: int = 0
    held_micros: int = 0
    threshold_micros: int = LOW_BALANCE_MICROS

    @property
    def available_micros(self) -> int:
        return self.balance_micros - self.held_micros

    @property
    def is_low(self) -> bool:
        return self.available_micros < self.threshold_micros


@dataclass(frozen=True)
class Line:
    """A part of a charge, with the name that customers know it by."""

    feature: str | None
    label: str
    rate_micros: int | None
    amount_micros: int


@dataclass(frozen=True)
class Entry:
    """A transfer as its account sees it. `amount_micros` is its effect on the balance, `held_micros` on what is on
    hold: each adds up, over all entries, to what the account has.
    """

    transfer: Transfer
    amount_micros: int
    held_micros: int

    @property
    def job_id(self) -> str | None:
        kind, _, rest = self.transfer.subject.partition(":")
        return rest.partition(":")[0] if kind == "job" else None

    @property
    def kind_name(self) -> str:
        return KIND_NAMES[_Kind(self.transfer.kind)]

    @property
    def has_receipt(self) -> bool:
        return self.transfer.kind == _Kind.DEPOSIT and not self.transfer.reference.startswith(_DISPUTE)

    @property
    def seconds(self) -> float | None:
        return self.transfer.detail.get("seconds")

    @property
    def lines(self) -> list[Line]:
        return [_line(line) for line in self.transfer.detail.get("lines", ())]

    @property
    def description(self) -> str:
        """What happened, as one sentence."""
        return _sentence(self.transfer, _about(self.transfer.subject))


def balance_of(account: Account) -> Balance:
    """One row, however many transfers; an account whose wallet was never opened has nothing."""
    row = (
        LedgerAccount.objects.filter(account=account)
        .values_list("balance_micros", "held_micros", "account__low_balance_alert__threshold_micros")
        .first()
    )
    if row is None:
        return Balance()
    balance, held, threshold = row
    return Balance(balance, held, LOW_BALANCE_MICROS if threshold is None else threshold)


def entries(
    account: Account,
    *,
    limit: int,
    cursor: str | None = None,
    kind: str | None = None,
    since: date | None = None,
    until: date | None = None,
) -> tuple[list[Entry], str | None]:
    """At most `limit` entries after the cursor, and the cursor of the next page or None. Days are UTC, both included.
    Stable while new transfers are posted: those of a wallet become visible in the order of their ids.
    """
    wallet_id = LedgerAccount.objects.filter(account=account).values_list("pk", flat=True).first()
    if wallet_id is None:
        return [], None
    rows = Transfer.objects.order_by("-id")
    if cursor:
        rows = rows.filter(id__lt=_decode(cursor))
    if kind:
        rows = rows.filter(kind=kind)
    if since:
        rows = rows.filter(created_at__gte=datetime.combine(since, time.min, UTC))
    if until:
        rows = rows.filter(created_at__lte=datetime.combine(until, time.max, UTC))
    # Two walks down an index each, merged: an OR of both sides would read all that the account ever posted.
    spent, received = (rows.filter(**{side: wallet_id}).values("id")[: limit + 1] for side in ("debit", "credit"))
    ids = [row["id"] for row in spent.union(received, all=True).order_by("-id")[: limit + 1]]
    found = Transfer.objects.filter(id__in=ids[:limit]).select_related("of").order_by("-id")
    return [entry(row, wallet_id) for row in found], _encode(ids[limit - 1]) if len(ids) > limit else None


def deposit_of(account: Account, transfer_id: int) -> Transfer | None:
    """The payment of this id, where it is one and this account's."""
    deposits = Transfer.objects.filter(kind=_Kind.DEPOSIT, credit__account=account)
    return deposits.exclude(reference__startswith=_DISPUTE).filter(pk=transfer_id).first()


def entry(row: Transfer, wallet_id: int) -> Entry:
    """A transfer as the account of this wallet sees it."""
    amount = row.amount_micros
    match row.kind:
        case _Kind.HOLD:
            return Entry(row, 0, amount)
        case _Kind.CAPTURE | _Kind.RELEASE:
            assert row.of is not None
            return Entry(row, -amount if row.kind == _Kind.CAPTURE else 0, -row.of.amount_micros)
    return Entry(row, amount if row.credit_id == wallet_id else -amount, 0)


def feature_label(feature: str | None, amount_micros: int = 0) -> str:
    if feature is None:
        return NO_FEATURE_LABELS[amount_micros < 0]
    return LABELS[Feature(feature)] if feature in set(Feature) else feature


def _line(line: dict[str, Any]) -> Line:
    amount = line["amount_micros"]
    return Line(line["feature"], feature_label(line["feature"], amount), line["rate_micros"], amount)


def _about(subject: str) -> str:
    """`job:<id>` and `job:<id>:analytics:<n>` in words."""
    match subject.split(":"):
        case ["job", job_id]:
            return f"job {job_id}"
        case ["job", job_id, "analytics", number]:
            return f"analytics re-run {number} of job {job_id}"
    return subject


def _sentence(row: Transfer, about: str) -> str:
    because = f": {row.reason}" if row.reason else ""
    match row.kind:
        case _Kind.DEPOSIT if row.reference.startswith(_DISPUTE):
            text = "Disputed card payment given back"
        case _Kind.DEPOSIT:
            text = "Top-up by card" if row.reference.startswith("stripe:") else f"Payment received{because}"
        case _Kind.GRANT if row.subject.startswith("free_credit:"):
            text = row.reason or "Free credit of a new account"
        case _Kind.GRANT:
            text = f"Credit granted{because}"
        case _Kind.HOLD:
            text = f"Put on hold for {about}"
        case _Kind.CAPTURE:
            text = f"Charged for {about}"
        case _Kind.RELEASE:
            text = f"Hold for {about} released"
        case _Kind.REFUND:
            text = f"Refund for {about}{because}"
        case _Kind.REVERSAL:
            text = f"Card payment taken back{because}"
        case _:
            text = f"Correction{because}"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _encode(transfer_id: int) -> str:
    return base64.urlsafe_b64encode(transfer_id.to_bytes(9, "big")).decode()


def _decode(cursor: str) -> int:
    try:
        packed = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        if len(packed) != 9 or packed[0]:
            raise ValueError
        return min(int.from_bytes(packed, "big"), 2**63 - 1)
    except (ValueError, binascii.Error):
        raise TupletsError(
            Code.INVALID_FIELD, "cursor is not valid: use next_cursor of the page before.", field="cursor"
        ) from None
