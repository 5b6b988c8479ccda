"""Database and queue around one command, with real servers."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.stack.conftest import Run, environment, is_alive
from tuplets.stack import postgres, processes
from tuplets.stack.layout import PROJECT_DIR, Layout

CONNECT = """
import os, psycopg, redis
database = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
queue = redis.Redis.from_url(os.environ["REDIS_URL"])
"""
WRITE = CONNECT + "database.execute('CREATE TABLE kept AS SELECT 42 AS answer'); queue.set('kept', 'yes')"
READ = CONNECT + "print(database.execute('SELECT answer FROM kept').fetchone(), queue.get('kept'))"


def waiting_services(layout: Layout) -> subprocess.Popen[str]:
    """Servers that hold the folder until they are told to stop."""
    command = [sys.executable, "-m", "tuplets.stack", "services", "--", "sh", "-c", "echo ready; exec sleep 60"]
    started = subprocess.Popen(command, cwd=PROJECT_DIR, env=environment(layout), stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def test_a_command_gets_both_servers_off_the_network_and_its_exit_status_is_passed_on(
    services: Run, layout: Layout
) -> None:
    asked = "print(database.execute('SHOW listen_addresses').fetchone(), queue.config_get('port')); raise SystemExit(7)"
    done = services(CONNECT + asked)
    assert (done.stdout, done.returncode) == ("('',) {'port': '0'}\n", 7), done.stderr
    assert processes.members(layout) == []


def test_a_killed_postgresql_is_recovered_by_the_next_start(services: Run, layout: Layout) -> None:
    kill = (
        WRITE
        + f"""
import time; time.sleep(1.1)  # Valkey writes its file once a second
os.kill(int(open("{layout.postgres}/postmaster.pid").readline()), 9)
"""
    )
    assert services(kill).returncode == 0
    assert (layout.postgres / "postmaster.pid").exists()
    done = services(READ)
    assert done.stdout == "(42,) b'yes'\n", done.stderr


def test_a_process_that_took_a_killed_servers_number_does_not_stop_the_next_start(layout: Layout) -> None:
    layout.prepare()
    layout.postgres.mkdir()
    lock = layout.postgres / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{layout.postgres}\n")
    postgres.forget_dead_server(layout)
    assert not lock.exists()


def test_servers_of_a_killed_run_are_ended_by_the_next(services: Run, layout: Layout) -> None:
    first = waiting_services(layout)
    child = psutil.Process(first.pid).children()
    left = processes.members(layout)
    assert len(left) > 2
    first.kill()
    first.wait()
    try:
        done = services(CONNECT + "print(queue.ping())")
        assert done.stdout == "True\n", done.stderr
        assert not any(is_alive(process) for process in left)
    finally:
        for process in child:
            if process.is_running():
                process.kill()


def test_two_runs_in_one_folder_are_refused_in_one_sentence(services: Run, layout: Layout) -> None:
    first = waiting_services(layout)
    try:
        done = services("print('never')")
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert f"already running from {layout.data_dir} (process {first.pid})" in done.stderr
    finally:
        first.send_signal(signal.SIGTERM)
        first.wait(20)


def test_sigterm_reaches_the_command_and_everything_stops(layout: Layout) -> None:
    started = waiting_services(layout)
    began = time.monotonic()
    started.send_signal(signal.SIGTERM)
    assert started.wait(20) == 128 + signal.SIGTERM
    assert time.monotonic() - began < 10
    assert processes.members(layout) == []


def test_servers_that_the_environment_names_are_not_started(services: Run, layout: Layout) -> None:
    named = {"DATABASE_URL": "postgresql://db.example/app", "REDIS_URL": "redis://queue.example"}
    done = services("import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'])", **named)
    assert done.stdout == "postgresql://db.example/app redis://queue.example\n", done.stderr
    assert not layout.postgres.exists()


def test_a_data_folder_with_a_long_path_works(services: Run, layout: Layout) -> None:
    far = Path(layout.data_dir, "a folder with a name, and a long one " * 3)
    done = services(CONNECT + "print(queue.ping())", TUPLETS_DATA_DIR=str(far))
    assert done.stdout == "True\n", done.stderr
    Layout(far).sockets.rmdir()
