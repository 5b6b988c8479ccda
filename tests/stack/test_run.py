"""`make run` as a whole: one stack is started, asked, hurt, stopped and started again."""

import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from django.conf import settings

from tests.stack.conftest import environment, is_alive
from tuplets.stack import processes
from tuplets.stack.layout import PROJECT_DIR, Layout

START_WITHIN_S = 90
STOP_WITHIN_S = 20


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Stack:
    layout: Layout
    port: int
    output: Path
    process: subprocess.Popen[bytes] | None = None

    def env(self) -> dict[str, str]:
        return environment(self.layout, PORT=str(self.port), TUPLETS_MODELS_DIR=str(settings.MODELS_DIR))

    def start(self) -> float:
        """Starts it, waits for its greeting, and answers with the seconds that took."""
        began = time.monotonic()
        with self.output.open("wb") as output:
            command = [sys.executable, "-m", "tuplets.stack", "up"]
            self.process = subprocess.Popen(command, cwd=PROJECT_DIR, env=self.env(), stdout=output, stderr=output)
        ready = processes.wait_until(lambda: "transcript.json" in self.said() or self.ended(), within_s=START_WITHIN_S)
        assert ready, self.said()
        assert not self.ended(), self.said()
        return time.monotonic() - began

    def stop(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(STOP_WITHIN_S)

    def said(self) -> str:
        return self.output.read_text()

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def is_healthy(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def doctor(self) -> dict[str, bool]:
        command = [sys.executable, "manage.py", "doctor", "--json"]
        done = subprocess.run(command, cwd=PROJECT_DIR, env=self.env(), capture_output=True, text=True, timeout=60)
        return {check["name"]: check["ok"] for check in json.loads(done.stdout)["checks"]}

    def part(self, words: str) -> psutil.Process | None:
        """The oldest process of this copy with these words in its command line."""
        found = [one for one in processes.members(self.layout) if words in " ".join(one.cmdline())]
        return min(found, key=lambda one: one.create_time(), default=None)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="tuplets-run-") as folder:
        layout = Layout(Path(folder).resolve() / "v")
        one = Stack(layout, free_port(), Path(folder) / "output")
        one.start()
        try:
            yield one
        finally:
            if one.process is not None and not one.ended():
                one.process.terminate()
                one.process.wait(STOP_WITHIN_S)
            processes.end(processes.members(layout), within_s=10)


def test_the_first_start_shows_an_account_whose_key_works_and_lines_to_paste(stack: Stack) -> None:
    said = stack.said()
    assert f"Tuplets is ready at http://127.0.0.1:{stack.port}" in said
    assert "local@tuplets.localhost" in said
    key = re.search(r"export TUPLETS_API_KEY=(tb_\S{40})\n", said)
    assert key, said
    answer = httpx.get(f"http://127.0.0.1:{stack.port}/health", headers={"Authorization": f"Bearer {key[1]}"})
    assert answer.json()["authenticated"] is True
    assert [line.split("curl")[0].strip() for line in said.splitlines() if "curl" in line] == ["JOB=$(", "", ""]


def test_the_doctor_finds_nothing_missing(stack: Stack) -> None:
    assert processes.wait_until(lambda: all(stack.doctor().values()), within_s=30, every_s=1), stack.doctor()


@pytest.mark.parametrize("words", ["gunicorn", "dramatiq", "run_scheduler", "valkey-server", "bin/postgres"])
def test_a_killed_part_comes_back_and_nothing_of_the_old_one_stays(stack: Stack, words: str) -> None:
    part = stack.part(words)
    assert part is not None
    group = [part, *part.children(recursive=True)]
    part.kill()

    def healed() -> bool:
        now = stack.part(words)
        return (
            now is not None and now.pid != part.pid and stack.is_healthy() and not any(is_alive(old) for old in group)
        )

    assert processes.wait_until(healed, within_s=40, every_s=0.5), stack.said()
    assert not stack.ended()


def test_ctrl_c_stops_everything_and_the_next_start_is_quick_and_keeps_the_data(stack: Stack) -> None:
    assert stack.stop(signal.SIGINT) == 0
    assert stack.said().endswith("Stopped.\n")
    assert "Traceback" not in stack.said()
    assert processes.members(stack.layout) == []
    assert stack.start() < 15
    assert "export TUPLETS_API_KEY=..." in stack.said()
    assert "tb_" not in stack.said()


def test_a_killed_stack_leaves_nothing_that_stops_the_next_start(stack: Stack) -> None:
    assert stack.process is not None
    for process in [*processes.members(stack.layout), psutil.Process(stack.process.pid)]:
        process.kill()
    stack.process.wait()
    stack.start()
    assert stack.is_healthy()


def test_a_killed_process_runner_ends_the_run_in_one_sentence(stack: Stack) -> None:
    runner = stack.part("supervisor.supervisord")
    assert runner is not None
    runner.kill()
    assert stack.process is not None
    assert stack.process.wait(STOP_WITHIN_S) == 1
    assert "The process runner (supervisord) was killed, so everything was stopped" in stack.said()
    assert processes.members(stack.layout) == []


def test_a_run_that_was_killed_alone_takes_its_parts_with_it(stack: Stack) -> None:
    stack.start()
    assert stack.process is not None
    stack.process.kill()
    stack.process.wait()
    assert processes.wait_until(lambda: not processes.members(stack.layout), within_s=STOP_WITHIN_S)


def test_a_part_that_cannot_start_is_named_with_the_end_of_its_log(stack: Stack, tmp_path: Path) -> None:
    environment = stack.env() | {"WEB_CONCURRENCY": "none"}
    command = [sys.executable, "-m", "tuplets.stack", "up"]
    done = subprocess.run(command, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 1
    assert f"web can't be started (see {stack.layout.logs}/web.log)" in done.stderr
    assert "invalid literal for int()" in done.stderr
    assert processes.members(stack.layout) == []
