"""Every price in the documentation, worked out by hand, and what holds for all of them.

Micro-dollars throughout. The tables below are written from the documentation's two, not from `billing.prices`.
"""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from billing.prices import BUNDLES, MINIMUMS, RATES, Feature, cancelled_price, micros, minimum_of, price_of, usd

STANDARD, PREMIUM, DIARIZATION, PII = Feature.STANDARD, Feature.PREMIUM, Feature.DIARIZATION, Feature.PII
BASIC, FULL, CUSTOM = Feature.BASIC, Feature.FULL, Feature.CUSTOM

# feature, an hour, minimum, {seconds: price by its rate, before the minimum}
RATE_TABLE = [
    (STANDARD, 140_000, 10_000, {0: 0, 1: 39, 59: 2_294, 60: 2_333, 61: 2_372}),
    (PREMIUM, 250_000, 35_000, {0: 0, 1: 69, 59: 4_097, 60: 4_167, 61: 4_236}),
    (DIARIZATION, 80_000, 35_000, {0: 0, 1: 22, 59: 1_311, 60: 1_333, 61: 1_356}),
    (PII, 60_000, 35_000, {0: 0, 1: 17, 59: 983, 60: 1_000, 61: 1_017}),
    (BASIC, 240_000, 80_000, {0: 0, 1: 67, 59: 3_933, 60: 4_000, 61: 4_067}),
    (FULL, 600_000, 125_000, {0: 0, 1: 167, 59: 9_833, 60: 10_000, 61: 10_167}),
    (CUSTOM, 450_000, 150_000, {0: 0, 1: 125, 59: 7_375, 60: 7_500, 61: 7_625}),
]
# feature, {seconds: price} the second before its rate reaches its minimum, then, and after
FEATURE_BREAK_EVENS = [
    (STANDARD, {256: 10_000, 257: 10_000, 258: 10_033}),
    (PREMIUM, {503: 35_000, 504: 35_000, 505: 35_069}),
    (DIARIZATION, {1574: 35_000, 1575: 35_000, 1576: 35_022}),
    (PII, {2099: 35_000, 2100: 35_000, 2101: 35_017}),
    (BASIC, {1199: 80_000, 1200: 80_000, 1201: 80_067}),
    (FULL, {749: 125_000, 750: 125_000, 751: 125_167}),
    (CUSTOM, {1199: 150_000, 1200: 150_000, 1201: 150_125}),
]
# label, features, minimum, {seconds: price} around where the rates reach the minimum
BUNDLE_TABLE = [
    ("Transcript only", {STANDARD}, 10_000, {256: 10_000, 257: 10_000, 258: 10_033}),
    ("Premium transcription only", {PREMIUM}, 35_000, {503: 35_000, 504: 35_000, 505: 35_069}),
    ("Transcript + diarization", {STANDARD, DIARIZATION}, 35_000, {571: 35_000, 572: 35_000, 573: 35_017}),
    ("Transcript + PII", {STANDARD, PII}, 35_000, {629: 35_000, 630: 35_000, 631: 35_056}),
    ("Premium transcription + PII", {PREMIUM, PII}, 80_000, {928: 80_000, 929: 80_000, 930: 80_083}),
    ("Transcript + basic analytics", {STANDARD, BASIC}, 80_000, {756: 80_000, 757: 80_000, 758: 80_011}),
    ("Transcript + full analytics", {STANDARD, FULL}, 125_000, {607: 125_000, 608: 125_000, 609: 125_183}),
    ("Transcript + custom analytics", {STANDARD, CUSTOM}, 150_000, {914: 150_000, 915: 150_000, 916: 150_122}),
    (
        "Transcript + full analytics + custom",
        {STANDARD, FULL, CUSTOM},
        150_000,
        {452: 150_000, 453: 150_000, 454: 150_072},
    ),
    ("Transcript + diarization + PII", {STANDARD, DIARIZATION, PII}, 65_000, {834: 65_000, 835: 65_000, 836: 65_022}),
    (
        "Any bundle that includes basic analytics",
        {STANDARD, DIARIZATION, PII, BASIC},
        80_000,
        {552: 80_000, 553: 80_000, 554: 80_022},
    ),
    (
        "Any bundle that includes basic analytics",
        {PREMIUM, DIARIZATION, PII, BASIC},
        80_000,
        {456: 80_000, 457: 80_000, 458: 80_150},
    ),
    (
        "Any bundle that includes full analytics",
        {STANDARD, DIARIZATION, PII, FULL},
        125_000,
        {510: 125_000, 511: 125_000, 512: 125_156},
    ),
    (
        "Any bundle that includes full analytics",
        {PREMIUM, DIARIZATION, PII, FULL},
        125_000,
        {453: 125_000, 454: 125_000, 455: 125_125},
    ),
]


