"""The packs are the published catalogue to the letter; a pack file that breaks a rule is refused with its place."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
import yaml

from analytics.catalogue import DOMAINS, InvalidPack, pack, packs, read_pack
from tests.analytics.documented import PACK_TABLES


def published() -> dict[str, dict[str, Any]]:
    """Domain -> its label, its sentence and the rows of its table."""
    found: dict[str, dict[str, Any]] = {}
    for line in PACK_TABLES.splitlines():
        if title := re.fullmatch(r"(.+) \((\w+)\)", line):
            found[title[2]] = {"label": title[1], "description": "", "rows": []}
        elif line.startswith("|") and not line.startswith(("| Key", "|---")):
            found[list(found)[-1]]["rows"].append([cell.strip() for cell in line.strip("|").split("|")])
        elif not line.startswith("|"):
            found[list(found)[-1]]["description"] = line
    return found


PUBLISHED = published()


def test_the_packs_are_the_published_ones_in_order():
    assert tuple(PUBLISHED) == DOMAINS == tuple(it.domain for it in packs())


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_pack_is_its_published_table_to_the_letter(domain):
    found = pack(domain)
    assert (found.label, found.description) == (PUBLISHED[domain]["label"], PUBLISHED[domain]["description"])
    assert found.schema_version == "2026-05-31"
    rows = []
    for it in found.fields:
        own = it.field
        bounds = f"{own.min}–{own.max}" if own.type == "rating" else "—"
        codes = ", ".join(option.code for option in own.options)
        required = "yes" if own.required else "no"
        rows.append([own.key, own.label, own.type, required, codes or bounds, own.description or "—"])
    assert rows == PUBLISHED[domain]["rows"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_option_ids_count_from_1_and_labels_are_the_codes_in_sentence_case(domain):
    for it in pack(domain).fields:
        assert [option.id for option in it.field.options] == list(range(1, len(it.field.options) + 1))
        for option in it.field.options:
            assert re.sub(r"\W", "_", option.label).upper() == option.code
            assert option.label[0].isupper()


@pytest.mark.parametrize(
    ("domain", "code", "label"),
    [
        ("insurance", "CLAIM_STATUS", "Claim status"),
        ("financial_services", "KYC_DOCUMENTS", "KYC documents"),
        ("sales", "CLOSED_WON_SIGNAL", "Closed-won signal"),
    ],
)
def test_the_labels_that_the_contract_names(domain, code, label):
    labels = {option.code: option.label for it in pack(domain).fields for option in it.field.options}
    assert labels[code] == label


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_answer_can_be_given_and_every_field_has_guidance(domain):
    for it in pack(domain).fields:
        values = [answer.value for answer in it.answers]
        if it.field.options:
            assert values == [option.code for option in it.field.options]
        assert it.guidance and len(it.none) >= 5
        assert all(answer.examples for answer in it.answers)


def test_what_the_list_of_packs_shows_is_the_catalogue_without_what_only_the_analyst_needs():
    shown = pack("insurance").as_json()
    assert list(shown) == ["domain", "label", "description", "schema_version", "fields"]
    assert all(not {"examples", "guidance", "none"} & set(field) for field in shown["fields"])


# Broken files

PHRASES = ["one a", "two b", "three c", "four d", "five e"]
OTHERS = ["six f", "seven g", "eight h", "nine i", "ten j"]
NONE = ["hello", "thank you", "goodbye", "just a moment", "okay then"]
SOUND: dict[str, Any] = {
    "domain": "test",
    "label": "Test",
    "description": "A pack for tests.",
    "schema_version": "2026-05-31",
    "fields": [
        {
            "key": "reason",
            "label": "Reason",
            "type": "single_select",
            "guidance": "Why they call.",
            "options": [
                {"code": "A", "guidance": "a", "examples": PHRASES},
                {"code": "B", "guidance": "b", "examples": OTHERS},
            ],
            "none": NONE,
        },
        {
            "key": "mood",
            "label": "Mood",
            "type": "rating",
            "guidance": "How they feel.",
            "answers": [{"value": 1, "examples": PHRASES}, {"value": 5, "examples": [{"es": "muy bien"}]}],
            "none": NONE,
        },
        {
            "key": "solved",
            "label": "Solved",
            "type": "boolean",
            "guidance": "Whether it was solved.",
            "answers": [{"value": True, "examples": ["it works now"]}],
            "none": NONE,
        },
    ],
    "worked_examples": [
        {
            "title": "short",
            "language": "en",
            "lines": ["SPEAKER_00: Hello: you.", "SPEAKER_01: one a"],
            "expects": {"reason": "A", "mood": None},
        }
    ],
}
REMOVED = object()


def broken(*path: Any, to: Any) -> str:
    """The sound file with the value at a path replaced or removed."""
    file = copy.deepcopy(SOUND)
    at = file
    for step in path[:-1]:
        at = at[step]
    if to is REMOVED:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return yaml.safe_dump(file, allow_unicode=True)


def test_a_sound_file_is_read():
    found = read_pack(yaml.safe_dump(SOUND), "test.yaml")
    assert found.keys == ("reason", "mood", "solved")
    assert found.fields[1].answers[1].examples[0].language == "es"
    assert found.worked_examples[0].lines[0] == ("SPEAKER_00", "Hello: you.")


RULES = {
    "no label": (("label",), REMOVED, "label: "),
    "an unknown member": (("colour",), "red", "colour: "),
    "no fields": (("fields",), [], "fields: "),
    "no worked example": (("worked_examples",), [], "worked_examples: "),
    "no guidance": (("fields", 0, "guidance"), REMOVED, "fields.0.guidance: "),
    "empty guidance": (("fields", 0, "guidance"), "", "fields.0.guidance: "),
    "an unknown voice": (("fields", 0, "voice"), "boss", "fields.0.voice: "),
    "an unknown place": (("fields", 0, "where"), "middle", "fields.0.where: "),
    "too few near misses": (("fields", 0, "none"), NONE[:4], "fields.0.none: "),
    "too few examples": (("fields", 0, "options", 0, "examples"), PHRASES[:4], "fields.0.options.0.examples: "),
    "an empty phrase": (("fields", 0, "none", 2), " ", "fields.0.none.2: "),
    "a phrase in two languages": (("fields", 0, "none", 2), {"fr": "a", "de": "b"}, "fields.0.none.2: "),
    "the language `no`, which YAML reads as false": (("fields", 0, "none", 2), {False: "hei"}, "fields.0.none.2: "),
    "required is a word": (("fields", 0, "required"), "yes", "fields.0.required: "),
    "a malformed key": (("fields", 0, "key"), "Reason", "fields[0].key must start with a lowercase letter"),
    "a key used twice": (("fields", 1, "key"), "reason", 'fields[1].key "reason" is already the key of fields[0]'),
    "an unknown type": (("fields", 1, "type"), "number", "fields[1].type must be one of"),
    "a malformed code": (("fields", 0, "options", 0, "code"), "a", "fields[0].options[0].code must be uppercase"),
    "a code used twice": (("fields", 0, "options", 1, "code"), "A", 'fields[0].options[1].code "A" is already'),
    "a select without options": (("fields", 0, "options"), [], "fields[0].options must list at least one"),
    "bounds of a boolean": (("fields", 2, "min"), 1, "fields[2].min is accepted only for fields of type rating"),
    "no range": (("fields", 1, "max"), 1, "fields[1].max leaves no range"),
    "a rating out of bounds": (("fields", 1, "answers", 1, "value"), 6, "mood: 6 is no answer of a rating field"),
    "a number as a boolean": (("fields", 2, "answers", 0, "value"), 1, "solved: 1 is no answer of a boolean field"),
    "an answer twice": (("fields", 1, "answers", 1, "value"), 1, "mood: an answer is there twice"),
    "no answers": (("fields", 2, "answers"), [], "solved: a field needs answers with examples"),
    "a phrase twice": (
        ("fields", 0, "options", 1, "examples", 0),
        "One A",
        "reason: the phrase 'one a' is there twice",
    ),
    "a near miss that is an example": (("fields", 0, "none", 0), "two b", "reason: the phrase 'two b' is there twice"),
    "a worked example of one line": (("worked_examples", 0, "lines"), ["SPEAKER_00: Hi."], "worked_examples.0.lines: "),
    "a line without a speaker": (("worked_examples", 0, "lines", 1), "one a", "short: each line is written as"),
    "an expected field that is none": (("worked_examples", 0, "expects"), {"x": 1}, "short: x is no field of the pack"),
    "an expected answer that is none": (
        ("worked_examples", 0, "expects"),
        {"mood": 9},
        "short: 9 is no answer of mood",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_file_that_breaks_a_rule_is_refused_with_its_name_the_place_and_the_rule(rule):
    path, to, told = RULES[rule]
    with pytest.raises(InvalidPack) as caught:
        read_pack(broken(*path, to=to), "broken.yaml")
    assert str(caught.value).startswith(f"broken.yaml: {told}")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["fields: [", "a: b: c", "\t- x", "!!python/object:os.system {}"])
def test_what_is_no_yaml_is_refused(text):
    with pytest.raises(InvalidPack, match=r"^broken\.yaml: not YAML \("):
        read_pack(text, "broken.yaml")


@pytest.mark.parametrize("text", ["", "null", "[]", "words"])
def test_what_is_no_mapping_is_refused(text):
    with pytest.raises(InvalidPack, match=r"^broken\.yaml: "):
        read_pack(text, "broken.yaml")
