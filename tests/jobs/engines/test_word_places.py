"""Words are put where someone speaks: the first after a pause begins with it, however early attention saw it."""

import itertools

import pytest

from jobs.engines.words import place
from jobs.pipeline.types import Speech

SPEECH = [Speech(0.0, 2.0), Speech(2.5, 5.0)]


def placed(*times):
    return place(times, [4] * len(times), SPEECH, (0.0, 5.0))


def test_a_word_that_spans_a_pause_and_ends_after_it_begins_after_it():
    before, spanning, after = placed((1.2, 1.75), (1.75, 2.7), (2.7, 3.0))
    assert before == (1.2, 2.0)  # lasts as long as the speech does
    assert spanning == (2.5, 2.7)
    assert after[0] == 2.7


@pytest.mark.parametrize("end", [2.3, 2.52], ids=["in the pause", "no room after it"])
def test_a_word_that_ends_in_the_pause_or_as_good_as_there_stays_before_it(end):
    assert placed((1.2, 1.75), (1.75, end), (end, 3.0))[1] == (1.75, 2.0)


def test_a_number_said_with_a_pause_in_it_begins_where_it_is_first_heard():
    assert placed((0.5, 1.0), (1.0, 2.9), (2.9, 3.2))[1] == (1.0, 2.0)


def test_words_stay_in_order_inside_speech():
    times = placed((0.1, 1.5), (1.5, 1.8), (1.8, 2.9), (2.0, 2.9), (4.0, 9.0))
    assert all(0.0 <= start < end <= 5.0 for start, end in times)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(times))
