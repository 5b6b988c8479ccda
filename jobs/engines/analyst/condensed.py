"""The lines that say most, within a budget: what the small model is given to read of a long recording.

Lines are ranked by how central they are (mean likeness to the rest of their chapter) and by what they do (promises,
decisions, risks come first); each chapter gets its share, so that the end of a long recording is not left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from analytics.briefs import row_characters
from analytics.spoken import Line, words
from jobs.engines.analyst.reading import Reading, shortened

# A line that was found to do something counts this much more than its nearness.
FOUND_BONUS = 0.3
SHORT_WORDS = 5


def condensed(reading: Reading, firsts: tuple[int, ...], found: Iterable[int], most_characters: int) -> list[Line]:
    """Lines in order, whose rows have at most so many characters together; all of them where they fit."""
    lines = reading.spoken.lines
    if sum(map(row_characters, lines)) <= most_characters:
        return list(lines)
    worth = centrality(reading, firsts)
    worth[list(found)] += FOUND_BONUS
    ends = [*firsts[1:], len(lines)]
    kept: dict[int, Line] = {}
    for first, end in zip(firsts, ends, strict=True):
        left = int(most_characters * (end - first) / len(lines))
        for at in sorted(range(first, end), key=lambda at: -worth[at]):
            size = row_characters(lines[at])
            # One that is longer than all the room is cut rather than left out: of its text, what its row has room for.
            room = left - (size - len(lines[at].text)) - 1
            if size <= left:
                kept[at] = lines[at]
                left -= size
            elif room > 0 and not any(first <= other < end for other in kept):
                kept[at] = cut(lines[at], room)
                break
            if left <= 0:
                break
    return [kept[at] for at in sorted(kept)]


def cut(line: Line, most: int) -> Line:
    """The beginning of a line."""
    return dataclasses.replace(line, text=shortened(line.text, most))


def centrality(reading: Reading, firsts: tuple[int, ...]) -> np.ndarray:
    """(lines,): likeness of each line to the mean of its chapter; short ones say little."""
    lines, vectors = reading.spoken.lines, reading.line_vectors
    worth = np.zeros(len(lines))
    for first, end in zip(firsts, [*firsts[1:], len(lines)], strict=True):
        worth[first:end] = vectors[first:end] @ vectors[first:end].mean(axis=0)
    length = np.array([min(1.0, len(words(line.text)) / (2 * SHORT_WORDS)) for line in lines])
    return np.asarray(worth * length)
