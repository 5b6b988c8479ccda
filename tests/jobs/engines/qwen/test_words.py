"""Words from the aligner: their times in the recording, what they say, and phrases without them where it fails."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engines.qwen_languages import ALIGNED, NAMES
from jobs.engines.qwen_prompts import steadied, unit, word_spans
from jobs.engines.transcriber_qwen import QwenTranscriber
from jobs.pipeline.texts import joined_words
from jobs.pipeline.types import Audio

from .conftest import free_url, ignore

SENTENCE = "And so, my fellow Americans: ask not what your country can do for you."


def test_words_have_times_in_the_recording_and_say_what_the_segments_say(asr, aligner, transcriber, recording):
    asr.say = lambda asked: f"language English<asr_text>{SENTENCE}"
    audio = recording(0.9, 0.5)
    found = transcriber.transcribe(audio, None, ignore)
    words = [word for segment in found.segments for word in segment.words]
    assert [word.text for word in words] == SENTENCE.split() * 2
    assert aligner.asked[0].units[:4] == ("And", "so", "my", "fellow")
    assert all(a.start_s < a.end_s <= b.start_s for a, b in itertools.pairwise(words))
    assert words[-1].end_s <= audio.duration_s
    half = len(SENTENCE.split())
    for first, second in zip(words[:half], words[half:], strict=True):
        assert second.start_s - first.start_s == pytest.approx(18.0, abs=0.35)
    for segment in found.segments:
        assert joined_words(segment.words) == segment.text
        assert (segment.start_s, segment.end_s) == (segment.words[0].start_s, segment.words[-1].end_s)
        assert segment.end_s - segment.start_s <= 15.0
    assert (found.align_code, found.warnings) == ("qwen3-forced-aligner", ())
    assert found.engine_code == "qwen3-asr:Qwen/Qwen3-ASR-1.7B"
    assert found.model_applied == "premium"


def test_long_speech_is_cut_into_phrases_at_sentence_ends_and_pauses(asr, aligner, transcriber, speech):
    samples = (np.concatenate([speech, speech]) * 30000).astype("int16")
    asr.say = lambda asked: "language English<asr_text>One two three four. Five six seven eight. Nine ten."
    aligner.mark = lambda asked: [(2.0 * at, 2.0 * at + 1.9) for at in range(10)]
    found = transcriber.transcribe(Audio(samples, len(samples) / 16000), None, ignore)
    assert len(asr.asked) == 1
    texts = [segment.text for segment in found.segments]
    assert len(texts) >= 3
    assert " ".join(texts) == "One two three four. Five six seven eight. Nine ten."


def test_marks_that_go_astray_are_put_back_between_their_neighbours(asr, aligner, transcriber, recording):
    asr.say = lambda asked: "language English<asr_text>one two three four five"

    aligner.mark = lambda asked: [(1.0, 1.4), (2.0, 2.4), (9.6, 9.8), (4.0, 4.4), (5.0, 5.4)]
    found = transcriber.transcribe(recording(0.9), None, ignore)
    words = [word for segment in found.segments for word in segment.words]
    assert [word.text for word in words] == ["one", "two", "three", "four", "five"]
    assert words[1].end_s <= words[2].start_s < words[2].end_s <= words[3].start_s
    assert words[3].start_s < 5.0


def test_chinese_is_aligned_character_by_character(asr, aligner, transcriber, recording):
    asr.say = lambda asked: "language Chinese<asr_text>甚至出现交易几乎停滞的情况。"
    found = transcriber.transcribe(recording(0.9), None, ignore)
    assert aligner.asked[0].units == tuple("甚至出现交易几乎停滞的情况")
    words = [word for segment in found.segments for word in segment.words]
    assert words[-1].text == "况。"
    assert "".join(segment.text for segment in found.segments) == "甚至出现交易几乎停滞的情况。"


def test_japanese_words_begin_where_the_script_changes():
    text = "今日はいい天気です。カメラを見る"
    assert [text[span.first : span.last] for span in word_spans(text, "ja")] == [
        "今日はいい",
        "天気です。",
        "カメラを",
        "見る",
    ]


@given(st.lists(st.floats(0, 400, allow_nan=False), max_size=60))
def test_steadied_marks_never_fall_and_leave_rising_ones_alone(marks):
    steady = steadied(marks)
    assert len(steady) == len(marks)
    assert all(a <= b + 1e-9 for a, b in itertools.pairwise(steady))
    assert steadied(sorted(marks)) == sorted(marks)
    assert not marks or (min(marks) <= min(steady) and max(steady) <= max(marks))


@given(st.text(max_size=60), st.sampled_from(sorted(ALIGNED)))
def test_words_say_all_of_the_text_and_each_has_something_to_align(text, language):
    text = " ".join(text.split())
    spans = word_spans(text, language)
    if any(unit(character) for character in text):
        joined = "".join(text[span.first : span.last] for span in spans)
        assert joined.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("language", ["hi", "nl", "tr"])
def test_a_language_that_the_aligner_lacks_gives_timed_phrases_and_a_warning(
    language, asr, aligner, transcriber, recording
):
    asr.say = lambda asked: "Eerste zin. Tweede zin die langer is."
    found = transcriber.transcribe(recording(0.9), language, ignore)
    assert aligner.paths == []
    assert [segment.text for segment in found.segments] == ["Eerste zin.", "Tweede zin die langer is."]
    assert all(not segment.words for segment in found.segments)
    assert 0.0 < found.segments[0].start_s < found.segments[0].end_s <= found.segments[1].start_s
    assert found.segments[1].end_s <= 11.2
    assert found.warnings == (f"Word times are not available in this language: {NAMES[language]}.",)
    assert found.align_code == "none"


def test_an_aligner_that_fails_gives_phrases_without_words_and_a_warning(asr, aligner, transcriber, recording):
    aligner.failures = [400] * 100
    found = transcriber.transcribe(recording(0.9, 0.5), None, ignore)
    assert [segment.text for segment in found.segments] == ["Good morning.", "Good morning."]
    assert found.warnings == ("Word times could not be found for 2 of 2 segments.",)
    assert found.align_code == "none"


def test_one_chunk_that_could_not_be_aligned_leaves_the_others_their_words(asr, aligner, recording, fallback):
    transcriber = QwenTranscriber(
        asr_url=asr.url, aligner_url=aligner.url, fallback=lambda: fallback, concurrency=1, patience_s=0.2
    )
    transcriber.transcribe(recording(0.9), None, ignore)  # knows the aligner's model now
    aligner.failures = [400]
    found = transcriber.transcribe(recording(0.9, 0.5, 0.3), None, ignore)
    assert [bool(segment.words) for segment in found.segments] == [False, True, True]
    assert found.warnings == ("Word times could not be found for 1 of 3 segments.",)
    assert found.align_code == "qwen3-forced-aligner"


def test_an_aligner_that_is_down_is_not_waited_for_again_and_again(asr, recording, fallback):
    transcriber = QwenTranscriber(
        asr_url=asr.url, aligner_url=free_url(), fallback=lambda: fallback, concurrency=1, patience_s=0.6
    )
    before = time.monotonic()
    found = transcriber.transcribe(recording(*[0.9] * 12), None, ignore)
    assert time.monotonic() - before < 5
    assert len(found.segments) == 12
    assert found.warnings == ("Word times could not be found for 12 of 12 segments.",)


def test_an_aligner_that_was_started_without_step_pooling_gives_no_words(aligner, transcriber, recording):
    aligner.step_pooling = False
    found = transcriber.transcribe(recording(0.9), None, ignore)
    assert found.segments[0].words == ()
    assert found.align_code == "none"


def test_without_an_aligner_there_are_phrases_and_a_warning(asr, recording, fallback):
    transcriber = QwenTranscriber(asr_url=asr.url, aligner_url="", fallback=lambda: fallback)
    found = transcriber.transcribe(recording(0.9), None, ignore)
    assert found.segments[0].text == "Good morning."
    assert found.warnings == ("Word times could not be found for 1 of 1 segments.",)
