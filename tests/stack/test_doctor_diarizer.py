"""What the doctor says of the diarizer: torch, the weights that the project carries, an operator's own folder."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs.engines import diarizer_weights
from jobs.management.commands import doctor

WEIGHTS = sorted(diarizer_weights.DIGESTS)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """A machine with torch and pyannote, and no folder of the operator's."""
    monkeypatch.setattr(diarizer_weights, "problem", lambda: None)
    settings.DIARIZER_DIR = ""


@pytest.fixture
def carried(installed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of the weights that a test may damage."""
    copy = tmp_path / "community-1"
    shutil.copytree(diarizer_weights.CARRIED, copy)
    monkeypatch.setattr(diarizer_weights, "CARRIED", copy)
    return copy


def test_whole_weights_are_named_with_their_place(carried: Path) -> None:
    found = doctor.diarizer()
    assert (found.ok, found.mend) == (True, "")
    assert found.detail == f"{diarizer_weights.MODEL} in {carried}"


@pytest.mark.parametrize("package", ["torch", "pyannote"])
def test_without_its_packages_the_command_that_installs_them_is_named(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        diarizer_weights.importlib.util, "find_spec", lambda name, *_: None if name == package else name
    )
    found = doctor.diarizer()
    assert (found.ok, found.mend) == (False, "make setup")
    assert f"the package {package} is missing" in found.detail


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_damaged_file_is_named_with_the_command_that_restores_it(name: str, carried: Path) -> None:
    whole = (carried / name).read_bytes()
    (carried / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    found = doctor.diarizer()
    assert (found.ok, found.mend) == (False, "git checkout -- models")
    assert found.detail == f"missing or damaged: {name}"


def test_every_file_that_is_missing_is_named(carried: Path) -> None:
    shutil.rmtree(carried)
    found = doctor.diarizer()
    assert not found.ok
    assert all(name in found.detail for name in WEIGHTS)


def test_an_operators_folder_that_holds_no_pipeline_is_named(installed: None, settings: Any, tmp_path: Path) -> None:
    settings.DIARIZER_DIR = str(tmp_path)
    found = doctor.diarizer()
    assert (found.ok, found.mend) == (False, "unset TUPLETS_DIARIZER_DIR")
    assert found.detail == f"{tmp_path} has no config.yaml"


def test_with_a_folder_of_the_operators_the_carried_weights_do_not_matter(
    carried: Path, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text("pipeline: {}\n")
    settings.DIARIZER_DIR = str(tmp_path)
    shutil.rmtree(carried)
    found = doctor.diarizer()
    assert found.ok
    assert str(tmp_path) in found.detail
