"""What the diarizer saves on a CPU changes voices by less than a recording does: bytes, and chunks that count twice."""

import numpy as np
import pytest

from jobs.engines import diarizer_weights
from jobs.engines.audio import AudioDecoder

from .conftest import AUDIO

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(diarizer_weights.problem() is not None, reason=str(diarizer_weights.problem())),
]


@pytest.fixture(scope="module")
def embedding():
    diarizer_weights.import_pyannote()
    from jobs.engines import speaker_pipeline

    model = diarizer_weights.load(None).embedding
    speaker_pipeline._fold_norms(model.resnet)
    return model


@pytest.fixture(scope="module")
def banks(embedding, tmp_path_factory):
    """Filter banks of three pieces of a call, of ten seconds each."""
    import torch

    folder = tmp_path_factory.mktemp("call")
    with AudioDecoder().decode(AUDIO / "call_soporte_es_mono.mp3", folder, lambda done: None) as audio:
        sound = [audio.read(start_s, start_s + 10.0) for start_s in (0.0, 10.0, 20.0)]
    return [embedding.compute_fbank(torch.from_numpy(piece)[None, None]) for piece in sound]


def test_a_trunk_of_bytes_hears_the_voices_that_floats_hear(embedding, banks):
    import torch

    from jobs.engines.byte_trunk import ByteTrunk, applies_to

    if not applies_to(embedding.resnet, torch.device("cpu")):
        pytest.skip("This processor does not multiply bytes natively.")
    trunk = ByteTrunk(embedding.resnet, banks[:1])
    with torch.inference_mode():
        for piece in banks[1:]:
            floats, bytes_ = embedding.resnet.forward_frames(piece), trunk(piece)
            assert bytes_.shape == floats.shape and bytes_.dtype == torch.float32
            voices = [embedding.forward_embedding(frames)[0] for frames in (floats, bytes_)]
            assert torch.cosine_similarity(*voices, dim=0) > 0.99


def test_bytes_are_for_processors_that_multiply_them(embedding, monkeypatch):
    import torch

    from jobs.engines.byte_trunk import applies_to

    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: True)
    assert applies_to(embedding.resnet, torch.device("cpu"))
    assert not applies_to(embedding.resnet, torch.device("cuda"))
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False)
    assert not applies_to(embedding.resnet, torch.device("cpu"))


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 1), (2, 4), (7, 14), (1500, 2000), (5000, 2000)])
def test_each_voice_counts_twice_up_to_as_many_as_are_clustered(count, expected):
    from pyannote.core import SlidingWindow, SlidingWindowFeature

    from jobs.engines.lanes import Lanes
    from jobs.engines.speaker_pipeline import BoundedVBx

    clustering = BoundedVBx(Lanes(1), plda=None, metric="cosine", weight=2)
    embeddings = np.arange(count, dtype=np.float32)[:, None, None].repeat(4, axis=2)
    speaking = SlidingWindowFeature(np.ones((count, 10, 1)), SlidingWindow(duration=10.0, step=2.0))
    vectors, chunks, _ = clustering.filter_embeddings(embeddings, speaking)
    assert len(vectors) == expected
    assert list(vectors[:, 0]) == sorted(chunks)
    # None is left out while there is room, and none counts much more than another.
    if 2 <= count <= 2000:
        assert set(chunks) == set(range(count)) and np.bincount(chunks).max() <= 2
