"""Work in a thread of its own beside the caller's, ended with it whatever happens. Pure; called by `run.py`."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

from jobs.pipeline.protocols import OnProgress

Result = TypeVar("Result")

# How often the caller is told that it still waits.
TICK_S = 0.25


class _Stopped(BaseException):
    """Nobody wants the result any more. Never leaves the thread; no Exception, so that no engine swallows it."""


class Beside(Generic[Result]):
    """`with Beside(work) as beside:` runs `work(on_progress)` in a thread; after the block nothing runs any more.

    Leaving early stops it at its next `on_progress`. `check` raises what it raised. Progress, and whatever else the
    caller's own thread must do, is the caller's: the thread only notes how far it is, in `fraction`.
    """

    def __init__(self, work: Callable[[OnProgress], Result]) -> None:
        self._work = work
        self._stop = threading.Event()
        self._done = threading.Event()
        self._result: list[Result] = []
        self._error: BaseException | None = None
        self.fraction = 0.0
        self.elapsed_s = 0.0
        # The caller's context goes with it, so that log lines name the job.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=lambda: context.run(self._run), name="beside")

    def __enter__(self) -> Beside[Result]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raises what the work raised, if it has."""
        if self._error is not None:
            raise self._error

    def result(self, on_wait: Callable[[], None]) -> Result:
        """What the work returns, once it has. `on_wait` is called every TICK_S until then, and may raise."""
        while not self._done.wait(TICK_S):
            on_wait()
        self.check()
        return self._result[0]

    def _run(self) -> None:
        started = time.monotonic()
        try:
            self._result.append(self._work(self._told))
        except _Stopped:
            pass
        except BaseException as error:  # handed to the caller by `check`
            self._error = error
        finally:
            self.elapsed_s = time.monotonic() - started
            self._done.set()

    def _told(self, fraction: float) -> None:
        if self._stop.is_set():
            raise _Stopped
        self.fraction = fraction
