"""Diarization beside transcription, channels, and what the document then says; with engines that only pretend."""

import contextlib
import pathlib
import threading
import time

import pytest

from jobs.pipeline.run import Options, run
from jobs.pipeline.types import (
    Audio,
    Diarization,
    EngineUnavailable,
    Segment,
    SpeakerBounds,
    Transcript,
    Turn,
    Word,
)

WORDS = (
    Word(0.5, 0.9, "How", "en"),
    Word(0.9, 1.4, "are", "en"),
    Word(1.4, 1.9, "you?", "en"),
    Word(2.0, 2.4, "Very", "en"),
    Word(2.4, 3.0, "well.", "en"),
)
SPOKEN = Transcript(
    (Segment(0.3, 3.2, "How are you? Very well.", "en", -0.2, 0.01, WORDS),),
    "en",
    "pretend",
    align_code="pretend-words",
)
PREMIUM = Transcript(SPOKEN.segments, "en", "pretend", model_applied="premium", align_code="pretend-words")
SILENT = Transcript((), None, "pretend")
FOUND = Diarization(
    turns=(Turn(0.4, 1.95, "x"), Turn(1.95, 4.9, "b")),
    exclusive=(Turn(0.4, 1.95, "x"), Turn(1.95, 4.9, "b")),
    vectors={"x": (0.6, 0.8), "b": (-0.8, 0.6)},
    model="pretend/diarizer",
    dimension=2,
    variant="int8",
)


class Decoder:
    def __init__(self, channels):
        self.channels = channels

    @contextlib.contextmanager
    def decode(self, source, work_dir, on_progress):
        on_progress(0.5)
        yield Audio(samples=None, duration_s=5.0)

    @contextlib.contextmanager
    def decode_channels(self, source, work_dir, on_progress):
        on_progress(0.5)
        yield tuple(Audio(samples=number, duration_s=5.0) for number in range(self.channels))


class Engine:
    """Tells its progress in steps, then answers, or raises; `seen` is what it was asked."""

    def __init__(self, answer, steps=4, step_s=0.0):
        self.answer, self.steps, self.step_s, self.seen, self.ended = answer, steps, step_s, None, None

    def _work(self, on_progress):
        try:
            for step in range(self.steps):
                time.sleep(self.step_s)
                on_progress(step / self.steps)
            if isinstance(self.answer, BaseException):
                raise self.answer
        except BaseException as error:
            self.ended = error
            raise

    def transcribe(self, audio, language, on_progress, *, words=False, keyterms=()):
        self._work(on_progress)
        self.seen = words
        return self.answer[audio.samples] if isinstance(self.answer, list) else self.answer

    def diarize(self, audio, bounds, on_progress):
        self.seen = bounds
        self._work(on_progress)
        return self.answer


def pipeline(transcriber=SPOKEN, diarizer=FOUND, *, report=lambda stage, fraction: None, channels=1, **options):
    def engine(value):
        return value if isinstance(value, Engine) else Engine(value)

    engines = {
        "audio": Decoder(channels),
        "transcriber.standard": engine(transcriber),
        "transcriber.premium": engine(transcriber),
        "diarizer": engine(diarizer),
    }

    def lookup(role):
        if isinstance(engines[role], Engine) and engines[role].answer is None:
            raise EngineUnavailable(f"no {role}")
        return engines[role]

    before = threading.active_count()
    try:
        return run(Options(**options), pathlib.Path("x"), lookup, report).document
    finally:
        assert threading.active_count() == before, "something is still running"


def test_a_standard_diarized_document_has_speakers_and_nothing_of_the_decoders():
    document = pipeline(diarization=True)
    assert document["segments"] == [
        {"start": 0.5, "end": 1.9, "speaker": "SPEAKER_00", "text": "How are you?", "language": "en"},
        {"start": 2.0, "end": 3.0, "speaker": "SPEAKER_01", "text": "Very well.", "language": "en"},
    ]
    assert document["text"] == "How are you? Very well."
    assert "words" not in document
    assert document["diarization"]["speaker_count"] == 2
    assert set(document["diarization"]) == {"speaker_count", "confidence", "warning"}
    execution = document["feature_execution"]
    assert execution["diarization_requested"] is execution["diarization_applied"] is True
    assert execution["diarization_elapsed_seconds"] >= 0
    assert execution["speaker_embeddings_requested"] is execution["speaker_embeddings_applied"] is False
    assert document["transcription_meta"]["total_covered_seconds"] == pytest.approx(2.4)


