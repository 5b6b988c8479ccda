"""The audit of the ledger: everything that is kept or promised, recomputed from the rows of transfers. Changes nothing.
Called by `manage.py check_ledger` and, every hour, by the scheduler; the admin shows what the last one found.

A rule is one statement, so that transfers posted meanwhile are in all of it or in none of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from django.db import connection, transaction

from billing.check_models import LedgerCheck
from billing.models import LedgerAccount, Transfer

log = structlog.get_logger(__name__)

KEPT_CHECKS = 100
# Differences of a rule that are told one by one; of more, the number.
TOLD_EACH = 100
FIRST_TOLD = 20


@dataclass(frozen=True)
class Rule:
    """What must not be: `sql` selects the rows that break it, and `sentence` has a place for each of their columns."""

    sentence: str
    sql: str


RULES = (
    Rule(
        "transfer {id}: {kind} of {amount} is not from {debit} to {credit}",
        """
        SELECT t.id, t.kind, t.amount_micros AS amount,
            coalesce(d.kind, 'no account') || ' ' || t.debit_id AS debit,
            coalesce(c.kind, 'no account') || ' ' || t.credit_id AS credit
        FROM billing_transfer t
        LEFT JOIN billing_ledgeraccount d ON d.id = t.debit_id
        LEFT JOIN billing_ledgeraccount c ON c.id = t.credit_id
        WHERE NOT coalesce(CASE t.kind
            WHEN 'deposit' THEN d.kind = 'cash' AND c.kind = 'wallet'
            WHEN 'grant' THEN d.kind = 'promotions' AND c.kind = 'wallet'
            WHEN 'hold' THEN d.kind = 'wallet' AND c.kind = 'revenue'
            WHEN 'capture' THEN d.kind = 'wallet' AND c.kind = 'revenue'
            WHEN 'release' THEN d.kind = 'wallet' AND c.kind = 'revenue'
            WHEN 'refund' THEN d.kind = 'revenue' AND c.kind = 'wallet'
            WHEN 'reversal' THEN d.kind = 'wallet' AND c.kind = 'cash'
            WHEN 'adjustment' THEN (d.kind = 'wallet' AND c.kind = 'adjustments')
                OR (d.kind = 'adjustments' AND c.kind = 'wallet')
        END, false)
        """,
    ),
    Rule(
        "transfer {id}: {kind} of {amount} is not above zero",
        "SELECT id, kind, amount_micros AS amount FROM billing_transfer WHERE amount_micros <= 0",
    ),
    Rule(
        "all debits are not all credits: the wallets keep {kept}, and the accounts of the house gave them {given}",
        """
        SELECT kept, given
        FROM (SELECT coalesce(sum(balance_micros), 0) AS kept FROM billing_ledgeraccount) wallets,
            (SELECT coalesce(sum(CASE WHEN d.kind = 'wallet' THEN 0 ELSE t.amount_micros END)
                - sum(CASE WHEN c.kind = 'wallet' THEN 0 ELSE t.amount_micros END), 0) AS given
            FROM billing_transfer t
            LEFT JOIN billing_ledgeraccount d ON d.id = t.debit_id
            LEFT JOIN billing_ledgeraccount c ON c.id = t.credit_id
            WHERE t.kind NOT IN ('hold', 'release')) house
        WHERE kept <> given
        """,
    ),
    Rule(
        "{kind} {id}: it keeps a balance of {kept} and its transfers make {made}; {held} on hold and they make {open}",
        """
        SELECT a.id, a.kind, a.balance_micros AS kept, coalesce(moved.made, 0) AS made,
            a.held_micros AS held, coalesce(holds.open, 0) AS open
        FROM billing_ledgeraccount a
        LEFT JOIN (
            SELECT account, sum(change) AS made FROM (
                SELECT credit_id AS account, amount_micros AS change FROM billing_transfer
                WHERE kind NOT IN ('hold', 'release')
                UNION ALL
                SELECT debit_id, -amount_micros FROM billing_transfer WHERE kind NOT IN ('hold', 'release')
            ) changes GROUP BY account
        ) moved ON moved.account = a.id AND a.kind = 'wallet'
        LEFT JOIN (
            SELECT debit_id, sum(amount_micros) AS open FROM billing_transfer h
            WHERE kind = 'hold' AND NOT EXISTS (
                SELECT FROM billing_transfer r WHERE r.of_id = h.id AND r.kind IN ('capture', 'release'))
            GROUP BY debit_id
        ) holds ON holds.debit_id = a.id AND a.kind = 'wallet'
        WHERE a.balance_micros <> coalesce(moved.made, 0) OR a.held_micros <> coalesce(holds.open, 0)
        """,
    ),
    Rule(
        "transfer {id}: after it wallet {wallet} has {balance} and {held} on hold, by its transfers {made} and {open};"
        " {more} later ones of the wallet are off too",
        """
        SELECT DISTINCT ON (wallet) id, wallet, balance, held, made, open,
            count(*) OVER (PARTITION BY wallet) - 1 AS more
        FROM (
            SELECT id, wallet, balance, held, sum(change) OVER earlier AS made, sum(held_change) OVER earlier AS open
            FROM (
                SELECT t.id, t.balance_after_micros AS balance, t.held_after_micros AS held,
                    CASE WHEN d.kind = 'wallet' THEN t.debit_id ELSE t.credit_id END AS wallet,
                    CASE WHEN t.kind IN ('hold', 'release') THEN 0
                        WHEN d.kind = 'wallet' THEN -t.amount_micros ELSE t.amount_micros END AS change,
                    CASE WHEN t.kind = 'hold' THEN t.amount_micros
                        WHEN t.kind IN ('capture', 'release') THEN -coalesce(source.amount_micros, 0)
                        ELSE 0 END AS held_change
                FROM billing_transfer t
                JOIN billing_ledgeraccount d ON d.id = t.debit_id
                LEFT JOIN billing_transfer source ON source.id = t.of_id
            ) changes
            WINDOW earlier AS (PARTITION BY wallet ORDER BY id ROWS UNBOUNDED PRECEDING)
        ) sums
        WHERE balance <> made OR held <> open
        ORDER BY wallet, id
        """,
    ),
    Rule(
        "transfer {id}: {kind} of {amount} is of transfer {of}, {source}",
        """
        SELECT t.id, t.kind, t.amount_micros AS amount, t.of_id AS of,
            CASE WHEN source.id IS NULL THEN 'which is not there'
                ELSE 'a ' || source.kind || ' between ' || source.debit_id || ' and ' || source.credit_id END AS source
        FROM billing_transfer t LEFT JOIN billing_transfer source ON source.id = t.of_id
        WHERE NOT CASE
            WHEN t.kind IN ('capture', 'release') THEN coalesce(source.kind = 'hold'
                AND t.debit_id = source.debit_id AND t.credit_id = source.credit_id, false)
            WHEN t.kind IN ('refund', 'reversal') THEN coalesce(
                source.kind = CASE t.kind WHEN 'refund' THEN 'capture' ELSE 'deposit' END
                AND t.debit_id = source.credit_id AND t.credit_id = source.debit_id, false)
            ELSE t.of_id IS NULL
        END
        """,
    ),
    Rule(
        "hold {id} of {amount} is resolved {times} times, by transfers {by}",
        """
        SELECT of_id AS id, count(*) AS times, string_agg(r.id::text, ', ' ORDER BY r.id) AS by,
            (SELECT amount_micros FROM billing_transfer h WHERE h.id = r.of_id) AS amount
        FROM billing_transfer r WHERE kind IN ('capture', 'release') GROUP BY of_id HAVING count(*) > 1
        """,
    ),
    Rule(
        "transfer {id}: {kind} of {amount} does not fit hold {of} of {held}",
        """
        SELECT t.id, t.kind, t.amount_micros AS amount, t.of_id AS of, h.amount_micros AS held
        FROM billing_transfer t JOIN billing_transfer h ON h.id = t.of_id
        WHERE (t.kind = 'capture' AND t.amount_micros > h.amount_micros)
            OR (t.kind = 'release' AND t.amount_micros <> h.amount_micros)
        """,
    ),
    Rule(
        "{kind} {id} of {amount}: {times} {back}s give back {total}",
        """
        SELECT source.id, source.kind, source.amount_micros AS amount, given.times, given.back, given.total
        FROM (
            SELECT of_id, kind AS back, count(*) AS times, sum(amount_micros) AS total
            FROM billing_transfer WHERE kind IN ('refund', 'reversal') GROUP BY of_id, kind
        ) given JOIN billing_transfer source ON source.id = given.of_id
        WHERE given.total > source.amount_micros
        """,
    ),
    Rule(
        "transfer {id}: {kind} of {amount} leaves wallet {wallet} with {balance}, under the {held} on hold",
        """
        SELECT t.id, t.kind, t.amount_micros AS amount, t.debit_id AS wallet,
            t.balance_after_micros AS balance, t.held_after_micros AS held
        FROM billing_transfer t JOIN billing_ledgeraccount d ON d.id = t.debit_id
        WHERE t.kind IN ('hold', 'adjustment') AND d.kind = 'wallet' AND t.balance_after_micros < t.held_after_micros
        """,
    ),
    Rule(
        "transfer {id}: {held} on hold after it is below zero",
        "SELECT id, held_after_micros AS held FROM billing_transfer WHERE held_after_micros < 0",
    ),
    Rule(
        "wallet {id}: {held} on hold is below zero",
        "SELECT id, held_micros AS held FROM billing_ledgeraccount WHERE held_micros < 0",
    ),
    Rule(
        "{subject} has {times} open holds, transfers {by}, of {amount} together",
        """
        SELECT subject, count(*) AS times, string_agg(id::text, ', ' ORDER BY id) AS by, sum(amount_micros) AS amount
        FROM billing_transfer h
        WHERE kind = 'hold' AND NOT EXISTS (
            SELECT FROM billing_transfer r WHERE r.of_id = h.id AND r.kind IN ('capture', 'release'))
        GROUP BY subject HAVING count(*) > 1
        """,
    ),
)


# What an app above this one knows of the ledger's subjects; it adds them when it is loaded.
MORE_RULES: list[Rule] = []


def check_ledger() -> list[str]:
    """Every difference as a sentence with ids and micro-dollars; of a rule that is broken more than TOLD_EACH times,
    the rest as a number.
    """
    return [sentence for rule in (*RULES, *MORE_RULES) for sentence in _broken(rule)[0]]


def record_check() -> tuple[LedgerCheck, list[str]]:
    """Checks, keeps what was found beside the newest KEPT_CHECKS, and answers with it and the sentences. A difference
    is an error in the log.
    """
    found = [_broken(rule) for rule in (*RULES, *MORE_RULES)]
    sentences = [sentence for told, _ in found for sentence in told]
    differences = sum(number for _, number in found)
    with transaction.atomic():
        check = LedgerCheck.objects.create(
            ok=not differences,
            differences=differences,
            first="\n".join(sentences[:FIRST_TOLD]),
            transfers=Transfer.objects.count(),
            wallets=LedgerAccount.objects.filter(kind=LedgerAccount.Kind.WALLET).count(),
        )
        kept = LedgerCheck.objects.order_by("-id").values("id")[:KEPT_CHECKS]
        LedgerCheck.objects.exclude(id__in=kept).delete()
    check.refresh_from_db(fields=["at"])
    if differences:
        log.error("ledger_differs", differences=differences, first=sentences[:FIRST_TOLD])
    else:
        log.info("ledger_clean", transfers=check.transfers, wallets=check.wallets)
    return check, sentences


def last_check() -> LedgerCheck | None:
    """The newest check that was kept; None: the ledger was never checked."""
    return LedgerCheck.objects.order_by("-id").first()


def _broken(rule: Rule) -> tuple[list[str], int]:
    """The rule's sentences, TOLD_EACH at most and one for the rest, and how many rows break it."""
    counted = f"SELECT *, count(*) OVER () FROM ({rule.sql}) broken LIMIT {TOLD_EACH}"  # noqa: S608  (ours alone)
    with connection.cursor() as cursor:
        cursor.execute(counted)
        columns = [column.name for column in cursor.description]
        rows = cursor.fetchall()
    told = [rule.sentence.format(**dict(zip(columns, row, strict=True))) for row in rows]
    number = rows[0][-1] if rows else 0
    if number > len(told):
        told.append(f"and {number - len(told)} more like the last one")
    return told, number
