"""Counts, rates, talk time and sentiment's roll-up: the documentation's formulas, on written and on generated input."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.drafts import LABELS, Feeling
from analytics.spoken import Line, Spoken, words
from analytics.statistics import covered_seconds, distribution, overall, per_speaker, speaker_stats, statistics
from analytics.statistics import percentages as percentages_of
from tests.analytics.conversations import AGENT, CALLER, conversation, spoken_texts, the_call

times = st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda it: (float(it[0]), float(it[0] + it[1])))
timed_lines = st.lists(
    st.builds(lambda time, speaker: (time, speaker), times, st.sampled_from([AGENT, CALLER])), max_size=12
).map(lambda rows: tuple(Line(at, *time, "two words", speaker) for at, (time, speaker) in enumerate(rows)))


def spoken(*rows: tuple[float, float, str, str | None], language: str = "en") -> Spoken:
    lines = tuple(Line(at, start, end, text, speaker) for at, (start, end, text, speaker) in enumerate(rows))
    return Spoken(lines, language, max(line.end_s for line in lines), rows[0][3] is not None)


# Covered time


def test_time_that_two_people_speak_in_is_covered_once():
    lines = [Line(0, 0, 10, ""), Line(1, 5, 12, ""), Line(2, 6, 8, ""), Line(3, 20, 21, "")]
    assert covered_seconds(lines) == 13.0


@given(timed_lines)
def test_covered_time_is_the_number_of_seconds_in_which_somebody_speaks(lines):
    seconds = {second for line in lines for second in range(int(line.start_s), int(line.end_s))}
    assert covered_seconds(lines) == covered_seconds(tuple(reversed(lines))) == len(seconds)


# Words


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("We'll keep the staged roll-out.", 5),
        ("well — I mean … 5,000 euros!", 5),
        ("  ", 0),
        ("?! ... –", 0),
        ("你好世界", 4),
        ("我们用 Excel 做", 5),
        ("東京タワー、行く?", 7),
        ("สวัสดี", 6),
        ("naïve Straße", 2),
    ],
)
def test_a_word_is_a_run_between_spaces_or_one_character_where_no_spaces_are_written(text, count):
    assert len(words(text)) == count


@given(st.text())
def test_no_words_are_counted_that_are_not_there(text):
    assert all(word.strip() and word in text for word in words(text))
    assert len(words(text)) <= len(text)


# Statistics


def test_the_speaking_rate_is_words_a_covered_minute():
    said = spoken((0, 20, "one two three four five six", AGENT), (10, 30, "seven eight nine", CALLER))
    assert statistics(said) == {
        "word_count": 9,
        "segment_count": 2,
        "total_duration_seconds": 30,
        "speaking_rate_wpm": 18.0,
    }


def test_the_documented_rates_follow_from_the_documented_counts():
    # 842 words in 108.6 s, as in the documentation's samples.
    said = spoken((0, 108.6, "word " * 842, AGENT))
    assert statistics(said)["speaking_rate_wpm"] == 465.2


def test_a_transcript_without_time_has_no_speaking_rate():
    assert statistics(spoken((3, 3, "now", AGENT)))["speaking_rate_wpm"] == 0.0


# Speakers


def test_a_speakers_percentage_is_talk_time_of_covered_time():
    said = spoken((0, 37.8, "a b", AGENT), (37.8, 80.1, "c", CALLER), (80.1, 108.6, "d", "SPEAKER_02"))
    rows = speaker_stats(said)
    assert [row["percentage"] for row in rows] == [34.8, 39.0, 26.2]
    assert rows[0] == {
        "speaker": AGENT,
        "talk_time_seconds": 37.8,
        "word_count": 2,
        "segment_count": 1,
        "percentage": 34.8,
    }


def test_speakers_are_in_order_of_first_appearance():
    said = spoken((0, 1, "a", CALLER), (1, 2, "b", AGENT), (2, 3, "c", CALLER))
    assert [row["speaker"] for row in speaker_stats(said)] == [CALLER, AGENT]


def test_speakers_who_talk_over_each_other_both_get_the_time():
    rows = speaker_stats(spoken((0, 10, "a", AGENT), (0, 10, "b", CALLER)))
    assert [row["percentage"] for row in rows] == [100.0, 100.0]


@given(timed_lines)
def test_no_speaker_has_more_than_all_the_time_and_all_of_them_have_at_least_all(lines):
    said = Spoken(lines, "en", 80.0, True)
    rows = speaker_stats(said)
    covered_s = covered_seconds(lines)
    assert all(0 <= row["percentage"] <= 100 for row in rows)
    assert sum(row["talk_time_seconds"] for row in rows) >= covered_s
    assert sum(row["word_count"] for row in rows) == statistics(said)["word_count"]
    assert sum(row["segment_count"] for row in rows) == len(lines)
    for row in rows:
        share = Decimal(row["talk_time_seconds"]) * 100 / Decimal(covered_s or 1)
        assert abs(Decimal(str(row["percentage"])) - share) <= Decimal("0.05")


# Sentiment


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=12).filter(any))
def test_percentages_sum_to_exactly_a_hundred_and_are_off_by_less_than_a_tenth(counts):
    rows = [Decimal(str(share)) for share in percentages_of(counts)]
    assert sum(rows) == 100
    for count, row in zip(counts, rows, strict=True):
        assert abs(row - Decimal(100 * count) / sum(counts)) < Decimal("0.1")
        assert count or not row


def test_the_tenth_that_is_left_over_goes_to_the_largest_remainder():
    # The documentation's samples: of two equal remainders the last.
    assert percentages_of([5, 14, 3]) == [22.7, 63.6, 13.7]
    assert percentages_of([10, 4]) == [71.4, 28.6]
    assert percentages_of([1, 1, 1]) == [33.3, 33.3, 33.4]


def test_nothing_has_no_percentages():
    assert percentages_of([]) == []
    assert percentages_of([0, 0]) == [0.0, 0.0]


feelings = st.lists(st.builds(Feeling, st.sampled_from(LABELS), st.floats(0, 1)), min_size=1, max_size=30)


@given(feelings)
def test_the_distribution_counts_every_segment_once_and_leaves_absent_labels_out(found):
    rows = distribution(found)
    assert sum(row["count"] for row in rows.values()) == len(found)
    assert set(rows) == {feeling.label for feeling in found}
    assert sum(Decimal(str(row["percentage"])) for row in rows.values()) == 100
    assert all(0 <= row["avg_score"] <= 1 for row in rows.values())


@given(spoken_texts(), st.data())
def test_each_speakers_counts_sum_to_their_segments(said, data):
    found = [Feeling(data.draw(st.sampled_from(LABELS)), 0.5) for _ in said.lines]
    rows = per_speaker(said, found)
    assert [row["speaker"] for row in rows] == list(said.speakers)
    for row in rows:
        assert row["total_segments"] == sum(row[f"{label}_count"] for label in LABELS)
    if said.diarized:
        assert sum(row["total_segments"] for row in rows) == len(said.lines)


def test_absent_labels_stay_as_zero_per_speaker():
    said = conversation((AGENT, "Fine."), (CALLER, "Bad."))
    assert per_speaker(said, [Feeling("neutral", 0.8), Feeling("negative", 0.6)])[0] == {
        "speaker": AGENT,
        "positive_count": 0,
        "neutral_count": 1,
        "negative_count": 0,
        "total_segments": 1,
        "avg_score": 0.8,
    }


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("neutral neutral neutral neutral", "neutral"),
        ("positive neutral positive neutral", "positive"),
        ("negative negative neutral positive", "negative"),
        ("negative positive negative positive", "neutral"),
    ],
)
def test_the_overall_label_is_the_balance_of_positive_and_negative_time(labels, expected):
    rows = labels.split()
    said = conversation(*((AGENT, "words") for _ in rows))
    assert overall(said, [Feeling(label, 0.9) for label in rows]) == expected


def test_a_long_complaint_outweighs_short_thanks():
    said = spoken((0, 60, "complaint", AGENT), (60, 61, "thanks", CALLER), (61, 62, "thanks", CALLER))
    found = [Feeling("negative", 0.9), Feeling("positive", 0.9), Feeling("positive", 0.9)]
    assert overall(said, found) == "negative"


def test_without_diarization_there_is_nobody_to_count():
    said = the_call(diarized=False)
    assert speaker_stats(said) == []
    assert per_speaker(said, [Feeling("neutral", 0.5) for _ in said.lines]) == []
