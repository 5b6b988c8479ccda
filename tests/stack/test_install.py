"""The virtual environment is made once and kept equal to its list."""

import sys
from pathlib import Path

import pytest

from tuplets.stack import install


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """An installer whose environment lies in `tmp_path` and whose pip only notes that it was called."""
    calls: list[list[str]] = []

    def note(command: list[str], **_: object) -> object:
        calls.append([str(word) for word in command])
        return type("Done", (), {"returncode": 0, "stdout": "", "stderr": ""})

    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(install, "works", lambda _: True)
    monkeypatch.setattr(install.subprocess, "run", note)
    (tmp_path / ".venv").mkdir()
    return calls


def installs(calls: list[list[str]]) -> int:
    count = sum("--require-hashes" in call for call in calls)
    calls.clear()
    return count


def test_packages_are_installed_again_only_when_their_list_changed(commands: list[list[str]], tmp_path: Path) -> None:
    pinned = tmp_path / "requirements.txt"
    pinned.write_text("one==1\n")
    install.install(pinned)
    assert installs(commands) == 1
    install.install(pinned)
    assert installs(commands) == 0
    pinned.write_text("one==2\n")
    install.install(pinned)
    assert installs(commands) == 1


def test_a_project_that_was_moved_gets_a_new_environment(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = tmp_path / "requirements.txt"
    pinned.write_text("one==1\n")
    install.install(pinned)
    commands.clear()
    (tmp_path / ".venv").rename(tmp_path / "moved")
    monkeypatch.setattr(install, "VENV", tmp_path / "moved")
    install.install(pinned)
    assert [sys.executable, "-m", "venv", "--clear", str(tmp_path / "moved")] in commands


def test_another_python_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(install.sys, "version_info", (3, 12, 1))
    assert install.main(tmp_path / "requirements.txt") == 1
    assert capsys.readouterr().err.startswith("Tuplets needs Python 3.11 and this is ")
