"""The `analytics` parameter: what asks for nothing, what a profile and a domain become, what is refused and how."""

from __future__ import annotations

import json

import pytest

from analytics.catalogue import pack
from analytics.requests import InvalidAnalytics, from_normalised, parse_request

FIELD = {"key": "mood", "label": "Mood", "type": "boolean"}


def refusal(value: object) -> InvalidAnalytics:
    with pytest.raises(InvalidAnalytics) as caught:
        parse_request(value)
    return caught.value


# What asks for no analytics


@pytest.mark.parametrize(
    "value",
    [None, "", "  ", "null", "{}", {}, '{"profile":"none"}', {"profile": "off"}, {"profile": None, "schema": None}],
)
def test_nothing_asked_is_no_analytics(value):
    assert parse_request(value) is None


# Profiles


def test_a_full_profile_with_a_domain_becomes_the_documented_object():
    request = parse_request('{"profile":"full","domain":"insurance"}')
    assert request.normalised(diarization=True) == {
        "profile": "full",
        "tier": "deep",
        "modules": [
            "summary",
            "sentiment",
            "key_topics",
            "action_items",
            "qa",
            "decisions",
            "risks",
            "missed_opportunities",
            "urgency",
            "chapters",
            "keywords",
            "statistics",
            "speaker_stats",
        ],
        "custom_schema": {"domain": "insurance", "schema_version": "2026-05-31", "fields": []},
    }


def test_a_basic_profile_alone_has_the_fast_tier_and_no_custom_schema():
    request = parse_request({"profile": "basic"})
    assert request.normalised(diarization=True) == {
        "profile": "basic",
        "tier": "fast",
        "modules": ["summary", "sentiment", "key_topics", "statistics", "speaker_stats", "chapters", "keywords"],
        "custom_schema": None,
    }
    assert not request.custom


@pytest.mark.parametrize("profile", ["basic", "full"])
def test_speaker_stats_are_not_asked_without_diarization(profile):
    assert "speaker_stats" not in parse_request({"profile": profile}).normalised(diarization=False)["modules"]


@pytest.mark.parametrize("profile", [None, "none", "off"])
def test_a_custom_only_request_has_no_profile_no_tier_and_no_modules(profile):
    request = parse_request({"profile": profile, "domain": "sales"})
    assert request.custom
    assert request.normalised(diarization=True) == {
        "profile": None,
        "tier": None,
        "modules": [],
        "custom_schema": {"domain": "sales", "schema_version": "2026-05-31", "fields": []},
    }


@pytest.mark.parametrize("profile", ["deep", "Full", "", 1, True, ["full"]])
def test_an_unknown_profile_is_refused_with_the_accepted_ones(profile):
    error = refusal({"profile": profile})
    assert error.field == "analytics.profile"
    assert error.message.startswith("analytics.profile must be one of basic, full, none, off, not ")


# Domains and schema


@pytest.mark.parametrize("domain", ["insurance", "support", "sales", "healthcare", "financial_services"])
def test_each_documented_domain_is_accepted(domain):
    assert parse_request({"domain": domain}).domain == domain


@pytest.mark.parametrize("domain", ["banking", "", "Insurance", 3, {}])
def test_an_unknown_domain_is_refused_with_the_accepted_ones(domain):
    error = refusal({"domain": domain})
    assert error.field == "analytics.domain"
    assert "insurance, support, sales, healthcare, financial_services" in error.message


def test_the_callers_schema_version_wins():
    request = parse_request({"domain": "support", "schema": {"schema_version": "v7", "fields": []}})
    assert request.normalised()["custom_schema"]["schema_version"] == "v7"


@pytest.mark.parametrize("version", ["", 7, True, "x" * 101, "a\x00b"])
def test_a_schema_version_that_is_no_short_text_is_refused(version):
    assert (
        refusal({"schema": {"schema_version": version, "fields": [FIELD]}}).field == "analytics.schema.schema_version"
    )


@pytest.mark.parametrize("schema", [{}, {"fields": []}, {"fields": None}, {"schema_version": "v7"}])
def test_a_schema_without_fields_needs_a_domain(schema):
    error = refusal({"profile": "full", "schema": schema})
    assert error.field == "analytics.schema.fields"
    assert "at least one field unless analytics.domain" in error.message
    assert parse_request({"domain": "sales", "schema": schema}).fields == ()


def test_a_callers_field_may_not_reuse_a_key_of_the_requested_pack():
    field = FIELD | {"key": "call_reason"}
    error = refusal({"domain": "insurance", "schema": {"fields": [FIELD, field]}})
    assert error.field == "analytics.schema.fields[1].key"
    assert "already a field of the insurance pack" in error.message
    assert parse_request({"domain": "sales", "schema": {"fields": [field]}}).fields[0].key == "call_reason"


# What is asked of a transcript


