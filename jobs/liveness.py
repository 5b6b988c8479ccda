"""Signs of life of the worker and the scheduler, for `manage.py doctor`."""

import threading
import time

import structlog
from django.core.cache import cache

log = structlog.get_logger(__name__)
KEY_PREFIX = "heartbeat:"
WORKER_KEY = KEY_PREFIX + "worker"
SCHEDULER_KEY = KEY_PREFIX + "scheduler"
INTERVAL_S = 5.0
KEPT_S = 60


def beat_forever(cache_key: str) -> None:
    """Writes the time under `cache_key` from a daemon thread, for as long as the process lives."""

    def beat() -> None:
        while True:
            try:
                cache.set(cache_key, time.time(), timeout=KEPT_S)
            except Exception as error:  # the queue is away: the missing heartbeat says so
                log.warning("heartbeat_missed", error=type(error).__name__)
            time.sleep(INTERVAL_S)

    threading.Thread(target=beat, name=cache_key, daemon=True).start()
