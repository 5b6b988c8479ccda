"""`manage.py run_scheduler`: the clock of the product, one process. What it calls is safe to run twice."""

import signal
from datetime import UTC, datetime
from typing import Any

from apscheduler.schedulers.blocking import BlockingScheduler
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from jobs import liveness, sources
from jobs.sweeping import sweep

SWEEP_INTERVAL_S = 5
LEFTOVERS_INTERVAL_S = 3600


def sweep_once() -> None:
    close_old_connections()
    try:
        sweep()
    finally:
        close_old_connections()


class Command(BaseCommand):
    help = "Run the periodic work: the job sweeper."

    def handle(self, *args: Any, **options: Any) -> None:
        scheduler = BlockingScheduler(timezone="UTC")
        scheduler.add_job(
            sweep_once, "interval", seconds=SWEEP_INTERVAL_S, max_instances=1, coalesce=True, misfire_grace_time=None
        )
        scheduler.add_job(
            sources.remove_leftovers, "interval", seconds=LEFTOVERS_INTERVAL_S, next_run_time=datetime.now(UTC)
        )
        signal.signal(signal.SIGTERM, lambda *_: scheduler.shutdown(wait=False))
        signal.signal(signal.SIGINT, lambda *_: scheduler.shutdown(wait=False))
        liveness.beat_forever(liveness.SCHEDULER_KEY)
        scheduler.start()