def test_a_premium_document_has_words_and_segments_grouped_from_them():
    document = pipeline(PREMIUM, transcription_model="premium")
    assert list(document)[:3] == ["text", "words", "segments"]
    assert document["words"][2] == {"start": 1.4, "end": 1.9, "word": "you?", "language": "en"}
    assert document["segments"] == [{"start": 0.5, "end": 3.0, "text": "How are you? Very well."}]
    assert document["routing_metadata"] == {
        "route_code": "premium", "engine_code": "pretend", "align_code": "pretend-words"
    }  # fmt: skip
    assert "decode_attempts" not in document
    assert "diarization" not in document
    assert "diarization_elapsed_seconds" not in document["feature_execution"]


def test_premium_without_alignment_has_segments_and_no_words():
    bare = Transcript((Segment(0.3, 3.2, "How are you?", "en"),), "en", "pretend", model_applied="premium")
    document = pipeline(bare, transcription_model="premium")
    assert "words" not in document
    assert document["segments"] == [{"start": 0.3, "end": 3.2, "text": "How are you?"}]


def test_premium_that_fell_back_to_standard_says_so_and_has_no_words():
    fallen = Transcript(SPOKEN.segments, "sw", "pretend", warnings=("Standard ran.",))
    document = pipeline(fallen, transcription_model="premium")
    assert "words" not in document
    assert document["processing_warnings"] == ["Standard ran."]
    assert document["feature_execution"]["transcription_model_applied"] == "standard"
    assert "avg_logprob" in document["segments"][0]


def test_vectors_are_there_where_they_were_asked_for():
    document = pipeline(PREMIUM, transcription_model="premium", diarization=True, speaker_embeddings=True)
    assert document["diarization"]["speaker_embeddings"] == {
        "model": "pretend/diarizer",
        "variant": "int8",
        "dimension": 2,
        "vectors": {"SPEAKER_00": [0.6, 0.8], "SPEAKER_01": [-0.8, 0.6]},
    }
    assert document["feature_execution"]["speaker_embeddings_applied"] is True
    assert [word["word"] for word in document["words"]] == ["How", "are", "you?", "Very", "well."]


def test_no_speech_is_a_completed_job_with_nobody_in_it():
    document = pipeline(SILENT, diarization=True)
    assert (document["text"], document["segments"]) == ("", [])
    assert document["diarization"]["speaker_count"] == 0
    execution = document["feature_execution"]
    assert (execution["diarization_requested"], execution["diarization_applied"]) == (True, False)
    assert "diarization_elapsed_seconds" not in execution
    assert document["processing_warnings"] == ["No speech was detected in the recording."]


def test_where_nothing_is_said_the_diarizer_is_not_waited_for():
    slow = Engine(FOUND, steps=1000, step_s=0.01)
    pipeline(SILENT, slow, diarization=True)
    assert slow.ended is not None


@pytest.mark.parametrize("bounds", [SpeakerBounds(exact=3), SpeakerBounds(least=3), SpeakerBounds(3, 1, 9)])
def test_more_speakers_asked_for_than_found_is_a_warning(bounds):
    diarizer = Engine(FOUND)
    document = pipeline(diarizer=diarizer, diarization=True, bounds=bounds)
    assert diarizer.seen == bounds
    assert document["processing_warnings"] == ["3 speakers were asked for, but only 2 could be told apart."]
    assert pipeline(diarization=True, bounds=SpeakerBounds(exact=2))["processing_warnings"] == []


def test_both_run_at_the_same_time_and_words_are_asked_for():
    transcriber, diarizer = Engine(SPOKEN, 10, 0.05), Engine(FOUND, 10, 0.05)
    started = time.monotonic()
    pipeline(transcriber, diarizer, diarization=True)
    assert time.monotonic() - started < 0.85
    assert transcriber.seen is True


