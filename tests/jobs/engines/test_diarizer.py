"""The real diarizer on real sound: who spoke when, and recordings that have nobody to find."""

import pathlib
import tempfile
from itertools import pairwise

import numpy as np
import pytest

from jobs.engines.audio import AudioDecoder
from jobs.pipeline.types import SAMPLE_RATE, Audio, SpeakerBounds

pytest.importorskip("torch", reason="the diarizer needs torch")
pytestmark = pytest.mark.engine
CALL = pathlib.Path(__file__).parents[3] / "samples" / "insurance-call.mp3"


@pytest.fixture(scope="module")
def diarizer():
    from jobs.engines.diarizer_pyannote import PyannoteDiarizer

    return PyannoteDiarizer(threads=2)


def nothing(done):
    pass


def sound(samples):
    return Audio(samples=samples.astype("<i2"), duration_s=len(samples) / SAMPLE_RATE)


def diarize_call(diarizer, bounds=SpeakerBounds(), on_progress=nothing):  # noqa: B008
    with tempfile.TemporaryDirectory() as folder, AudioDecoder().decode(CALL, pathlib.Path(folder), nothing) as audio:
        return diarizer.diarize(audio, bounds, on_progress)


def test_two_people_on_a_call_are_told_apart_and_each_has_a_voice(diarizer):
    found = diarize_call(diarizer)
    labels = {turn.speaker for turn in found.turns}
    assert len(labels) == 2 and set(found.vectors) == labels
    assert all(sum(value * value for value in vector) == pytest.approx(1) for vector in found.vectors.values())
    one, other = found.vectors.values()
    assert sum(a * b for a, b in zip(one, other, strict=True)) < 0.5
    assert all(before.end_s <= after.start_s + 1e-6 for before, after in pairwise(found.exclusive))


@pytest.mark.parametrize("bounds", [SpeakerBounds(exact=1), SpeakerBounds(most=1)])
def test_one_speaker_asked_for_is_one_speaker_found(diarizer, bounds):
    assert len({turn.speaker for turn in diarize_call(diarizer, bounds).turns}) == 1


def test_more_speakers_asked_for_than_there_are_is_no_crash(diarizer):
    assert diarize_call(diarizer, SpeakerBounds(exact=20)).turns


@pytest.mark.parametrize("seconds", [0.05, 1, 12])
def test_silence_has_no_speakers(diarizer, seconds):
    found = diarizer.diarize(sound(np.zeros(int(seconds * SAMPLE_RATE))), SpeakerBounds(), nothing)
    assert found.turns == () and found.exclusive == () and found.vectors == {}


def test_a_blip_of_noise_is_no_crash(diarizer):
    noise = np.random.default_rng(1).normal(0, 3000, SAMPLE_RATE // 10)
    assert diarizer.diarize(sound(noise), SpeakerBounds(exact=3), nothing).dimension == 256


def test_progress_never_falls_and_what_it_raises_ends_the_work(diarizer):
    class Cancelled(Exception):
        pass

    told = []

    def on_progress(done):
        told.append(done)
        if done > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        diarize_call(diarizer, on_progress=on_progress)
    assert told == sorted(told)
