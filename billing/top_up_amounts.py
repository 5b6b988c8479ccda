"""Amounts that customers name for top-ups: whole cents between bounds, refused in words that name the field; and how
often a card is charged by itself.
"""

from __future__ import annotations

from billing.prices import MICROS_PER_USD, TOP_UP_LEAST_MICROS, TOP_UP_MOST_MICROS, micros
from tuplets.errors import Code, TupletsError

_MICROS_PER_CENT = MICROS_PER_USD // 100
# "500.00" has six: enough for any spelling of an amount within bounds, too few to be slow.
_CHARACTERS_MAX = 40
# An automatic top-up may begin between these.
THRESHOLD_LEAST_MICROS, THRESHOLD_MOST_MICROS = 1_000_000, TOP_UP_MOST_MICROS
# "A saved card is charged at most 10 times within 24 hours; then automatic top-ups turn themselves off."
AUTOMATIC_A_DAY_MAX = 10


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
    text = str(usd).strip()
    try:
        amount_micros = micros(text) if len(text) <= _CHARACTERS_MAX else 0
    except ValueError:
        raise _out_of_bounds(least, most, field) from None
    _require(amount_micros, least, most, field)
    return amount_micros


def _require(amount_micros: int, least: int, most: int, field: str) -> None:
    if not least <= amount_micros <= most or amount_micros % _MICROS_PER_CENT:
        raise _out_of_bounds(least, most, field)


def _out_of_bounds(least: int, most: int, field: str) -> TupletsError:
    return TupletsError(
        Code.INVALID_FIELD,
        f"{field} must be an amount from ${least // MICROS_PER_USD} to ${most // MICROS_PER_USD}, in whole cents.",
        field=field,
    )
