"""torch has a list of its own: installed in its CPU build unless it is there; without it only the diarizer is out."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tuplets.stack import install


@dataclass
class Packages:
    """A pip that notes which lists it installs; `torch` is the version that is there, `offered` what an index has."""

    torch: str = ""
    offered: bool = True
    installed: list[str] = field(default_factory=list)

    def run(self, command: list[str], **_: object) -> object:
        if "--require-hashes" in command:
            chosen = Path(command[-1]).name
            self.installed.append(chosen)
            return done(chosen != "torch.txt" or self.offered)
        if "m.version('torch')" in command[-1]:
            stand_in = f"import importlib.metadata as m; m.version = lambda name: {self.torch!r} or 1 / 0; "
            return real_run([sys.executable, "-c", stand_in + command[-1]], capture_output=True)
        return done(True)

    def asked_for(self) -> list[str]:
        """The lists since the last time."""
        lists, self.installed = self.installed, []
        return lists


real_run = subprocess.run


def done(well: bool) -> object:
    return type("Done", (), {"returncode": 0 if well else 1, "stdout": "", "stderr": ""})


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Packages:
    pip = Packages()
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(install, "TORCH", tmp_path / "torch.txt")
    monkeypatch.setattr(install, "works", lambda _: True)
    monkeypatch.setattr(install.subprocess, "run", pip.run)
    (tmp_path / ".venv").mkdir()
    (tmp_path / "torch.txt").write_text("# Why.\ntorch==2.13.0+cpu \\\n    --hash=sha256:0\n")
    (tmp_path / "requirements.txt").write_text("one==1\n")
    return pip


def test_torch_follows_the_other_packages(packages: Packages, tmp_path: Path) -> None:
    install.install(tmp_path / "requirements.txt")
    assert packages.asked_for() == ["requirements.txt", "torch.txt"]


@pytest.mark.parametrize("build", ["2.13.0+cpu", "2.13.0+cu130", "2.13.0"])
def test_this_version_of_torch_is_left_alone_in_whatever_build(build: str, packages: Packages, tmp_path: Path) -> None:
    packages.torch = build
    install.install(tmp_path / "requirements.txt")
    assert packages.asked_for() == ["requirements.txt"]


def test_another_version_of_torch_is_replaced(packages: Packages, tmp_path: Path) -> None:
    packages.torch = "2.12.1+cpu"
    install.install(tmp_path / "requirements.txt")
    assert "torch.txt" in packages.asked_for()


def test_where_no_index_has_torch_all_the_rest_is_installed_and_the_diarizer_said_to_be_out(
    packages: Packages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages.offered = False
    assert install.main(tmp_path / "requirements.txt") == 0
    said = capsys.readouterr().err
    assert said.startswith("Speaker diarization is left out: pip finds no CPU build of torch 2.13.0.")
    assert "PIP_EXTRA_INDEX_URL" in said and "`make setup`" in said


def test_a_torch_that_was_not_found_is_looked_for_again_by_make_setup_and_not_at_each_start(
    packages: Packages, tmp_path: Path
) -> None:
    packages.offered = False
    install.install(tmp_path / "requirements.txt")
    packages.asked_for()
    install.install(tmp_path / "requirements.txt")
    assert packages.asked_for() == []
    packages.offered = True
    install.install(tmp_path / "requirements.txt", again=True)
    assert "torch.txt" in packages.asked_for()


def test_a_new_torch_in_its_list_is_installed_at_the_next_start(packages: Packages, tmp_path: Path) -> None:
    packages.torch = "2.13.0+cpu"
    install.install(tmp_path / "requirements.txt")
    packages.asked_for()
    (tmp_path / "torch.txt").write_text("torch==2.14.0+cpu \\\n    --hash=sha256:1\n")
    install.install(tmp_path / "requirements.txt")
    assert "torch.txt" in packages.asked_for()


def test_the_list_that_the_project_carries_pins_a_cpu_build() -> None:
    pinned = [line for line in install.TORCH.read_text().splitlines() if line.startswith("torch==")]
    assert len(pinned) == 1 and "+cpu" in pinned[0]
