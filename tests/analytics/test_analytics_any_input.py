"""Properties of the `analytics` parameter over generated input: never a crash, and a normalised form that is stable."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.fields import FIELD_TYPES
from analytics.requests import AnalyticsRequest, InvalidAnalytics, from_normalised, parse_request

# Slowness of the machine is not a failure of the parser.
on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
)


def some(**shapes):
    """An object with any subset of these members, now and then with a value of the wrong kind."""
    return st.fixed_dictionaries({}, optional={name: shape | json_values for name, shape in shapes.items()})


options = st.lists(
    some(id=st.integers(0, 9), code=st.from_regex(r"[A-Z]{1,3}", fullmatch=True), label=st.text(max_size=9)), max_size=3
)
fields = st.lists(
    some(
        key=st.from_regex(r"[a-z]{1,3}", fullmatch=True),
        label=st.text(max_size=9),
        type=st.sampled_from(FIELD_TYPES),
        description=st.text(max_size=9),
        required=st.booleans(),
        options=options,
        min=st.integers(-2, 9),
        max=st.integers(-2, 9),
    ),
    max_size=3,
)
near_requests = some(
    profile=st.sampled_from(["basic", "full", "none", "off", "x"]),
    domain=st.sampled_from(["insurance", "sales", "x"]),
    schema=some(schema_version=st.text(max_size=9), fields=fields),
)


@on_a_busy_machine
@given(json_values | near_requests)
def test_any_json_value_parses_or_is_refused_with_a_sentence(value):
    for sent in (value, json.dumps(value)):
        try:
            assert isinstance(parse_request(sent), AnalyticsRequest | None)
        except InvalidAnalytics as error:
            assert error.message.strip().endswith(".")
            assert error.field.startswith("analytics")
            error.message.encode("utf-8")


@on_a_busy_machine
@given(st.text())
def test_any_text_parses_or_is_refused_with_a_sentence(text):
    try:
        parse_request(text)
    except InvalidAnalytics as error:
        assert error.message.strip()


names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(str.strip)
valid_options = st.lists(
    st.fixed_dictionaries(
        {"code": st.from_regex(r"[A-Z0-9][A-Z0-9_]{0,5}", fullmatch=True)}, optional={"label": names}
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda option: option["code"],
)


def valid_field(type_, **members):
    optional = {"description": names | st.none(), "required": st.booleans()}
    key = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).map(lambda key: f"own_{key}")
    shape = {"key": key, "label": names, "type": st.just(type_)}
    if "options" in members:
        shape |= members
    else:
        optional |= members
    return st.fixed_dictionaries(shape, optional=optional)


valid_fields = st.lists(
    valid_field("boolean")
    | valid_field("rating", min=st.integers(-100, 4), max=st.integers(6, 100))
    | valid_field("single_select", options=valid_options)
    | valid_field("multi_select", options=valid_options),
    min_size=1,
    max_size=6,
    unique_by=lambda field: field["key"],
)
valid_requests = st.fixed_dictionaries(
    {"schema": st.fixed_dictionaries({"fields": valid_fields}, optional={"schema_version": names})},
    optional={
        "profile": st.sampled_from([None, "basic", "full", "none", "off"]),
        "domain": st.sampled_from([None, "insurance", "support", "sales", "healthcare", "financial_services"]),
    },
)


def as_request(normalised: dict) -> dict:
    """A normalised request written as a caller would send it."""
    custom = normalised["custom_schema"]
    request = {"profile": normalised["profile"]}
    if custom is not None:
        schema = {"schema_version": custom["schema_version"], "fields": custom["fields"]}
        request |= {"domain": custom["domain"], "schema": schema}
    return request


@on_a_busy_machine
@given(valid_requests)
def test_a_normalised_request_parses_again_to_the_same_request(value):
    request = parse_request(value)
    again = parse_request(json.dumps(as_request(request.normalised())))
    assert again == request
    assert again.normalised() == request.normalised()
    assert parse_request(json.dumps(value)) == request


@on_a_busy_machine
@given(valid_requests, st.booleans())
def test_a_request_comes_back_from_the_row_of_its_job(value, diarization):
    request = parse_request(value)
    stored = json.loads(json.dumps(request.normalised(diarization=diarization)))
    again = from_normalised(stored)
    assert again == request
    assert again.asked_fields == request.asked_fields
    assert again.normalised(diarization=diarization) == stored
