"""Database and queue around one command: `python -m tuplets.stack services -- COMMAND`, for tests and benchmarks.

Servers of one run, without restarts or a process runner; the product itself runs under `up`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import psutil

from tuplets.stack import postgres, processes, valkey
from tuplets.stack.layout import Layout, StackError


def run_command(layout: Layout, command: list[str], *, durable: bool) -> int:
    """Runs `command` with DATABASE_URL, REDIS_URL and TUPLETS_DATA_DIR set; its exit status (128 + n for signal n)."""
    child: subprocess.Popen[bytes] | None = None
    done = False

    def on_signal(number: int, _: object) -> None:
        if child is None:
            raise SystemExit(128 + number)  # still starting: stop what has started
        # ctrl-C reaches the command by itself, and it decides what that means; we wait for it and stop the servers.
        if number != signal.SIGINT and not done:
            child.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    with running(layout, durable=durable) as urls:
        env = processes.environment(layout) | urls
        del env[processes.MARKER]  # the command is no part of the copy: the next start must not end it
        child = subprocess.Popen(command, env=env)
        status = child.wait()
        done = True
    return status if status >= 0 else 128 - status


@contextlib.contextmanager
def running(layout: Layout, *, durable: bool = True) -> Iterator[dict[str, str]]:
    """PostgreSQL and Valkey of this data folder, as URLs; one that the environment names is not started.

    StackError when another process uses the folder or a server does not start. They stop when the block ends, however.
    """
    layout.prepare()
    with processes.only_one(layout):
        processes.end_leftovers(layout)
        processes.check_disk(layout)
        try:
            yield {
                "DATABASE_URL": os.environ.get("DATABASE_URL") or start_postgres(layout, durable=durable),
                "REDIS_URL": os.environ.get("REDIS_URL") or start_valkey(layout),
            }
        finally:
            processes.end(processes.members(layout), within_s=10)


def start_postgres(layout: Layout, *, durable: bool) -> str:
    """Starts the database, makes `tuplets` in it, and answers with its URL."""
    postgres.initialise(layout)
    postgres.forget_dead_server(layout)
    _start("postgres", layout, postgres.command(layout, durable=durable), lambda: postgres.is_ready(layout))
    postgres.create_database(layout)
    return layout.database_url()


def start_valkey(layout: Layout) -> str:
    _start("valkey", layout, valkey.command(layout), lambda: valkey.is_ready(layout))
    return layout.redis_url()


def _start(name: str, layout: Layout, command: list[str], ready: Callable[[], bool], within_s: float = 60) -> None:
    """Starts a server and waits until it answers. One that ends at once is started again: after a kill the first try
    can fail, while the last of the old server's processes goes.
    """
    log = layout.logs / f"{name}.log"
    until = time.monotonic() + within_s
    for _ in range(5):
        server = processes.start(layout, command, log=log)
        while server.poll() is None:
            if ready():
                return
            if time.monotonic() > until:
                processes.end([psutil.Process(server.pid)], within_s=5)
                break
            time.sleep(0.05)
        time.sleep(0.5)
    raise StackError(f"{name} does not start (see {log}):\n{processes.last_lines(log)}")
