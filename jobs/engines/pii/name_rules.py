"""What a language says around names, addresses, e-mail and web addresses: `names/<language>.yaml`, checked when read.

A file that is wrong raises NameRulesError, one line a mistake, each naming file and place.
"""

from __future__ import annotations

import pathlib
import re
from functools import cache
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

FOLDER = pathlib.Path(__file__).parent / "names"

# Phrases are compared in lower case, so a capital in the data would never match.
Phrase = Annotated[str, Field(min_length=1, pattern=r"^[^A-ZÀ-ÖØ-Þ]+$")]
Phrases = tuple[Phrase, ...]
Some = Annotated[Phrases, Field(min_length=1)]


class NameRulesError(ValueError):
    """A file of names/ breaks a rule; the message has one line a mistake."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class People(_Strict):
    """`sure` cues are followed by a name nearly always, `likely` ones often; `titles` belong to the name."""

    sure: Some
    likely: Some
    titles: Some
    particles: Phrases = ()
    spelled: Some  # between a letter and the word that stands for it: "M as in Mary"
    organisations: Phrases = ()  # a name beside one of these is a company's
    never: Phrases = ()
    family_endings: Phrases = ()  # family names that end so are names, whatever else the dictionary makes of them
    endings: tuple[tuple[str, str], ...] = ()  # inflected ending -> what the base form has instead


class Addresses(_Strict):
    """Street words by where they stand: before the name, after it, or at its end ("Lindenstraße")."""

    before: Phrases = ()
    after: Phrases = ()
    endings: Phrases = ()
    weak_endings: Phrases = ()  # ends ordinary words too ("Arbeitsplatz"): only with a house number
    particles: Phrases = ()
    number_signs: Phrases = ()
    numbers: Some
    joins: Phrases = ()  # "Maple Avenue and Fifth Street"
    units: Phrases = ()
    boxes: Phrases = ()
    postal_cues: Some
    postal_codes: Phrases = ()  # regular expressions that are enough by themselves
    places_after: Some  # "I live in"
    never: Phrases = ()  # countries, languages

    @field_validator("postal_codes", "numbers")
    @classmethod
    def _compiles(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"{value!r} is no regular expression: {error}") from None
        return values


class Net(_Strict):
    """How e-mail and web addresses are said. A weak `at` is an ordinary word too and needs more around it."""

    at: Phrases = ()
    weak_at: Phrases = ()
    dot: Some
    dash: Some
    underscore: Some
    slash: Phrases = ()
    email_cues: Some
    web_cues: Some


class NameRules(_Strict):
    people: People
    addresses: Addresses
    net: Net


@cache
def name_rules(language: str) -> NameRules:
    """The rules of one language; raises NameRulesError."""
    return read_rules(FOLDER / f"{language}.yaml")


def read_rules(path: pathlib.Path) -> NameRules:
    """One file, checked; raises NameRulesError."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise NameRulesError(f"{path.name} cannot be read: {error}") from None
    try:
        return NameRules.model_validate(raw)
    except ValidationError as error:
        lines = [f"{path.name}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise NameRulesError("\n".join(lines)) from None
