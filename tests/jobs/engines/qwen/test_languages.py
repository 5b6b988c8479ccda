"""The language of a chunk: asked for by name, read from the answer, settled with its neighbours, or not premium's."""

import numpy as np
import pytest

from jobs.engines.qwen_languages import ALIGNED, NAMES, code_of
from jobs.languages import PREMIUM_LANGUAGES
from jobs.pipeline.types import Audio

from .conftest import STANDARD, ignore, level
from .server import Asked


def test_every_premium_language_has_a_name_of_the_models():
    assert sorted(NAMES) == sorted(PREMIUM_LANGUAGES)
    assert len(set(NAMES.values())) == 30
    assert set(NAMES) > ALIGNED
    assert len(ALIGNED) == 11


@pytest.mark.parametrize("code", PREMIUM_LANGUAGES)
def test_a_language_goes_to_the_model_by_its_name_and_comes_back_as_its_code(code, asr, transcriber, recording):
    asr.say = lambda asked: "Said."
    found = transcriber.transcribe(recording(0.9), code, ignore)
    assert {asked.language for asked in asr.asked} == {NAMES[code]}
    assert code_of(NAMES[code]) == code
    assert found.language == code
    assert {segment.language for segment in found.segments} == {code}


def test_the_language_is_taken_from_the_answer_when_none_is_asked_for(asr, transcriber, recording):
    asr.say = lambda asked: "language Spanish<asr_text>Buenos días."
    found = transcriber.transcribe(recording(0.9), None, ignore)
    assert (found.language, found.segments[0].text) == ("es", "Buenos días.")
    assert asr.asked == [Asked(asr.asked[0].seconds, asr.asked[0].peak, "", None)]


def test_a_recording_that_changes_language_says_so_segment_by_segment(asr, transcriber, recording):
    asr.say = lambda asked: (
        "language Spanish<asr_text>Buenos días." if level(asked) > 0.7 else "language German<asr_text>Guten Tag."
    )
    found = transcriber.transcribe(recording(0.9, 0.9, 0.5), None, ignore)
    assert [segment.language for segment in found.segments] == ["es", "es", "de"]
    assert found.language == "es"


def test_a_short_chunk_that_its_neighbours_outvote_is_read_again_in_their_language(asr, transcriber, speech):
    pause = np.zeros(7 * 16000)
    parts = [speech * 0.9, pause, speech[: 2 * 16000] * 0.5, pause, speech * 0.9, pause]
    samples = (np.concatenate(parts) * 32767).astype("int16")

    def say(asked):
        if asked.language:
            return "Bueno."
        return "language Italian<asr_text>Buono." if level(asked) < 0.7 else "language Spanish<asr_text>Buenos días."

    asr.say = say
    found = transcriber.transcribe(Audio(samples, len(samples) / 16000), None, ignore)
    assert [segment.text for segment in found.segments] == ["Buenos días.", "Bueno.", "Buenos días."]
    assert {segment.language for segment in found.segments} == {"es"}


@pytest.mark.parametrize("keyterms", [(), ("Київ",)])
def test_a_language_outside_the_thirty_is_given_to_the_standard_tier(keyterms, asr, transcriber, fallback, recording):
    asr.say = lambda asked: "language Ukrainian<asr_text>Привіт."
    told: list[float] = []
    found = transcriber.transcribe(recording(0.9), None, told.append, words=True, keyterms=keyterms)
    assert found.segments == STANDARD.segments
    assert (found.model_applied, found.engine_code) == ("standard", "faster-whisper:large-v3")
    assert "Ukrainian" in found.warnings[0]
    assert "standard tier" in found.warnings[0]
    assert found.warnings[1:] == ("Other.",)
    assert fallback.calls == [(None, True, keyterms)]
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_word_in_a_language_outside_the_thirty_does_not_change_the_tier(asr, transcriber, fallback, recording):
    asr.say = lambda asked: (
        "Tak."
        if asked.language
        else "language Polish<asr_text>Dzień dobry."
        if level(asked) > 0.7
        else "language Ukrainian<asr_text>Так."
    )
    found = transcriber.transcribe(recording(0.9, 0.9, 0.5), None, ignore)
    assert fallback.calls == []
    assert found.model_applied == "premium"
    assert [segment.language for segment in found.segments] == ["pl", "pl", "pl"]
    assert found.segments[-1].text == "Tak."
