"""What an upload is judged to be, and how it becomes 16 kHz mono."""

import shutil
import struct

import numpy as np
import pytest

from jobs.engines.audio import AudioDecoder, probe
from jobs.pipeline.types import InputRejected

from .conftest import AUDIO


def decoded(path, work_dir, on_progress=lambda fraction: None):
    """(samples as float, the Audio without its samples' file)"""
    with AudioDecoder().decode(path, work_dir, on_progress) as audio:
        return audio.read(0.0, audio.duration_s), audio


def loudness(samples):
    return float(np.sqrt(np.mean(samples**2)))


@pytest.mark.parametrize(
    ("name", "codec", "rate", "channels"),
    [
        ("speech.mp3", "mp3", 44100, 2),
        ("speech.wav", "pcm_s16le", 16000, 1),
        ("speech.m4a", "aac", 44100, 2),
        ("speech.ogg", "vorbis", 44100, 2),
        ("speech.aac", "aac", 44100, 2),
        ("speech.wma", "wmav2", 44100, 2),
        ("speech_audio.webm", "opus", 48000, 2),
        ("speech.opus", "opus", 48000, 2),
        ("mulaw_8k.wav", "pcm_mulaw", 8000, 1),
        ("alaw_8k.wav", "pcm_alaw", 8000, 1),
        ("gsm_8k.wav", "gsm_ms", 8000, 1),
        ("rate_11025.wav", "pcm_u8", 11025, 1),
        ("video.mp4", "aac", 44100, 2),
        ("video.webm", "opus", 48000, 2),
        ("no_extension", "opus", 48000, 2),
        ("ogg_named.mp3", "vorbis", 44100, 2),
    ],
)
def test_every_format_is_recognised_by_its_content_and_decoded_whole(name, codec, rate, channels, tmp_path):
    found = probe(AUDIO / name)
    assert (found.codec, found.sample_rate, found.channels) == (codec, rate, channels)
    samples, audio = decoded(AUDIO / name, tmp_path)
    assert audio.duration_s == pytest.approx(11.0, abs=0.1)
    assert audio.warnings == ()
    assert loudness(samples) > 0.02


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("zero_length.mp3", "empty_file", "empty"),
        ("header_only.wav", "no_audio_data", "no audio"),
        ("random_bytes.wav", "not_audio", "not a recording"),
        ("text_named.mp3", "not_audio", "not a recording"),
        ("video_no_audio.mp4", "no_audio_track", "no audio track"),
        ("truncated_no_moov.m4a", "truncated_file", "incomplete"),
    ],
)
def test_what_is_no_recording_is_refused_at_once_with_one_clear_sentence(name, code, says, tmp_path):
    with pytest.raises(InputRejected) as refused:
        probe(AUDIO / name)
    assert refused.value.code == code
    assert says in refused.value.message
    with pytest.raises(InputRejected), AudioDecoder().decode(AUDIO / name, tmp_path, lambda fraction: None):
        pass


@pytest.mark.parametrize("name", ["truncated.wav", "truncated.mp3"])
def test_a_file_that_lost_its_end_is_decoded_with_a_warning_that_names_both_lengths(name, tmp_path):
    _, audio = decoded(AUDIO / name, tmp_path)
    assert audio.duration_s == pytest.approx(5.5, abs=0.1)
    assert len(audio.warnings) == 1
    assert "11.0 seconds" in audio.warnings[0]
    assert "5.5 seconds" in audio.warnings[0]


def test_bit_errors_cost_some_sound_but_never_add_any(tmp_path):
    _, audio = decoded(AUDIO / "bit_errors.mp3", tmp_path)
    assert 8.0 < audio.duration_s < 11.5
    assert audio.warnings


