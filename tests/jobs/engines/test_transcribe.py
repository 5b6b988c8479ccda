"""Recordings through the whole pipeline with the real model: the words, their times, their language, and bad input."""

import itertools
import json
import shutil
import threading
import time

import pytest

from jobs.engines.attempts import ATTEMPTS, Attempt
from jobs.engines.recogniser import DecodeParams
from jobs.engines.transcriber_whisper import WhisperTranscriber
from jobs.pipeline.types import InputRejected

from .conftest import AUDIO

pytestmark = pytest.mark.engine

SPEECH_WORDS = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
)


def words(text):
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def share_of_words_found(document):
    found = words(document["text"])
    return sum(word in found for word in SPEECH_WORDS.split()) / len(SPEECH_WORDS.split())


def assert_times_hold(document):
    previous_end = 0.0
    for segment in document["segments"]:
        assert previous_end <= segment["start"] < segment["end"] <= document["audio_duration_seconds"] + 0.001
        assert segment["text"] == segment["text"].strip() != ""
        previous_end = segment["end"]
    assert document["text"] == " ".join(segment["text"] for segment in document["segments"])


@pytest.mark.parametrize(
    "name",
    [
        "speech.mp3",
        "speech.wav",
        "speech.m4a",
        "speech.ogg",
        "speech.aac",
        "speech.wma",
        "speech_audio.webm",
        "speech.opus",
        "mulaw_8k.wav",
        "alaw_8k.wav",
        "gsm_8k.wav",
        "rate_11025.wav",
        "stereo_left_only.ogg",
        "noisy_10db.ogg",
        "video.mp4",
        "video.webm",
        "ogg_named.mp3",
        "no_extension",
        "two_audio_tracks.mp4",
    ],
)
def test_the_speech_is_written_down_from_every_format(name, transcribe):
    outcome = transcribe(AUDIO / name)
    document = outcome.document
    assert share_of_words_found(document) >= 0.85, document["text"]
    assert document["language"] == "en"
    assert document["processing_warnings"] == []
    assert document["transcription_meta"]["issues"] == []
    assert outcome.audio_duration_s == pytest.approx(11.0, abs=0.1)
    assert_times_hold(document)


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("opposite_phase.flac", "aformat=channel_layouts=mono,pan=stereo|c0=c0|c1=-1*c0"),
        ("centre_of_six.flac", "aformat=channel_layouts=mono,pan=5.1|c2=c0"),
        ("very_quiet.wav", "volume=-45dB"),
    ],
)
def test_the_speech_is_written_down_whatever_the_channels_and_the_level(name, filters, transcribe, ffmpeg):
    outcome = transcribe(
        ffmpeg(name, "-i", AUDIO / "speech.wav", "-af", filters, "-c:a", "flac" if "flac" in name else "pcm_f32le")
    )
    assert share_of_words_found(outcome.document) >= 0.85, outcome.document["text"]


@pytest.mark.parametrize(
    "name",
    [
        "zero_length.mp3",
        "header_only.wav",
        "random_bytes.wav",
        "text_named.mp3",
        "video_no_audio.mp4",
        "truncated_no_moov.m4a",
    ],
)
def test_what_is_no_recording_ends_in_one_clear_sentence(name, transcribe, work_dir):
    with pytest.raises(InputRejected) as refused:
        transcribe(AUDIO / name)
    assert refused.value.message.endswith(".")
    assert list(work_dir.iterdir()) == []


@pytest.mark.parametrize("name", ["truncated.wav", "truncated.mp3"])
def test_the_half_of_a_cut_off_file_is_written_down_with_a_warning(name, transcribe):
    document = transcribe(AUDIO / name).document
    assert "fellow" in document["text"].lower()
    assert "incomplete" in document["processing_warnings"][0]


def test_a_file_with_bit_errors_gives_what_can_be_heard_and_a_warning(transcribe):
    document = transcribe(AUDIO / "bit_errors.mp3").document
    assert len(words(document["text"])) >= 5
    assert document["processing_warnings"]


@pytest.fixture(params=["silence", "white noise", "pink noise", "tone", "chord", "a tenth of a second"])
def wordless(request, ffmpeg):
    sources = {
        "silence": "anullsrc=r=16000:cl=mono,atrim=duration=10",
        "pink noise": "anoisesrc=d=10:c=pink:r=16000:a=0.3:seed=3",
        "tone": "sine=f=1000:d=5:r=16000",
        "chord": "sine=f=262:d=8[a];sine=f=330:d=8[b];sine=f=392:d=8[c];[a][b][c]amix=3,tremolo=f=3,aresample=16000",
    }
    if request.param == "white noise":
        return AUDIO / "noise_white_10s.flac"
    if request.param == "a tenth of a second":
        return AUDIO / "very_short_0.1s.wav"
    return ffmpeg("wordless.wav", "-filter_complex", sources[request.param])


def test_where_nobody_speaks_there_are_no_words_no_language_and_a_warning(wordless, transcribe):
    document = transcribe(wordless).document
    assert document["text"] == ""
    assert document["segments"] == []
    assert document["language"] is None
    assert "No speech was detected in the recording." in document["processing_warnings"]
    assert document["transcription_meta"]["coverage_ratio"] == 0.0


def test_a_requested_language_is_not_reported_where_nobody_speaks(transcribe, ffmpeg):
    silence = ffmpeg("silence.wav", "-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", 3)
    assert transcribe(silence, language="de").document["language"] is None


def test_speech_after_a_long_silence_keeps_its_times(transcribe):
    document = transcribe(AUDIO / "late_speech.ogg").document
    assert share_of_words_found(document) >= 0.85
    assert document["segments"][0]["start"] == pytest.approx(45.3, abs=0.4)
    assert document["audio_duration_seconds"] == pytest.approx(56.0, abs=0.1)
    assert_times_hold(document)


