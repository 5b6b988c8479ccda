"""Where recordings come from and where they are kept: the upload limit while reading, storage names, a local copy
for the worker.
"""

import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import get_valid_filename

from accounts import limits
from tuplets.errors import Code, TupletsError

# A day: far longer than any upload or job takes.
LEFTOVER_AFTER_S = 24 * 3600


class RecordingUploadHandler(TemporaryFileUploadHandler):
    """Streams a recording to disk and stops at the limit: never whole in memory, never more than the limit on disk."""

    chunk_size = 2**20

    def handle_raw_input(self, input_data: Any, META: dict[str, Any], content_length: int, *args: Any) -> None:
        """Refuses by the declared length before a byte is read."""
        if content_length > limits.RECORDING_BYTES_MAX + limits.FORM_OVERHEAD_BYTES_MAX:
            raise TupletsError(Code.FILE_TOO_LARGE, field="audio_file")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > limits.RECORDING_BYTES_MAX:
            self.upload_interrupted()  # removes what was written so far
            raise TupletsError(Code.FILE_TOO_LARGE, field="audio_file")
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError:  # the disk is full
            self.upload_interrupted()
            raise


def accept_recording(request: HttpRequest) -> None:
    """Makes the request's body stream through the handler above. Call before anything reads the body."""
    request.upload_handlers = [RecordingUploadHandler(request)]


def path_of(upload: UploadedFile) -> Path:
    """Where an upload lies while its request lasts."""
    assert isinstance(upload, TemporaryUploadedFile)
    return Path(upload.temporary_file_path())


def keep(upload: UploadedFile, job_id: uuid.UUID) -> str:
    """Moves an upload into the storage (a rename on one disk); returns its storage name, which no customer chose."""
    return default_storage.save(f"recordings/{timezone.now():%Y/%m/%d}/{job_id}", upload)


def keep_redacted(path: Path, job_id: uuid.UUID, attempt: int, suffix: str) -> str:
    """Puts the redacted copy that an attempt made into the storage; returns its storage name.

    What earlier attempts left there goes.
    """
    for earlier in range(1, attempt):
        discard(f"redacted/{job_id}/{earlier}{suffix}")
    with path.open("rb") as file:
        return default_storage.save(f"redacted/{job_id}/{attempt}{suffix}", File(file))


def open_stored(key: str) -> File:
    """Raises OSError when it is not there or the storage is out of reach."""
    return default_storage.open(key)


def discard(key: str) -> None:
    """Again changes nothing. Raises OSError when the storage is out of reach."""
    if key:
        default_storage.delete(key)


def display_name(name: str | None) -> str:
    """A customer's file name, safe for headers and pages, at most 255 characters; for people only."""
    stem = Path(name or "").name.strip()
    printable = "".join(character for character in stem if character.isprintable())
    return printable[:255]


def download_name(source_name: str, job_id: uuid.UUID, suffix: str = ".json") -> str:
    """The file name of a job's attachment."""
    try:
        return f"{get_valid_filename(Path(source_name).stem)[:100]}{suffix}"
    except SuspiciousFileOperation:  # nothing in it that a file name may hold
        return f"{job_id}{suffix}"


def remove_leftovers() -> int:
    """Deletes what killed processes left in the uploads folder, and answers how many; nothing in use is as old."""
    removed = 0
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        if time.time() - path.stat().st_mtime > LEFTOVER_AFTER_S:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            removed += 1
    return removed


@contextmanager
def work_folder(job_id: uuid.UUID, attempt: int) -> Iterator[Path]:
    """A folder for what one attempt needs while it works: the decoded sound. Gone afterwards.

    What a killed earlier attempt left on this machine goes at once: it is the recording itself.
    """
    place = Path(settings.FILE_UPLOAD_TEMP_DIR)
    for earlier in range(1, attempt):
        shutil.rmtree(place / f"work-{job_id}-{earlier}", ignore_errors=True)
    folder = place / f"work-{job_id}-{attempt}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def local_copy(source_key: str) -> Iterator[Path]:
    """The recording as a local file: itself on a local storage, a temporary copy of it on a remote one."""
    try:
        yield Path(default_storage.path(source_key))
        return
    except NotImplementedError:  # Django's word for "not a local storage"
        pass
    with (
        default_storage.open(source_key) as remote,
        tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as local,
    ):
        shutil.copyfileobj(remote, local, 2**20)
        local.flush()
        yield Path(local.name)