def by_rate(features: Any, seconds: float) -> int:
    """A price before its minimum."""
    return sum(line.amount_micros for line in price_of(features, seconds).lines if line.feature is not None)


# The documentation's tables


@pytest.mark.parametrize(
    ("feature", "seconds", "expected"),
    [(feature, *pair) for feature, _, _, prices in RATE_TABLE for pair in prices.items()],
)
def test_a_feature_costs_its_rate_for_each_second(feature: Feature, seconds: int, expected: int) -> None:
    assert by_rate({feature}, seconds) == expected


@pytest.mark.parametrize(("feature", "an_hour"), [row[:2] for row in RATE_TABLE])
def test_an_hour_costs_the_documented_rate(feature: Feature, an_hour: int) -> None:
    assert price_of({feature}, 3600).amount_micros == an_hour


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 61])
@pytest.mark.parametrize(("feature", "minimum"), [(row[0], row[2]) for row in RATE_TABLE])
def test_a_feature_by_itself_costs_its_minimum_at_least(feature: Feature, minimum: int, seconds: int) -> None:
    price = price_of({feature}, seconds)
    assert price.amount_micros == price.minimum_micros == minimum


@pytest.mark.parametrize(
    ("feature", "seconds", "expected"),
    [(feature, *pair) for feature, prices in FEATURE_BREAK_EVENS for pair in prices.items()],
)
def test_a_feature_costs_more_than_its_minimum_from_the_second_after_the_break_even(
    feature: Feature, seconds: int, expected: int
) -> None:
    assert price_of({feature}, seconds).amount_micros == expected


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 61])
@pytest.mark.parametrize(("label", "features", "minimum", "prices"), BUNDLE_TABLE)
def test_a_short_recording_costs_the_minimum_of_its_bundle(
    label: str, features: set[Feature], minimum: int, prices: dict[int, int], seconds: int
) -> None:
    price = price_of(features, seconds)
    assert price.amount_micros == price.minimum_micros == minimum, label


@pytest.mark.parametrize(
    ("label", "features", "seconds", "expected"),
    [(label, features, *pair) for label, features, _, prices in BUNDLE_TABLE for pair in prices.items()],
)
def test_a_bundle_costs_more_than_its_minimum_from_the_second_after_the_break_even(
    label: str, features: set[Feature], seconds: int, expected: int
) -> None:
    assert price_of(features, seconds).amount_micros == expected, label


def test_the_tables_here_have_every_row_of_the_list() -> None:
    assert {row[0] for row in RATE_TABLE} == {row[0] for row in FEATURE_BREAK_EVENS} == set(RATES) == set(MINIMUMS)
    assert {row[0] for row in BUNDLE_TABLE} == {bundle.label for bundle in BUNDLES}


# The contract's examples


@pytest.mark.parametrize(
    ("features", "minimum"),
    [
        ({PREMIUM, DIARIZATION, PII}, 80_000),
        ({STANDARD, BASIC, CUSTOM}, 150_000),
        ({PREMIUM, DIARIZATION}, 35_000),
        ({STANDARD, DIARIZATION, PII, CUSTOM}, 150_000),
        ({PREMIUM, PII, FULL}, 125_000),
        ({STANDARD, BASIC, FULL, CUSTOM}, 150_000),
    ],
)
def test_the_largest_minimum_whose_features_all_ran_is_the_one_that_holds(features: set[Feature], minimum: int) -> None:
    assert minimum_of(features) == minimum == price_of(features, 1).amount_micros


def test_two_analytics_run_again_by_themselves_have_the_larger_of_their_minimums() -> None:
    assert minimum_of({BASIC, CUSTOM}) == 150_000


def test_the_documentations_own_job_of_two_minutes_with_diarization_is_under_the_minimum() -> None:
    assert by_rate({STANDARD, DIARIZATION}, 120.5) == 7_364
    assert price_of({STANDARD, DIARIZATION}, 120.5).amount_micros == 35_000


# Rounding


