"""A custom field: what one may hold, its limits, and the reading of a `schema.fields` list.

How a field is asked of a transcript does not live here, nor where the list comes from. Called by `analytics.requests`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.checks import (
    InvalidAnalytics,
    boolean,
    choice,
    identifier,
    integer,
    items,
    members,
    required,
    shown,
    text,
)

FIELD_TYPES = ("single_select", "multi_select", "boolean", "rating")
SELECT_TYPES = ("single_select", "multi_select")

MOST_FIELDS = 50
MOST_OPTIONS = 100
LABEL_CHARACTERS = 200
DESCRIPTION_CHARACTERS = 1_000

# A model's answer is held to an enumeration of every rating, so the range stays one that can be enumerated.
RATING_LEAST, RATING_MOST = -100, 100
DEFAULT_MIN, DEFAULT_MAX = 1, 5
# Ids travel through clients that keep 32-bit integers.
OPTION_ID_MOST = 2**31 - 1

_FIELD_MEMBERS = ("key", "label", "type", "description", "required", "options", "min", "max")
_OPTION_MEMBERS = ("id", "code", "label")
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_KEY_RULE = "start with a lowercase letter and hold only lowercase letters, digits and underscores"
_CODE = re.compile(r"[A-Z0-9][A-Z0-9_]*")
_CODE_RULE = "be uppercase: letters A-Z, digits and underscores, not starting with an underscore"


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a select field; id and code are unique within the field."""

    id: int
    code: str
    label: str


@dataclass(frozen=True, slots=True)
class CustomField:
    """One field to extract. `options` is empty but for select types; `min` and `max` are None but for ratings."""

    key: str
    label: str
    type: str
    description: str | None = None
    required: bool = False
    options: tuple[Option, ...] = ()
    min: int | None = None
    max: int | None = None

    def as_json(self) -> dict[str, object]:
        """The field as a request would define it, defaults filled in; `read_fields` reads it to an equal field."""
        shape: dict[str, object] = {"key": self.key, "label": self.label, "type": self.type}
        if self.description is not None:
            shape["description"] = self.description
        shape["required"] = self.required
        if self.type in SELECT_TYPES:
            shape["options"] = [
                {"id": option.id, "code": option.code, "label": option.label} for option in self.options
            ]
        if self.type == "rating":
            shape |= {"min": self.min, "max": self.max}
        return shape


def read_fields(value: object, place: str) -> tuple[CustomField, ...]:
    """The fields of a JSON list, in its order; raises InvalidAnalytics at the first mistake."""
    fields: list[CustomField] = []
    positions: dict[str, int] = {}
    for index, item in enumerate(items(value, place, MOST_FIELDS)):
        field = _read_field(item, f"{place}[{index}]")
        if field.key in positions:
            repeated, first = f"{place}[{index}].key", positions[field.key]
            raise InvalidAnalytics(
                f"{repeated} {shown(field.key)} is already the key of fields[{first}]; keys must differ.", repeated
            )
        positions[field.key] = index
        fields.append(field)
    return tuple(fields)


def _read_field(value: object, place: str) -> CustomField:
    present = members(value, place, _FIELD_MEMBERS)
    key = identifier(required(present, "key", place), f"{place}.key", _KEY, _KEY_RULE)
    label = text(required(present, "label", place), f"{place}.label", LABEL_CHARACTERS)
    type_ = choice(required(present, "type", place), f"{place}.type", FIELD_TYPES)
    description = present.get("description")
    if description is not None:
        description = text(description, f"{place}.description", DESCRIPTION_CHARACTERS, multiline=True)
    least, most = _read_bounds(present, place, type_)
    return CustomField(
        key=key,
        label=label,
        type=type_,
        description=description,
        required=boolean(present.get("required", False), f"{place}.required"),
        options=_read_options(present, place, type_),
        min=least,
        max=most,
    )


def _read_bounds(present: dict[str, object], place: str, type_: str) -> tuple[int, int] | tuple[None, None]:
    if type_ != "rating":
        for name in ("min", "max"):
            _refuse_member_of_other_type(present, name, place, type_, ("rating",))
        return None, None
    least = integer(present.get("min", DEFAULT_MIN), f"{place}.min", RATING_LEAST, RATING_MOST)
    most = integer(present.get("max", DEFAULT_MAX), f"{place}.max", RATING_LEAST, RATING_MOST)
    if least >= most:
        # Name the member that the caller wrote: the other one may be a default.
        wrong = f"{place}.min" if "min" in present else f"{place}.max"
        raise InvalidAnalytics(
            f"{wrong} leaves no range: min ({least}) must be below max ({most}); "
            f"the defaults are {DEFAULT_MIN} and {DEFAULT_MAX}.",
            wrong,
        )
    return least, most


def _read_options(present: dict[str, object], place: str, type_: str) -> tuple[Option, ...]:
    if type_ not in SELECT_TYPES:
        _refuse_member_of_other_type(present, "options", place, type_, SELECT_TYPES)
        return ()
    place = f"{place}.options"
    listed = items(present.get("options", []), place, MOST_OPTIONS)
    if not listed:
        raise InvalidAnalytics(f"{place} must list at least one option for a {type_} field.", place)
    options = tuple(_read_option(item, f"{place}[{index}]", index + 1) for index, item in enumerate(listed))
    _refuse_repeats([option.code for option in options], place, "code", "codes must differ")
    _refuse_repeats(
        [option.id for option in options],
        place,
        "id",
        "ids must differ, and an omitted id is the option's position counted from 1",
    )
    return options


def _read_option(value: object, place: str, position: int) -> Option:
    present = members(value, place, _OPTION_MEMBERS)
    code = identifier(required(present, "code", place), f"{place}.code", _CODE, _CODE_RULE)
    return Option(
        id=integer(present.get("id", position), f"{place}.id", 0, OPTION_ID_MOST),
        code=code,
        # A label left out is the code in sentence case, as in the built-in packs.
        label=text(
            present.get("label", code.replace("_", " ").strip().capitalize()), f"{place}.label", LABEL_CHARACTERS
        ),
    )


def _refuse_repeats(values: Sequence[str | int], place: str, name: str, rule: str) -> None:
    first: dict[str | int, int] = {}
    for index, value in enumerate(values):
        if value in first:
            repeated = f"{place}[{index}].{name}"
            raise InvalidAnalytics(
                f"{repeated} {shown(value)} is already the {name} of options[{first[value]}]; {rule}.", repeated
            )
        first[value] = index


def _refuse_member_of_other_type(
    present: dict[str, object], name: str, place: str, type_: str, types: tuple[str, ...]
) -> None:
    if name in present:
        raise InvalidAnalytics(
            f"{place}.{name} is accepted only for fields of type {' or '.join(types)}, and this one is {type_}.",
            f"{place}.{name}",
        )
