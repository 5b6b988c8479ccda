"""The files of names/ are data: every language's is valid, and each mistake is said with its file and place."""

import pathlib

import pytest

from jobs.engines.pii.name_rules import FOLDER, NameRulesError, name_rules, read_rules
from jobs.pipeline.pii_types import LANGUAGES

BROKEN = pathlib.Path(__file__).parent / "broken_names"
EXPECTED = {
    "unknown_field": "people.colours",
    "no_sure_cues": "people.sure",
    "missing_section": "net",
    "capital_in_phrase": "people.titles.0",
    "empty_phrase": "people.likely.0",
    "not_a_word": "addresses.places_after.0",
    "bad_expression": "is no regular expression",
    "ending_without_base": "people.endings.0",
    "not_yaml": "cannot be read",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_valid_rules(language: str) -> None:
    assert name_rules(language).people.sure


def test_there_are_no_rules_for_other_languages() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(LANGUAGES)


def test_every_broken_file_is_expected() -> None:
    assert sorted(path.stem for path in BROKEN.glob("*.yaml")) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_broken_file_says_where(name: str) -> None:
    with pytest.raises(NameRulesError) as caught:
        read_rules(BROKEN / f"{name}.yaml")
    assert f"{name}.yaml" in str(caught.value)
    assert EXPECTED[name] in str(caught.value)


def test_a_missing_file_is_said() -> None:
    with pytest.raises(NameRulesError, match=r"xx\.yaml cannot be read"):
        read_rules(BROKEN / "xx.yaml")
