"""Locks, ports, disk space and processes: the questions to the operating system that starting and stopping ask.

Every process of a copy carries its data folder in the environment (MARKER), so that the next start finds whatever a
killed stack left running. Called by `services` and `up`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tuplets.stack.layout import MIN_FREE_BYTES, PROJECT_DIR, Layout, StackError

MARKER = "TUPLETS_STACK"
PR_SET_PDEATHSIG = 1

# No library may phone home or look for weights on the network; OpenMP threads sleep while they wait for work.
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "PYANNOTE_METRICS_ENABLED": "0",
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
}


def environment(layout: Layout) -> dict[str, str]:
    """The environment of every process of this copy: the operator's own, the data folder, and `QUIET`."""
    programs = str(Path(sys.executable).parent)
    return (
        QUIET
        | os.environ
        | {
            MARKER: str(layout.data_dir),
            "TUPLETS_DATA_DIR": str(layout.data_dir),
            "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
        }
    )


@contextlib.contextmanager
def only_one(layout: Layout) -> Iterator[None]:
    """Holds the copy's lock, which the kernel ends with us; StackError that names the process when another holds it."""
    path = layout.run / "stack.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise StackError(
                f"Tuplets is already running from {layout.data_dir} (process {holder}): "
                "stop it first, or set another TUPLETS_DATA_DIR and PORT."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def check_disk(layout: Layout) -> None:
    free = shutil.disk_usage(layout.data_dir).free
    if free < MIN_FREE_BYTES:
        raise StackError(
            f"The disk of {layout.data_dir} has {free // 2**20} MB left and Tuplets needs {MIN_FREE_BYTES // 2**20}: "
            "free some space, or set TUPLETS_DATA_DIR to a folder on another disk."
        )


def check_port(host: str, port: int) -> None:
    """StackError when nothing could listen there. Asked as gunicorn will: a socket in TIME_WAIT is no obstacle."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            raise StackError(
                f"Port {port} on {host} can't be used ({error.strerror}): choose another, as PORT={port + 1} make run."
            ) from None


def start(
    layout: Layout, command: list[str], *, log: Path, extra: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Starts one server in a process group of its own (ctrl-C reaches only us), its output in `log`."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=PROJECT_DIR,
            env=environment(layout) | (extra or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=end_with_parent,
        )


def run(layout: Layout, command: list[str], *, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end with its output kept, out of ctrl-C's reach (we end it ourselves)."""
    return subprocess.run(
        command,
        cwd=PROJECT_DIR,
        env=environment(layout),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        process_group=0,
    )


def end_with_parent() -> None:
    """Asks Linux to send us SIGTERM when the process that started us dies; elsewhere the next start cleans up."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def members(layout: Layout) -> list[psutil.Process]:
    """Every process of this copy that is alive, whoever its parent is now; never ourselves or what started us."""
    marked = f"{layout.data_dir}"
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid not in spared and process.environ().get(MARKER) == marked:
                # PostgreSQL's children write their title over the environment: they are found through their parent.
                for one in (process, *process.children(recursive=True)):
                    found[one.pid] = one
    return [process for process in found.values() if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def end(processes: list[psutil.Process], *, within_s: float) -> None:
    """Asks each to stop, waits, kills what is left. PostgreSQL gets SIGINT: at SIGTERM it waits for its clients."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


def end_leftovers(layout: Layout) -> int:
    """Ends what a killed start left behind, supervisord first because it stops the others in order; how many it was."""
    left = members(layout)
    runners = [process for process in left if "supervisord" in " ".join(_command_line(process))]
    end(runners, within_s=15)
    end(members(layout), within_s=8)
    return len(left)


def wait_until(done: Callable[[], bool], *, within_s: float, every_s: float = 0.1) -> bool:
    """Whether `done` came true in time."""
    until = time.monotonic() + within_s
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(every_s)
    return True


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, for a person; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
