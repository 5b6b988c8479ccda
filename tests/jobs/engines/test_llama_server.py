"""The model's server: started when it is first needed, again after a crash, ended when nobody asks; here a stand-in."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from analytics.model import ModelUnavailable
from jobs.engines import llama_server
from jobs.engines.llama_server import LocalServer
from jobs.pipeline.types import EngineUnavailable

# Writes down that it was started and with what, says that it is ready, and waits.
STAND_IN = """
import json, os, sys, time
with open(sys.argv[1], "a") as starts:
    print(json.dumps([os.getpid(), sys.argv[2:], os.environ.get("TUPLETS_STACK", "")]), file=starts)
print("noise", flush=True)
print("ready http://127.0.0.1:1", flush=True)
time.sleep(60)
"""
Make = Callable[..., LocalServer]


@pytest.fixture
def starts(tmp_path: Path) -> Path:
    """A line for each time that the stand-in was started."""
    return tmp_path / "starts"


@pytest.fixture
def make(starts: Path, tmp_path: Path) -> Iterator[Make]:
    made = []

    def build(script: str = STAND_IN, **options: object) -> LocalServer:
        command = (sys.executable, "-c", script, str(starts))
        weights = {"weights": lambda models_dir: models_dir / "model.gguf"}
        server = LocalServer(tmp_path, 1, command=command, **{**weights, **options})  # type: ignore[arg-type]
        made.append(server)
        return server

    yield build
    for server in made:
        server.stop()


def lines(starts: Path) -> list[list[object]]:
    return [json.loads(line) for line in starts.read_text().splitlines()] if starts.exists() else []


def pid(starts: Path) -> int:
    return int(str(lines(starts)[-1][0]))


def is_alive(process_id: int) -> bool:
    return psutil.pid_exists(process_id) and psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE


def ends_soon(process_id: int, within_s: float = 5) -> bool:
    until = time.monotonic() + within_s
    while is_alive(process_id) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_alive(process_id)


def test_nothing_is_started_before_the_first_address_is_asked_for(make: Make, starts: Path) -> None:
    server = make()
    assert lines(starts) == []
    address = server.address()
    assert address.url == "http://127.0.0.1:1" and len(address.api_key) > 30
    assert len(lines(starts)) == 1
    assert server.address() == address and len(lines(starts)) == 1


def test_two_threads_that_ask_at_once_get_one_server(make: Make, starts: Path) -> None:
    server, found = make(), []
    both = [threading.Thread(target=lambda: found.append(server.address())) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(lines(starts)) == 1 and found[0] == found[1]


def test_the_key_is_in_no_command_line_and_another_at_each_start(make: Make, starts: Path) -> None:
    server = make()
    first = server.address().api_key
    assert first not in " ".join(psutil.Process(pid(starts)).cmdline())
    server.stop()
    assert server.address().api_key != first


def test_the_stack_finds_it_by_its_marker(make: Make, starts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUPLETS_STACK", "/the/data")
    make().address()
    assert lines(starts)[0][2] == "/the/data"


def test_a_server_that_crashed_is_started_again_at_the_next_call(make: Make, starts: Path) -> None:
    server = make()
    server.address()
    first = pid(starts)
    os.kill(first, signal.SIGKILL)
    assert ends_soon(first)
    server.address()
    assert len(lines(starts)) == 2 and is_alive(pid(starts))


def test_it_is_ended_when_nobody_asked_for_a_while_and_comes_back_when_asked(make: Make, starts: Path) -> None:
    server = make(idle_s=0.2)
    server.address()
    first = pid(starts)
    assert ends_soon(first)
    server.address()
    assert len(lines(starts)) == 2


def test_each_call_puts_off_its_end(make: Make, starts: Path) -> None:
    server = make(idle_s=1.0)
    server.address()
    for _ in range(8):
        time.sleep(0.2)
        server.address()
    assert len(lines(starts)) == 1


def test_one_that_ends_while_it_starts_is_unavailable_and_says_where_to_look(make: Make) -> None:
    server = make("import sys; sys.exit(3)")
    with pytest.raises(ModelUnavailable, match=r"ended while it started \(exit status 3\).*make logs"):
        server.address()


def test_one_that_is_never_ready_is_given_up_and_ended(make: Make, starts: Path) -> None:
    server = make(STAND_IN.replace("ready ", "never "), ready_within_s=0.5)
    with pytest.raises(ModelUnavailable, match=r"not ready within 0.5 s"):
        server.address()
    assert not is_alive(pid(starts))


def test_without_weights_the_command_that_brings_them_is_named_and_nothing_started(make: Make, starts: Path) -> None:
    def missing(models_dir: Path) -> Path:
        raise EngineUnavailable("The weights are not there; run `make setup`.")

    with pytest.raises(ModelUnavailable, match="run `make setup`"):
        make(weights=missing).address()
    assert lines(starts) == []


def test_stopping_ends_it_even_when_it_does_not_listen(
    make: Make, starts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_server, "STOP_WITHIN_S", 0.3)
    server = make("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAND_IN)
    server.address()
    server.stop()
    assert not is_alive(pid(starts))


def test_it_ends_with_a_process_that_exits(starts: Path, tmp_path: Path) -> None:
    starter = (
        "import pathlib, sys; from jobs.engines.llama_server import LocalServer; "
        "LocalServer(pathlib.Path(), 1, command=(sys.executable, '-c', sys.argv[1], sys.argv[2]), "
        "weights=lambda folder: folder).address()"
    )
    done = subprocess.run([sys.executable, "-c", starter, STAND_IN, str(starts)], cwd=Path.cwd(), timeout=30)
    assert done.returncode == 0
    assert ends_soon(pid(starts), within_s=1)


LIBRARY = """
import os, sys
class Anything:
    def __getattr__(self, name): self.__dict__[name] = Anything(); return self.__dict__[name]