@pytest.fixture
def spanish_then_english(ffmpeg):
    spanish, english = AUDIO / "call_soporte_es_mono.mp3", AUDIO / "speech.wav"
    graph = "[0]aresample=16000[a];[1]aresample=16000[b];[2]aresample=16000[c];[a][b][c]concat=n=3:v=0:a=1"
    return ffmpeg("both.wav", "-i", spanish, "-i", english, "-i", english, "-filter_complex", graph)


def test_a_recording_that_changes_language_says_so_segment_by_segment(spanish_then_english, transcribe):
    document = transcribe(spanish_then_english).document
    languages = [segment["language"] for segment in document["segments"]]
    changes = [languages[0], *(b for a, b in itertools.pairwise(languages) if a != b)]
    assert changes == ["es", "en"]
    assert document["language"] == "es"
    assert "fellow" in document["text"]


def test_a_recording_in_one_language_stays_in_it(transcribe):
    document = transcribe(AUDIO / "call_soporte_es_mono.mp3").document
    assert {segment["language"] for segment in document["segments"]} == {"es"}
    assert len(document["segments"]) > 5
    assert max(segment["end"] - segment["start"] for segment in document["segments"]) < 12.0
    assert document["transcription_meta"]["issues"] == []
    assert_times_hold(document)


def test_a_requested_language_is_taken_at_its_word(transcribe):
    document = transcribe(AUDIO / "speech.mp3", language="en").document
    assert document["language"] == "en"
    assert {segment["language"] for segment in document["segments"]} == {"en"}


def deaf(**params):
    """A first attempt that stops after a few words."""
    return Attempt("deaf", DecodeParams(max_new_tokens=3, **params))


def test_speech_that_the_first_attempt_left_without_words_is_decoded_again(models_dir, transcribe):
    second = Attempt("second", DecodeParams(), mends=frozenset({"hole"}))
    mended = WhisperTranscriber(model_dir=models_dir / "whisper-base-int8", attempts=(deaf(), second))
    document = transcribe(AUDIO / "speech.mp3", transcriber=mended).document
    assert share_of_words_found(document) >= 0.85
    assert document["transcription_meta"]["issues"] == []
    assert document["transcription_meta"]["decode_attempts"] == 2
    assert [attempt["profile"] for attempt in document["decode_attempts"]] == ["deaf", "second"]
    assert document["decode_attempts"][0]["decision"] == "rejected"
    assert document["decode_attempts"][1]["decision"] == "accepted"


def test_speech_that_no_attempt_could_write_down_is_reported(models_dir, transcribe):
    hopeless = WhisperTranscriber(model_dir=models_dir / "whisper-base-int8", attempts=(deaf(),))
    document = transcribe(AUDIO / "speech.mp3", transcriber=hopeless).document
    assert document["transcription_meta"]["issues"] == ["low_coverage"]


def test_progress_is_told_often_and_never_falls(transcribe, ffmpeg):
    told = []
    minutes = ffmpeg("minutes.mp3", "-stream_loop", 5, "-i", AUDIO / "call_soporte_es_mono.mp3")
    outcome = transcribe(minutes, report=lambda stage, fraction: told.append((stage, fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    transcribing = {fraction for stage, fraction in told if stage == "transcribe"}
    assert len(transcribing) >= outcome.audio_duration_s / 30


class Cancelled(Exception):
    """Raised by a report, as the worker's fence does."""


@pytest.mark.parametrize("after", [0, 3, 9])
def test_a_report_that_raises_ends_the_job_at_once_and_leaves_nothing_behind(after, transcribe, work_dir):
    calls = []

    def report(stage, fraction):
        calls.append(stage)
        if len(calls) > after:
            raise Cancelled

    with pytest.raises(Cancelled):
        transcribe(AUDIO / "call_soporte_es_mono.mp3", report=report)
    assert len(calls) == after + 1
    assert list(work_dir.iterdir()) == []
    assert share_of_words_found(transcribe(AUDIO / "speech.mp3").document) >= 0.85


def test_a_short_job_does_not_wait_for_the_end_of_a_long_one(transcribe, ffmpeg, tmp_path):
    long = ffmpeg("long.mp3", "-stream_loop", 30, "-i", AUDIO / "call_soporte_es_mono.mp3")
    short = tmp_path / "short.mp3"
    shutil.copy(AUDIO / "speech.mp3", short)
    started, stop = threading.Event(), threading.Event()

    def report(stage, fraction):
        if stage == "transcribe" and fraction > 0.2:
            started.set()
        if stop.is_set():
            raise Cancelled

    def run_long():
        with pytest.raises(Cancelled):
            transcribe(long, report=report)

    thread = threading.Thread(target=run_long)
    thread.start()
    try:
        assert started.wait(60)
        before = time.monotonic()
        document = transcribe(short).document
        waited = time.monotonic() - before
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join()
    assert share_of_words_found(document) >= 0.85
    assert waited < 20


def test_jobs_side_by_side_get_the_same_documents_as_one_after_the_other(transcribe):
    names = ["speech.mp3", "call_soporte_es_mono.mp3", "noisy_10db.ogg"]

    def result(name):
        document = transcribe(AUDIO / name).document
        document["feature_execution"].pop("transcription_elapsed_seconds")
        return json.dumps(document, sort_keys=True)

    alone = {name: result(name) for name in names}
    together = {}
    threads = [threading.Thread(target=lambda name=name: together.update({name: result(name)})) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_later_attempts_are_for_named_problems():
    assert not ATTEMPTS[0].mends
    assert all(attempt.mends for attempt in ATTEMPTS[1:])
