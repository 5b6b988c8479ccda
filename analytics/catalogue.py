"""The built-in domain packs: `packs/*.yaml`, read, validated and indexed. What a pack asks is data, not code.

A pack's field is a custom field like a caller's own, with more beside it for the analyst: guidance, example phrases an
answer, near misses, and whose words count. Keys, codes and labels are promised to be stable. Called by
`analytics.requests`, the list of packs, `manage.py check_packs` and the analysts.
"""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from analytics.checks import InvalidAnalytics
from analytics.fields import CustomField, read_fields

# In the order of the published catalogue.
DOMAINS = ("insurance", "support", "sales", "healthcare", "financial_services")
SCHEMA_VERSION = "2026-05-31"
ENGLISH = "en"
# Fewer teach the classifier nothing.
LEAST_EXAMPLES = 5

Voice = Literal["customer", "agent", "anyone"]
Where = Literal["opening", "anywhere", "closing"]
Value = StrictBool | StrictInt | str


class InvalidPack(Exception):
    """A pack's file is wrong; the message names the file, the place and the rule."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something people say, and its language."""

    text: str
    language: str = ENGLISH


def _phrase(value: object) -> Phrase:
    """A bare string is English, `{fr: …}` says its language."""
    if isinstance(value, str) and value.strip():
        return Phrase(value.strip())
    if isinstance(value, dict) and len(value) == 1:
        [(language, text)] = value.items()
        if isinstance(language, str) and len(language) == 2 and isinstance(text, str) and text.strip():
            return Phrase(text.strip(), language)
    raise ValueError("must be a phrase, or one language code with a phrase")


Phrases = tuple[Annotated[Phrase, BeforeValidator(_phrase)], ...]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class _Option(_Strict):
    code: str
    label: str | None = None
    guidance: str = Field(min_length=1)
    examples: Phrases = Field(min_length=LEAST_EXAMPLES)


class _Answer(_Strict):
    value: StrictBool | StrictInt
    guidance: str = ""
    examples: Phrases = Field(min_length=1)


class _Field(_Strict):
    key: str
    label: str
    type: str
    required: StrictBool = False
    description: str | None = None
    min: StrictInt | None = None
    max: StrictInt | None = None
    guidance: str = Field(min_length=1)
    voice: Voice = "anyone"
    where: Where = "anywhere"
    options: tuple[_Option, ...] = ()
    answers: tuple[_Answer, ...] = ()
    none: Phrases = Field(min_length=LEAST_EXAMPLES)


class _WorkedExample(_Strict):
    title: str
    language: str
    lines: tuple[str, ...] = Field(min_length=2)
    expects: dict[str, Any]


