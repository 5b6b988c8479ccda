"""Heavy calls of several jobs: their order, how many at once, and leaving them."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engines.lanes import Lanes, even_parts

PATIENCE_S = 10


def nothing(done):
    pass


class Left(Exception):
    """What a cancelled job's progress raises."""


def test_results_come_in_the_order_of_the_items_whichever_is_done_first():
    second_done = threading.Event()

    def call(item):
        if item == "first":
            assert second_done.wait(PATIENCE_S)
        if item == "second":
            second_done.set()
        return item.upper()

    assert Lanes(2).each(call, ["first", "second", "third"], nothing) == ["FIRST", "SECOND", "THIRD"]


def test_no_more_calls_than_lanes_run_at_once_whoever_asks():
    lanes, lock, at_once, most = Lanes(2), threading.Lock(), 0, 0

    def call(item):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.005)
        with lock:
            at_once -= 1

    callers = [threading.Thread(target=lanes.each, args=(call, range(6), nothing)) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert most == 2


def test_a_short_job_has_its_turn_long_before_a_long_one_is_done():
    lanes, made, begun = Lanes(1), [], threading.Event()
    short_waits = threading.Event()

    def of_the_long_one(item):
        begun.set()
        assert short_waits.wait(PATIENCE_S)
        made.append(item)

    long_one = threading.Thread(target=lanes.each, args=(of_the_long_one, range(50), nothing))
    long_one.start()
    assert begun.wait(PATIENCE_S)
    short_one = threading.Thread(target=lanes.each, args=(lambda item: made.append(item), ["short"], nothing))
    threading.Timer(0.2, short_waits.set).start()
    short_one.start()
    short_one.join()
    long_one.join()
    assert made.index("short") <= 2


def test_whoever_leaves_does_not_wait_for_the_call_under_way_and_the_rest_is_never_called():
    lanes, called, begun, go_on = Lanes(1), [], threading.Event(), threading.Event()

    def call(item):
        called.append(item)
        begun.set()
        assert go_on.wait(PATIENCE_S)

    def leave(done):
        if begun.is_set():
            raise Left

    with pytest.raises(Left):
        lanes.each(call, range(5), leave)
    go_on.set()
    assert lanes.each(lambda item: item, ["next job"], nothing) == ["next job"]
    assert called == [0]


def test_an_error_of_a_call_reaches_whoever_asked():
    with pytest.raises(ZeroDivisionError):
        Lanes(2).each(lambda item: 1 // item, [1, 0, 2], nothing)


@given(st.integers(0, 200), st.integers(1, 20), st.integers(1, 8))
def test_parts_hold_every_item_once_and_keep_every_lane_busy(count, largest, lanes):
    parts = even_parts(range(count), largest, lanes)
    assert [item for part in parts for item in part] == list(range(count))
    assert all(1 <= len(part) <= largest for part in parts)
    assert max(map(len, parts), default=0) - min(map(len, parts), default=0) <= 1
    assert len(parts) % lanes == 0 or len(parts) == count
