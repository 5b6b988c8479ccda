"""The rules of a single custom field in `analytics.schema.fields`, each refused in the place of the mistake."""

from __future__ import annotations

import pytest

from analytics.requests import InvalidAnalytics, parse_request

BOOLEAN = {"key": "resolved", "label": "Resolved", "type": "boolean"}
RATING = {"key": "mood", "label": "Mood", "type": "rating"}
SELECT = {"key": "reason", "label": "Reason", "type": "single_select", "options": [{"code": "A"}, {"code": "B"}]}


def normalised(*fields: dict) -> list[dict]:
    request = parse_request({"schema": {"fields": list(fields)}})
    assert request is not None
    return request.normalised()["custom_schema"]["fields"]


def refusal(*fields: object) -> InvalidAnalytics:
    with pytest.raises(InvalidAnalytics) as caught:
        parse_request({"schema": {"fields": list(fields)}})
    assert caught.value.message.startswith(caught.value.field)
    return caught.value


def without(field: dict, name: str) -> dict:
    return {key: value for key, value in field.items() if key != name}


def select(*options: object) -> dict:
    return SELECT | {"options": list(options)}


def test_the_callers_fields_are_shown_with_their_defaults_filled_in():
    assert normalised(BOOLEAN | {"description": " Was it solved? "}, RATING, SELECT | {"required": True}) == [
        {
            "key": "resolved",
            "label": "Resolved",
            "type": "boolean",
            "description": "Was it solved?",
            "required": False,
        },
        {"key": "mood", "label": "Mood", "type": "rating", "required": False, "min": 1, "max": 5},
        {
            "key": "reason",
            "label": "Reason",
            "type": "single_select",
            "required": True,
            "options": [{"id": 1, "code": "A", "label": "A"}, {"id": 2, "code": "B", "label": "B"}],
        },
    ]


def test_null_members_count_as_absent():
    assert normalised(RATING | {"description": None, "options": None, "min": None}) == normalised(RATING)


@pytest.mark.parametrize("field", [None, "mood", 1, []])
def test_a_field_that_is_not_an_object_is_refused(field):
    assert refusal(BOOLEAN, field).field == "analytics.schema.fields[1]"


@pytest.mark.parametrize("name", ["key", "label", "type"])
def test_key_label_and_type_are_required(name):
    error = refusal(without(BOOLEAN, name))
    assert error.message == f"analytics.schema.fields[0].{name} is required."


# Keys


@pytest.mark.parametrize("key", ["a", "call_reason", "a1_", "x" * 100])
def test_snake_case_keys_are_accepted(key):
    assert normalised(BOOLEAN | {"key": key})[0]["key"] == key


@pytest.mark.parametrize("key", ["", "Call", "1a", "_a", "a-b", "a b", "é", "a\n", "x" * 101, 1, True, ["a"]])
def test_keys_that_are_not_snake_case_are_refused(key):
    error = refusal(BOOLEAN | {"key": key})
    assert error.field == "analytics.schema.fields[0].key"
    assert "start with a lowercase letter" in error.message


def test_a_key_used_twice_is_refused_at_the_second_place():
    error = refusal(BOOLEAN, SELECT, BOOLEAN)
    assert error.field == "analytics.schema.fields[2].key"
    assert "already the key of fields[0]" in error.message


# Labels, types, descriptions, required


@pytest.mark.parametrize("label", ["", "   ", 1, True, {}, "x" * 201, "a\nb", "a\x00b", "\ud800"])
def test_labels_that_are_no_line_of_at_most_200_characters_are_refused(label):
    assert refusal(BOOLEAN | {"label": label}).field == "analytics.schema.fields[0].label"


def test_a_label_of_200_characters_is_accepted():
    assert normalised(BOOLEAN | {"label": "é" * 200})[0]["label"] == "é" * 200


@pytest.mark.parametrize("type_", ["text", "Boolean", 1, True, []])
def test_an_unknown_type_is_refused_with_the_accepted_ones(type_):
    error = refusal(BOOLEAN | {"type": type_})
    assert error.field == "analytics.schema.fields[0].type"
    assert "must be one of single_select, multi_select, boolean, rating, not " in error.message


def test_a_description_of_1000_characters_may_have_several_lines():
    description = "line\n" * 199 + "12345"
    assert normalised(BOOLEAN | {"description": description})[0]["description"] == description


@pytest.mark.parametrize("description", ["x" * 1001, 1, False, [], "a\x00"])
def test_descriptions_that_are_no_text_of_at_most_1000_characters_are_refused(description):
    assert refusal(BOOLEAN | {"description": description}).field == "analytics.schema.fields[0].description"


@pytest.mark.parametrize("required", [1, 0, "true", []])
def test_required_is_true_or_false(required):
    error = refusal(BOOLEAN | {"required": required})
    assert error.field == "analytics.schema.fields[0].required"
    assert "must be true or false" in error.message


def test_fifty_fields_are_accepted_and_fifty_one_refused():
    fields = [BOOLEAN | {"key": f"f{n}"} for n in range(51)]
    assert len(normalised(*fields[:50])) == 50
    error = refusal(*fields)
    assert error.message == "analytics.schema.fields has 51 items; at most 50 are accepted."


# Options


