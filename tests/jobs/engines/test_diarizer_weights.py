"""Whether this server can tell speakers apart, seen without loading torch; what is wrong names its remedy."""

import importlib.metadata
import importlib.util
from collections.abc import Callable

import pytest

from jobs.engines import diarizer_weights, registry
from jobs.pipeline.types import EngineUnavailable

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Which packages are there, and in which version: machine(pyannote="4", torch="2")."""

    def have(platform: str = "linux", **versions: str) -> None:
        names = {name.replace("_", "-"): version for name, version in versions.items()}

        def version(name: str) -> str:
            if name not in names:
                raise importlib.metadata.PackageNotFoundError(name)
            return names[name]

        monkeypatch.setattr(diarizer_weights.importlib.util, "find_spec", lambda name, *_: names.get(name))
        monkeypatch.setattr(diarizer_weights.importlib.metadata, "version", version)
        monkeypatch.setattr(diarizer_weights.sys, "platform", platform)

    return have


def test_without_torch_the_role_is_not_available_and_the_reason_names_make_setup(machine: Machine) -> None:
    machine(pyannote="4.0.7")
    assert not registry.available("diarizer")
    with pytest.raises(EngineUnavailable, match=r"the package torch is missing.*make setup"):
        diarizer_weights.load(None)


def test_without_pyannote_the_role_is_not_available(machine: Machine) -> None:
    machine(torch="2.13.0+cpu")
    assert not registry.available("diarizer")


def test_a_cuda_build_without_its_libraries_is_named(machine: Machine) -> None:
    machine(pyannote="4.0.7", torch="2.13.0")
    assert not registry.available("diarizer")
    with pytest.raises(EngineUnavailable, match="CUDA build without its libraries"):
        diarizer_weights.load(None)


@pytest.mark.parametrize(
    "versions",
    [
        {"torch": "2.13.0+cpu"},
        {"torch": "2.13.0+cu130"},
        {"torch": "2.13.0", "nvidia_cuda_runtime": "13.0"},
        {"torch": "2.13.0", "nvidia_cuda_runtime_cu12": "12.8"},
        {"torch": "2.13.0", "platform": "darwin"},
    ],
    ids=["CPU build", "CUDA build", "CUDA 13 from PyPI", "CUDA 12 from PyPI", "Mac"],
)
def test_a_build_that_can_load_is_available(versions: dict[str, str], machine: Machine) -> None:
    machine(pyannote="4.0.7", **versions)
    assert registry.available("diarizer")
