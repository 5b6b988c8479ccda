"""Coverage and loops, from text and times alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.pipeline.health import covered_speech_s, gaps, is_repetitive, without_loops

SENTENCE = "we would like to change the appointment to next Tuesday afternoon"


def test_speech_under_ordinary_words_is_covered():
    assert covered_speech_s([(0.0, 5.0, SENTENCE)], [(0.5, 2.0), (2.5, 4.5)]) == pytest.approx(3.5)


def test_a_few_words_stretched_over_half_a_minute_cover_only_what_they_can_take():
    assert covered_speech_s([(0.8, 27.5, "All right then")], [(0.8, 27.5)]) < 5


def test_a_card_number_read_digit_by_digit_covers_the_time_it_takes():
    assert covered_speech_s([(0.0, 14.0, "4111 1111 1111 4421")], [(0.0, 14.0)]) == pytest.approx(14.0)


@pytest.mark.parametrize(
    "text",
    [
        "我们想把预约改到下周二下午可以吗",
        "来週の火曜日の午後に予約を変更したい",
        "다음 주 화요일 오후로 예약을 바꾸고 싶어요",
    ],
)
def test_wide_characters_take_as_long_as_the_words_they_stand_for(text):
    assert covered_speech_s([(0.0, 6.0, text)], [(0.0, 6.0)]) == pytest.approx(6.0)


def test_gaps_are_the_speech_before_between_and_after_the_phrases():
    phrases = [(2.0, 3.0, "a"), (4.0, 6.0, "b")]
    assert gaps(phrases, [(1.0, 5.0), (7.0, 9.0)]) == [(1.0, 2.0), (3.0, 4.0), (7.0, 9.0)]


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for watching. " * 5,
        "you know what I mean, " * 4,
        "the " * 14,
        "604-3-" + "1-" * 40 + "1",
        "ご視聴ありがとうございました" * 4,
        "谢谢大家" * 6,
    ],
)
def test_a_loop_is_noticed_and_cut_to_one_round(text):
    assert is_repetitive(text, 12.0)
    assert len(without_loops(text)) < len(text) / 3
    assert not is_repetitive(without_loops(text), 12.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No, no, no, no, that is not mine.",
        "Okay, okay, okay, okay, I see.",
        "It's 4111 1111 1111 1111 and it expires 09/27.",
        "It's 4-1-1-1-1-1-1-1-1-1-1-1-4-4-2-1.",
        "Ask not what your country can do for you, ask what you can do for your country.",
        "Row, row, row your boat gently down the stream, merrily, merrily, merrily, merrily, life is but a dream.",
        "はい、はい、はい、わかりました。",
    ],
)
def test_what_people_do_repeat_is_no_loop(text):
    assert not is_repetitive(text, 8.0)
    assert without_loops(text) == text


def test_more_text_than_anyone_can_say_is_a_loop_of_some_kind():
    assert is_repetitive(SENTENCE, 0.2)
    assert not is_repetitive(SENTENCE, 3.0)


@given(st.lists(st.sampled_from(["yes", "no", "well", "4", "-", "one"]), max_size=60))
def test_cutting_loops_never_adds_words_and_is_done_after_one_pass_over_the_rest(words):
    text = " ".join(words)
    cut = without_loops(text)
    assert len(cut.split()) <= len(text.split())
    assert set(cut.split()) <= set(text.split())
