"""Without the model names are looked for by rule; the customer is told so in one fixed sentence, the operator why."""

import logging
import shutil
import sys

import pytest

from jobs.engines.pii import ner, words
from jobs.engines.redactor_presidio import PresidioRedactor

SENTENCE = (
    "Names were looked for with rules and name lists only, because the model that finds names is not available on this "
    "server; review is required."
)
TEXT = "My name is Sarah Mitchell."


@pytest.fixture(autouse=True)
def fresh():
    """No model that another test loaded, nothing told yet."""
    words._model.cache_clear()
    words._tell.cache_clear()
    yield
    words._model.cache_clear()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rampart" / "onnx").mkdir(parents=True)
    return tmp_path


def find(redactor, text=TEXT, language="en"):
    return redactor.find(text, language, lambda fraction: None)


def mend(folder):
    for name, path in ner.checked_files().items():
        shutil.copy(path, folder / "rampart" / name)


def test_rules_and_gazetteer_go_on_and_the_customer_is_told(folder):
    found = find(PresidioRedactor(models_dir=folder))
    assert found.problem == SENTENCE
    assert [TEXT[item.start : item.end] for item in found.items] == ["Sarah Mitchell"]
    assert "name_model" not in found.items[0].detectors


def test_the_operator_is_told_where_and_what_to_do_once(folder, caplog):
    redactor = PresidioRedactor(models_dir=folder)
    with caplog.at_level(logging.ERROR):
        for language in ("en", "en", "de"):
            assert find(redactor, language=language).problem == SENTENCE
    (message,) = [record.getMessage() for record in caplog.records]
    assert str(folder) in message and "missing" in message and "make setup" in message


def test_damaged_weights_are_not_used(folder, caplog):
    for name in ("onnx/model_q4.onnx", "tokenizer.json"):
        (folder / "rampart" / name).write_bytes(b"broken")
    assert find(PresidioRedactor(models_dir=folder)).problem == SENTENCE
    assert "damaged" in caplog.text


@pytest.mark.parametrize("library", ["onnxruntime", "tokenizers"])
def test_a_missing_library_is_missing_weights(monkeypatch, caplog, library):
    monkeypatch.setitem(sys.modules, library, None)
    assert find(PresidioRedactor()).problem == SENTENCE
    assert library in caplog.text and "make setup" in caplog.text


def test_mended_weights_are_found_without_a_restart(folder):
    redactor = PresidioRedactor(models_dir=folder)
    assert find(redactor).problem == SENTENCE
    mend(folder)
    found = find(redactor)
    assert found.problem is None
    assert "name_model" in found.items[0].detectors


def test_weights_are_asked_for_once_a_text(folder, monkeypatch):
    asked = []
    checked = ner.checked_files
    monkeypatch.setattr(ner, "checked_files", lambda where=None: asked.append(where) or checked(where))
    redactor = PresidioRedactor(models_dir=folder)
    find(redactor, "We talked about the weather. " * 3_000)
    assert len(asked) == 1
    mend(folder)
    asked.clear()
    for _ in range(3):
        find(redactor)
    assert len(asked) == 1
