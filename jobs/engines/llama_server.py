"""The packaged language model as a process of its own, so that its memory can be given back and its crash is not ours.

`python -m jobs.engines.llama_server --model FILE` is that process: llama.cpp's OpenAI-compatible HTTP server on
127.0.0.1, with prompts cached by their beginning. `LocalServer` starts it when it is first needed, again after a crash,
and ends it when nobody has asked for a while. What is asked of it is `chat_model`'s business; nothing here sees a
prompt. Called by the worker only: the web process never asks for an address.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import importlib.util
import os
import pathlib
import secrets
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from analytics.model import ModelUnavailable
from jobs.engines import analyst_weights
from jobs.pipeline.types import EngineUnavailable

# Prompt and answer together; the memory for it is 28 kB a token.
CONTEXT_TOKENS = 8192
# Requests wait for each other: two at once take as long as two in turn, and two long ones would share the context.
SLOTS = 1
# What is kept of earlier prompts, so that recordings that are worked on in turn need not be read again at each call.
CACHE_MIB = 512
# Prompt tokens evaluated in one go: fewer save little memory and are no faster.
BATCH_TOKENS = 512
NICE = 10  # as the worker: not lower still when the worker starts it
MODEL_NAME = "qwen2.5-coder-1.5b-instruct-q4"

PACKAGE = "xllamacpp"
API_KEY = "TUPLETS_LLAMA_API_KEY"
READY = "ready "  # and the address: the only line that the process prints
PLACE = "its reason is in the worker's log (`make logs`)"
FAILED_LATELY = f"The language model's server could not be started a moment ago: {PLACE}."
READY_WITHIN_S = 90.0
IDLE_S = 600.0
STOP_WITHIN_S = 5.0
# After a start that failed, how long nobody else waits for another.
REST_S = 60.0
PROJECT_DIR = pathlib.Path(__file__).resolve().parents[2]

# As the stack sets them, also where the worker was started by hand: threads sleep while they wait for work.
QUIET = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to send requests, and the key for `Authorization: Bearer`, without which the server answers 401."""

    url: str
    api_key: str


class LocalServer:
    """The one model server of a process, shared by its threads. `command` is given the server's own arguments."""

    def __init__(
        self,
        models_dir: pathlib.Path,
        threads: int,
        *,
        command: Sequence[str] = (sys.executable, "-m", "jobs.engines.llama_server"),
        weights: Callable[[pathlib.Path], pathlib.Path] = analyst_weights.file,
        ready_within_s: float = READY_WITHIN_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self._models_dir = models_dir
        self._threads = threads
        self._command = command
        self._weights = weights
        self._ready_within_s = ready_within_s
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._address = Address("", "")
        self._used_at_s = 0.0
        self._failed_until_s = 0.0
        atexit.register(self.stop)

    def address(self) -> Address:
        """Where the server answers now; starts it when it does not run, which takes seconds.

        Ask before each request: that is how it is known to be in use, and how a crashed one comes back. Raises
        ModelUnavailable.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                if time.monotonic() < self._failed_until_s:
                    raise ModelUnavailable(FAILED_LATELY)
                try:
                    self._start()
                except ModelUnavailable:
                    self._failed_until_s = time.monotonic() + REST_S
                    raise
            self._used_at_s = time.monotonic()
            return self._address

    def stop(self) -> None:
        """Ends the server if it runs; the next `address` starts another."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        if self._process is not None:
            self._end()
        try:
            model = self._weights(self._models_dir)
        except EngineUnavailable as error:
            raise ModelUnavailable(str(error)) from None
        key = secrets.token_urlsafe(32)
        arguments = ["--model", str(model), "--threads", str(self._threads), "--parent", str(os.getpid())]
        process = subprocess.Popen(
            [*self._command, *arguments],
            cwd=PROJECT_DIR,
            # All of ours, so that the stack finds it by its marker if everything else is killed.
            env=QUIET | os.environ | {API_KEY: key},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            bufsize=0,  # a line in a buffer of ours is one that `select` does not see
            # A ctrl-C is for the worker, which still needs answers while it winds up.
            process_group=0,
        )
        self._process = process
        try:
            self._address = Address(_address_of(process, self._ready_within_s), key)
        except ModelUnavailable:
            self._end()
            raise
        threading.Thread(target=self._end_when_idle, args=(process,), name="llama-idle", daemon=True).start()

    def _end_when_idle(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            with self._lock:
                if self._process is not process:
                    return
                left_s = self._used_at_s + self._idle_s - time.monotonic()
                if left_s <= 0:
                    self._end()
                    return
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(left_s)
                return

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def problem() -> str | None:
    """Why there can be no server, as far as one sees without loading anything; None when there can."""
    if importlib.util.find_spec(PACKAGE) is None:
        return f"The package {PACKAGE} is not installed; run `make setup`."
    return None


def _address_of(process: subprocess.Popen[bytes], within_s: float) -> str:
    """What a started process says when it is ready; ModelUnavailable when it ends before that or says nothing."""
    until = time.monotonic() + within_s
    stdout = process.stdout
    assert stdout is not None  # it was asked for
    while (left_s := until - time.monotonic()) > 0 and select.select([stdout], [], [], left_s)[0]:
        line = stdout.readline().decode()
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
        if not line:
            raise ModelUnavailable(
                f"The language model's server ended while it started (exit status {process.wait()}): {PLACE}."
            )
    raise ModelUnavailable(f"The language model's server was not ready within {within_s:g} s: {PLACE}.")


def main() -> None:
    """The process: loads the model, says where it answers, and serves until it is ended or its parent is gone."""
    parser = argparse.ArgumentParser(prog="python -m jobs.engines.llama_server", description=__doc__)
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--parent", type=int, default=0, help="end when the parent is no longer this process")
    chosen = parser.parse_args()
    if missing := problem():
        sys.exit(missing)
    os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    server = _serve(chosen.model, chosen.threads, chosen.port, os.environ.get(API_KEY, ""))
    print(f"{READY}{server.listening_address}", flush=True)
    _be_silent()
    while not chosen.parent or os.getppid() == chosen.parent:
        time.sleep(1)
    # No clean-up of a model in use: the memory goes with the process.
    os._exit(0)


def _serve(model: str, threads: int, port: int, api_key: str) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {MODEL_NAME}
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_ctx, params.n_parallel = CONTEXT_TOKENS, SLOTS
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.cache_prompt, params.cache_ram_mib = True, CACHE_MIB
    # Rearranged weights are a second copy of 600 MB; prompts are read as fast without, answers hardly slower.
    params.no_extra_bufts = True
    params.hostnames, params.port = ["127.0.0.1"], port
    params.api_keys = [api_key] if api_key else []
    params.ui = params.endpoint_slots = False
    params.cors_origins = ""
    params.offline = True
    params.verbosity = 1  # errors
    return xllamacpp.Server(params)


def _be_silent() -> None:
    """Once it serves, what the library prints may quote a prompt."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)


if __name__ == "__main__":
    main()
