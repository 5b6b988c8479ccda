"""`make bench-transcribe`: the whole product from POST to completed against plain faster-whisper, in one run.

For every recording in turn: a plain sequential beam-1 call of faster-whisper, our engine called directly, and the
product over HTTP
with a warm worker. Then four jobs at once against one after the other with the API's latency meanwhile, and the
worker's memory over
many jobs. Prints Markdown. `--testdata DIR` takes a folder with a manifest.json;
without one, the project's own small recordings.
"""

import argparse
import contextlib
import http.client
import os
import platform
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tuplets.settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")
import django

django.setup()

import psutil
from django.conf import settings
from django.core.management import call_command
from tuplets_ai import TupletsClient

from accounts import services
from benchmarks import transcribe_engine as engines
from billing import ledger
from billing.prices import MICROS_PER_USD
from jobs.engines import weights

# The job is asked for 40 times in what it takes, at most every 20 ms. More would measure the polling, which
# takes its share of two cores.
POLL_S, POLLS, ABOUT_REAL_TIME = 0.02, 40, 50
ROUNDS = 3


@contextlib.contextmanager
def product() -> Iterator[tuple[TupletsClient, psutil.Process]]:
    """The web server and one worker, as Procfile starts them;
    the client of a fresh account and the worker's process.
    """
    call_command("migrate", verbosity=0)
    user, account = services.sign_up(email="bench@example.org")
    services.verify_email(user=user)
    ledger.grant(account=account, amount_micros=1_000 * MICROS_PER_USD, reference="benchmark", reason="For a benchmark")
    _, key = services.issue_key(account=account, user=user, name="Benchmark")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "LOG_LEVEL": "WARNING", "dramatiq_worker_timeout": "50"}
    web = subprocess.Popen([sys.executable, "-m", "gunicorn", "tuplets.wsgi"], env=environment)
    command = [sys.executable, "-m", "dramatiq", "tuplets.worker", "--processes", "1", "--threads", "4"]
    worker = subprocess.Popen(["nice", "-n", "10", *command], env=environment, stderr=subprocess.DEVNULL)
    try:
        with TupletsClient(api_key=key, base_url=f"http://127.0.0.1:{port}") as client:
            wait_until(lambda: answers(port), 30)
            wait_until(lambda: bool(worker_process(worker.pid)), 30)
            yield client, worker_process(worker.pid)[0]
    finally:
        for process in (worker, web):
            process.terminate()
        for process in (worker, web):
            process.wait(timeout=30)


def answers(port: int) -> bool:
    try:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        link.request("GET", "/health")
        return link.getresponse().status == 200
    except OSError:
        return False


def worker_process(master: int) -> list[psutil.Process]:
    """The forked process that loads the model: the largest child."""
    children = psutil.Process(master).children(recursive=True)
    return sorted(children, key=lambda child: -child.memory_info().rss)


