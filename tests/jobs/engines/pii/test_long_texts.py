"""Whatever stands in a text, the time that it takes grows with its length and not faster."""

import pathlib
import time

import pytest

from jobs.engines.pii.artifacts import Artifacts
from jobs.engines.pii.numbers import recognizers
from jobs.engines.pii.words import Words

LENGTH = 24_000
PATTERNS = [
    "m ", "a.", "-", "one-", "a@", "aa.", "www.", "http://x<", "www.....", "1:", "::", "a:", "ab12", "x@y.z ", "dot ",
    "x at gmail dot com ", "x.com a@b.co ", "maple street and ", "in paris ", "my name is ", "account number 1 ", "+",
    "as in ", "double ", "'", "(", "und", "hundert", "1/2/3 ", "march 3 ", "x",
]  # fmt: skip


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """text -> CPU-seconds of all recognizers but the model, whose time is by the word."""
    folder: pathlib.Path = tmp_path_factory.mktemp("models")
    (folder / "rampart").mkdir()
    found = [*recognizers("en"), *Words("en", folder).recognizers]

    def seconds(text):
        artifacts = Artifacts("en")
        started = time.process_time()
        for recognizer in found:
            recognizer.analyze(text, recognizer.supported_entities, artifacts)
        return time.process_time() - started

    seconds("My name is Anna and my number is 5512.")
    return seconds


@pytest.mark.parametrize("tail", ["", "@", "!"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_over_and_over_is_read_in_time(read, pattern, tail):
    assert read((pattern * LENGTH)[:LENGTH] + tail) < 5


def test_a_long_spelling_is_found_all_the_same(read):
    assert read("q u o r l o w " * 1_700) < 5
