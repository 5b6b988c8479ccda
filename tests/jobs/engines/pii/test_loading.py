"""The pattern files: each rule of the schema has a file that breaks it, and a message that says how."""

import pathlib

import pytest

from jobs.engines.pii import loading
from jobs.pipeline.pii_types import LANGUAGES, TYPES

BROKEN = pathlib.Path(__file__).parent / "broken"
MESSAGES = {
    "unknown_type": "recognizers.0.type: Value error, POLICE is not a type",
    "unknown_kind": "recognizers.0.kind: Input should be 'digits'",
    "unknown_check": "recognizers.0.checks: Value error, lucky is not a check",
    "unknown_context": "recognizer policy refers to context polisy, which contexts lacks",
    "unknown_key": "recognizers.0.length: Extra inputs are not permitted",
    "bad_name": "recognizers.0.name: String should match pattern",
    "same_name": "two recognizers are named policy",
    "no_lengths": "kind code needs lengths",
    "lengths_out_of_order": "lengths go up",
    "no_pattern": "kind regex needs a pattern",
    "bad_pattern": "recognizers.0.pattern: Value error, not a regular expression",
    "no_regions": "kind phone needs regions",
    "no_scores": "nothing would ever be found",
    "score_too_high": "recognizers.0.scores.context: Input should be less than or equal to 1",
    "score_without_context": "a score with context needs context words",
    "alone_without_proof": "found with context only",
    "longer_than_a_code": "or_longer is for digits that are found alone",
    "eleven_months": "there are twelve months, not 11",
    "bad_month": "speech.months.13.[key]",
    "bad_repeat": "speech.repeats.single",
    "numeral_not_digits": "speech.numerals.oh",
    "bad_letter": "speech.letters.AB.[key]",
    "empty_context": "contexts.policy",
    "bad_language": "language: String should match pattern",
    "no_months": "speech.months: Field required",
    "no_regions_of_language": "regions: Tuple should have at least 1 item",
    "no_num2words": "speech.num2words: Tuple should have at least 1 item",
    "not_a_mapping": "file: Input should be a valid dictionary",
}


def test_every_broken_file_has_its_message():
    assert {path.stem for path in BROKEN.glob("*.yaml")} == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_broken_file_says_where_and_how(name):
    data = loading.read(BROKEN / f"{name}.yaml")
    with pytest.raises(loading.PatternError) as error:
        loading.check(data, f"{name}.yaml")
    assert str(error.value).startswith(f"{name}.yaml: ")
    assert MESSAGES[name] in str(error.value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_looks_for_every_number(language):
    found = {rule.type for rule in loading.patterns(language).recognizers}
    assert found == set(TYPES) - {"PERSON", "LOCATION", "EMAIL_ADDRESS", "URL"}


def test_yes_and_no_are_words_and_not_truth_values():
    assert "yes" in loading.patterns("en").speech.acknowledgements
