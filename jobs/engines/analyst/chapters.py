"""Where a conversation turns to something else: the lowest likeness between what is said before a line and after it.

After Hearst 1997 ("TextTiling", Computational Linguistics 23:1), with sentence vectors in the place of word counts.
"""

from __future__ import annotations

import numpy as np

from analytics.modules import ITEM_CAP
from jobs.engines.analyst.reading import Reading

# Lines on each side of a possible cut, the fewest lines and seconds of a chapter, and how long one lasts on the whole.
WINDOW_LINES = 7
LEAST_LINES = 4
LEAST_S = 20.0
TYPICAL_S = 40.0
# A cut lies this far below the peaks beside it: the mean of all depths (a lenient form of Hearst's cutoff).
CUTOFF_DEVIATIONS = 0.0


def first_lines(reading: Reading) -> tuple[int, ...]:
    """The lines at which chapters begin, the first always among them, at most the module's cap."""
    lines = reading.spoken.lines
    if not lines:
        return ()
    cuts: list[int] = [0]
    depths = _depths(_likeness(reading))
    if not len(depths):
        return (0,)
    spoken_s = lines[-1].end_s - lines[0].start_s
    most = min(ITEM_CAP, max(1, round(spoken_s / TYPICAL_S)))
    cutoff = float(depths.mean() + CUTOFF_DEVIATIONS * depths.std())
    for at in np.argsort(-depths):
        # depths[at] is of the gap before line at + 1.
        first = int(at) + 1
        if len(cuts) >= most or depths[at] < cutoff:
            break
        if all(_apart(reading, first, cut) for cut in [*cuts, len(lines)]):
            cuts.append(first)
    return tuple(sorted(cuts))


def _likeness(reading: Reading) -> np.ndarray:
    """(gaps,): cosine of the mean vectors of the lines before and after each gap, weighed by length of text."""
    weights = np.array([min(len(line.text), 120) for line in reading.spoken.lines], np.float32)
    vectors = reading.line_vectors * weights[:, None]
    sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0)])
    count = len(vectors)
    gaps = []
    for gap in range(1, count):
        before = sums[gap] - sums[max(0, gap - WINDOW_LINES)]
        after = sums[min(count, gap + WINDOW_LINES)] - sums[gap]
        norm = float(np.linalg.norm(before) * np.linalg.norm(after))
        gaps.append(float(before @ after) / norm if norm else 1.0)
    return np.array(gaps)


def _depths(likeness: np.ndarray) -> np.ndarray:
    """(gaps,): how far each lies below the highest point on its way up on either side."""
    return np.asarray(_climbed(likeness) + _climbed(likeness[::-1])[::-1] - 2 * likeness)


def _climbed(likeness: np.ndarray) -> np.ndarray:
    """(gaps,): where the way up to the left of each ends, which goes on as long as it does not fall."""
    peaks = likeness.copy()
    for at in range(1, len(likeness)):
        if likeness[at - 1] >= likeness[at]:
            peaks[at] = peaks[at - 1]
    return peaks


def _apart(reading: Reading, one: int, other: int) -> bool:
    lines = reading.spoken.lines
    if abs(one - other) < LEAST_LINES:
        return False
    earlier, later = min(one, other), max(one, other)
    until = lines[later].start_s if later < len(lines) else lines[-1].end_s
    return until - lines[earlier].start_s >= LEAST_S
