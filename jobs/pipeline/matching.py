"""Which known voice each speaker sounds like: pure arithmetic on vectors. Called by `jobs.voices`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul


def similarity(one: Sequence[float], other: Sequence[float]) -> float:
    """Cosine of the angle between two vectors of one length, -1 to 1; 0 where one of them has no length."""
    lengths = math.sqrt(sum(map(mul, one, one)) * sum(map(mul, other, other)))
    return max(-1.0, min(1.0, sum(map(mul, one, other)) / lengths)) if lengths else 0.0


def best_pairs(weights: Sequence[Sequence[float]]) -> dict[int, int]:
    """Row -> column, each column for at most one row, so that the pairs' weights have the greatest sum.

    A weight of 0 or less pairs nobody. The assignment problem by shortest augmenting paths (Kuhn, 1955; Jonker and
    Volgenant, 1987): every row also has a column of weight 0 of its own, which stands for "nobody".
    """
    rows, columns = len(weights), max(map(len, weights), default=0)
    table = [[max(0.0, weight) for weight in row] + [0.0] * rows for row in weights]
    search = _Assignment(table)
    for row in range(rows):
        search.add(row)
    pairs = {row: column for column, row in search.owner.items() if column < columns and table[row][column] > 0}
    return dict(sorted(pairs.items()))


class _Assignment:
    """The best assignment of the rows added so far, with prices that prove it: row price + column price >= weight,
    and equal for assigned pairs.
    """

    def __init__(self, table: list[list[float]]) -> None:
        self.table = table
        self.owner: dict[int, int] = {}
        self._column_of: dict[int, int] = {}
        self._row_price = [max(row) for row in table]
        self._column_price = [0.0] * max(map(len, table), default=0)

    def add(self, start: int) -> None:
        """Assigns one more row, moving others where the sum gains by it: Dijkstra over what each move would lose."""
        loss, came_from = [math.inf] * len(self._column_price), [start] * len(self._column_price)
        open_columns, settled = set(range(len(self._column_price))), []
        row, lost = start, 0.0
        while True:
            for column in open_columns:
                step = self._row_price[row] + self._column_price[column] - self.table[row][column]
                if lost + step < loss[column]:
                    loss[column], came_from[column] = lost + step, row
            nearest = min(open_columns, key=lambda column: (loss[column], column))
            lost = loss[nearest]
            if nearest not in self.owner:
                break
            settled.append(nearest)
            open_columns.remove(nearest)
            row = self.owner[nearest]
        self._reprice(start, lost, {column: loss[column] for column in settled})
        self._move_along(start, nearest, came_from)

    def _reprice(self, start: int, lost: float, settled: dict[int, float]) -> None:
        self._row_price[start] -= lost
        for column, loss in settled.items():
            self._row_price[self.owner[column]] -= lost - loss
            self._column_price[column] += lost - loss

    def _move_along(self, start: int, column: int, came_from: list[int]) -> None:
        while True:
            row = came_from[column]
            previous = self._column_of.get(row)
            self.owner[column], self._column_of[row] = row, column
            if row == start:
                return
            assert previous is not None  # every row on the way but the first was assigned
            column = previous
