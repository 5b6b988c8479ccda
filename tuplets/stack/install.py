"""Makes the virtual environment and keeps it equal to a pinned list:
`python3.11 tuplets/stack/install.py LIST [--again]`.

Standard library only, because it runs before anything is installed; also the place that says in one sentence what is
wrong with the Python it was given. Nothing is done when the list has not changed since the last time.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
TORCH = PROJECT / "requirements" / "torch.txt"
MIN_FREE_BYTES = 3000 * 2**20  # unpacked, the longer list takes 2 GB


class InstallError(Exception):
    """Something a person has to mend; the message is one sentence."""


def main(requirements: Path, *, again: bool = False) -> int:
    try:
        if sys.version_info[:2] != (3, 11):
            raise InstallError(
                f"Tuplets needs Python 3.11 and this is {sys.version.split()[0]}: set PYTHON to a python3.11."
            )
        install(requirements, again=again)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def install(requirements: Path, *, again: bool = False) -> None:
    """Makes .venv hold the list; with `again` pip looks even if the list is the one that was installed last."""
    stamp = VENV / f"installed-{requirements.stem}"
    # The place counts too: scripts in a virtual environment name it, so a folder that was moved needs a new one.
    lists = requirements.read_bytes() + TORCH.read_bytes()
    wanted = hashlib.sha256(lists + f"{VENV} {sys.version}".encode()).hexdigest()
    unchanged = works(PYTHON) and stamp.exists() and stamp.read_text() == wanted
    if unchanged and not again:
        return
    check_disk()
    if not works(PYTHON) or place() not in ("", str(VENV)):
        make_venv()
    place_file().write_text(str(VENV))
    if not unchanged:
        print(f"Installing the pinned packages of {requirements.name} into .venv (once; a few minutes).", flush=True)
    if not install_list(requirements):
        raise InstallError(
            "The packages could not be installed (pip says why above); run the same command again once mended."
        )
    install_torch()
    stamp.write_text(wanted)


def install_list(requirements: Path, **options: Any) -> bool:
    """Whether pip could install it. The lists are whole, so pip looks up no dependencies: some are left out of them."""
    done = subprocess.run(
        [*pip(), "install", "-qq", "--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(requirements)],
        env={"PIP_ROOT_USER_ACTION": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"} | os.environ,
        **options,
    )
    return done.returncode == 0


def install_torch() -> None:
    """The CPU build, unless this version is there in some build. Without it everything works but the diarizer."""
    # The list is ours, and always pins torch.
    version = re.search(r"^torch==([0-9.]+)", TORCH.read_text(), re.MULTILINE)[1]  # type: ignore[index]
    trial = f"import importlib.metadata as m, sys; sys.exit(m.version('torch').split('+')[0] != {version!r})"
    if subprocess.run([str(PYTHON), "-c", trial], capture_output=True).returncode == 0:
        return
    if not install_list(TORCH, capture_output=True):
        print(
            f"Speaker diarization is left out: pip finds no CPU build of torch {version}. Name a wheel index that has "
            "one in PIP_EXTRA_INDEX_URL and run `make setup`; all the rest is installed.",
            file=sys.stderr,
        )


def make_venv() -> None:
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True)
    if done.returncode == 0:
        return
    # Debian keeps pip for virtual environments in a package of its own; the system's pip can serve one from outside.
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        done = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)], capture_output=True, text=True
        )
        if done.returncode == 0:
            return
    reason = " ".join((done.stderr + done.stdout).split())
    raise InstallError(
        f"{sys.executable} can't make a virtual environment (on Debian: apt install python3.11-venv): {reason}"
    )


def pip() -> list[str]:
    inside = [str(PYTHON), "-m", "pip"]
    if subprocess.run([*inside, "--version"], capture_output=True).returncode == 0:
        return inside
    return [sys.executable, "-m", "pip", "--python", str(PYTHON)]


def works(python: Path) -> bool:
    """Whether it runs and is a 3.11: it is a link, and what it points at may be gone."""
    try:
        trial = "import sys; sys.exit(sys.version_info[:2] != (3, 11))"
        return subprocess.run([python, "-c", trial], capture_output=True).returncode == 0
    except OSError:
        return False


def check_disk() -> None:
    free = shutil.disk_usage(PROJECT).free
    if free < MIN_FREE_BYTES:
        raise InstallError(
            f"The disk of {PROJECT} has {free // 2**20} MB left and the packages need {MIN_FREE_BYTES // 2**20} MB."
        )


def place_file() -> Path:
    return VENV / "installed-at"


def place() -> str:
    """Where the virtual environment was made, as far as it is known."""
    try:
        return place_file().read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(PROJECT / sys.argv[1], again="--again" in sys.argv[2:]))
