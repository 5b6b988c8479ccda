"""The kinds of field that a request may have, each with its sentences for what it refuses. Which request has which:
jobs.api.serializers and jobs.api.voices.
"""

import contextlib
import json
import unicodedata
import uuid
from collections.abc import Iterable
from typing import Any

import orjson
from rest_framework import serializers

from accounts import limits
from accounts.api.authentication import account_of
from analytics.models import SavedSchema
from analytics.requests import AnalyticsRequest, InvalidAnalytics, parse_request
from jobs.pipeline.pii_types import TYPES

_TRUE, _FALSE = {"true", "1", "on"}, {"false", "0", "off"}


class Flag(serializers.Field):
    """true/false/1/0/on/off in any case."""

    def to_internal_value(self, data: Any) -> bool:
        text = str(data).strip().lower() if isinstance(data, str | bool | int) else ""
        if text not in _TRUE | _FALSE:
            raise serializers.ValidationError(f"{self.field_name} must be true or false (also 1, 0, on, off).")
        return text in _TRUE


class Choice(serializers.Field):
    """One of a few words, in any case."""

    def __init__(self, choices: tuple[str, ...], **kwargs: Any) -> None:
        self.choices = choices
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = data.strip().lower() if isinstance(data, str) else ""
        if text not in self.choices:
            raise serializers.ValidationError(f"{self.field_name} must be one of: {', '.join(self.choices)}.")
        return text


class Text(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.error_messages["invalid"] = "must be a string."


class WholeNumber(serializers.IntegerField):
    """A whole number between two others, both included."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:
        message = f"must be a whole number from {least} to {most}."
        messages: dict[str, Any] = dict.fromkeys(("invalid", "min_value", "max_value", "max_string_length"), message)
        super().__init__(min_value=least, max_value=most, error_messages=messages, **kwargs)


class Recording(serializers.FileField):
    default_error_messages = {
        "invalid": "audio_file must be a file part of a multipart/form-data body.",
        "no_name": "audio_file must have a file name.",
        "empty": "audio_file is empty: the file has no bytes.",
        "max_length": "audio_file's name is too long.",
    }


class Analytics(serializers.Field):
    """A JSON string (multipart and form posts) or an object (JSON posts); empty requests become None.

    A `schema` of `{"id": …}` stands for one that the account has saved: the request holds its fields.
    """

    default_error_messages = {
        "unknown_schema": "analytics.schema.id must be the id of a saved schema of this account: "
        "GET /account/schemas lists them.",
        "more_than_id": "analytics.schema with an id is a saved schema, and has no other members: leave out {names}.",
    }

    def to_internal_value(self, data: Any) -> AnalyticsRequest | None:
        document = _decoded(data)
        schema = document.get("schema") if isinstance(document, dict) else None
        if isinstance(schema, dict) and schema.get("id") is not None:
            data = {**document, "schema": self._saved(schema)}
        try:
            return parse_request(data)
        except InvalidAnalytics as error:
            raise serializers.ValidationError(str(error)) from None

    def _saved(self, schema: dict[str, Any]) -> dict[str, Any]:
        others = [repr(name[:60]) for name, value in schema.items() if name != "id" and value is not None]
        if others:
            self.fail("more_than_id", names=", ".join(others[:5]))
        try:
            schema_id = uuid.UUID(schema["id"]) if isinstance(schema["id"], str) else None
        except ValueError:
            schema_id = None
        account = account_of(self.context["request"])
        saved = SavedSchema.objects.owned_by(account).filter(pk=schema_id).first() if schema_id else None
        if saved is None:
            self.fail("unknown_schema")
        return saved.schema


def _decoded(data: Any) -> Any:
    """The value of a JSON text; None for one that only `parse_request` can say what is wrong with."""
    if not isinstance(data, str):
        return data
    try:
        return json.loads(data, object_pairs_hook=_object_without_repeats)
    except (ValueError, RecursionError):
        return None


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member is there twice")
    return found


class PiiTypes(serializers.Field):
    """Which kinds of PII: a list of names in any case, or in forms a JSON array or names separated by commas."""

    def to_internal_value(self, data: Any) -> list[str]:
        names = dict.fromkeys(name.strip().upper() for name in self._listed(data) if name.strip())
        unknown = [name for name in names if name not in TYPES]
        if unknown:
            raise serializers.ValidationError(
                f"pii_types names '{unknown[0][:40]}', which is not known. Use any of: {', '.join(TYPES)}."
            )
        return list(names)

    def _listed(self, data: Any) -> list[str]:
        if isinstance(data, str) and data.lstrip().startswith("["):
            with contextlib.suppress(orjson.JSONDecodeError):
                data = orjson.loads(data)
        if isinstance(data, str):
            return data.split(",")
        if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
            raise serializers.ValidationError("pii_types must be a list of names (in a form, separated by commas).")
        return data


class Keyterms(serializers.Field):
    """Names and jargon: a list of strings, or in forms a JSON array or terms separated by commas or lines.

    Space around a term and inside it is tidied; empty terms and repetitions are left out.
    """

    default_error_messages = {
        "shape": "keyterms must be a list of strings (in a form: a JSON array, or terms separated by commas).",
        "many": f"keyterms holds {{count}} terms; at most {limits.KEYTERMS_MAX} are accepted.",
        "long": f"keyterms has a term of {{length}} characters ('{{start}}…'); a term may have at most "
        f"{limits.KEYTERM_CHARACTERS_MAX}.",
        "control": "keyterms has a term with a control character in it ('{start}…'). Send plain text.",
    }

    def to_internal_value(self, data: Any) -> list[str]:
        terms = dict.fromkeys(term for term in map(self._tidy, self._listed(data)) if term)
        if len(terms) > limits.KEYTERMS_MAX:
            self.fail("many", count=len(terms))
        return list(terms)

    def _listed(self, data: Any) -> Iterable[Any]:
        if isinstance(data, str) and data.lstrip().startswith("["):
            try:
                data = orjson.loads(data)
            except orjson.JSONDecodeError:
                self.fail("shape")
        if isinstance(data, str):
            return data.replace("\n", ",").split(",")
        if not isinstance(data, list):
            self.fail("shape")
        return data

    def _tidy(self, term: Any) -> str:
        if not isinstance(term, str):
            self.fail("shape")
        tidy = " ".join(term.split())
        if len(tidy) > limits.KEYTERM_CHARACTERS_MAX:
            self.fail("long", length=len(tidy), start=tidy[:20])
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in tidy):
            self.fail("control", start="".join(filter(str.isprintable, tidy))[:20])
        return tidy
