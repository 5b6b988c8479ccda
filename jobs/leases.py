"""A worker's hold on a row while it works: progress and heartbeats extend it, and it says when it is gone.

Used by jobs.processing and jobs.reanalysis only. The rows themselves change in jobs.owed and jobs.models.
"""

import os
import signal
import threading
import time
from types import TracebackType
from typing import Any

import structlog
from django.db import Error as DatabaseProblem
from django.db import connection
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from jobs.models import Job
from jobs.owed import Claim, OwedQuerySet

log = structlog.get_logger(__name__)
HEARTBEAT_INTERVAL_S = 5.0
PROGRESS_INTERVAL_S = 1.0  # the row is written at most this often
# Native code that hangs can't be interrupted. Without any report for this long the whole worker is killed: its runner
# starts another, and the sweeper requeues what it held. The slowest step between two reports takes seconds.
STALLED_AFTER_S = 900.0
# A result that took minutes to make is not thrown away because the database restarts.
STORING_PATIENCE_S = 30.0


class ClaimLost(Exception):
    """The work was cancelled or taken over: stop, and store nothing."""


class Lease:
    """`with Lease(claim) as lease:` keeps the claim alive; `lease.report` is what the pipeline calls.

    `rows`: what the claim is one of; jobs, if nothing else is said.
    """

    def __init__(self, claim: Claim, rows: OwedQuerySet[Any] | None = None) -> None:
        self._claim = claim
        self._rows = Job.objects.all() if rows is None else rows
        self._lost = threading.Event()
        self._done = threading.Event()
        self._written_at = 0.0
        self._progressed_at = time.monotonic()
        self._thread = threading.Thread(target=self._beat, name=f"lease-{claim.row_id}", daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def report(self, fraction: float, **changes: Any) -> None:
        """Progress of the whole work, 0..1, and what else the row is to say by now. Raises ClaimLost when the claim is
        gone.
        """
        if self._lost.is_set():
            raise ClaimLost
        now = time.monotonic()
        # Whoever reports is alive, though it may wait long for a model that other jobs keep busy.
        self._progressed_at = now
        if now - self._written_at < PROGRESS_INTERVAL_S:
            return
        self._written_at = now
        if not self._extend(progress_percent=round(100 * fraction, 1), **changes):
            raise ClaimLost

    def _beat(self) -> None:
        try:
            while not self._done.wait(HEARTBEAT_INTERVAL_S):
                if time.monotonic() - self._progressed_at > STALLED_AFTER_S:
                    log.critical("worker_hung", row_id=str(self._claim.row_id), stalled_s=STALLED_AFTER_S)
                    os.kill(os.getpid(), signal.SIGKILL)
                if not self._extend():
                    self._lost.set()
                    return
        finally:
            connection.close()

    def _extend(self, **changes: Any) -> bool:
        """A database that is briefly away is no reason to stop: the lease outlives a few beats."""
        try:
            return self._rows.extend(self._claim, **changes)
        except DatabaseProblem as error:
            log.warning("heartbeat_missed", error=type(error).__name__)
            connection.close()
            return True


def patiently(change: Any, claim: Claim, **fields: Any) -> Any:
    """What `change(claim, **fields)` returns: a read or a change of state that outlasts a database restart.
    The claim fences it all the while.
    """

    def reconnect(state: RetryCallState) -> None:
        log.warning("storing_retried", attempt=claim.attempt)
        connection.close()

    retrying = Retrying(
        retry=retry_if_exception_type(DatabaseProblem),
        wait=wait_exponential(multiplier=0.2, max=5),
        stop=stop_after_delay(STORING_PATIENCE_S),
        before_sleep=reconnect,
        reraise=True,
    )
    return retrying(change, claim, **fields)
