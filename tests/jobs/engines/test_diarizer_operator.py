"""An operator's own community-1 folder, in the layout in which it is published, goes through the same class."""

import pathlib
import shutil

import pytest
import yaml

from jobs.engines import diarizer_weights
from jobs.engines.audio import AudioDecoder
from jobs.pipeline.types import SpeakerBounds

from .conftest import AUDIO

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(diarizer_weights.problem() is not None, reason=str(diarizer_weights.problem())),
]

CONFIG = {
    "dependencies": {"pyannote.audio": "4.0.0"},
    "pipeline": {
        "name": "pyannote.audio.pipelines.SpeakerDiarization",
        "params": {
            "clustering": "VBxClustering",
            "segmentation": "$model/segmentation",
            "segmentation_batch_size": 32,
            "embedding": "$model/embedding",
            "embedding_batch_size": 32,
            "embedding_exclude_overlap": True,
            "plda": "$model/plda",
        },
    },
    "params": {
        "clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8},
        "segmentation": {"min_duration_off": 0.0},
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The carried models as checkpoints, beside a config.yaml."""
    parts = diarizer_weights.load(None)
    folder = tmp_path_factory.mktemp("community-1")
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    save(parts.segmentation, folder / "segmentation")
    save(parts.embedding, folder / "embedding")
    (folder / "plda").mkdir()
    for name in ("plda.npz", "xvec_transform.npz"):
        shutil.copy(diarizer_weights.CARRIED / name, folder / "plda" / name)
    return folder


def save(model, folder: pathlib.Path) -> None:
    import lightning
    import torch

    folder.mkdir()
    checkpoint = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pytorch-lightning_version": lightning.__version__,
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder / "pytorch_model.bin")


def test_it_finds_what_the_carried_weights_find_and_names_no_variant(folder, tmp_path):
    from jobs.engines.diarizer_pyannote import PyannoteDiarizer

    with AudioDecoder().decode(AUDIO / "call_soporte_es_mono.mp3", tmp_path, lambda done: None) as audio:
        theirs, carried = (
            PyannoteDiarizer(model_dir=where).diarize(audio, SpeakerBounds(), lambda done: None)
            for where in (folder, None)
        )
    assert theirs.turns == carried.turns and len({turn.speaker for turn in theirs.turns}) == 2
    assert theirs.model == carried.model and theirs.variant is None and carried.variant == "int8"