@pytest.mark.parametrize(
    ("features", "seconds", "half_up"),
    [
        ({CUSTOM}, 1200.004, 150_001),  # 150,000.5
        ({CUSTOM}, 1200.012, 150_002),  # 150,001.5: the same either way
        ({PREMIUM}, 504.0072, 35_001),  # 35,000.5
        ({BASIC}, 1200.0375, 80_003),  # 80,002.5
        ({STANDARD}, 257.1557142857, 10_000),  # a hair under 10,000.5
    ],
)
def test_half_a_micro_dollar_is_rounded_up(features: set[Feature], seconds: float, half_up: int) -> None:
    assert price_of(features, seconds).amount_micros == half_up


# What holds for every price

OPTIONAL = [DIARIZATION, PII, BASIC, FULL, CUSTOM]
bundles = st.builds(
    lambda transcription, others: frozenset({transcription, *others}),
    st.sampled_from([STANDARD, PREMIUM]),
    st.sets(st.sampled_from(OPTIONAL)),
)
features_alone = st.sets(st.sampled_from([BASIC, FULL, CUSTOM]), min_size=1).map(frozenset)
durations = st.one_of(
    st.integers(0, 86_400),
    st.decimals(0, 86_400, places=3).map(float),
    st.floats(0, 86_400, allow_subnormal=False),
)
HOURLY = {feature: rate for feature, rate, _, _ in RATE_TABLE}
LEAST = {feature: minimum for feature, _, minimum, _ in RATE_TABLE}


def by_hand(features: frozenset[Feature], seconds: float, rounding: str = ROUND_HALF_UP) -> int:
    """The price in Decimal, from this file's tables; a tie ends within the digits kept, so it is never lost."""
    with localcontext() as context:
        context.prec = 400
        exact = sum(HOURLY[feature] for feature in features) * Decimal(repr(seconds)) / 3600
        rounded = int(exact.quantize(Decimal(1), rounding=rounding))
    if features & {STANDARD, PREMIUM}:
        # What its words say: "Any bundle that includes" and "Transcript" stand for either transcription.
        rows = [(set(row[1]) - {STANDARD}, row[2]) for row in BUNDLE_TABLE if not row[0].startswith("Any")]
        rows += [({BASIC}, 80_000), ({FULL}, 125_000)]
        return max(rounded, *(minimum for needed, minimum in rows if needed <= features))
    return max(rounded, *(LEAST[feature] for feature in features))


@given(bundles | features_alone, durations)
@example(frozenset({CUSTOM}), 1200.004)
@example(frozenset({PREMIUM}), 504.0072)
def test_a_price_equals_the_hand_calculation(features: frozenset[Feature], seconds: float) -> None:
    assert price_of(features, seconds).amount_micros == by_hand(features, seconds)


@pytest.mark.parametrize(("feature", "seconds"), [(CUSTOM, 1200.004), (PREMIUM, 504.0072), (BASIC, 1200.0375)])
def test_the_durations_above_tell_half_up_from_half_even(feature: Feature, seconds: float) -> None:
    assert by_hand(frozenset({feature}), seconds, ROUND_HALF_EVEN) == price_of({feature}, seconds).amount_micros - 1


@given(bundles | features_alone, durations)
def test_a_price_is_never_below_its_minimum_and_its_lines_add_up_to_it(
    features: frozenset[Feature], seconds: float
) -> None:
    price = price_of(features, seconds)

    assert price.amount_micros >= price.minimum_micros == minimum_of(features)
    assert sum(line.amount_micros for line in price.lines) == price.amount_micros
    assert [line.feature for line in price.lines if line.feature] == [one for one in Feature if one in features]
    assert all(line.amount_micros >= 0 for line in price.lines)


@given(bundles, durations)
def test_a_line_is_within_a_micro_dollar_of_its_feature_by_itself(features: frozenset[Feature], seconds: float) -> None:
    for line in price_of(features, seconds).lines:
        if line.feature is not None:
            assert line.rate_micros == HOURLY[line.feature]
            assert abs(line.amount_micros - Decimal(line.rate_micros) * Decimal(repr(seconds)) / 3600) < 1


@given(bundles, st.sampled_from(OPTIONAL), durations)
def test_a_price_never_falls_when_a_feature_is_added(
    features: frozenset[Feature], added: Feature, seconds: float
) -> None:
    assert price_of(features | {added}, seconds).amount_micros >= price_of(features, seconds).amount_micros


@given(bundles, durations, durations)
@example(frozenset({STANDARD}), 257, 1)
def test_a_price_never_falls_when_audio_is_added(features: frozenset[Feature], seconds: float, more: float) -> None:
    assert price_of(features, seconds + more).amount_micros >= price_of(features, seconds).amount_micros


