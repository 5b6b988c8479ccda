"""Each channel by itself: which of them are somebody's own."""

import numpy as np
import pytest

from jobs.engines.audio import AudioDecoder
from jobs.pipeline.types import InputRejected

from .conftest import AUDIO

SPEECH = AUDIO / "speech.wav"
MONO = "aformat=channel_layouts=mono"


def channels(path, work_dir):
    """Each channel's sound as float"""
    with AudioDecoder().decode_channels(path, work_dir, lambda fraction: None) as found:
        return [audio.read(0.0, audio.duration_s) for audio in found]


def alike(one, other):
    length = min(len(one), len(other))
    return np.corrcoef(one[:length], other[:length])[0, 1]


@pytest.fixture
def two_callers(ffmpeg):
    """One speaks on the left, then another, an octave deeper and quieter, on the right."""
    return ffmpeg(
        "callers.flac", "-i", SPEECH, "-i", SPEECH, "-filter_complex",
        "[0]apad=whole_dur=16[a];[1]asetrate=12000,aresample=16000,volume=0.2,adelay=4000,atrim=end=16[b];"
        "[a][b]join=inputs=2:channel_layout=stereo",
    )  # fmt: skip


def test_two_callers_are_two_channels_in_their_order_of_one_length(two_callers, tmp_path):
    left, right = channels(two_callers, tmp_path)
    (speech,) = channels(SPEECH, tmp_path)
    assert len(left) == len(right)
    assert alike(left, speech) > 0.99
    assert abs(alike(right, speech)) < 0.2
    assert np.abs(right[: 3 * 16000]).max() < 0.01


def test_mono_is_one_channel(tmp_path):
    assert len(channels(SPEECH, tmp_path)) == 1


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("same.flac", f"{MONO},pan=stereo|c0=c0|c1=c0"),
        ("same_but_quieter.flac", f"{MONO},pan=stereo|c0=c0|c1=0.3*c0"),
        ("opposite_phase.flac", f"{MONO},pan=stereo|c0=c0|c1=-1*c0"),
        ("dead_right.flac", f"{MONO},pan=stereo|c0=c0|c1=0*c0"),
        ("dead_left.flac", f"{MONO},pan=stereo|c0=0*c0|c1=c0"),
        ("centre_of_six.flac", f"{MONO},pan=5.1|c2=c0"),
        ("all_of_eight.flac", f"{MONO},pan=7.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0|c6=-1*c0|c7=c0"),
    ],
)
def test_what_carries_one_sound_is_one_channel_with_all_of_that_sound(name, filters, tmp_path, ffmpeg):
    (only,) = channels(ffmpeg(name, "-i", SPEECH, "-af", filters), tmp_path)
    (speech,) = channels(SPEECH, tmp_path)
    assert abs(alike(only, speech)) > 0.99


def test_silence_on_every_channel_is_one_channel(tmp_path, ffmpeg):
    silent = ffmpeg("silent.flac", "-f", "lavfi", "-i", "anullsrc=channel_layout=stereo", "-t", "3")
    (only,) = channels(silent, tmp_path)
    assert not only.any()


def test_two_callers_among_six_channels_are_found(two_callers, tmp_path, ffmpeg):
    surround = ffmpeg("surround.flac", "-i", two_callers, "-af", "pan=5.1|c1=c0|c4=c1|c5=c1")
    assert len(channels(surround, tmp_path)) == 2


def test_too_many_channels_are_refused_with_a_sentence(tmp_path, ffmpeg):
    sixteen = ffmpeg("sixteen.wav", "-i", SPEECH, "-af", f"{MONO},pan=hexadecagonal|c0=c0")
    with pytest.raises(InputRejected, match="more than eight channels"):
        channels(sixteen, tmp_path)


def test_the_channels_are_deleted_however_it_ends(two_callers, work_dir):
    class Cancelled(Exception):
        pass

    def cancel(fraction):
        raise Cancelled

    with pytest.raises(Cancelled), AudioDecoder().decode_channels(two_callers, work_dir, cancel):
        pass
    assert list(work_dir.iterdir()) == []
    assert len(channels(two_callers, work_dir)) == 2
    assert list(work_dir.iterdir()) == []
