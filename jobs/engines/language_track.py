"""Which language is spoken in each window: one answer a window, steady over a recording.

A window alone is a poor witness: ten seconds of Spanish may look Portuguese. The most likely sequence over all
windows is taken (Viterbi), where each change of language costs SWITCH_COST, so that neighbours outvote one doubtful
window, and a recording that does change says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

SWITCH_COST = 4.0
# A window can be no surer than this of what it is not, and a short one says little.
FLOOR = 1e-4
FULL_WEIGHT_S = 5.0


class LanguageTrack:
    """Follows the language through a recording, group of windows by group of windows."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = tuple(allowed)
        self._scores: dict[str, float] = dict.fromkeys(self._allowed, 0.0)

    def follow(self, windows: Sequence[tuple[dict[str, float], float]]) -> list[str]:
        """For each window (probability of each language, seconds of speech) its language; windows come in order."""
        steps: list[dict[str, str]] = []
        for probabilities, speech_s in windows:
            steps.append(self._step(probabilities, min(1.0, speech_s / FULL_WEIGHT_S)))
        best = max(self._scores, key=self._scores.__getitem__, default="")
        path = []
        for came_from in reversed(steps):
            path.append(best)
            best = came_from[best]
        return path[::-1]

    def _step(self, probabilities: dict[str, float], weight: float) -> dict[str, str]:
        total = sum(probabilities.get(code, 0.0) for code in self._allowed) or 1.0
        leader = max(self._scores, key=self._scores.__getitem__)
        came_from = {}
        scores = {}
        for code in self._allowed:
            stays = self._scores[code] >= self._scores[leader] - SWITCH_COST
            came_from[code] = code if stays else leader
            before = self._scores[code] if stays else self._scores[leader] - SWITCH_COST
            scores[code] = before + weight * math.log(max(FLOOR, probabilities.get(code, 0.0) / total))
        highest = max(scores.values())
        self._scores = {code: score - highest for code, score in scores.items()}
        return came_from
