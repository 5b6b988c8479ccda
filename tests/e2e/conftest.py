"""The whole product in one process: a live server, the real queue, a real worker with the real model."""

from typing import Any

import pytest
from dramatiq import Worker

from jobs.tasks import broker
from tests.conftest import Person, make_person


@pytest.fixture(scope="module")
def _running_worker(django_db_setup: Any) -> Any:
    """One for the tests of a module, stopped before other workers start."""
    running = Worker(broker, worker_threads=2, worker_timeout=50)
    running.start()
    yield running
    running.stop(timeout=30_000)


@pytest.fixture
def worker(transactional_db: Any, _running_worker: Worker) -> Any:
    """A running worker with the real model. What it is at is done before the tables are emptied under it."""
    yield
    broker.flush_all()
    _running_worker.join()


@pytest.fixture
def served(live_server: Any, settings: Any) -> str:
    """The address of the running product."""
    settings.PUBLIC_URL = live_server.url
    settings.ALLOWED_HOSTS = ["*"]
    return live_server.url


@pytest.fixture
def customer(transactional_db: Any) -> Person:
    return make_person("dev@example.org")
