"""Who spoke when, with the carried weights: a call as a dialogue, voices as vectors, and bad input."""

import contextlib
import itertools
import math
import pathlib
import threading

import numpy as np
import pytest

from jobs.engines import diarizer_weights
from jobs.engines.audio import AudioDecoder
from jobs.pipeline.matching import similarity
from jobs.pipeline.types import SAMPLE_RATE, Audio, EngineUnavailable, SpeakerBounds

from .conftest import AUDIO

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(diarizer_weights.problem() is not None, reason=str(diarizer_weights.problem())),
]
ANY = SpeakerBounds()


@pytest.fixture(scope="module")
def diarizer():
    from jobs.engines.diarizer_pyannote import PyannoteDiarizer

    return PyannoteDiarizer(threads=2)


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """The Spanish support call: an agent and a customer who take turns."""
    folder = tmp_path_factory.mktemp("call")
    with AudioDecoder().decode(AUDIO / "call_soporte_es_mono.mp3", folder, lambda done: None) as audio:
        yield audio


@pytest.fixture(scope="module")
def found(diarizer, call):
    return diarizer.diarize(call, ANY, lambda done: None)


def recording(samples) -> Audio:
    samples = np.asarray(samples, dtype=np.int16)
    return Audio(samples=samples, duration_s=len(samples) / SAMPLE_RATE)


def speakers(found) -> set[str]:
    return {turn.speaker for turn in found.turns}


def test_a_call_of_two_is_two_speakers_who_take_turns(found):
    assert len(speakers(found)) == 2
    order = [speaker for speaker, _ in itertools.groupby(turn.speaker for turn in found.exclusive)]
    assert len(order) >= 4


def test_turns_lie_in_order_inside_the_recording(found, call):
    for turns in (found.turns, found.exclusive):
        assert [turn.start_s for turn in turns] == sorted(turn.start_s for turn in turns)
        assert all(0 <= turn.start_s < turn.end_s <= call.duration_s for turn in turns)


def test_exclusive_turns_never_overlap(found):
    for one, other in itertools.pairwise(found.exclusive):
        assert one.end_s <= other.start_s + 1e-6


def test_each_speaker_has_a_unit_vector_of_the_named_model(found):
    assert set(found.vectors) == speakers(found)
    for vector in found.vectors.values():
        assert len(vector) == found.dimension == 256
        assert math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-6)
    assert found.model == "pyannote/speaker-diarization-community-1"
    assert found.variant == "int8"


def test_a_voice_is_like_itself_in_another_part_of_the_call_and_unlike_the_other(diarizer, call, found):
    half = len(call.samples) // 2
    later = diarizer.diarize(recording(call.samples[half:]), ANY, lambda done: None)
    assert len(later.vectors) == 2
    for vector in later.vectors.values():
        far, near = sorted(similarity(vector, other) for other in found.vectors.values())
        assert near > 0.6 > far


def test_the_number_of_speakers_can_be_given(diarizer, call):
    assert len(speakers(diarizer.diarize(call, SpeakerBounds(exact=1), lambda done: None))) == 1
    assert len(speakers(diarizer.diarize(call, SpeakerBounds(most=1), lambda done: None))) == 1
    assert len(speakers(diarizer.diarize(call, SpeakerBounds(least=3), lambda done: None))) >= 3


def test_more_speakers_than_there_are_words_for_is_no_error(diarizer, call):
    short = recording(call.samples[: 6 * SAMPLE_RATE])
    found = diarizer.diarize(short, SpeakerBounds(exact=20), lambda done: None)
    assert 1 <= len(speakers(found)) <= 20


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.1, 1.0, 9.99, 10.0, 10.01, 31.0])
def test_any_length_ends_well(diarizer, call, seconds):
    found = diarizer.diarize(recording(call.samples[: round(seconds * SAMPLE_RATE)]), ANY, lambda done: None)
    assert all(turn.end_s <= seconds for turn in found.turns)


@pytest.mark.parametrize("level", [0, 1, 3000])
def test_where_nobody_speaks_there_are_no_turns(diarizer, level):
    noise = np.random.default_rng(0).normal(0, level, 12 * SAMPLE_RATE) if level else np.zeros(12 * SAMPLE_RATE)
    found = diarizer.diarize(recording(noise), ANY, lambda done: None)
    assert (found.turns, found.exclusive, found.vectors) == ((), (), {})


def test_a_long_pause_is_skipped_and_both_sides_are_the_same_people(diarizer, call):
    pause = np.zeros(40 * SAMPLE_RATE, dtype=np.int16)
    samples = np.asarray(call.samples)
    found = diarizer.diarize(recording(np.concatenate([samples, pause, samples])), ANY, lambda done: None)
    assert len(speakers(found)) == 2
    begin, end = call.duration_s + 1, call.duration_s + 39
    assert not [turn for turn in found.turns if turn.start_s < end and turn.end_s > begin]


def test_progress_rises_to_one(diarizer, call):
    told: list[float] = []
    diarizer.diarize(call, ANY, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize("limit", [0.0, 0.2, 0.6, 0.9])
def test_a_cancelled_job_leaves_at_once(diarizer, call, limit):
    class Cancelled(Exception):
        pass

    def cancel(done):
        if done >= limit:
            raise Cancelled

    with pytest.raises(Cancelled):
        diarizer.diarize(call, ANY, cancel)


def test_two_jobs_at_once_find_what_each_finds_alone(diarizer, call, found):
    results = {}

    def run(name):
        results[name] = diarizer.diarize(call, ANY, lambda done: None)

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results["a"].turns == results["b"].turns == found.turns


def test_damaged_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(diarizer_weights, "CARRIED", tmp_path)
    with pytest.raises(EngineUnavailable, match=r"plda\.npz"):
        diarizer_weights.load(None)


def test_an_operators_folder_that_holds_no_pipeline_is_named(tmp_path):
    with pytest.raises(EngineUnavailable, match="TUPLETS_DIARIZER_DIR"):
        diarizer_weights.load(pathlib.Path(tmp_path))


def test_an_operators_folder_that_can_not_be_read_as_a_pipeline_is_named(tmp_path):
    (tmp_path / "config.yaml").write_text("pipeline: {}\n")
    with pytest.raises(EngineUnavailable, match=rf"{tmp_path} can't be loaded .*TUPLETS_DIARIZER_DIR"):
        diarizer_weights.load(pathlib.Path(tmp_path))


@pytest.mark.parametrize("chunks", [1, 2, 5])
def test_filters_shared_by_chunks_give_what_pyannote_gives_each_chunk_alone(diarizer, call, chunks, monkeypatch):
    import torch

    from jobs.engines import shared_sincnet

    model = diarizer_weights.load(None).segmentation
    chunk, step = 10 * SAMPLE_RATE, SAMPLE_RATE
    sound = torch.from_numpy(call.read(3.0, 3.0 + 10 + chunks - 1))
    with torch.inference_mode():
        expected = model(sound.unfold(0, chunk, step)[:, None])
    short = shared_sincnet.scores(model, sound, chunk, step)
    monkeypatch.setattr(shared_sincnet, "short_floats", lambda device: contextlib.nullcontext())
    assert torch.allclose(shared_sincnet.scores(model, sound, chunk, step), expected, atol=1e-3)
    # With 16 bits the likeliest class is another in few frames: at the edges of turns.
    assert (short.argmax(-1) == expected.argmax(-1)).float().mean() > 0.98
