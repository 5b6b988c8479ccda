"""Spend per day, stacked by feature: the numbers of the chart and, the same, of the table below it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from accounts.models import Account
from billing.prices import Feature, usd
from billing.statements import feature_label
from billing.usage import Spent, every_day, key_name, keys_of, total, usage


@dataclass(frozen=True)
class Spend:
    """`features` names the columns of `table`, whose rows are (day, amounts by feature, the day's sum), the newest
    first and days without a charge left out. `data` is the chart's JSON.
    """

    total: Spent
    features: list[str]
    table: list[tuple[date, list[int], int]]
    sums: list[int]
    by_key: list[tuple[str, Spent]]
    data: dict[str, Any]


def spend_chart(account: Account, *, since: date, until: date) -> Spend:
    """What was charged from one day to another (UTC, both included). Refunds are in `total` and `by_key` alone."""
    rows = [row for row in usage(account, since=since, until=until, group_by=["day", "feature"]) if row.charged_micros]
    amounts = {(row.day, row.feature): row.charged_micros for row in rows}
    present = {row.feature for row in rows}
    features = [feature for feature in (*(str(each) for each in Feature), None) if feature in present]
    days = [row.day for row in every_day([], since=since, until=until) if row.day]
    spent_on = {day: [amounts.get((day, feature), 0) for feature in features] for day in days}
    by_key = usage(account, since=since, until=until, group_by=["key"])
    keys = keys_of(account, by_key)
    labels = [feature_label(feature) for feature in features]
    return Spend(
        total=total(account, since=since, until=until),
        features=labels,
        table=[(day, spent, sum(spent)) for day, spent in reversed(spent_on.items()) if any(spent)],
        sums=[sum(column) for column in zip(*spent_on.values(), strict=True)],
        by_key=[(key_name(row.key_id, keys.get(row.key_id or "")), row) for row in by_key],
        data={
            "days": [day.isoformat() for day in days],
            "series": [
                {"label": label, "usd": [usd(spent_on[day][number]) for day in days]}
                for number, label in enumerate(labels)
            ],
        },
    )
