"""What the money endpoints accept in their query strings, and the shapes in which money is shown."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from rest_framework import serializers

from accounts import limits
from accounts.models import ApiKey
from billing import prices
from billing.models import Transfer
from billing.statements import Balance, Entry, feature_label
from billing.usage import GROUPINGS, PERIOD_DAYS_DEFAULT, PERIOD_DAYS_MAX, Spent, key_name
from tuplets.http import utc

# Days that both sides can count from.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


class Word(serializers.ChoiceField):
    """One of a few words."""

    def __init__(self, choices: tuple[str, ...], **kwargs: Any) -> None:
        accepted = f"must be one of: {', '.join(choices)}."
        super().__init__(choices=choices, error_messages={"invalid_choice": accepted}, **kwargs)


class Day(serializers.DateField):
    """A day in UTC, as an ISO 8601 date."""

    def __init__(self, **kwargs: Any) -> None:
        self.sentence = f"must be a date such as 2026-05-31, from {FIRST_DAY} to {LAST_DAY}."
        super().__init__(
            input_formats=["%Y-%m-%d"],
            error_messages=dict.fromkeys(("invalid", "datetime"), self.sentence),
            **kwargs,
        )

    def to_internal_value(self, value: Any) -> date:
        day = super().to_internal_value(value)
        if not FIRST_DAY <= day <= LAST_DAY:
            raise serializers.ValidationError(self.sentence)
        return day


class Period(serializers.Serializer):
    """Days, both included."""

    since = Day(default=None)
    until = Day(default=None)

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        since, until = fields["since"], fields["until"]
        if since and until and since > until:
            raise serializers.ValidationError({"since": f"since ({since}) must not be after until ({until})."})
        return fields


class ListEntries(Period):
    """The query of GET /account/ledger."""

    limit = serializers.IntegerField(
        min_value=1,
        max_value=limits.LIST_LIMIT_MAX,
        default=limits.LIST_LIMIT_DEFAULT,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_string_length"),
            f"must be a whole number from 1 to {limits.LIST_LIMIT_MAX}.",
        ),
    )
    cursor = serializers.CharField(max_length=200, required=False)
    kind = Word(tuple(Transfer.Kind.values), required=False)


class UsagePeriod(Period):
    """The query of GET /account/usage. Without dates, the last 30 days; a single one is the end of 30, or the start of
    what goes on until today.
    """

    group_by = Word(GROUPINGS, default="day")

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        if fields["until"] is None:
            fields["until"] = datetime.now(UTC).date()
        if fields["since"] is None:
            fields["since"] = max(fields["until"] - timedelta(days=PERIOD_DAYS_DEFAULT - 1), FIRST_DAY)
        super().validate(fields)
        days = (fields["until"] - fields["since"]).days + 1
        if days > PERIOD_DAYS_MAX:
            message = f"since and until span {days} days: ask for at most {PERIOD_DAYS_MAX} at a time."
            raise serializers.ValidationError({"since": message})
        return fields


def balance_row(balance: Balance) -> dict[str, Any]:
    return {
        "currency": "usd",
        "balance_usd": prices.usd(balance.balance_micros),
        "held_usd": prices.usd(balance.held_micros),
        "available_usd": prices.usd(balance.available_micros),
        "low_balance": balance.is_low,
        "low_balance_threshold_usd": prices.usd(balance.threshold_micros),
    }


def entry_row(entry: Entry) -> dict[str, Any]:
    row = entry.transfer
    return {
        "id": row.pk,
        "kind": row.kind,
        "amount_usd": prices.usd(entry.amount_micros),
        "held_usd": prices.usd(entry.held_micros),
        "balance_after_usd": prices.usd(row.balance_after_micros),
        "held_after_usd": prices.usd(row.held_after_micros),
        "subject": row.subject,
        "reference": row.reference,
        "job_id": entry.job_id,
        "description": entry.description,
        "detail": _detail(entry),
        "created_at": utc(row.created_at),
    }


def _detail(entry: Entry) -> dict[str, Any] | None:
    """Of a charge: what it is made of. The lines add up to it."""
    detail = entry.transfer.detail
    if "lines" not in detail:
        return None
    return {
        "seconds": detail["seconds"],
        "price_list": detail["price_list"],
        "minimum_usd": prices.usd(detail["minimum_micros"]),
        "lines": [line_row(line.feature, line.rate_micros, line.amount_micros) for line in entry.lines],
    }


def line_row(feature: str | None, rate_micros: int | None, amount_micros: int) -> dict[str, Any]:
    """A part of a price or a charge; without a feature, what the minimum adds or a cap takes off."""
    return {
        "feature": feature,
        "label": feature_label(feature, amount_micros),
        "rate_usd_per_hour": None if rate_micros is None else prices.usd(rate_micros),
        "amount_usd": prices.usd(amount_micros),
    }


def spent_row(spent: Spent) -> dict[str, Any]:
    return {
        "charged_usd": prices.usd(spent.charged_micros),
        "refunded_usd": prices.usd(spent.refunded_micros),
        "seconds": round(spent.seconds, 3),
        "jobs": spent.jobs,
    }


def group_row(spent: Spent, group_by: str, keys: dict[str, ApiKey]) -> dict[str, Any]:
    """A row of the usage with what it is grouped by. `keys`: those that `keys_of` found."""
    match group_by:
        case "day":
            assert spent.day is not None
            named: dict[str, Any] = {"day": spent.day.isoformat()}
        case "feature":
            label = feature_label(spent.feature) if spent.feature else "Minimums and refunds"
            named = {"feature": spent.feature, "label": label}
        case _:
            key = keys.get(spent.key_id or "")
            named = {
                "key_id": spent.key_id,
                "key_name": key_name(spent.key_id, key),
                "key_prefix": key and key.prefix,
                "key_last_four": key and key.last_four,
            }
    return {**named, **spent_row(spent)}


def prices_document() -> dict[str, Any]:
    """The price list in force."""
    return {
        "price_list": prices.PRICE_LIST,
        "currency": "usd",
        "rates": [
            {
                "feature": feature.value,
                "label": prices.LABELS[feature],
                "rate_usd_per_hour": prices.usd(rate),
                "minimum_usd": prices.usd(prices.MINIMUMS[feature]),
            }
            for feature, rate in prices.RATES.items()
        ],
        "bundles": [
            {
                "label": bundle.label,
                "features": [feature.value for feature in prices.Feature if feature in bundle.features],
                "minimum_usd": prices.usd(bundle.minimum_micros),
            }
            for bundle in prices.BUNDLES
        ],
        "free_credit_usd": prices.usd(prices.FREE_CREDIT_MICROS),
        "top_up": {
            "least_usd": prices.usd(prices.TOP_UP_LEAST_MICROS),
            "most_usd": prices.usd(prices.TOP_UP_MOST_MICROS),
            "presets_usd": [prices.usd(amount) for amount in prices.TOP_UP_PRESETS_MICROS],
        },
    }
