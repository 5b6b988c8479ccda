"""Heavy calls of all jobs of a process, so many at a time, in the order in which they were asked for.

Recognition on a CPU is quickest with one thread a call and a call for each core: two threads on one call wait for each
other at every layer. Used by the recogniser's callers; knows nothing of what it runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# How soon a caller whose job was cancelled leaves a call that is under way.
TICK_S = 0.25


class Lanes:
    """`count` calls at a time. A caller has no more than that waiting, so that a short job soon has its turn."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix="lane")

    def each(
        self, call: Callable[[Item], Result], items: Sequence[Item], on_progress: Callable[[float], None]
    ) -> list[Result]:
        """The result for each item, in the items' order.

        `on_progress` is given the fraction that is done, at least every TICK_S. It may raise: calls that have not begun
        are dropped, and what those under way find is thrown away.
        """
        results: dict[int, Result] = {}
        todo = iter(enumerate(items))
        running: dict[Future[Result], int] = {}
        try:
            while len(results) < len(items):
                on_progress(len(results) / len(items))
                for place, item in itertools.islice(todo, self.count - len(running)):
                    running[self._pool.submit(call, item)] = place
                for finished in wait(running, timeout=TICK_S, return_when=FIRST_COMPLETED).done:
                    results[running.pop(finished)] = finished.result()
        finally:
            for future in running:
                future.cancel()
        return [results[place] for place in range(len(items))]


def even_parts(items: Sequence[Item], largest: int, lanes: int) -> list[list[Item]]:
    """Parts of at most `largest` and nearly one size, as many as keep every lane busy to the end."""
    count = min(len(items), -(-len(items) // (largest * lanes)) * lanes)
    bounds = [len(items) * n // count for n in range(count + 1)] if count else []
    return [list(items[first:last]) for first, last in itertools.pairwise(bounds)]
