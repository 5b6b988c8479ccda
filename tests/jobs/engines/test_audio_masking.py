"""A copy of a recording without given stretches: they can't be heard, all else can, and times stay."""

import numpy as np
import pytest

from jobs.engines.audio import AudioDecoder, probe
from jobs.engines.audio_masking import mask
from jobs.pipeline.types import SAMPLE_RATE

from .conftest import AUDIO


def loudness(audio, start_s, end_s):
    return float(np.sqrt(np.mean(audio.read(start_s, end_s) ** 2)))


def tone_share(audio, start_s, end_s):
    """How much of the power lies at 1 kHz."""
    power = np.abs(np.fft.rfft(audio.read(start_s, end_s))) ** 2
    at = round(1000 * (end_s - start_s))
    return power[at - 2 : at + 3].sum() / power.sum()


@pytest.fixture
def masked(tmp_path, work_dir):
    def call(source, spans, kind):
        target = tmp_path / "copy.mp3"
        mask(source, target, spans, kind, lambda done: None)
        with AudioDecoder().decode(target, work_dir, lambda done: None) as audio:
            return target, type(audio)(np.array(audio.samples), audio.duration_s, gain=1.0)

    return call


@pytest.mark.parametrize("kind", ["silence", "beep"])
def test_a_stretch_is_replaced_and_the_rest_is_there(masked, kind):
    _, audio = masked(AUDIO / "speech.wav", [(2.0, 4.0), (3.5, 5.0)], kind)
    assert loudness(audio, 0.5, 1.7) > 0.01 and loudness(audio, 5.4, 8.0) > 0.01
    if kind == "silence":
        assert loudness(audio, 1.95, 5.05) < 1e-4
    else:
        assert tone_share(audio, 2.0, 5.0) > 0.99


def test_length_and_channels_stay(masked, ffmpeg):
    stereo = ffmpeg("stereo.wav", "-i", AUDIO / "speech.wav", "-ac", 2, "-ar", 44100)
    target, audio = masked(stereo, [(1.0, 2.0)], "silence")
    found = probe(target)
    assert (found.codec, found.channels, found.sample_rate) == ("mp3", 2, 44100)
    assert audio.duration_s == pytest.approx(probe(stereo).duration_s, abs=0.1)


@pytest.mark.parametrize("name", ["speech.m4a", "speech.opus", "mulaw_8k.wav", "video.mp4", "bit_errors.mp3"])
def test_every_format_can_be_copied_and_keeps_its_times(masked, work_dir, name):
    with AudioDecoder().decode(AUDIO / name, work_dir, lambda done: None) as original:
        duration_s = original.duration_s
    _, audio = masked(AUDIO / name, [(1.0, 2.0)], "silence")
    assert audio.duration_s == pytest.approx(duration_s, abs=0.2)
    assert loudness(audio, 1.1, 1.9) < 0.001


def test_stretches_outside_the_recording_and_none_at_all_are_no_error(masked):
    _, audio = masked(AUDIO / "speech.wav", [(-5.0, -1.0), (900.0, 901.0)], "beep")
    assert loudness(audio, 0.5, 1.7) > 0.01
    _, audio = masked(AUDIO / "speech.wav", [], "beep")
    assert audio.samples.size > SAMPLE_RATE


def test_a_cancelled_copy_leaves_no_process(tmp_path):
    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mask(AUDIO / "speech.wav", tmp_path / "copy.mp3", [], "beep", stop)
