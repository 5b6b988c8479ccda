"""`make bench-api`: requests a second and latency of the API, against a bare DRF view in the same run.

Prints Markdown. Wants an empty database and queue of its own, which `make bench-api` brings up and throws away.
"""

import http.client
import itertools
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tuplets.settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")
import django

django.setup()

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts import services
from billing import ledger
from billing.prices import MICROS_PER_USD
from jobs.models import Job, Result

CLIENTS = 4
SECONDS = 2.0
ROUNDS = 3  # what is compared takes turns, so that a machine that slows down slows all of it
SMALL, LARGE = 1_000, 200_000
RESULTS = (
    "INSERT INTO jobs_result (job_id, document, preview) SELECT id, convert_to(%s, 'UTF8'), %s FROM jobs_job"
    " WHERE NOT EXISTS (SELECT FROM jobs_result WHERE job_id = jobs_job.id)"
)
SENTENCE = "Thank you for calling, this call is recorded, how can I help you today? "
SEGMENT = ',"text":"' + SENTENCE.strip() + '","avg_logprob":-0.25,"no_speech_prob":0.01,"language":"en"}'
SEGMENTS = ",".join(f'{{"start":{n}.0,"end":{n + 1}.0{SEGMENT}' for n in range(60))
DOCUMENT = f'{{"text":"{SENTENCE * 30}","segments":[{SEGMENTS}],"language":"en"}}'


@dataclass
class Measured:
    per_second: float
    p50_ms: float
    p95_ms: float


def measure(
    port: int, method: str, path: Callable[[int], str], headers: dict[str, str], body: bytes | None = None
) -> Measured:
    """Closed loop: each client sends its next request when the last is answered."""

    def client(number: int) -> list[float]:
        link = http.client.HTTPConnection("127.0.0.1", port)
        latencies, count = [], number
        while time.perf_counter() < deadline:
            began = time.perf_counter()
            link.request(method, path(count), body=body, headers=headers)
            answer = link.getresponse()
            answer.read()
            assert answer.status in (200, 201), (answer.status, path(count))
            latencies.append(time.perf_counter() - began)
            count += CLIENTS
        link.close()
        return latencies

    began = time.perf_counter()
    deadline = began + SECONDS
    with ThreadPoolExecutor(CLIENTS) as pool:
        latencies = sorted(latency for found in pool.map(client, range(CLIENTS)) for latency in found)
    elapsed = time.perf_counter() - began
    p95 = latencies[int(len(latencies) * 0.95)]
    return Measured(len(latencies) / elapsed, 1000 * statistics.median(latencies), 1000 * p95)


def get(port: int, prefix: str, ids: list[str], headers: dict[str, str]) -> Measured:
    return measure(port, "GET", lambda n: f"{prefix}/{ids[n % len(ids)]}", headers)


def in_turns(*requests: tuple[str, Callable[[], Measured]]) -> list[tuple[str, Measured]]:
    """Each request's median over the rounds, after a round that is not counted."""
    found: dict[str, list[Measured]] = {name: [] for name, _ in requests}
    for counted in [False] + [True] * ROUNDS:
        for name, run in requests:
            result = run()
            if counted:
                found[name].append(result)
    return [
        (
            name,
            Measured(*(statistics.median(getattr(one, field) for one in several) for field in Measured.__match_args__)),
        )
        for name, several in found.items()
    ]


def fill(account_id: str, jobs: int) -> list[str]:
    """Completed jobs with results up to `jobs` in the table, all of one account: the worst case for its list."""
    now = timezone.now()
    rows = (
        Job(
            account_id=account_id,
            source_type=Job.Source.UPLOAD,
            source_name="call.mp3",
            source_bytes=1_000_000,
            status=Job.Status.COMPLETED,
            audio_duration_seconds=60,
            progress_percent=100,
            attempt=1,
            created_at=now - timedelta(seconds=number),
            started_at=now,
            completed_at=now,
        )
        for number in range(jobs - Job.objects.count())
    )
    while batch := list(itertools.islice(rows, 2_000)):
        Job.objects.bulk_create(batch)
    with connection.cursor() as cursor:
        cursor.execute(RESULTS, [DOCUMENT, SENTENCE * 14])
        cursor.execute("VACUUM ANALYZE jobs_job, jobs_result, jobs_jobtally")
    assert Result.objects.count() == jobs
    return [str(job_id) for job_id in Job.objects.values_list("pk", flat=True)[:1000]]


def one_mebibyte() -> tuple[dict[str, str], bytes]:
    """A multipart body with a WAV file of 1 MiB."""
    import io
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(os.urandom(2**20))
    boundary = "benchmark"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="audio_file"; filename="a.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    ).encode() + buffer.getvalue() + f"\r\n--{boundary}--\r\n".encode()  # fmt: skip
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body


def serve() -> tuple[subprocess.Popen[bytes], int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "benchmarks.bare:application"]
    server = subprocess.Popen(
        command, env={**os.environ, "LOG_LEVEL": "WARNING", "PORT": str(port), "WEB_CONCURRENCY": "2"}
    )
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return server, port
        except OSError:
            time.sleep(0.1)
    server.kill()
    raise SystemExit("The web server did not start.")


def main() -> None:
    call_command("migrate", verbosity=0)
    user, account = services.sign_up(email="bench@example.org")
    services.verify_email(user=user)
    ledger.grant(account=account, amount_micros=1_000 * MICROS_PER_USD, reference="benchmark", reason="For a benchmark")
    _, key = services.issue_key(account=account, user=user, name="Benchmark")
    auth = {"Authorization": f"Bearer {key}"}
    server, port = serve()
    rows: list[tuple[str, Measured]] = []
    try:
        for size in (SMALL, LARGE):
            ids = fill(str(account.pk), size)
            rows += in_turns(
                (f"bare DRF view, one row by key, {size:,} jobs", lambda ids=ids: get(port, "/bare", ids, {})),
                (
                    f"GET /jobs/{{id}}, {len(DOCUMENT) // 1000} kB result, {size:,} jobs",
                    lambda ids=ids: get(port, "/jobs", ids, auth),
                ),
                (f"GET /jobs, 20 rows, {size:,} jobs", lambda: measure(port, "GET", lambda n: "/jobs", auth)),
            )
        headers, body = one_mebibyte()
        rows.append(("POST /jobs, 1 MiB file", measure(port, "POST", lambda n: "/jobs", auth | headers, body)))
    finally:
        server.terminate()
        server.wait(timeout=20)
    report(rows)


def report(rows: list[tuple[str, Measured]]) -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, 2 web processes, {CLIENTS} clients on the same machine\n")
    print("| request | a second | p50 ms | p95 ms |\n|---|---|---|---|")
    for name, found in rows:
        print(f"| {name} | {found.per_second:.0f} | {found.p50_ms:.1f} | {found.p95_ms:.1f} |")
    (_, bare), (_, one), (_, listed) = rows[:3]
    (_, bare_large), (_, one_large), (_, listed_large) = rows[3:6]
    print(f"\nGET /jobs/{{id}} against the bare view: {one.per_second / bare.per_second:.2f} at {SMALL:,} jobs, "
          f"{one_large.per_second / bare_large.per_second:.2f} at {LARGE:,}")  # fmt: skip
    print(f"p95 at {LARGE:,} jobs against {SMALL:,}: GET /jobs/{{id}} {one_large.p95_ms / one.p95_ms:.2f}, "
          f"GET /jobs {listed_large.p95_ms / listed.p95_ms:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
