"""What the packs and the cue files have to be beside what `analytics.catalogue` refuses: what was published of them,
and what whoever reads them counts on. Called by `manage.py check_packs` only.
"""

from __future__ import annotations

import importlib.resources
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

from analytics.catalogue import DOMAINS, SCHEMA_VERSION, InvalidPack, Pack, PackField, WorkedExample, pack

# The published catalogue: every field is optional but these.
REQUIRED_KEYS = ("call_reason", "contact_reason")
# Fewer phrases of a class teach a classifier nothing.
LEAST_PHRASES_OF_CLASS = 20
_GAP = re.compile(r"\{(\w+)\}")


def check() -> Iterator[str]:
    """A line for each pack, then for each cue file, that is all right; raises InvalidPack at the first that is not."""
    for domain in DOMAINS:
        found = pack(domain)
        check_pack(found)
        yield (
            f"{domain}: {len(found.fields)} fields, {_answers(found)} answers, {_phrases(found)} phrases, "
            f"{len(found.worked_examples)} worked examples"
        )
    for file in sorted((importlib.resources.files("analytics") / "packs").iterdir(), key=lambda it: it.name):
        if file.name not in {f"{domain}.yaml" for domain in DOMAINS}:
            raise InvalidPack(f"{file.name}: is no published domain; they are {', '.join(DOMAINS)}.")
    for file in sorted((importlib.resources.files("analytics") / "cues").iterdir(), key=lambda it: it.name):
        phrases = check_cues(file.read_text(encoding="utf-8"), f"cues/{file.name}")
        yield f"{file.name.removesuffix('.yaml')}: {phrases} cues"


def check_pack(found: Pack) -> None:
    """Raises InvalidPack where a pack breaks what was published."""
    name = f"{found.domain}.yaml"
    if found.schema_version != SCHEMA_VERSION:
        raise InvalidPack(f"{name}: schema_version must be {SCHEMA_VERSION}, as published.")
    for field in found.fields:
        _check_field(field, name)
    titles = [example.title for example in found.worked_examples]
    if repeated := _repeated(titles):
        raise InvalidPack(f"{name}: the worked example {repeated!r} is there twice.")
    for example in found.worked_examples:
        _check_example(example, found, name)


def check_cues(text: str, name: str) -> int:
    """How many phrases a cue file has; raises InvalidPack where it breaks the rules of its kind.

    Lists of phrases by class, which a classifier is fitted on; sentences with gaps by language; or lists by language,
    or in groups of languages or languages of groups, which are looked for in what is said.
    """
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidPack(f"{name}: not YAML ({' '.join(str(error).split())}).") from None
    if not isinstance(found, dict) or not found:
        raise InvalidPack(f"{name}: must be a mapping.")
    if all(isinstance(asked, dict) and all(isinstance(it, str) for it in asked.values()) for asked in found.values()):
        _check_templates(found, name)
        return sum(map(len, found.values()))
    if all(isinstance(listed, list) for listed in found.values()) and not any(map(_is_language, found)):
        _check_classes(found, name)
    else:
        _check_groups(found, name)
    return sum(len(phrases) for listed in found.values() for phrases in _lists(listed))


def _check_templates(found: dict[str, dict[str, str]], name: str) -> None:
    """Sentences a language, each with the same gaps in every language."""
    gaps = {key: set(_GAP.findall(text)) for key, text in next(iter(found.values())).items()}
    for language, asked in found.items():
        _check_language(language, name)
        if {key: set(_GAP.findall(text)) for key, text in asked.items()} != gaps:
            raise InvalidPack(f"{name}: {language} must have {', '.join(gaps)}, with the same gaps as the others.")


def _check_classes(found: dict[str, Any], name: str) -> None:
    for one, phrases in found.items():
        _check_phrases(phrases, f"{name}: {one}", least=LEAST_PHRASES_OF_CLASS)
    _refuse_repeats([phrase for phrases in found.values() for phrase in phrases], name)


def _check_groups(found: dict[str, Any], name: str) -> None:
    outer = any(map(_is_language, found))
    members = next(iter(found.values()))
    for key, listed in found.items():
        if outer:
            _check_language(key, name)
        if isinstance(listed, dict) != isinstance(members, dict):
            raise InvalidPack(f"{name}: {key} is not built as the others are.")
        if not isinstance(listed, dict):
            _check_phrases(listed, f"{name}: {key}")
            continue
        if outer and set(listed) != set(members):
            raise InvalidPack(f"{name}: {key} must have {', '.join(members)}, as the others.")
        for inner, phrases in listed.items():
            if not outer:
                _check_language(inner, f"{name}: {key}")
            _check_phrases(phrases, f"{name}: {key}.{inner}")


def _lists(listed: Any) -> list[list[str]]:
    return list(listed.values()) if isinstance(listed, dict) else [listed]


def _check_field(field: PackField, name: str) -> None:
    own = field.field
    place = f"{name}: {own.key}"
    if own.required != (own.key in REQUIRED_KEYS):
        raise InvalidPack(f"{place}: required must be {str(own.key in REQUIRED_KEYS).lower()}, as published.")
    if [option.id for option in own.options] != list(range(1, len(own.options) + 1)):
        raise InvalidPack(f"{place}: option ids count from 1 in list order.")
    if own.options and len(field.answers) != len(own.options):
        raise InvalidPack(f"{place}: a select field is answered by its options alone.")
    for phrase in (*field.none, *(phrase for answer in field.answers for phrase in answer.examples)):
        _check_language(phrase.language, place)


def _check_example(example: WorkedExample, found: Pack, name: str) -> None:
    place = f"{name}: {example.title}"
    _check_language(example.language, place)
    if not example.expects:
        raise InvalidPack(f"{place}: a worked example expects something.")
    types = {field.field.key: field.field.type for field in found.fields}
    for key, value in example.expects.items():
        if value is not None and isinstance(value, list) != (types[key] == "multi_select"):
            raise InvalidPack(f"{place}: {key} is a {types[key]} field; only a multi_select one expects a list.")
        if isinstance(value, list) and (not value or _repeated(value)):
            raise InvalidPack(f"{place}: {key} must list each answer once, or be null where there is none.")


def _check_language(code: object, place: str) -> None:
    # YAML reads a bare `no` as false.
    if not _is_language(code):
        raise InvalidPack(f"{place}: {code!r} is no language code of two small letters.")


def _is_language(code: object) -> bool:
    return isinstance(code, str) and len(code) == 2 and code.isascii() and code.islower()


def _check_phrases(phrases: object, place: str, least: int = 1) -> None:
    if not isinstance(phrases, list) or len(phrases) < least:
        raise InvalidPack(f"{place}: must list at least {least} phrase{'s' if least > 1 else ''}.")
    # Bare `no`, `on` and numbers are no strings to YAML.
    for phrase in phrases:
        if not isinstance(phrase, str) or not phrase.strip():
            raise InvalidPack(f"{place}: {phrase!r} must be written as text, in quotes.")
    _refuse_repeats(phrases, place)


def _refuse_repeats(phrases: list[str], place: str) -> None:
    # Not `casefold`, to which ß and ss are the same.
    if repeated := _repeated([phrase.strip().lower() for phrase in phrases]):
        raise InvalidPack(f"{place}: the phrase {repeated!r} is there twice.")


def _repeated(values: list[Any]) -> Any:
    return next((value for value, times in Counter(values).items() if times > 1), None)


def _answers(found: Pack) -> int:
    return sum(len(field.answers) for field in found.fields)


def _phrases(found: Pack) -> int:
    return sum(len(field.none) + sum(len(answer.examples) for answer in field.answers) for field in found.fields)
