"""The part of a JSON schema that chat servers turn into a grammar the same way. Pure; called by `chat_model`.

vLLM answers `uniqueItems` with a 400 and llama.cpp does not hold number bounds, so what is sent has neither: a short
range of whole numbers becomes an enum. What is left out here still binds: answers are checked against the whole schema.
"""

from __future__ import annotations

from typing import Any

_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_LEFT_OUT = {*_BOUNDS, "uniqueItems", "contains", "minContains", "maxContains", "format", "$schema", "$id", "$comment"}
_ONE_SCHEMA = {"items", "additionalProperties", "not"}
_SCHEMAS = {"anyOf", "allOf", "oneOf", "prefixItems"}
_NAMED_SCHEMAS = {"properties", "$defs", "definitions"}
# A longer list of numbers is a heavier grammar than it is worth.
ENUM_MOST = 64


def portable(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that every answer of the given one satisfies, in keywords that all servers take."""
    sent = {key: _portable_value(key, value) for key, value in schema.items() if key not in _LEFT_OUT}
    numbers = _short_range(schema)
    return {**sent, "enum": numbers} if numbers and "enum" not in sent else sent


def _portable_value(key: str, value: Any) -> Any:
    if key in _ONE_SCHEMA and isinstance(value, dict):
        return portable(value)
    if key in _SCHEMAS:
        return [portable(each) if isinstance(each, dict) else each for each in value]
    if key in _NAMED_SCHEMAS:
        return {name: portable(each) if isinstance(each, dict) else each for name, each in value.items()}
    return value


def _short_range(schema: dict[str, Any]) -> list[int]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if schema.get("type") != "integer" or not isinstance(least, int) or not isinstance(most, int):
        return []
    return list(range(least, most + 1)) if most - least < ENUM_MOST else []
