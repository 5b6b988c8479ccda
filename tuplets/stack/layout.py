"""Where everything of one running copy lives on disk: one data folder, its subfolders, its sockets and its secret.

Pure paths and URLs plus the secret key: nothing is started here and nothing heavy is imported, because every process
imports this module through `tuplets.settings`. Starting and stopping is `services` and `up`.

How settings uses it (django-environ understands both URLs, unix sockets included):

    layout = Layout.from_env()
    DATABASES = {"default": env.db_url("DATABASE_URL", default=layout.database_url())}
    REDIS_URL = env.str("REDIS_URL", "") or layout.redis_url()
    SECRET_KEY = env.str("SECRET_KEY", "") or layout.secret_key()
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

PROJECT_DIR = Path(__file__).resolve().parents[2]
# The joined recognition weights are 150 MB and a new database 50 MB; below this a start would fail half-way. The
# language model's weights have a minimum of their own, because without them a start does not fail.
MIN_FREE_BYTES = 500 * 2**20

# A unix socket's whole path fits in 107 bytes on Linux and 103 on macOS. The longest name we add is supervisord's: it
# makes its socket under a second name, with its process id, first.
SOCKET_PATH_MAX_BYTES = 103
LONGEST_SOCKET_NAME = "control.sock.4194304"
# libpq splits a host at commas, and PostgreSQL its socket folders: anything unusual goes to the short folder instead.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")
# Always this one, never TMPDIR or XDG_RUNTIME_DIR: `manage.py` in another shell has to find the same sockets.
SHORT_SOCKET_ROOT = Path("/tmp")


class StackError(Exception):
    """Something a person has to mend; the message is one sentence that says what and how."""


@dataclass(frozen=True)
class Layout:
    """The paths of one copy. Two copies with different data folders share nothing."""

    data_dir: Path

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Layout:
        """The layout that TUPLETS_DATA_DIR names (relative to the project; default `var`)."""
        named = (os.environ if env is None else env).get("TUPLETS_DATA_DIR") or "var"
        return cls((PROJECT_DIR / Path(named).expanduser()).resolve())

    @property
    def postgres(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def valkey(self) -> Path:
        return self.data_dir / "valkey"

    @property
    def models(self) -> Path:
        return self.data_dir / "models"

    @property
    def storage(self) -> Path:
        """Recordings and results."""
        return self.data_dir / "storage"

    @property
    def uploads(self) -> Path:
        """Uploads while they stream in; on the same disk as storage, so that keeping one is a rename."""
        return self.data_dir / "uploads"

    @property
    def logs(self) -> Path:
        return self.data_dir / "log"

    @property
    def run(self) -> Path:
        """Lock and process ids: worthless once the stack has stopped."""
        return self.data_dir / "run"

    @property
    def sockets(self) -> Path:
        """`<data>/run`, or a short private folder where that path is too long or too odd for a unix socket."""
        natural = str(self.run)
        if PLAIN_PATH.fullmatch(natural) and len(natural) + 1 + len(LONGEST_SOCKET_NAME) <= SOCKET_PATH_MAX_BYTES:
            return self.run
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        return SHORT_SOCKET_ROOT / f"tuplets-{digest}"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def control_socket(self) -> Path:
        """Where supervisord takes orders from `up`."""
        return self.sockets / "control.sock"

    def database_url(self) -> str:
        """libpq's own form for a unix socket: psql, psycopg and django-environ's `db_url` all take it."""
        return f"postgresql://tuplets@/tuplets?host={quote(str(self.sockets), safe='')}"

    def redis_url(self, db: int = 0) -> str:
        return f"unix://{quote(str(self.valkey_socket))}?db={db}"

    def secret_key(self) -> str:
        """The copy's own secret: made once, 64 bytes of randomness, readable by its owner only.

        Several processes may ask at the same moment: the file appears whole or not at all, and all get the same one.
        """
        path = self.data_dir / "secret_key"
        if not path.exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".secret_key.{os.getpid()}.{secrets.token_hex(4)}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(64))
            try:
                os.link(draft, path)  # unlike a rename, never replaces the one that another process made first
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()

    def prepare(self) -> None:
        """Makes every folder but PostgreSQL's own (initdb wants to); safe to repeat.

        StackError when the data folder can't be written or the short socket folder belongs to somebody else.
        """
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self.models.mkdir(exist_ok=True)
            for folder in (self.storage, self.uploads, self.logs, self.run, self.valkey):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StackError(f"The data folder {self.data_dir} can't be made or written: {error.strerror}.") from error
        if self.sockets != self.run:
            claim_private_folder(self.sockets, owners={os.geteuid(), self.data_dir.stat().st_uid})


def claim_private_folder(folder: Path, owners: set[int]) -> None:
    """Makes `folder`, closed to others. It lies where anybody can write: one that a stranger made first is refused."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid in owners
        if not ours or found.st_mode & 0o077:
            raise StackError(
                f"{folder} is not a private folder of ours: remove it, or shorten TUPLETS_DATA_DIR."
            ) from None
