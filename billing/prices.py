"""EVERY price and minimum, in integer micro-dollars; the only rounding. Pure: called by `jobs.charges`, pages and docs.

A price is the sum of the rates of the features that ran times the seconds of audio, at least the bundle minimum,
rounded half up to a micro-dollar.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

# The list in force. Pinned on each job when it is created: a later list never changes what a customer was told.
PRICE_LIST = "2026-05"

MICROS_PER_USD = 1_000_000
SECONDS_PER_HOUR = 3600
# A decimal number: no fraction ("1/2"), none that fills the memory ("1e999999999"). The most is what a column holds.
_AMOUNT = re.compile(r"[+-]?(?=\.?\d)\d*(\.\d*)?([eE][+-]?\d{1,2})?", re.ASCII)
_MOST_MICROS = 10**18

# "New accounts receive $2.50 in free credits": once, when the e-mail is verified.
FREE_CREDIT_MICROS = 2_500_000
# Top-ups by card: $5 to $500, and what the page offers.
TOP_UP_LEAST_MICROS, TOP_UP_MOST_MICROS = 5_000_000, 500_000_000
TOP_UP_PRESETS_MICROS = (10_000_000, 25_000_000, 50_000_000, 100_000_000)


class Feature(StrEnum):
    """What is priced. One of the first two is in every job."""

    STANDARD = "standard_transcription"
    PREMIUM = "premium_transcription"
    DIARIZATION = "speaker_diarization"
    PII = "pii_processing"
    BASIC = "basic_analytics"
    FULL = "full_analytics"
    CUSTOM = "custom_analytics"


TRANSCRIPTION = frozenset({Feature.STANDARD, Feature.PREMIUM})
ANALYTICS = frozenset({Feature.BASIC, Feature.FULL, Feature.CUSTOM})
# What the documentation calls them.
LABELS = {
    Feature.STANDARD: "Standard transcription",
    Feature.PREMIUM: "Premium transcription",
    Feature.DIARIZATION: "Speaker diarization",
    Feature.PII: "PII processing",
    Feature.BASIC: "Basic analytics",
    Feature.FULL: "Full analytics",
    Feature.CUSTOM: "Custom analytics",
}

# Micro-dollars an hour of audio.
RATES = {
    Feature.STANDARD: 140_000,
    Feature.PREMIUM: 250_000,
    Feature.DIARIZATION: 80_000,
    Feature.PII: 60_000,
    Feature.BASIC: 240_000,
    Feature.FULL: 600_000,
    Feature.CUSTOM: 450_000,
}

# A feature's own minimum, in micro-dollars: what a re-run of analytics, which is no bundle, costs at least.
MINIMUMS = {
    Feature.STANDARD: 10_000,
    Feature.PREMIUM: 35_000,
    Feature.DIARIZATION: 35_000,
    Feature.PII: 35_000,
    Feature.BASIC: 80_000,
    Feature.FULL: 125_000,
    Feature.CUSTOM: 150_000,
}


@dataclass(frozen=True)
class Bundle:
    """A row of the published table: with all of `features` (beside transcription) a job costs at least this."""

    label: str
    features: frozenset[Feature]
    minimum_micros: int


BUNDLES = (
    Bundle("Transcript only", frozenset(), 10_000),
    Bundle("Premium transcription only", frozenset({Feature.PREMIUM}), 35_000),
    Bundle("Transcript + diarization", frozenset({Feature.DIARIZATION}), 35_000),
    Bundle("Transcript + PII", frozenset({Feature.PII}), 35_000),
    Bundle("Premium transcription + PII", frozenset({Feature.PREMIUM, Feature.PII}), 80_000),
    Bundle("Transcript + basic analytics", frozenset({Feature.BASIC}), 80_000),
    Bundle("Transcript + full analytics", frozenset({Feature.FULL}), 125_000),
    Bundle("Transcript + custom analytics", frozenset({Feature.CUSTOM}), 150_000),
    Bundle("Transcript + full analytics + custom", frozenset({Feature.FULL, Feature.CUSTOM}), 150_000),
    Bundle("Transcript + diarization + PII", frozenset({Feature.DIARIZATION, Feature.PII}), 65_000),
    Bundle("Any bundle that includes basic analytics", frozenset({Feature.BASIC}), 80_000),
    Bundle("Any bundle that includes full analytics", frozenset({Feature.FULL}), 125_000),
)


@dataclass(frozen=True)
class PriceList:
    rates: Mapping[Feature, int]
    minimums: Mapping[Feature, int]
    bundles: tuple[Bundle, ...]


# Lists of earlier days stay here: a job in flight is charged, and a receipt explained, by its own.
PRICE_LISTS = {PRICE_LIST: PriceList(RATES, MINIMUMS, BUNDLES)}


@dataclass(frozen=True)
class Line:
    """A part of a price. The lines of a price add up to it; `feature` None: what the minimum adds."""

    feature: Feature | None
    rate_micros: int | None
    amount_micros: int


@dataclass(frozen=True)
class Price:
    """`minimum_micros`: the one that held for these features, whether or not it decided."""

    amount_micros: int
    minimum_micros: int
    seconds: float
    lines: tuple[Line, ...]


def price_of(features: Collection[Feature], seconds: float, price_list: str = PRICE_LIST) -> Price:
    """The price of these features over seconds of audio, whatever its channels. Raises ValueError below 0 s, for NaN
    and for infinity.
    """
    wanted, rates = frozenset(features), PRICE_LISTS[price_list].rates
    minimum = minimum_of(wanted, price_list)
    length = _exact(seconds)
    shares = [(feature, rates[feature] * length / SECONDS_PER_HOUR) for feature in Feature if feature in wanted]
    by_rate = _half_up(sum((share for _, share in shares), Fraction()))
    lines = [Line(feature, rates[feature], micros) for feature, micros in _adding_up(shares, by_rate)]
    if by_rate < minimum:
        lines.append(Line(None, None, minimum - by_rate))
    return Price(max(by_rate, minimum), minimum, seconds, tuple(lines))


def minimum_of(features: Collection[Feature], price_list: str = PRICE_LIST) -> int:
    """The largest minimum among the published bundles that these features hold; of analytics by themselves, the
    largest of their own.
    """
    wanted = frozenset(features)
    if not wanted & TRANSCRIPTION:
        return max(PRICE_LISTS[price_list].minimums[feature] for feature in wanted)
    return max(bundle.minimum_micros for bundle in PRICE_LISTS[price_list].bundles if bundle.features <= wanted)


def cancelled_price(
    requested: Collection[Feature],
    begun: Collection[Feature],
    seconds: float,
    estimate_micros: int,
    price_list: str = PRICE_LIST,
) -> Price:
    """What a cancelled job costs: the seconds processed at the rates of the features begun, not under the minimum of
    the bundle requested, not over the estimate.
    """
    minimum = minimum_of(requested, price_list)
    ran = price_of(begun, seconds, price_list) if begun else Price(0, 0, seconds, ())
    lines = tuple(line for line in ran.lines if line.feature is not None)
    by_rate = sum(line.amount_micros for line in lines)
    amount = min(max(by_rate, minimum), max(estimate_micros, minimum))
    if amount != by_rate:
        lines = (*lines, Line(None, None, amount - by_rate))
    return Price(amount, minimum, seconds, lines)


def capped(price: Price, most_micros: int) -> Price:
    """The price, or this much where it is more: nobody pays more than was held, whatever changed since."""
    if price.amount_micros <= most_micros:
        return price
    lines = (*price.lines, Line(None, None, most_micros - price.amount_micros))
    return replace(price, amount_micros=most_micros, lines=lines)


def micros(usd: object) -> int:
    """Whole micro-dollars of an amount in dollars, given as text, int or Decimal. Raises ValueError for what is no
    finite number, has more than six decimals or is more than a trillion dollars.
    """
    text = str(usd).strip()
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"{usd!r} is no amount of money")
    exact = Fraction(text) * MICROS_PER_USD
    if abs(exact) > _MOST_MICROS:
        raise ValueError(f"{usd!r} is more than there is")
    if exact.denominator != 1:
        raise ValueError(f"{usd!r} has more than six decimals")
    return int(exact)


def usd(amount_micros: int) -> float:
    """Dollars as the API shows them: a number with at most six decimals."""
    return round(amount_micros / MICROS_PER_USD, 6)


def _exact(seconds: float) -> Fraction:
    """The decimal number that a customer sees, not the binary one nearest to it."""
    try:
        exact = Fraction(repr(float(seconds)))
    except (ValueError, OverflowError):
        raise ValueError("seconds must be a finite number") from None
    if exact < 0:
        raise ValueError("seconds must not be negative")
    return exact


def _half_up(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


def _adding_up(shares: list[tuple[Feature, Fraction]], total: int) -> list[tuple[Feature, int]]:
    """Whole micro-dollars that add up to `total`, each within one of its share (largest remainder)."""
    floors = {feature: int(share) for feature, share in shares}
    left = total - sum(floors.values())
    for feature, _ in sorted(shares, key=lambda pair: int(pair[1]) - pair[1])[:left]:
        floors[feature] += 1
    return list(floors.items())
