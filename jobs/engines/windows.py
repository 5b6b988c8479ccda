"""Speech into windows: pieces of the recording that the recogniser hears one at a time, cut where nobody speaks.

Used by the transcribers. Where someone speaks is for `vad.py` to say; the rest is pure arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jobs.engines import vad
from jobs.engines.vad import FRAME_S
from jobs.pipeline.types import Audio, Speech

# A pause longer than this ends a window: hearing silence costs as much as hearing speech.
MAX_PAUSE_S = 5.0
# Sound kept before the first and after the last word of a window, where the pause is long enough.
MARGIN_S = 0.4
# A stretch without a pause is cut at its quietest moment in this last part of the window.
CUT_REGION = 0.4


@dataclass(frozen=True)
class Window:
    """A stretch of the recording and the speech in it."""

    start_s: float
    end_s: float
    speech: tuple[Speech, ...]

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def speech_s(self) -> float:
        return sum(stretch.duration_s for stretch in self.speech)


def find(audio: Audio, longest_s: float, on_progress: Callable[[float], None]) -> list[Window]:
    """The windows of a recording, none where nobody speaks."""
    probabilities = vad.speech_probabilities(audio, on_progress)
    return pack(vad.speech_stretches(probabilities, audio.duration_s), probabilities, longest_s, audio.duration_s)


def pack(speech: list[Speech], probabilities: np.ndarray, longest_s: float, duration_s: float) -> list[Window]:
    """Windows of at most `longest_s`, in order, that hold all the speech; cut at the longest pause within reach."""
    limit = longest_s - 2 * MARGIN_S
    stretches = [piece for stretch in speech for piece in _cut(stretch, probabilities, limit)]
    groups: list[list[Speech]] = []
    while stretches:
        count = _group_size(stretches, limit)
        groups.append(stretches[:count])
        stretches = stretches[count:]
    befores = [0.0, *(group[-1].end_s for group in groups)]
    afters = [*(group[0].start_s for group in groups[1:]), duration_s]
    return [_window(*parts) for parts in zip(groups, befores, afters, strict=False)]


def _group_size(stretches: list[Speech], limit: float) -> int:
    """How many of the first stretches make the next window."""
    start = stretches[0].start_s
    fits = 1
    while fits < len(stretches) and stretches[fits].end_s - start <= limit and _pause(stretches, fits) <= MAX_PAUSE_S:
        fits += 1
    if fits == len(stretches) or _pause(stretches, fits) > MAX_PAUSE_S:
        return fits
    # A cut in the first half would waste room.
    choices = [i for i in range(1, fits + 1) if stretches[i - 1].end_s - start >= limit / 2]
    return max(choices, key=lambda i: _pause(stretches, i), default=fits)


def _pause(stretches: list[Speech], i: int) -> float:
    return stretches[i].start_s - stretches[i - 1].end_s


def _cut(stretch: Speech, probabilities: np.ndarray, limit: float) -> list[Speech]:
    """A stretch in pieces of at most `limit`, cut where speech is least likely."""
    pieces: list[Speech] = []
    start = stretch.start_s
    while stretch.end_s - start > limit:
        low = int((start + limit * (1 - CUT_REGION)) / FRAME_S)
        high = int((start + limit) / FRAME_S)
        region = probabilities[low:high]
        at = (low + int(np.argmin(region)) + 0.5) * FRAME_S if len(region) else start + limit
        pieces.append(Speech(start, at))
        start = at
    pieces.append(Speech(start, stretch.end_s))
    return pieces


def _window(group: list[Speech], before_s: float, after_s: float) -> Window:
    start, end = group[0].start_s, group[-1].end_s
    # Half of the pause to the neighbour's speech is the neighbour's.
    room_before = (start - before_s) / (2 if before_s else 1)
    room_after = max(0.0, after_s - end) / 2
    return Window(start - min(MARGIN_S, room_before), end + min(MARGIN_S, room_after), tuple(group))