@pytest.mark.parametrize("seconds", [-1, -0.001, float("nan"), float("inf"), float("-inf"), 10**400])
def test_seconds_that_no_recording_has_are_refused(seconds: float) -> None:
    with pytest.raises(ValueError):
        price_of({STANDARD}, seconds)
    with pytest.raises(ValueError):
        cancelled_price({STANDARD}, {STANDARD}, seconds, 10_000)


# Cancelled jobs


@given(bundles, st.data(), durations, st.integers(0, 10_000_000))
def test_a_cancelled_job_costs_at_least_the_minimum_and_at_most_the_estimate(
    requested: frozenset[Feature], data: st.DataObject, seconds: float, estimate: int
) -> None:
    begun = frozenset(data.draw(st.sets(st.sampled_from(sorted(requested)))))

    price = cancelled_price(requested, begun, seconds, estimate)

    minimum = minimum_of(requested)
    assert minimum <= price.amount_micros <= max(estimate, minimum)
    assert sum(line.amount_micros for line in price.lines) == price.amount_micros
    assert {line.feature for line in price.lines if line.feature} == begun


@given(bundles, durations, st.integers(0, 3600))
def test_a_job_cancelled_after_everything_began_costs_what_ran_and_never_more_than_the_whole(
    requested: frozenset[Feature], seconds: float, missing: int
) -> None:
    assume(seconds >= missing)
    whole = price_of(requested, seconds).amount_micros

    price = cancelled_price(requested, requested, seconds - missing, whole)

    assert price.amount_micros == price_of(requested, seconds - missing).amount_micros <= whole


def test_a_job_cancelled_before_any_work_costs_the_minimum_of_what_was_asked_for() -> None:
    price = cancelled_price({PREMIUM, DIARIZATION, PII}, frozenset(), 0, 500_000)

    assert (price.amount_micros, [line.amount_micros for line in price.lines]) == (80_000, [80_000])


def test_a_job_cancelled_during_its_first_stage_pays_that_stage_alone() -> None:
    # An hour of standard transcription; diarization and analytics had not begun.
    price = cancelled_price({STANDARD, DIARIZATION, FULL}, {STANDARD}, 3600, 820_000)

    assert price.amount_micros == 140_000


def test_a_cancelled_job_that_ran_over_its_estimate_pays_the_estimate_and_a_line_says_so() -> None:
    price = cancelled_price({STANDARD}, {STANDARD}, 3600, 100_000)

    assert price.amount_micros == 100_000
    assert [(line.feature, line.amount_micros) for line in price.lines] == [(STANDARD, 140_000), (None, -40_000)]


# Dollars and micro-dollars


@given(st.integers(-(10**14), 10**14))
@example(1)
@example(10)
@example(-1)
def test_micro_dollars_survive_dollars_and_back(amount: int) -> None:
    assert micros(usd(amount)) == amount
    assert micros(str(Decimal(amount).scaleb(-6))) == amount


@pytest.mark.parametrize(
    ("dollars", "amount"),
    [
        ("0", 0),
        ("2.50", 2_500_000),
        (" 5 ", 5_000_000),
        (500, 500_000_000),
        ("-0.01", -10_000),
        (".5", 500_000),
        ("0.000001", 1),
        ("1.1000000", 1_100_000),
        (Decimal("19.99"), 19_990_000),
        (Decimal("1E+2"), 100_000_000),
        (0.1, 100_000),
    ],
)
def test_an_amount_in_dollars_is_read_exactly(dollars: object, amount: int) -> None:
    assert micros(dollars) == amount


@pytest.mark.parametrize(
    "dollars",
    [
        *("nan", "NaN", "inf", "-Infinity", "abc", "", " ", ".", "-", "1/3", "1/2", "1/0", "1,5", "1_000", "$5"),
        *("0x10", "1.0000001", "0.0000005", "1e-7", "1e30", "1e999999999", "9" * 20, "5 5", "٣"),
        *(float("nan"), float("inf"), Decimal("NaN"), Decimal("Infinity"), Decimal("0.0000001")),
        *(None, True, [], b"5"),
    ],
    ids=repr,
)
def test_what_is_no_amount_of_money_is_refused(dollars: object) -> None:
    with pytest.raises(ValueError):
        micros(dollars)


@pytest.mark.parametrize(
    ("amount", "dollars"), [(0, 0.0), (1, 0.000001), (10_000, 0.01), (2_500_000, 2.5), (-10_000, -0.01)]
)
def test_the_api_shows_dollars_with_six_decimals_at_most(amount: int, dollars: float) -> None:
    assert usd(amount) == dollars
