"""How speech becomes windows, languages and phrases: arithmetic, without a model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engines import vad, windows
from jobs.engines.language_track import LanguageTrack
from jobs.engines.phrases import join_digits, place, said
from jobs.pipeline.types import Speech

LONGEST_S = 12.0


@st.composite
def recordings(draw):
    """(stretches of speech, probability of speech each 32 ms, duration)"""
    at, speech = 0.0, []
    for pause, length in draw(st.lists(st.tuples(st.floats(0.2, 9.0), st.floats(0.15, 40.0)), max_size=15)):
        speech.append(Speech(at + pause, at + pause + length))
        at += pause + length
    duration = at + draw(st.floats(0.0, 5.0)) + 0.1
    return speech, np.full(int(duration / vad.FRAME_S) + 1, 0.9, dtype=np.float32), duration


@given(recordings())
def test_windows_hold_all_the_speech_in_order_and_are_never_too_long(recording):
    speech, probabilities, duration = recording
    packed = windows.pack(speech, probabilities, LONGEST_S, duration)
    assert sum(window.speech_s for window in packed) == pytest.approx(sum(stretch.duration_s for stretch in speech))
    previous_end = 0.0
    for window in packed:
        assert previous_end - 1e-6 <= window.start_s < window.end_s <= duration + 1e-6
        assert window.duration_s <= LONGEST_S + 1e-6
        assert window.start_s <= window.speech[0].start_s
        assert window.speech[-1].end_s <= window.end_s + 1e-6
        previous_end = window.end_s


def test_a_window_is_cut_at_the_longest_pause_within_reach():
    speech = [Speech(0.5, 7.0), Speech(7.2, 9.0), Speech(9.9, 11.0), Speech(11.2, 16.0)]
    first = windows.pack(speech, np.ones(600, dtype=np.float32), LONGEST_S, 16.5)[0]
    assert first.speech[-1].end_s == 9.0


def test_speech_without_a_pause_is_cut_where_it_is_least_likely():
    probabilities = np.full(1000, 0.9, dtype=np.float32)
    probabilities[int(9.6 / vad.FRAME_S)] = 0.5
    first, *_ = windows.pack([Speech(0.0, 30.0)], probabilities, LONGEST_S, 30.0)
    assert first.end_s == pytest.approx(9.6, abs=0.05)


def follow(*heard):
    return LanguageTrack(["de", "en", "es", "pt"]).follow([(probabilities, 10.0) for probabilities in heard])


def test_one_doubtful_window_does_not_change_the_language():
    assert follow({"es": 0.9}, {"pt": 0.6, "es": 0.4}, {"es": 0.8}) == ["es"] * 3


def test_a_doubtful_beginning_is_settled_by_what_follows():
    assert follow({"pt": 0.5, "es": 0.45}, {"es": 0.9}, {"es": 0.9}) == ["es"] * 3


def test_a_real_change_is_followed():
    assert follow(*[{"es": 0.97}] * 2, *[{"en": 0.98}] * 2) == ["es", "es", "en", "en"]


def test_only_the_languages_of_the_tier_are_chosen():
    assert follow({"he": 0.9, "de": 0.06, "en": 0.04}) == ["de"]


def test_a_phrase_is_clamped_to_the_speech_it_lies_over():
    assert place([(0.0, 5.0, "Hello there.")], [Speech(0.7, 4.2)]) == [(0.7, 4.2, "Hello there.")]


def test_a_long_phrase_is_cut_at_its_sentence_ends_and_in_the_pause_between_them():
    text = "I would like to move my appointment. Is Tuesday afternoon still possible?"
    first, second = place([(0.0, 9.0, text)], [Speech(0.2, 4.5), Speech(5.3, 8.8)])
    assert first == (0.2, 4.5, "I would like to move my appointment.")
    assert second == (5.3, 8.8, "Is Tuesday afternoon still possible?")


def test_a_number_spelled_digit_by_digit_is_written_as_a_number():
    assert join_digits("It's 4-1-1-1-1, thanks.") == "It's 41111, thanks."
    assert join_digits("on 1-2-3 or 2024-05-06, room 12-34") == "on 1-2-3 or 2024-05-06, room 12-34"


def test_what_the_model_writes_after_the_speech_is_over_is_dropped():
    speech = [Speech(0.8, 7.7)]
    first = (0.8, 3.9, "He added that they should not be asked to take on obligations")
    second = (3.9, 7.6, "beyond their stage of development.")
    again = (7.6, 8.2, "He added that they should not be asked to take on obligations beyond their stage")
    after = (8.0, 8.2, "Okay.")
    assert said([first, second, again, after], speech, 8.2) == [first, second]


def test_a_short_last_word_is_kept():
    speech = [Speech(0.5, 4.0), Speech(4.6, 5.0)]
    phrases = [(0.5, 4.0, "Is there anything else?"), (4.5, 5.3, "No.")]
    assert said(phrases, speech, 5.4) == phrases
