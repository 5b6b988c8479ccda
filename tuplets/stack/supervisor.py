"""supervisord, the process runner: started with deploy/embedded/supervisord.conf, asked and told over its unix socket.

Which part is started when is decided in `up`; what each part's command is stands in the configuration.
"""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from tuplets.stack import processes
from tuplets.stack.layout import PROJECT_DIR, Layout, StackError

CONFIGURATION = PROJECT_DIR / "deploy" / "embedded" / "supervisord.conf"
APP_PARTS = ("web", "worker", "scheduler")
# web, worker and scheduler together at most 9 s, Valkey 5, PostgreSQL 8: nearly always three in all.
STOP_WITHIN_S = 20


@dataclass(frozen=True)
class Part:
    """One process as supervisord sees it now."""

    name: str
    state: str  # STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL
    pid: int
    log: Path


class Supervisor:
    """A running supervisord of ours."""

    def __init__(self, layout: Layout) -> None:
        """Starts it with every part still stopped; StackError when it does not answer."""
        self.layout = layout
        log = layout.logs / "supervisord.out"
        self.process = processes.start(
            layout,
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(CONFIGURATION)],
            log=log,
            extra={
                # supervisord expands the names of the parts' logs twice.
                "TUPLETS_LOG_DIR": str(layout.logs).replace("%", "%%"),
                "TUPLETS_CONTROL_SOCKET": str(layout.control_socket),
            },
        )
        if not processes.wait_until(self._answers, within_s=20):
            raise StackError(f"The process runner does not start (see {log}):\n{processes.last_lines(log)}")

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def start(self, name: str) -> None:
        """Starts one part and does not wait for it."""
        self._call("startProcess", f"app:{name}" if name in APP_PARTS else name, False)

    def parts(self) -> dict[str, Part]:
        """Every part by name; empty while supervisord does not answer."""
        try:
            rows = self._call("getAllProcessInfo")
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return {}
        return {
            row["name"]: Part(row["name"], row["statename"], row["pid"], Path(row["stdout_logfile"])) for row in rows
        }

    def stop(self) -> None:
        """Stops every part in order and supervisord; what does not end in time is killed. Safe to repeat."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        processes.end(processes.members(self.layout), within_s=5)

    def end_orphans(self) -> None:
        """Kills what a killed part left behind: processes of this copy that supervisord is no ancestor of any more."""
        with contextlib.suppress(psutil.Error):
            runner = psutil.Process(self.process.pid)
            kept = {runner.pid, *(child.pid for child in runner.children(recursive=True))}
            for process in processes.members(self.layout):
                # Read again: a process that began since the list was made is no orphan.
                if process.pid not in kept and runner not in process.parents():
                    process.kill()

    def _answers(self) -> bool:
        return bool(self.parts())

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, serverurl=f"unix://{self.layout.control_socket}")
        try:
            with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
                return getattr(server.supervisor, method)(*arguments)
        finally:
            transport.close()
