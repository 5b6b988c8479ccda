"""What an account spent in a period: by day, by feature, by API key, or by day and feature. Read from its charges and
refunds alone, by index, and added up by the database. Called by the API and the pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection

from accounts.models import Account, ApiKey
from billing.models import LedgerAccount

PERIOD_DAYS_DEFAULT = 30
PERIOD_DAYS_MAX = 366
GROUPINGS = ("day", "feature", "key")

# A refund counts on the day it was posted, under the key of the charge that it gives back; it is of no feature, nor is
# what a minimum adds or a cap takes off. A charge is one part of the sum, or one for each of its lines, which add up to
# it.
_SQL = """
WITH part AS (
    SELECT (created_at AT TIME ZONE 'UTC')::date AS day, detail ->> 'api_key_id' AS key, line.feature,
        coalesce(line.amount_micros, charge.amount_micros) AS charged, 0 AS refunded,
        CASE WHEN %(by_feature)s AND line.feature IS NULL THEN 0
            ELSE coalesce((detail ->> 'seconds')::float8, 0) END AS seconds,
        CASE WHEN starts_with(subject, 'job:') THEN split_part(subject, ':', 2) END AS job
    FROM billing_transfer AS charge, jsonb_to_recordset(
        CASE WHEN %(by_feature)s THEN coalesce(nullif(detail -> 'lines', '[]'), '[{}]') ELSE '[{}]' END
    ) AS line (feature text, amount_micros bigint)
    WHERE debit_id = %(wallet)s AND kind = 'capture' AND created_at BETWEEN %(since)s AND %(until)s
    UNION ALL
    SELECT (refund.created_at AT TIME ZONE 'UTC')::date, refunded.detail ->> 'api_key_id', NULL, 0,
        refund.amount_micros, 0, NULL
    FROM billing_transfer AS refund JOIN billing_transfer AS refunded ON refunded.id = refund.of_id
    WHERE refund.credit_id = %(wallet)s AND refund.kind = 'refund'
        AND refund.created_at BETWEEN %(since)s AND %(until)s
)
SELECT CASE WHEN %(by_day)s THEN day END, CASE WHEN %(by_feature)s THEN feature END, CASE WHEN %(by_key)s THEN key END,
    sum(charged)::bigint, sum(refunded)::bigint, sum(seconds), count(DISTINCT job)
FROM part GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 2, 3
"""


@dataclass(frozen=True)
class Spent:
    """What was charged and given back, in micro-dollars, for how many seconds of audio and how many jobs. `day`,
    `feature` and `key_id` are set where the rows are grouped by them; None also stands for no feature, no key.
    """

    day: date | None = None
    feature: str | None = None
    key_id: str | None = None
    charged_micros: int = 0
    refunded_micros: int = 0
    seconds: float = 0
    jobs: int = 0


def usage(account: Account, *, since: date, until: date, group_by: Iterable[str]) -> list[Spent]:
    """Rows of the days `since` to `until` (UTC, both included), grouped by any of GROUPINGS. Days are in order, the
    rest by what was charged; what had no charge and no refund has no row.
    """
    wallet_id = LedgerAccount.objects.filter(account=account).values_list("pk", flat=True).first()
    if wallet_id is None:
        return []
    grouped = set(group_by)
    values: dict[str, int | datetime] = {
        "wallet": wallet_id,
        "since": datetime.combine(since, time.min, UTC),
        "until": datetime.combine(until, time.max, UTC),
        **{f"by_{name}": name in grouped for name in GROUPINGS},
    }
    with connection.cursor() as cursor:
        cursor.execute(_SQL, values)
        return [Spent(*row) for row in cursor.fetchall()]


def total(account: Account, *, since: date, until: date) -> Spent:
    """All of the period in one row. A job that was charged twice, or by several features, counts once."""
    rows = usage(account, since=since, until=until, group_by=())
    return rows[0] if rows else Spent()


def every_day(rows: Iterable[Spent], *, since: date, until: date) -> list[Spent]:
    """Rows by day, with the days on which nothing was spent."""
    known = {row.day: row for row in rows}
    days = (since + timedelta(days=number) for number in range((until - since).days + 1))
    return [known.get(day, Spent(day=day)) for day in days]


def keys_of(account: Account, rows: Iterable[Spent]) -> dict[str, ApiKey]:
    """The account's keys that rows by key name, by their id; also those that were revoked, whoever made them."""
    ids = {row.key_id for row in rows if row.key_id}
    return {str(key.pk): key for key in ApiKey.objects.filter(account=account, pk__in=ids)} if ids else {}


def key_name(key_id: str | None, key: ApiKey | None) -> str:
    if key_id is None:
        return "Without a key (signed in)"
    return key.name if key else "A key that no longer exists"
