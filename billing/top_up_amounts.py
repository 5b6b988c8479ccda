"""Amounts that customers name for top-ups: whole cents between bounds, refused in words that name the field."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from billing.prices import MICROS_PER_USD, TOP_UP_LEAST_MICROS, TOP_UP_MOST_MICROS
from tuplets.errors import Code, TupletsError

_MICROS_PER_CENT = MICROS_PER_USD // 100
# "500.00" has six: enough for any spelling of an amount within bounds, too few to be slow.
_CHARACTERS_MAX = 40
# An automatic top-up may begin between these.
THRESHOLD_LEAST_MICROS, THRESHOLD_MOST_MICROS = 1_000_000, TOP_UP_MOST_MICROS


def top_up_micros(usd: object, field: str = "amount_usd") -> int:
    """Micro-dollars of a top-up given in dollars, as a number or text: 400 for what is no amount within bounds."""
    return _micros(usd, TOP_UP_LEAST_MICROS, TOP_UP_MOST_MICROS, field)


def threshold_micros(usd: object, field: str = "threshold_usd") -> int:
    return _micros(usd, THRESHOLD_LEAST_MICROS, THRESHOLD_MOST_MICROS, field)


def require_top_up(amount_micros: int, field: str = "amount_usd") -> None:
    """400 unless it is whole cents within the bounds of a top-up."""
    _require(amount_micros, TOP_UP_LEAST_MICROS, TOP_UP_MOST_MICROS, field)


def require_threshold(amount_micros: int, field: str = "threshold_usd") -> None:
    _require(amount_micros, THRESHOLD_LEAST_MICROS, THRESHOLD_MOST_MICROS, field)


def _micros(usd: object, least: int, most: int, field: str) -> int:
    """Compared before it is computed with: 1e999999999 is a short text and a very long number."""
    text = str(usd).strip()
    try:
        amount = Decimal(text) if len(text) <= _CHARACTERS_MAX else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    within = amount.is_finite() and least // MICROS_PER_USD <= amount <= most // MICROS_PER_USD
    if not within or amount != amount.quantize(Decimal("0.01")):
        raise _out_of_bounds(least, most, field)
    return int(amount * MICROS_PER_USD)


def _require(amount_micros: int, least: int, most: int, field: str) -> None:
    if not least <= amount_micros <= most or amount_micros % _MICROS_PER_CENT:
        raise _out_of_bounds(least, most, field)


def _out_of_bounds(least: int, most: int, field: str) -> TupletsError:
    return TupletsError(
        Code.INVALID_FIELD,
        f"{field} must be an amount from ${least // MICROS_PER_USD} to ${most // MICROS_PER_USD}, in whole cents.",
        field=field,
    )
