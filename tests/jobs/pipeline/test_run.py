"""The order of stages, progress and cancellation, with engines that only pretend."""

import contextlib
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.pipeline.document import covered_seconds
from jobs.pipeline.phrasing import tidy_segments
from jobs.pipeline.run import Options, run
from jobs.pipeline.texts import joined_text
from jobs.pipeline.types import Audio, DecodeAttempt, Segment, Transcript

SEGMENTS = (
    Segment(0.5, 2.0, " Good morning. ", "en", -0.21, 0.01),
    Segment(2.5, 4.0, "Buenos días.", "es", -0.3, 0.02),
)
TRANSCRIPT = Transcript(
    segments=SEGMENTS,
    language="en",
    engine_code="pretend",
    attempts=(DecodeAttempt("first", {"beam_size": 1}, "accepted", {"windows": 1}),),
)


class Decoder:
    """Hands out `audio`; leaves a file in the folder that it was given."""

    def __init__(self, audio):
        self.audio = audio

    @contextlib.contextmanager
    def decode(self, source, work_dir, on_progress):
        (work_dir / "decoded").write_bytes(b"sound")
        on_progress(0.5)
        yield self.audio


class Transcriber:
    def __init__(self, transcript=TRANSCRIPT, marks=(0.0, 0.5, 0.25, 1.0)):
        self.transcript, self.marks, self.language = transcript, marks, "not asked"

    def transcribe(self, audio, language, on_progress, *, words=False, keyterms=()):
        self.language, self.words, self.keyterms = language, words, keyterms
        for mark in self.marks:
            on_progress(mark)
        return self.transcript


def pipeline(
    *, transcript=TRANSCRIPT, warnings=(), language="auto", keyterms=(), report=lambda stage, fraction: None, **more
):
    """(the outcome, the pretended transcriber)"""
    transcriber = Transcriber(transcript)
    engines = {
        "audio": Decoder(Audio(samples=None, duration_s=5.0, warnings=warnings)),
        "transcriber.standard": transcriber,
    }
    options = Options(language=language, keyterms=keyterms)
    return run(options, pathlib.Path("x"), engines.__getitem__, report, **more), transcriber


def test_the_document_has_the_documented_fields_in_their_order():
    outcome, _ = pipeline(warnings=("The file seems incomplete.",))
    document = outcome.document
    assert list(document) == [
        "text",
        "segments",
        "language",
        "audio_duration_seconds",
        "transcription_meta",
        "feature_execution",
        "processing_warnings",
        "decode_attempts",
        "routing_metadata",
    ]
    assert document["text"] == "Good morning. Buenos días."
    assert document["segments"][0] == {
        "start": 0.5,
        "end": 2.0,
        "text": "Good morning.",
        "avg_logprob": -0.21,
        "no_speech_prob": 0.01,
        "language": "en",
    }
    assert document["transcription_meta"] == {
        "coverage_ratio": 0.6,
        "total_covered_seconds": 3.0,
        "decode_attempts": 1,
        "issues": [],
    }
    assert document["decode_attempts"] == [
        {
            "attempt": 1,
            "profile": "first",
            "params": {"beam_size": 1},
            "decision": "accepted",
            "health": {"windows": 1},
        }
    ]
    assert document["routing_metadata"] == {"route_code": "standard", "engine_code": "pretend", "align_code": "none"}
    assert document["processing_warnings"] == ["The file seems incomplete."]


def test_the_document_says_what_was_asked_for_and_what_ran():
    outcome, _ = pipeline()
    execution = outcome.document["feature_execution"]
    assert execution["transcription_requested"] is execution["transcription_applied"] is True
    assert execution["transcription_model_requested"] == execution["transcription_model_applied"] == "standard"
    assert execution["transcription_elapsed_seconds"] >= 0
    for feature in ("diarization", "analytics", "pii_processing", "custom_analytics"):
        assert execution[f"{feature}_requested"] is False


def test_a_recording_without_speech_has_no_text_no_language_and_a_warning():
    nothing = Transcript(segments=(), language="en", engine_code="pretend")
    document = pipeline(transcript=nothing)[0].document
    assert (document["text"], document["segments"], document["language"]) == ("", [], None)
    assert document["processing_warnings"] == ["No speech was detected in the recording."]
    assert document["transcription_meta"]["coverage_ratio"] == 0.0
    assert "routing_metadata" not in document


def test_words_are_asked_for_only_where_something_needs_them_and_key_terms_are_handed_on():
    transcriber = pipeline(keyterms=("Tuplets",))[1]
    assert (transcriber.words, transcriber.keyterms) == (False, ("Tuplets",))


def test_auto_asks_the_engine_to_find_the_language_and_a_code_is_handed_on():
    assert pipeline(language="auto")[1].language is None
    assert pipeline(language="pt")[1].language == "pt"


def test_progress_never_falls_begins_at_nothing_and_ends_at_all():
    told = []
    pipeline(report=lambda stage, fraction: told.append((stage, fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert told[0] == ("decode", 0.0)
    assert told[-1] == ("transcribe", 1.0)


def test_the_true_duration_is_told_before_recognition():
    order = []
    pipeline(
        report=lambda stage, fraction: order.append(stage),
        on_decoded=lambda audio: order.append(audio.duration_s),
    )
    assert order.index(5.0) < order.index("transcribe")


@pytest.mark.parametrize("after", range(6))
def test_an_exception_of_the_report_comes_out_unchanged_with_everything_cleaned_up(after, tmp_path):
    class Fenced(BaseException):
        pass

    told = []

    def report(stage, fraction):
        told.append(fraction)
        if len(told) > after:
            raise Fenced

    (tmp_path / "work").mkdir()
    with pytest.raises(Fenced):
        pipeline(report=report, work_dir=tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_chinese_is_joined_without_spaces_and_beside_english_with_one():
    zh = [Segment(0, 1, "你好。", "zh"), Segment(1, 2, "再见。", "zh")]
    assert joined_text(tuple(zh)) == "你好。再见。"
    assert joined_text((*zh, Segment(2, 3, "Hello.", "en"))) == "你好。再见。 Hello."


times = st.floats(-5.0, 70.0, allow_nan=False)
texts = st.sampled_from(["", "  ", "yes", " a few words "])
segments = st.lists(st.builds(Segment, times, times, texts), max_size=12)


@given(segments, st.floats(0.0, 60.0))
def test_whatever_an_engine_says_times_are_in_order_and_inside_the_recording(found, duration_s):
    tidy = tidy_segments(tuple(found), duration_s)
    previous_end = 0.0
    for segment in tidy:
        assert previous_end <= segment.start_s < segment.end_s <= duration_s
        assert segment.text == segment.text.strip() != ""
        previous_end = segment.end_s
    assert covered_seconds(tidy) <= duration_s + 1e-6


@given(segments)
def test_no_words_are_lost_when_times_are_put_right(found):
    said = sorted(word for segment in found for word in segment.text.split())
    kept = sorted(word for segment in tidy_segments(tuple(found), 60.0) for word in segment.text.split())
    assert kept == said
