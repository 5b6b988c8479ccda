"""The models behind the diarizer: the community-1 weights that the project carries, or an operator's own folder.

`problem` is cheap and imports nothing heavy: `registry.available` and the doctor ask it. `load` is called once, in the
worker: it checks every digest and builds pyannote's own classes. Nothing is fetched here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pathlib
import sys
import types
import warnings
from dataclasses import dataclass
from typing import Any

from jobs.pipeline.types import EngineUnavailable

MODEL = "pyannote/speaker-diarization-community-1"
CARRIED = pathlib.Path(__file__).resolve().parents[2] / "models" / "community-1"
CARRIED_VARIANT = "int8"
DIGESTS = {
    "segmentation.safetensors": "33599ebd7565aa82a5b608b050e719e3fa3c7c429e07ddc895a317fa418891c9",
    "embedding.safetensors": "3d83aeb2f3b5ef0dc99ab3c9747b1d54d9ffbbb5198d93de23cd35d6cc1fcc0b",
    "xvec_transform.npz": "423df6b3a2a6b36eeb2f67a344c7fbf7f29a77bab5f80412a9bab43dac032dd7",
    "plda.npz": "1449ea83c6fdab27c9a6070e53177d8be124506ac7e5b391af856ccdc6e9e5d9",
}
# The published settings of community-1.
SETTINGS: dict[str, Any] = {
    "segmentation": {"min_duration_off": 0.0},
    "clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8},
}
CHUNK_S = 10.0
MEND = "run `make setup`"


@dataclass(frozen=True)
class Parts:
    """What a pipeline is made of; `options` and `settings` as pyannote's SpeakerDiarization takes them."""

    segmentation: Any
    embedding: Any
    plda: Any
    options: dict[str, Any]
    settings: dict[str, Any]


def problem() -> str | None:
    """Why this server can't tell speakers apart, in one sentence that names the command which mends it."""
    for package in ("torch", "pyannote"):
        if importlib.util.find_spec(package) is None:
            return f"Speaker diarization is not installed (the package {package} is missing); {MEND}."
    if _is_distribution("torch") and not _torch_can_load():
        return f"The torch that is installed is a CUDA build without its libraries; {MEND} once it is uninstalled."
    return None


def damaged() -> list[str]:
    """The carried files that are not there as they were published."""
    return [
        name for name, digest in DIGESTS.items() if not (CARRIED / name).is_file() or _sha256(CARRIED / name) != digest
    ]


def _is_distribution(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


def _torch_can_load() -> bool:
    """PyPI's wheels for Linux say no build in their version and need NVIDIA's libraries; other builds name theirs."""
    if sys.platform != "linux" or "+" in importlib.metadata.version("torch"):
        return True
    return _is_distribution("nvidia-cuda-runtime") or _is_distribution("nvidia-cuda-runtime-cu12")


def load(folder: pathlib.Path | None) -> Parts:
    """The carried weights, or what an operator's community-1 `folder` holds. Raises EngineUnavailable."""
    import_pyannote()
    try:
        return _operators(folder) if folder else _carried()
    except EngineUnavailable:
        raise
    except Exception as error:  # a checkpoint that isn't one fails in many ways, and all mean the same
        where = folder or CARRIED
        raise EngineUnavailable(
            f"The diarization models in {where} can't be loaded ({type(error).__name__}); "
            "set TUPLETS_DIARIZER_DIR to a whole community-1 folder, or unset it."
        ) from error


def import_pyannote() -> None:
    """Imports pyannote without telemetry, and without its wish for a file decoder: it is handed samples."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    reason = problem()
    if reason:
        raise EngineUnavailable(reason)
    try:
        import torch

        if torch.version.cuda is None:
            _without_compiled_torchaudio()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pyannote.audio  # noqa: F401  only to see that it loads, while its warnings are off
    except (ImportError, OSError) as error:
        raise EngineUnavailable(f"Speaker diarization can't be loaded ({error}); {MEND}.") from error


def _without_compiled_torchaudio() -> None:
    """Its PyPI wheel has its compiled part linked to CUDA, and fails on a CPU build where it would do without."""
    name = "torchaudio._extension"
    if name in sys.modules:
        return
    absent = types.ModuleType(name)

    def unavailable(*_: Any, **__: Any) -> Any:
        raise RuntimeError("torchaudio's compiled part is not loaded on a CPU build of torch")

    absent.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        fail_if_no_align=lambda function: unavailable,
        _check_cuda_version=lambda: None,
    )
    sys.modules[name] = absent


def _carried() -> Parts:
    from pyannote.audio.core.plda import PLDA

    bad = damaged()
    if bad:
        raise EngineUnavailable(
            f"The diarization weights in {CARRIED} are missing or damaged ({', '.join(bad)}): restore them, as with "
            "`git checkout -- models`."
        )
    return Parts(
        segmentation=_segmentation(CARRIED / "segmentation.safetensors"),
        embedding=_embedding(CARRIED / "embedding.safetensors"),
        plda=PLDA(CARRIED / "xvec_transform.npz", CARRIED / "plda.npz"),
        options={"clustering": "VBxClustering", "segmentation_step": 0.1, "embedding_exclude_overlap": True},
        settings=SETTINGS,
    )


def _segmentation(path: pathlib.Path) -> Any:
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet
    from safetensors.torch import load_file

    model = PyanNet(lstm={"num_layers": 4})
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=CHUNK_S,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.build()
    model.load_state_dict(load_file(path))
    return model.eval()


def _embedding(path: pathlib.Path) -> Any:
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding import WeSpeakerResNet34
    from safetensors.torch import load_file

    model = WeSpeakerResNet34()
    model.specifications = Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=CHUNK_S)
    model.load_state_dict({name: value.float() for name, value in load_file(path).items()}, strict=False)
    return model.eval()


def _operators(folder: pathlib.Path) -> Parts:
    from pyannote.audio import Pipeline

    if not (folder / "config.yaml").is_file():
        raise EngineUnavailable(
            f"TUPLETS_DIARIZER_DIR names {folder}, which has no config.yaml: set it to a community-1 folder, "
            "or unset it."
        )
    stock: Any = Pipeline.from_pretrained(folder)
    return Parts(
        segmentation=stock._segmentation.model,
        embedding=stock._embedding.model_,
        plda=stock._plda,
        options={
            "clustering": stock.klustering,
            "segmentation_step": stock.segmentation_step,
            "embedding_exclude_overlap": stock.embedding_exclude_overlap,
        },
        settings=stock.parameters(instantiated=True),
    )


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