CommonParams = Anything
class Server:
    def __init__(self, params):
        assert params.api_keys == ["sesame"] and params.hostnames == ["127.0.0.1"], "open to others"
        os.write(2, b"loading\\n")
        self.listening_address = f"http://127.0.0.1:{params.port or 7}"
import threading
threading.Timer(0.7, lambda: os.write(2, b"the prompt\\n")).start()
"""


def process(library: Path, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """The real process around a library that only says what it was told."""
    library.joinpath("xllamacpp.py").write_text(LIBRARY)
    command = [sys.executable, "-m", "jobs.engines.llama_server", "--model", "model.gguf", "--threads", "1", *arguments]
    env = os.environ | {"PYTHONPATH": str(library), llama_server.API_KEY: "sesame"}
    return subprocess.Popen(
        command, cwd=llama_server.PROJECT_DIR, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_the_process_says_where_it_answers_and_then_nothing_more(tmp_path: Path) -> None:
    running = process(tmp_path, "--port", "4711")
    try:
        assert running.stdout and running.stdout.readline() == "ready http://127.0.0.1:4711\n"
        time.sleep(1)
    finally:
        running.terminate()
    assert running.communicate(timeout=10) == ("", "loading\n")


def test_the_process_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    gone = process(tmp_path, "--parent", "1")
    assert gone.wait(timeout=10) == 0
    gone.communicate()
    ours = process(tmp_path, "--parent", str(os.getpid()))
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            ours.wait(timeout=2.5)
    finally:
        ours.kill()
        ours.communicate()


def test_the_process_gives_way_as_much_as_the_worker_and_no_more(tmp_path: Path) -> None:
    running = process(tmp_path)
    try:
        assert running.stdout and running.stdout.readline().startswith("ready ")
        assert psutil.Process(running.pid).nice() == max(os.nice(0), 10)
    finally:
        running.kill()
        running.communicate()
