"""Which known voice belongs to which speaker: the cosine, and the pairs that fit best together."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.pipeline.matching import best_pairs, similarity

VECTORS = st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4)
WEIGHTS = st.integers(0, 4).flatmap(
    lambda columns: st.lists(
        st.lists(
            st.one_of(st.just(0.0), st.sampled_from([0.5, 0.7, -0.3]), st.floats(0, 1)),
            min_size=columns,
            max_size=columns,
        ),
        max_size=4,
    )
)


def best_sum(weights, taken=frozenset()):
    """By trying every assignment."""
    if not weights:
        return 0.0
    first, *rest = weights
    free = [column for column in range(len(first)) if column not in taken]
    return max(best_sum(rest, taken), *(first[c] + best_sum(rest, taken | {c}) for c in free), float("-inf"))


def test_similarity_is_the_cosine():
    assert similarity([1, 0], [2, 0]) == 1 and similarity([1, 0], [0, 3]) == 0 and similarity([1, 0], [-1, 0]) == -1
    assert similarity([1, 0], [0.6, 0.8]) == pytest.approx(0.6)
    assert similarity([0, 0], [1, 0]) == 0


@given(one=VECTORS, other=VECTORS, factor=st.floats(0.1, 10))
def test_similarity_is_symmetric_bounded_and_blind_to_length(one, other, factor):
    value = similarity(one, other)
    assert -1 <= value <= 1 and value == similarity(other, one)
    if all(abs(x) > 1e-3 or x == 0 for x in (*one, *other)):
        assert similarity([x * factor for x in one], other) == pytest.approx(value, abs=1e-9)


def test_a_pair_gives_way_where_both_fit_better_together():
    assert best_pairs([[0.8, 0.75], [0.79, 0.1]]) == {0: 1, 1: 0}
    assert best_pairs([[0.8, 0.0], [0.7, 0.0]]) == {0: 0}
    assert best_pairs([]) == {} and best_pairs([[], []]) == {} and best_pairs([[0.0], [-0.5]]) == {}


@given(weights=WEIGHTS)
def test_no_other_pairs_have_a_greater_sum(weights):
    pairs = best_pairs(weights)
    assert len(set(pairs.values())) == len(pairs) and all(weights[row][column] > 0 for row, column in pairs.items())
    assert sum(weights[row][column] for row, column in pairs.items()) == pytest.approx(best_sum(weights))


@given(weights=WEIGHTS)
def test_a_row_and_a_column_that_fit_are_never_both_left_over(weights):
    pairs = best_pairs(weights)
    for row, column in itertools.product(range(len(weights)), range(len(weights[0]) if weights else 0)):
        if weights[row][column] > 1e-9:
            assert row in pairs or column in pairs.values()