@pytest.mark.parametrize("type_", ["single_select", "multi_select"])
@pytest.mark.parametrize("options", [None, []])
def test_a_select_field_needs_options(type_, options):
    error = refusal(SELECT | {"type": type_, "options": options})
    assert error.field == "analytics.schema.fields[0].options"
    assert f"at least one option for a {type_} field" in error.message


@pytest.mark.parametrize("field", [BOOLEAN, RATING])
@pytest.mark.parametrize("options", [[], [{"code": "A"}]])
def test_options_are_refused_for_fields_that_are_no_select(field, options):
    error = refusal(field | {"options": options})
    assert error.field == "analytics.schema.fields[0].options"
    assert "only for fields of type single_select or multi_select" in error.message


def test_options_that_are_not_a_list_are_refused():
    assert refusal(SELECT | {"options": {"A": "a"}}).field == "analytics.schema.fields[0].options"


def test_an_option_that_is_not_an_object_is_refused():
    assert refusal(select({"code": "A"}, "B")).field == "analytics.schema.fields[0].options[1]"


def test_a_hundred_options_are_accepted_and_a_hundred_and_one_refused():
    options = [{"code": f"C{n}"} for n in range(101)]
    assert len(normalised(select(*options[:100]))[0]["options"]) == 100
    assert refusal(select(*options)).message.endswith("has 101 items; at most 100 are accepted.")


def test_omitted_option_ids_count_from_1_in_list_order():
    options = normalised(select({"code": "B"}, {"code": "A"}, {"code": "Z", "id": 40}, {"code": "C"}))[0]["options"]
    assert [(option["id"], option["code"]) for option in options] == [(1, "B"), (2, "A"), (40, "Z"), (4, "C")]


def test_an_omitted_option_label_is_the_code_in_sentence_case():
    option = normalised(select({"code": "CLAIM_STATUS"}))[0]["options"][0]
    assert option == {"id": 1, "code": "CLAIM_STATUS", "label": "Claim status"}


def test_an_option_code_is_required():
    error = refusal(BOOLEAN, RATING, select({"label": "Claim status"}))
    assert error.message == "analytics.schema.fields[2].options[0].code is required."


@pytest.mark.parametrize("code", ["", "claim", "Claim", "A B", "A-B", "_A", "É", "A\n", "X" * 101, 1, True])
def test_an_option_code_that_is_not_uppercase_is_refused(code):
    error = refusal(BOOLEAN, RATING, select({"code": code}))
    assert error.field == "analytics.schema.fields[2].options[0].code"
    assert "must be uppercase" in error.message


def test_an_option_code_used_twice_is_refused():
    error = refusal(select({"code": "A"}, {"code": "B"}, {"code": "A"}))
    assert error.field == "analytics.schema.fields[0].options[2].code"
    assert 'code "A" is already the code of options[0]' in error.message


@pytest.mark.parametrize("option_id", [True, "1", 1.0, -1, 2**31, []])
def test_an_option_id_that_is_no_small_integer_is_refused(option_id):
    error = refusal(select({"code": "A", "id": option_id}))
    assert error.field == "analytics.schema.fields[0].options[0].id"
    assert "must be an integer from 0 to 2147483647" in error.message


@pytest.mark.parametrize("second", [{"code": "B", "id": 2}, {"code": "B"}])
def test_an_option_id_used_twice_is_refused_also_when_one_is_implied(second):
    error = refusal(select({"code": "A", "id": 2}, second))
    assert error.field == "analytics.schema.fields[0].options[1].id"
    assert "id 2 is already the id of options[0]" in error.message


def test_the_same_option_codes_may_appear_in_two_fields():
    assert len(normalised(SELECT, SELECT | {"key": "other"})) == 2


@pytest.mark.parametrize("label", ["", 1, "x" * 201])
def test_an_option_label_that_is_no_text_of_at_most_200_characters_is_refused(label):
    assert refusal(select({"code": "A", "label": label})).field == "analytics.schema.fields[0].options[0].label"


# Ratings


@pytest.mark.parametrize(("least", "most"), [(0, 10), (-100, 100), (4, 5)])
def test_rating_bounds_are_kept(least, most):
    field = normalised(RATING | {"min": least, "max": most})[0]
    assert (field["min"], field["max"]) == (least, most)


@pytest.mark.parametrize("bound", [True, "1", 1.0, 101, -101, 10**400, float("inf"), []])
@pytest.mark.parametrize("name", ["min", "max"])
def test_a_rating_bound_that_is_no_sane_integer_is_refused(name, bound):
    error = refusal(RATING | {name: bound})
    assert error.field == f"analytics.schema.fields[0].{name}"
    assert "must be an integer from -100 to 100" in error.message


@pytest.mark.parametrize(
    ("bounds", "name"), [({"min": 3, "max": 3}, "min"), ({"min": 5}, "min"), ({"max": 1}, "max"), ({"max": -4}, "max")]
)
def test_a_rating_whose_min_is_not_below_its_max_is_refused(bounds, name):
    error = refusal(RATING | bounds)
    assert error.field == f"analytics.schema.fields[0].{name}"
    assert "must be below max" in error.message


@pytest.mark.parametrize("field", [BOOLEAN, SELECT])
@pytest.mark.parametrize("name", ["min", "max"])
def test_bounds_are_refused_for_fields_that_are_no_rating(field, name):
    error = refusal(field | {name: 1})
    assert error.field == f"analytics.schema.fields[0].{name}"
    assert "only for fields of type rating" in error.message
