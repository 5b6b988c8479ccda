"""Checks of one JSON value in one named place, each refused with a sentence that names the place and what is accepted.

What a request or a field may hold does not live here. Called by `analytics.requests` and `analytics.fields`. A place is
a path such as `analytics.schema.fields[2].options[0].code`; it is built from known names and positions, never input.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence

# Keys, codes and version strings: long enough for any name, short enough for a column heading.
IDENTIFIER_CHARACTERS = 100

_SHOWN_CHARACTERS = 60


class InvalidAnalytics(Exception):
    """A malformed analytics request: `message` is a whole sentence for the caller, `field` the place it is about."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


def members(value: object, place: str, accepted: Sequence[str]) -> dict[str, object]:
    """The members of an object that are present; null counts as absent, a member that is not accepted is refused."""
    if not isinstance(value, dict):
        raise InvalidAnalytics(f"{place} must be a JSON object, not {shown(value)}.", place)
    for name in value:
        if name not in accepted:
            raise InvalidAnalytics(
                f"{place} has an unknown member {shown(name)}; accepted members: {', '.join(accepted)}.", place
            )
    return {name: member for name, member in value.items() if member is not None}


def required(present: dict[str, object], name: str, place: str) -> object:
    """The named member of an object; refused when absent or null."""
    if name not in present:
        raise InvalidAnalytics(f"{place}.{name} is required.", f"{place}.{name}")
    return present[name]


def items(value: object, place: str, most: int) -> list[object]:
    """A list of at most `most` items."""
    if not isinstance(value, list):
        raise InvalidAnalytics(f"{place} must be a list, not {shown(value)}.", place)
    if len(value) > most:
        raise InvalidAnalytics(f"{place} has {len(value)} items; at most {most} are accepted.", place)
    return value


def choice(value: object, place: str, accepted: Sequence[str]) -> str:
    """One of a closed set of strings, compared exactly."""
    if not isinstance(value, str) or value not in accepted:
        raise InvalidAnalytics(f"{place} must be one of {', '.join(accepted)}, not {shown(value)}.", place)
    return value


def text(value: object, place: str, most: int, *, multiline: bool = False) -> str:
    """Text of 1 to `most` characters once trimmed, free of what a database or a JSON encoder can't hold.

    NUL can't be stored and half a surrogate pair can't be encoded; other control characters have no place in a label.
    """
    if not isinstance(value, str):
        raise InvalidAnalytics(f"{place} must be a string, not {shown(value)}.", place)
    trimmed = value.strip()
    if not trimmed:
        raise InvalidAnalytics(f"{place} must not be empty.", place)
    if len(trimmed) > most:
        raise InvalidAnalytics(f"{place} is {len(trimmed)} characters long; at most {most} are accepted.", place)
    allowed = "\n\r\t" if multiline else ""
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in allowed for char in trimmed):
        raise InvalidAnalytics(f"{place} must not contain control characters or unpaired surrogates.", place)
    return trimmed


def identifier(value: object, place: str, pattern: re.Pattern[str], rule: str) -> str:
    """A string that matches `pattern` whole; `rule` says the pattern in words and completes "… must"."""
    if not isinstance(value, str) or len(value) > IDENTIFIER_CHARACTERS or not pattern.fullmatch(value):
        raise InvalidAnalytics(
            f"{place} must {rule}, at most {IDENTIFIER_CHARACTERS} characters, not {shown(value)}.", place
        )
    return value


def integer(value: object, place: str, least: int, most: int) -> int:
    """An integer from `least` to `most`; `true` and `1.0` are not integers."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidAnalytics(f"{place} must be an integer from {least} to {most}, not {shown(value)}.", place)
    return value


def boolean(value: object, place: str) -> bool:
    """JSON true or false, nothing that merely looks like them."""
    if not isinstance(value, bool):
        raise InvalidAnalytics(f"{place} must be true or false, not {shown(value)}.", place)
    return value


def shown(value: object) -> str:
    """A refused value as a sentence can quote it: short, on one line, encodable, never a whole structure."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 64 else "a very large number"
    if isinstance(value, float):
        return repr(value)
    if not isinstance(value, str):
        return f"a {type(value).__name__}"
    quoted = json.dumps(value[:_SHOWN_CHARACTERS], ensure_ascii=False)
    if len(value) > _SHOWN_CHARACTERS:
        quoted = f"{quoted[:-1]}…{quoted[-1]}"
    return quoted.encode("utf-8", "backslashreplace").decode("utf-8")
