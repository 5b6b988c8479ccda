"""The ledger as CSV: one row an entry, newest first, read as it is sent."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from accounts.models import Account
from billing.statements import Entry, entries
from tuplets.http import utc

PAGE = 500
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
HEADER = (
    "created_at,kind,amount_usd,held_usd,balance_after_usd,held_after_usd,"
    "description,job_id,seconds,reference,subject,id\r\n"
)


class _Echo:
    """A file whose `write` hands back what was written."""

    def write(self, row: str) -> str:
        return row


def ledger_csv(account: Account, **filters: Any) -> Iterator[str]:
    """The lines of a CSV file. `filters`: kind, since and until, as `statements.entries` takes them."""
    writer = csv.writer(_Echo())
    yield HEADER
    cursor: str | None = None
    while True:
        found, cursor = entries(account, limit=PAGE, cursor=cursor, **filters)
        yield "".join(writer.writerow(_cells(entry)) for entry in found)
        if cursor is None:
            return


def _cells(entry: Entry) -> list[str]:
    row = entry.transfer
    return [
        utc(row.created_at) or "",
        row.kind,
        *map(_decimal, (entry.amount_micros, entry.held_micros, row.balance_after_micros, row.held_after_micros)),
        safe(entry.description),
        safe(entry.job_id or ""),
        "" if entry.seconds is None else str(entry.seconds),
        safe(row.reference),
        safe(row.subject),
        str(row.pk),
    ]


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def _decimal(micros: int) -> str:
    """A plain number, made of digits alone and so left as it is: -10_000 -> -0.010000."""
    whole, rest = divmod(abs(micros), 10**6)
    return f"{'-' if micros < 0 else ''}{whole}.{rest:06d}"
