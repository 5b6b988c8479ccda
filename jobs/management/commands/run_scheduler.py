"""`manage.py run_scheduler`: the clock of the product, one process. What it calls is safe to run twice."""

import signal
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from apscheduler.schedulers.blocking import BlockingScheduler
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from billing.checks import record_check
from billing.top_ups import catch_up_open
from billing.watching import BalanceWatch
from jobs import liveness, sources
from jobs.sweeping import sweep

SWEEP_INTERVAL_S = 5
BALANCES_INTERVAL_S = 60
LATE_PAYMENTS_INTERVAL_S = 600
LEFTOVERS_INTERVAL_S = 3600
LEDGER_INTERVAL_S = 3600


def connected(work: Callable[[], Any]) -> Callable[[], None]:
    """The work with a database connection that is not stale."""

    @wraps(work)
    def run() -> None:
        close_old_connections()
        try:
            work()
        finally:
            close_old_connections()

    return run


class Command(BaseCommand):
    help = "Run the periodic work: the job sweeper, the watch over balances and payments, the check of the ledger."

    def handle(self, *args: Any, **options: Any) -> None:
        scheduler = BlockingScheduler(
            timezone="UTC", job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        )
        every: list[tuple[Callable[[], Any], int, dict[str, Any]]] = [
            (sweep, SWEEP_INTERVAL_S, {}),
            (BalanceWatch().look, BALANCES_INTERVAL_S, {}),
            (catch_up_open, LATE_PAYMENTS_INTERVAL_S, {}),
            (sources.remove_leftovers, LEFTOVERS_INTERVAL_S, {"next_run_time": datetime.now(UTC)}),
            (record_check, LEDGER_INTERVAL_S, {"next_run_time": datetime.now(UTC)}),
        ]
        for work, interval_s, more in every:
            scheduler.add_job(connected(work), "interval", seconds=interval_s, **more)
        signal.signal(signal.SIGTERM, lambda *_: scheduler.shutdown(wait=False))
        signal.signal(signal.SIGINT, lambda *_: scheduler.shutdown(wait=False))
        liveness.beat_forever(liveness.SCHEDULER_KEY)
        scheduler.start()
