"""Stacks of their own: each test here gets a data folder that nothing else uses, and an environment without ours."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tuplets.stack import processes
from tuplets.stack.layout import PROJECT_DIR, Layout

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def layout() -> Iterator[Layout]:
    """A data folder with a short name; whatever a failed test left running from it is ended."""
    folder = Path(tempfile.mkdtemp(prefix="tuplets-test-")).resolve()
    own = Layout(folder)
    yield own
    processes.end(processes.members(own), within_s=10)
    shutil.rmtree(folder)


def environment(layout: Layout, **extra: str) -> dict[str, str]:
    """Ours without the database and queue that the test run itself uses."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "MAKELEVEL")
    }
    return inherited | {"TUPLETS_DATA_DIR": str(layout.data_dir)} | extra


def is_alive(process: psutil.Process) -> bool:
    """False for one that only waits to be reaped, too."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def services(layout: Layout) -> Run:
    """Runs a Python snippet between database and queue of `layout`: `services("print(1)")`."""

    def run(snippet: str, **extra: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "tuplets.stack",
            "services",
            "--throwaway",
            "--",
            sys.executable,
            "-c",
            snippet,
        ]
        env = environment(layout, **extra)
        return subprocess.run(command, cwd=PROJECT_DIR, env=env, capture_output=True, text=True, timeout=60)

    return run
