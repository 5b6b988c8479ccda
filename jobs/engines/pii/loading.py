"""The rules as data: `patterns/every_language.yaml` and `patterns/<language>.yaml`, checked when they are read.

A file that is wrong raises PatternError with one sentence a mistake, each naming file, place and what is expected.
Adding a language or a recogniser touches no Python unless it needs a checksum (`checks.py`).
"""

from __future__ import annotations

import pathlib
import re
from functools import cache
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from jobs.engines.pii.checks import CHECKS
from jobs.pipeline.pii_types import TYPES

PATTERNS = pathlib.Path(__file__).parent / "patterns"
SHARED = "every_language"

Score = Annotated[float, Field(gt=0, le=1)]
Words = tuple[str, ...]


class _Loader(yaml.SafeLoader):
    """YAML in which yes, no and on are the words that people say, not truth values."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class PatternError(ValueError):
    """A pattern file breaks a rule; the message has one line a mistake."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Speech(_Strict):
    """How a language says numbers. Words may carry accents and capitals: they are folded.

    `num2words`: locales whose numerals are known. `numerals`: further words for digits. `weak_zeros` ("oh") and
    `word_letters` ("a", "I") count only in the middle of a number. `units`: what makes the number before them a
    quantity.
    """

    num2words: Annotated[Words, Field(min_length=1)]
    numerals: dict[str, Annotated[str, Field(pattern=r"^\d+$")]] = {}
    ordinals: dict[str, int] = {}
    ordinal_endings: tuple[tuple[str, str], ...] = ()
    joiner: str = ""
    joined_ones: Words = ()
    droppable: Words = ()
    repeats: dict[str, Annotated[int, Field(ge=2, le=4)]] = {}
    weak_zeros: Words = ()
    hundreds: Words = ()
    magnitudes: Words = ()
    conjunctions: Words = ()
    fillers: Words = ()
    acknowledgements: Words = ()
    word_letters: Words = ()
    letters: dict[Annotated[str, Field(pattern=r"^[A-Z]$")], Words] = {}
    spelling: Words = ()
    plus: Words = ()
    months: dict[Annotated[int, Field(ge=1, le=12)], Words]
    date_glue: Words = ()
    units: Words = ()
    before_quantities: Words = ()

    @field_validator("months")
    @classmethod
    def _twelve(cls, months: dict[int, Words]) -> dict[int, Words]:
        if len(months) != 12:
            raise ValueError(f"there are twelve months, not {len(months)}")
        return months


class Scores(_Strict):
    """How sure a find is: `alone` without any context word (left out: not found then), `context` with one near."""

    alone: Score | None = None
    context: Score | None = None

    @model_validator(mode="after")
    def _one(self) -> Scores:
        if self.alone is None and self.context is None:
            raise ValueError("neither alone nor context is given: nothing would ever be found")
        return self


class Rule(_Strict):
    """One recogniser.

    kind `digits`: a run of digits, written or said, with `lengths`; `code`: letters among them; `phone`: digits that
    are a number in one of `regions`; `iban`; `date`: a date with day and year; `month_year`; `regex`: `pattern` on the
    text as it is.
    `pattern` on digits and code is matched against the whole normalised run ("NM44719023").
    `or_longer`: longer digits than `lengths` fit as well, and beside them whatever else of their run nobody claims.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    type: str
    kind: Literal["digits", "code", "phone", "iban", "date", "month_year", "regex"]
    lengths: tuple[int, ...] = ()
    or_longer: bool = False
    pattern: str | None = None
    checks: Words = ()
    regions: Words = ()
    context: Words = ()
    not_context: Words = ()
    scores: Scores

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        if value not in TYPES:
            raise ValueError(f"{value} is not a type of jobs.pipeline.pii_types")
        return value

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value

    @field_validator("checks")
    @classmethod
    def _known_checks(cls, value: Words) -> Words:
        for name in value:
            if name not in CHECKS:
                raise ValueError(f"{name} is not a check of checks.py")
        return value

    @field_validator("lengths")
    @classmethod
    def _ordered(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)) or any(not 2 <= length <= 40 for length in value):
            raise ValueError("lengths go up, each from 2 to 40")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Rule:
        if self.kind in ("digits", "code") and not self.lengths:
            raise ValueError(f"kind {self.kind} needs lengths")
        if self.kind == "regex" and not self.pattern:
            raise ValueError("kind regex needs a pattern")
        if self.kind == "phone" and not self.regions:
            raise ValueError("kind phone needs regions")
        if self.scores.context is not None and not self.context:
            raise ValueError("a score with context needs context words")
        if self.or_longer and (self.kind != "digits" or self.scores.alone is None):
            raise ValueError("or_longer is for digits that are found alone")
        if self.scores.alone is not None and self.kind in ("digits", "code") and not (self.checks or self.pattern):
            raise ValueError("a number without checks or pattern is found with context only: leave scores.alone out")
        return self


class Patterns(_Strict):
    """One language: `contexts` names lists of phrases ("polis*" is any word that begins so) that rules refer to."""

    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    speech: Speech
    contexts: dict[str, Annotated[Words, Field(min_length=1)]]
    regions: Annotated[Words, Field(min_length=1)]
    recognizers: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _refer(self) -> Patterns:
        seen = set()
        for rule in self.recognizers:
            if rule.name in seen:
                raise ValueError(f"two recognizers are named {rule.name}")
            seen.add(rule.name)
            for name in (*rule.context, *rule.not_context):
                if name not in self.contexts:
                    raise ValueError(f"recognizer {rule.name} refers to context {name}, which contexts lacks")
        return self


@cache
def patterns(language: str) -> Patterns:
    """The rules of a language, then the shared ones. Raises PatternError."""
    own = read(PATTERNS / f"{language}.yaml")
    shared = read(PATTERNS / f"{SHARED}.yaml")
    return check(
        {**own, "recognizers": [*own.get("recognizers", ()), *_shared(shared, own)]},
        f"{language}.yaml with {SHARED}.yaml",
    )


def check(data: object, name: str) -> Patterns:
    """Raises PatternError with a line for each mistake: file, place, what is expected."""
    try:
        return Patterns.model_validate(data)
    except ValidationError as error:
        lines = [f"{name}: {'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise PatternError("\n".join(lines)) from None


def _shared(shared: dict[str, Any], own: dict[str, Any]) -> list[dict[str, Any]]:
    """Phones are looked up in the language's own regions."""
    return [
        {**rule, "regions": own.get("regions", ())} if rule.get("kind") == "phone" else rule
        for rule in shared["recognizers"]
    ]


def read(path: pathlib.Path) -> Any:
    """A YAML file as it is."""
    with path.open(encoding="utf-8") as file:
        return yaml.load(file, Loader=_Loader)  # noqa: S506 - a SafeLoader