class _File(_Strict):
    domain: str
    label: str
    description: str
    schema_version: str
    fields: tuple[_Field, ...] = Field(min_length=1)
    worked_examples: tuple[_WorkedExample, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class PackAnswer:
    """One answer of a field: an option's code, a rating or a boolean, and phrases that show it."""

    value: Value
    guidance: str
    examples: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class PackField:
    """A field with what the analyst needs to decide it. `none`: phrases that are near and show nothing."""

    field: CustomField
    guidance: str
    voice: Voice
    where: Where
    answers: tuple[PackAnswer, ...]
    none: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """A short conversation, lines as "SPEAKER_00: …", and the fields whose answer is beyond doubt (None: no match)."""

    title: str
    language: str
    lines: tuple[tuple[str, str], ...]
    expects: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pack:
    domain: str
    label: str
    description: str
    schema_version: str
    fields: tuple[PackField, ...]
    worked_examples: tuple[WorkedExample, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(field.field.key for field in self.fields)

    def as_json(self) -> dict[str, Any]:
        """What the list of packs shows: the published catalogue, without what only the analyst needs."""
        return {
            "domain": self.domain,
            "label": self.label,
            "description": self.description,
            "schema_version": self.schema_version,
            "fields": [field.field.as_json() for field in self.fields],
        }


@functools.cache
def pack(domain: str) -> Pack:
    """The pack of one of DOMAINS; raises InvalidPack when its file is wrong."""
    text = (importlib.resources.files("analytics") / "packs" / f"{domain}.yaml").read_text(encoding="utf-8")
    found = read_pack(text, f"{domain}.yaml")
    if found.domain != domain:
        raise InvalidPack(f"{domain}.yaml: domain must be {domain}, as the file is named.")
    return found


def packs() -> Iterator[Pack]:
    """Every pack, in the published order."""
    return map(pack, DOMAINS)


def read_pack(text: str, name: str) -> Pack:
    """The pack in a YAML text; raises InvalidPack with the first mistake, `name` standing for the file."""
    try:
        file = _File.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise InvalidPack(f"{name}: not YAML ({' '.join(str(error).split())}).") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidPack(f"{name}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    try:
        fields = read_fields([_definition(field) for field in file.fields], "fields")
    except InvalidAnalytics as error:
        raise InvalidPack(f"{name}: {error.message}") from None
    asked = tuple(_pack_field(field, own, name) for field, own in zip(fields, file.fields, strict=True))
    return Pack(
        domain=file.domain,
        label=file.label,
        description=file.description,
        schema_version=file.schema_version,
        fields=asked,
        worked_examples=tuple(_worked(example, asked, name) for example in file.worked_examples),
    )


def _definition(field: _Field) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "key": field.key,
        "label": field.label,
        "type": field.type,
        "description": field.description,
        "required": field.required,
        "min": field.min,
        "max": field.max,
    }
    if field.options:
        shape["options"] = [
            {"code": option.code, **({"label": option.label} if option.label else {})} for option in field.options
        ]
    return {name: value for name, value in shape.items() if value is not None}


def _pack_field(field: CustomField, own: _Field, name: str) -> PackField:
    answers = tuple(PackAnswer(it.code, it.guidance, it.examples) for it in own.options) + tuple(
        PackAnswer(it.value, it.guidance, it.examples) for it in own.answers
    )
    for answer in answers:
        if not is_answer(answer.value, field):
            raise InvalidPack(f"{name}: {field.key}: {answer.value!r} is no answer of a {field.type} field.")
    if len({answer.value for answer in answers}) != len(answers):
        raise InvalidPack(f"{name}: {field.key}: an answer is there twice.")
    if not answers:
        raise InvalidPack(f"{name}: {field.key}: a field needs answers with examples.")
    said = [phrase.text.casefold() for answer in answers for phrase in answer.examples]
    said += [phrase.text.casefold() for phrase in own.none]
    if repeated := next((text for text in said if said.count(text) > 1), None):
        raise InvalidPack(f"{name}: {field.key}: the phrase {repeated!r} is there twice.")
    return PackField(field, own.guidance, own.voice, own.where, answers, own.none)


def is_answer(value: object, field: CustomField) -> bool:
    """Whether a value is one that the field can have: an option's code, a boolean, a rating within its bounds."""
    if field.type == "boolean":
        return isinstance(value, bool)
    if field.type == "rating":
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and field.min is not None
            and field.max is not None
            and field.min <= value <= field.max
        )
    return value in [option.code for option in field.options]


def _worked(example: _WorkedExample, fields: tuple[PackField, ...], name: str) -> WorkedExample:
    by_key = {field.field.key: field.field for field in fields}
    for key, value in example.expects.items():
        if key not in by_key:
            raise InvalidPack(f"{name}: {example.title}: {key} is no field of the pack.")
        values = value if isinstance(value, list) else [value]
        if not all(one is None or is_answer(one, by_key[key]) for one in values):
            raise InvalidPack(f"{name}: {example.title}: {value!r} is no answer of {key}.")
    lines = []
    for line in example.lines:
        speaker, colon, text = line.partition(": ")
        if not colon or not speaker or not text.strip():
            raise InvalidPack(f"{name}: {example.title}: each line is written as `SPEAKER_00: words`.")
        lines.append((speaker, text.strip()))
    return WorkedExample(example.title, example.language, tuple(lines), example.expects)