def wait_until(done: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit("The product did not start.")
        time.sleep(0.1)


def through_http(client: TupletsClient, path: Path, duration_s: float = 0.0) -> tuple[float, dict[str, Any]]:
    """Wall seconds from POST to completed, and the result."""
    poll_s = max(POLL_S, duration_s / ABOUT_REAL_TIME / POLLS)
    began = time.perf_counter()
    accepted = client.jobs.create_from_file(path)
    job = client.jobs.wait(accepted.id, poll_interval=poll_s, timeout=1800)
    elapsed = time.perf_counter() - began
    if job.status != "completed" or job.result is None:
        raise SystemExit(f"{path.name}: {job.error_message}")
    return elapsed, job.result


def four_at_once(client: TupletsClient, recording: engines.Recording) -> None:
    path, duration_s = recording.path, recording.duration_s
    one_after_the_other = sum(through_http(client, path, duration_s)[0] for _ in range(4))
    latencies: list[float] = []
    stop = threading.Event()

    def poll() -> None:
        while not stop.wait(0.25):
            began = time.perf_counter()
            client._http_client.get("/jobs", headers={"Authorization": f"Bearer {client.api_key}"})
            latencies.append(1000 * (time.perf_counter() - began))

    poller = threading.Thread(target=poll)
    poller.start()
    began = time.perf_counter()
    accepted = [client.jobs.create_from_file(path) for _ in range(4)]
    for job in accepted:
        assert client.jobs.wait(job.id, poll_interval=0.1, timeout=1800).status == "completed"
    at_once = time.perf_counter() - began
    stop.set()
    poller.join()
    p95 = sorted(latencies)[int(len(latencies) * 0.95)]
    print(f"\nFour jobs of {path.name}: {one_after_the_other:.1f} s one after the other, {at_once:.1f} s at once "
          f"(ratio {one_after_the_other / at_once:.2f}); GET /jobs meanwhile p50 "
          f"{statistics.median(latencies):.0f} ms, p95 {p95:.0f} ms.")  # fmt: skip


def memory(client: TupletsClient, worker: psutil.Process, path: Path, jobs: int) -> None:
    sizes = []
    for _ in range(jobs):
        through_http(client, path)
        sizes.append(worker.memory_info().rss / 2**20)
    print(f"\nWorker memory over {jobs} jobs of {path.name}: {sizes[0]:.0f} MB after the first, "
          f"{sizes[jobs // 2]:.0f} MB after the {jobs // 2}th, {sizes[-1]:.0f} MB after the last, "
          f"at most {max(sizes):.0f} MB.")  # fmt: skip


def long_recording(client: TupletsClient, worker: psutil.Process, path: Path) -> None:
    """A two-hour recording, with the largest memory that was seen on the way."""
    peak, stop = 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stop.wait(0.2):
            peak = max(peak, worker.memory_info().rss / 2**20)

    watcher = threading.Thread(target=watch)
    watcher.start()
    elapsed, result = through_http(client, path, 7200.0)
    stop.set()
    watcher.join()
    duration = result["audio_duration_seconds"]
    print(f"\n{path.name} ({duration / 3600:.1f} h): {elapsed:.0f} s, {duration / elapsed:.1f} times real time, "
          f"worker at most {peak:.0f} MB, coverage {result['transcription_meta']['coverage_ratio']}.")  # fmt: skip


@dataclass(frozen=True)
class Row(engines.Measured):
    """`ours` is the product over HTTP; `engine_s` is the same settings called directly."""

    engine_s: float = 0.0


def compare(client: TupletsClient, found: list[engines.Recording], threads: int) -> list[Row]:
    """All three read the file from disk, all are warm, and they take turns recording by recording.

    Long recordings, on which ratios are judged, have their median over three rounds: seconds vary by a tenth.
    """
    model_dir = weights.prepare(settings.MODELS_DIR, report=lambda line: None)
    plain, ours = engines.plain(model_dir, threads, "vad"), engines.ours(model_dir, threads)
    for warm_up in (plain, ours, lambda path: through_http(client, path)):
        warm_up(found[0].path)
    rows = []
    for recording in found:
        rounds = []
        for _ in range(ROUNDS if recording.duration_s > engines.LONG_S else 1):
            plain_s, plain_text = engines.timed(plain, recording.path)
            engine_s, _ = engines.timed(ours, recording.path)
            http_s, result = through_http(client, recording.path, recording.duration_s)
            rounds.append((plain_s, engine_s, http_s))
        plain_s, engine_s, http_s = map(statistics.median, zip(*rounds, strict=True))
        rows.append(Row(recording, plain_s, http_s, plain_text, result["text"], engine_s))
    return rows


HEADINGS = (
    "recordings",
    "audio s",
    "plain s",
    "engine s",
    "HTTP s",
    "plain / HTTP",
    "HTTP / engine",
    "words plain",
    "words HTTP",
)


def times(rows: list[Row]) -> Iterator[str]:
    yield f"| {' | '.join(HEADINGS)} |"
    yield "|---" + "|--:" * (len(HEADINGS) - 1) + "|"
    spoken = [row for row in rows if not row.recording.wordless]
    long = [row for row in spoken if row.recording.duration_s > engines.LONG_S]
    groups = [(row.recording.name, [row]) for row in long]
    for name, chosen in (*groups, ("all over two minutes", long), ("the whole set", rows)):
        if chosen:
            yield f"| {name} ({len(chosen)}) | {' | '.join(_cells(chosen))} |"


def _cells(rows: list[Row]) -> Iterator[str]:
    audio_s = sum(row.recording.duration_s for row in rows)
    plain_s, engine_s, http_s = (sum(getattr(row, name) for row in rows) for name in ("plain_s", "engine_s", "ours_s"))
    yield f"{audio_s:.0f}"
    yield from (f"{seconds:.1f}" for seconds in (plain_s, engine_s, http_s))
    yield from (f"{ratio:.2f}" for ratio in (plain_s / http_s, http_s / engine_s))
    yield from (str(sum(len(getattr(row, name).split()) for row in rows)) for name in ("plain_text", "ours_text"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testdata", type=Path, default=Path("tests/data/audio"))
    parser.add_argument("--long", type=Path, help="a recording of hours")
    parser.add_argument("--jobs", type=int, default=50, help="jobs of the memory run")
    given = parser.parse_args()
    found = [recording for recording in engines.recordings(given.testdata) if recording.path.is_file()]
    with product() as (client, worker):
        rows = compare(client, found, settings.CPU_THREADS)
        print(*times(rows), "", *engines.errors_table(rows), "", sep="\n")
        for row in rows:
            if row.recording.wordless:
                print(
                    f"- nobody speaks in {row.recording.name}: plain wrote {row.plain_text!r}, HTTP {row.ours_text!r}"
                )
        spoken = [recording for recording in found if not recording.wordless]
        four_at_once(client, max(spoken, key=lambda recording: recording.duration_s))
        memory(client, worker, spoken[0].path, given.jobs)
        if given.long:
            long_recording(client, worker, given.long)
    print(f"\nMachine: {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}.")


if __name__ == "__main__":
    main()