@pytest.mark.parametrize(("slow", "quick"), [("transcriber", "diarizer"), ("diarizer", "transcriber")])
def test_progress_is_told_in_the_callers_thread_and_never_falls(slow, quick):
    told, threads = [], set()

    def report(stage, fraction):
        told.append(fraction)
        threads.add(threading.current_thread())

    answers = {"transcriber": SPOKEN, "diarizer": FOUND}
    engines = {slow: Engine(answers[slow], 12, 0.05), quick: Engine(answers[quick])}
    pipeline(**engines, report=report, diarization=True)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(set(told)) > 3
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize("failing", ["transcriber", "diarizer"])
def test_whichever_fails_stops_the_other_and_is_what_is_raised(failing):
    problem = EngineUnavailable("the weights are damaged; run make models")
    answers = {"transcriber": SPOKEN, "diarizer": FOUND}
    engines = {name: Engine(answer, 1000, 0.01) for name, answer in answers.items()}
    engines[failing] = Engine(problem, 3, 0.01)
    with pytest.raises(EngineUnavailable) as raised:
        pipeline(**engines, diarization=True)
    assert raised.value is problem
    assert all(engine.ended is not None for engine in engines.values())


def test_a_diarizer_that_fails_after_the_transcriber_is_done_fails_the_job():
    with pytest.raises(EngineUnavailable, match="damaged"):
        pipeline(diarizer=Engine(EngineUnavailable("damaged"), 5, 0.05), diarization=True)


def test_cancelling_stops_both():
    class Cancelled(BaseException):
        pass

    def report(stage, fraction):
        if stage != "decode" and fraction > 0.1:
            raise Cancelled

    engines = {"transcriber": Engine(SPOKEN, 1000, 0.01), "diarizer": Engine(FOUND, 1000, 0.01)}
    with pytest.raises(Cancelled):
        pipeline(**engines, diarization=True, report=report)
    assert all(engine.ended is not None for engine in engines.values())


def test_cancelling_while_the_diarizer_is_waited_for_stops_it():
    class Cancelled(Exception):
        pass

    def report(stage, fraction):
        if stage == "diarize":
            raise Cancelled

    slow = Engine(FOUND, 1000, 0.01)
    with pytest.raises(Cancelled):
        pipeline(diarizer=slow, diarization=True, report=report)
    assert slow.ended is not None


def test_without_a_diarizer_on_this_server_the_job_fails_before_any_work():
    transcriber = Engine(SPOKEN)
    with pytest.raises(EngineUnavailable, match="no diarizer"):
        pipeline(transcriber, None, diarization=True)
    assert transcriber.seen is None


def test_channels_are_speakers_without_any_diarizer():
    left = Transcript((Segment(2.0, 3.0, "Very well.", "en", -0.2, 0.01),), "en", "pretend")
    right = Transcript((Segment(0.5, 1.9, "How are you?", "en", -0.2, 0.01),), "en", "pretend")
    document = pipeline([left, right], None, channels=2, multichannel=True)
    assert [(row["speaker"], row["text"]) for row in document["segments"]] == [
        ("SPEAKER_00", "How are you?"),
        ("SPEAKER_01", "Very well."),
    ]
    assert "avg_logprob" not in document["segments"][0]
    assert document["diarization"] == {"speaker_count": 2, "confidence": "medium", "warning": None}
    execution = document["feature_execution"]
    assert execution["diarization_requested"] is execution["diarization_applied"] is True
    assert document["processing_warnings"] == []


def test_one_channel_is_transcribed_as_ordinary_with_a_warning():
    document = pipeline(diarizer=None, channels=1, multichannel=True)
    warning = "The recording has only one channel of sound, so its speakers were not told apart by channel."
    assert document["processing_warnings"] == [warning]
    assert "speaker" not in document["segments"][0]
    assert document["feature_execution"]["diarization_applied"] is False
    diarized = pipeline(channels=1, multichannel=True, diarization=True)
    assert diarized["diarization"]["speaker_count"] == 2
    assert diarized["processing_warnings"] == [warning]


def test_words_of_channels_that_speak_at_once_are_in_order_of_time():
    def spoken(*words):
        segment = Segment(words[0].start_s, words[-1].end_s, " ".join(word.text for word in words), "en", words=words)
        return Transcript((segment,), "en", "pretend", model_applied="premium", align_code="pretend-words")

    first = spoken(Word(0.5, 0.9, "I", "en"), Word(2.0, 2.5, "see.", "en"))
    second = spoken(Word(0.7, 1.2, "Sorry,", "en"), Word(1.2, 1.6, "what?", "en"))
    document = pipeline([first, second], multichannel=True, transcription_model="premium", channels=2)
    assert [word["word"] for word in document["words"]] == ["I", "Sorry,", "what?", "see."]