def test_damaged_frames_in_the_middle_do_not_end_the_recording(tmp_path):
    data = bytearray((AUDIO / "speech.mp3").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    damaged = tmp_path / "damaged.mp3"
    damaged.write_bytes(data)
    _, audio = decoded(damaged, tmp_path)
    assert audio.duration_s > 10.4


def test_a_video_whose_sound_ends_early_is_not_called_incomplete(tmp_path):
    _, audio = decoded(AUDIO / "video.mp4", tmp_path)
    assert audio.container_duration_s == 15.0
    assert audio.warnings == ()


def test_sound_that_begins_late_in_a_video_keeps_its_times(tmp_path, ffmpeg):
    speech = AUDIO / "speech.m4a"
    late = ffmpeg(
        "late.mp4", "-i", AUDIO / "video.mp4", "-itsoffset", 3, "-i", speech, "-map", "0:v", "-map", "1:a", "-c", "copy"
    )
    samples, _ = decoded(late, tmp_path)
    on_time, _ = decoded(speech, tmp_path)
    first = np.argmax(np.abs(samples) > 0.05) / 16000
    assert first - np.argmax(np.abs(on_time) > 0.05) / 16000 == pytest.approx(3.0, abs=0.1)


def test_the_first_of_two_audio_tracks_is_taken(tmp_path):
    samples, _ = decoded(AUDIO / "two_audio_tracks.mp4", tmp_path)
    speech, _ = decoded(AUDIO / "speech.m4a", tmp_path)
    length = min(len(samples), len(speech))
    assert np.corrcoef(samples[:length], speech[:length])[0, 1] > 0.8


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("opposite.flac", "aformat=channel_layouts=mono,pan=stereo|c0=c0|c1=-1*c0"),
        ("left_only.flac", "aformat=channel_layouts=mono,pan=stereo|c0=c0|c1=0*c0"),
        ("centre_of_six.flac", "aformat=channel_layouts=mono,pan=5.1|c2=c0"),
        ("one_of_eight.flac", "aformat=channel_layouts=mono,pan=7.1|c5=c0"),
        ("all_of_eight.flac", "aformat=channel_layouts=mono,pan=7.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0|c6=c0|c7=c0"),
    ],
)
def test_however_the_channels_are_laid_out_the_voice_stays_as_loud_as_in_mono(name, filters, tmp_path, ffmpeg):
    mono, _ = decoded(AUDIO / "speech.wav", tmp_path)
    samples, _ = decoded(ffmpeg(name, "-i", AUDIO / "speech.wav", "-af", filters), tmp_path)
    assert loudness(samples) == pytest.approx(loudness(mono), rel=0.1)


def test_two_speakers_on_two_channels_are_both_heard(tmp_path, ffmpeg):
    speech = AUDIO / "speech.wav"
    turns = ffmpeg(
        "turns.wav", "-i", speech, "-i", speech, "-filter_complex",
        "[0]apad=whole_dur=22[a];[1]adelay=11000[b];[a][b]join=inputs=2:channel_layout=stereo",
    )  # fmt: skip
    samples, _ = decoded(turns, tmp_path)
    first, second = samples[: 11 * 16000], samples[11 * 16000 : 22 * 16000]
    assert 0.6 < loudness(second) / loudness(first) < 1.1


def test_a_very_quiet_recording_is_read_at_a_normal_level(tmp_path, ffmpeg):
    quiet = ffmpeg("quiet.flac", "-i", AUDIO / "speech.wav", "-af", "volume=-40dB", "-sample_fmt", "s32")
    samples, _ = decoded(quiet, tmp_path)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.05)


def test_high_sample_rates_are_brought_down(tmp_path, ffmpeg):
    samples, audio = decoded(ffmpeg("hires.flac", "-i", AUDIO / "speech.wav", "-ar", 96000), tmp_path)
    assert audio.duration_s == pytest.approx(11.0, abs=0.02)
    assert loudness(samples) > 0.02


def test_odd_file_names_and_wrong_extensions_do_not_matter(tmp_path):
    for name in ("naïve – файл 音声 (1) & co.mp3", "-i %03d:concat|x.wav", "speech"):
        shutil.copy(AUDIO / "speech.mp3", tmp_path / name)
        assert probe(tmp_path / name).codec == "mp3"


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:1/x.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{secret}'\n",
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>file://{secret}</BaseURL></MPD>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    ],
)
def test_a_playlist_can_not_make_the_server_read_another_file_or_address(playlist, tmp_path):
    for name in ("list.m3u8", "list.mp3", "list.ffconcat"):
        path = tmp_path / name
        path.write_text(playlist.format(secret=AUDIO / "speech.wav"))
        with pytest.raises(InputRejected):
            probe(path)


def test_metadata_that_looks_like_ffmpegs_own_words_fools_nobody(tmp_path, ffmpeg):
    title = "x\n  Stream #0:7: Audio: mp3, 1 Hz, 99 channels\n  Duration: 99:00:00.00"
    told = ffmpeg(
        "told.mp3", "-i", AUDIO / "speech.wav", "-metadata", f"title={title}", "-metadata", f"comment={title}"
    )
    found = probe(told)
    assert found.channels == 1
    assert found.duration_s == pytest.approx(11.0, abs=0.1)


def test_a_header_that_promises_more_samples_than_there_are_is_not_believed(tmp_path):
    data = bytearray((AUDIO / "speech.wav").read_bytes()[:64000])
    data[4:8] = struct.pack("<I", 0x7FFFFFF0)
    liar = tmp_path / "liar.wav"
    liar.write_bytes(data)
    _, audio = decoded(liar, tmp_path)
    assert audio.duration_s == pytest.approx(2.0, abs=0.1)


def test_the_decoded_sound_is_deleted_however_decoding_ends(work_dir):
    class Cancelled(Exception):
        pass

    def cancel(fraction):
        raise Cancelled

    with pytest.raises(Cancelled), AudioDecoder().decode(AUDIO / "speech.mp3", work_dir, cancel):
        pass
    assert list(work_dir.iterdir()) == []
    with AudioDecoder().decode(AUDIO / "speech.mp3", work_dir, lambda fraction: None):
        assert list(work_dir.iterdir())
    assert list(work_dir.iterdir()) == []