def test_the_asked_fields_are_the_domains_then_the_callers_own():
    request = parse_request({"domain": "sales", "schema": {"fields": [FIELD]}})
    keys = [field.key for field in request.asked_fields]
    assert keys == [*pack("sales").keys, "mood"]
    assert [field.key for field in request.fields] == ["mood"]


def test_a_profile_alone_asks_no_fields():
    assert parse_request({"profile": "full"}).asked_fields == ()


@pytest.mark.parametrize("profile", ["basic", "full"])
def test_a_profile_comes_back_from_the_row_of_its_job(profile):
    request = parse_request({"profile": profile})
    assert from_normalised(request.normalised(diarization=True)) == request


# Shapes


@pytest.mark.parametrize("value", [[], "[]", 5, "5", True, '"full"', 1.5, b"{}"])
def test_what_is_not_an_object_is_refused(value):
    error = refusal(value)
    assert error.field == "analytics"
    assert error.message.startswith("analytics must be a JSON object, not ")


@pytest.mark.parametrize(
    "value", ["full", "{", '{"profile":}', '{"profile":"full"} x', "{'profile':'full'}", '{"a":NaN}']
)
def test_what_is_not_json_is_refused(value):
    error = refusal(value)
    assert error.field == "analytics"
    assert error.message.startswith("analytics is not valid JSON")


def test_a_json_mistake_is_located():
    assert "line 1, column 12" in refusal('{"profile":}').message


def test_a_member_written_twice_is_refused():
    assert 'the member "profile" twice' in refusal('{"profile":"basic","profile":"full"}').message


@pytest.mark.parametrize(
    ("value", "place", "accepted"),
    [
        ({"profil": "full"}, "analytics", "profile, domain, schema"),
        ({"schema": {"feilds": []}}, "analytics.schema", "schema_version, fields"),
        (
            {"schema": {"fields": [FIELD, FIELD | {"hint": "x"}]}},
            "analytics.schema.fields[1]",
            "key, label, type, description, required, options, min, max",
        ),
        (
            {"schema": {"fields": [FIELD | {"type": "single_select", "options": [{"code": "A", "x": 1}]}]}},
            "analytics.schema.fields[0].options[0]",
            "id, code, label",
        ),
    ],
)
def test_an_unknown_member_is_refused_at_every_level_with_the_accepted_ones(value, place, accepted):
    error = refusal(value)
    assert error.field == place
    assert error.message.startswith(f"{place} has an unknown member ")
    assert error.message.endswith(f"accepted members: {accepted}.")


@pytest.mark.parametrize("schema", [[], "x", 1, True])
def test_a_schema_that_is_not_an_object_is_refused(schema):
    assert refusal({"schema": schema}).field == "analytics.schema"


@pytest.mark.parametrize("fields", [{}, "x", 1, False])
def test_fields_that_are_not_a_list_are_refused(fields):
    assert refusal({"schema": {"fields": fields}}).field == "analytics.schema.fields"


# Hostile input


@pytest.mark.parametrize("opening", ["[", '{"schema":', '{"schema":{"fields":['])
def test_deep_nesting_is_refused_without_a_crash(opening):
    assert refusal(opening * 100_000).field == "analytics"


def test_a_deeply_nested_object_that_was_already_parsed_is_refused_without_a_crash():
    deep: dict = {}
    for _ in range(100_000):
        deep = {"schema": deep}
    assert refusal(deep).field == "analytics.schema"


def test_a_huge_text_is_refused_before_it_is_parsed():
    assert "at most 1,000,000" in refusal('{"profile":"' + "x" * 1_000_000 + '"}').message


def test_the_size_limit_holds_for_an_object_too():
    options = [{"id": n, "code": f"{n}_{'C' * 90}", "label": "é" * 200} for n in range(100)]
    fields = [{"key": f"f{n}", "label": "x", "type": "multi_select", "options": options} for n in range(50)]
    assert "at most 1,000,000" in refusal({"schema": {"fields": fields}}).message


def test_fifty_fields_of_a_hundred_options_fit():
    options = [{"id": n, "code": f"OPTION_{n}", "label": f"Option {n}"} for n in range(100)]
    fields = [{"key": f"f{n}", "label": "x", "type": "multi_select", "options": options} for n in range(50)]
    text = json.dumps({"schema": {"fields": fields}}, indent=None)
    assert len(text) < 300_000
    assert len(parse_request(text).fields) == 50


def test_a_number_of_ten_thousand_digits_is_refused():
    assert "too many digits" in refusal('{"profile":' + "9" * 10_000 + "}").message


def test_a_refused_value_is_quoted_short_on_one_line_and_encodable():
    message = refusal({"profile": "\ud800\n\x00" + "x" * 10_000}).message
    assert len(message) < 200
    assert message.isprintable()
    message.encode("utf-8")
