"""What keeps a start from happening is said in one sentence with the way out."""

import shutil
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

from jobs.engines import weights
from jobs.pipeline.types import EngineUnavailable
from tests.stack.conftest import environment
from tuplets.stack import postgres, processes, up, valkey
from tuplets.stack.layout import PROJECT_DIR, Layout, StackError


def start(layout: Layout, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tuplets.stack", "up"]
    env = environment(layout, **extra)
    return subprocess.run(command, cwd=PROJECT_DIR, env=env, capture_output=True, text=True, timeout=60)


def test_a_port_in_use_names_port(layout: Layout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start(layout, PORT=str(port))
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 can't be used (Address already in use)" in done.stderr
    assert f"PORT={port + 1} make run" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not layout.postgres.exists()


@pytest.mark.parametrize("port", ["http", "0", "70000"])
def test_a_port_that_is_none_is_refused(layout: Layout, port: str) -> None:
    done = start(layout, PORT=port)
    assert (done.returncode, done.stderr) == (1, f"PORT is '{port}' and must be a number from 1 to 65535.\n")


def test_a_second_start_in_the_same_folder_names_the_first(layout: Layout) -> None:
    layout.prepare()
    with processes.only_one(layout):
        done = start(layout)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Tuplets is already running from {layout.data_dir} (process ")
    assert done.stderr.count("\n") == 1


def test_a_full_disk_says_how_much_is_needed(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10 * 2**20))
    with pytest.raises(StackError, match=r"has 10 MB left and Tuplets needs 500: free some space"):
        processes.check_disk(layout)


def test_missing_servers_name_the_command_that_installs_them(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr("pathlib.Path.glob", lambda *_: [])
    with pytest.raises(StackError, match="PostgreSQL is missing: run `make setup`, or set DATABASE_URL"):
        postgres.binaries(layout)
    with pytest.raises(StackError, match="Valkey is missing: run `make setup`, or set REDIS_URL"):
        valkey.binary()


def test_missing_weights_name_the_command_that_installs_them(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise EngineUnavailable("The package is not installed; run `make setup`.")

    monkeypatch.setattr(weights, "prepare", missing)
    with pytest.raises(StackError, match="run `make setup`"):
        up.prepare_weights(layout)


def test_data_of_another_postgresql_is_not_touched(layout: Layout) -> None:
    layout.postgres.mkdir()
    (layout.postgres / "PG_VERSION").write_text("9\n")
    with pytest.raises(StackError, match="written by PostgreSQL 9"):
        postgres.command(layout)
