"""A transcript as analytics see it: numbered lines with speakers and times, nothing else of a job.

Made by `jobs.pipeline.analysis` from the (redacted) segments; line ids are segment positions, as in results.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

# Scripts written without spaces: each character counts as a word, as word processors count.
_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]*[^\W_{_UNSPACED}][^\s{_UNSPACED}]*")


@dataclass(frozen=True, slots=True)
class Line:
    """One segment of the transcript: `id` is its position from 0, `speaker` None where nobody was told apart."""

    id: int
    start_s: float
    end_s: float
    text: str
    speaker: str | None = None

    @property
    def duration_s(self) -> float:
        return max(0.0, self.end_s - self.start_s)


@dataclass(frozen=True)
class Spoken:
    """Everything said in one recording. `language` is that of the transcript, an ISO 639-1 code, or None."""

    lines: tuple[Line, ...]
    language: str | None
    duration_s: float
    diarized: bool = False

    @cached_property
    def speakers(self) -> tuple[str, ...]:
        """Speaker labels in order of first appearance."""
        return tuple(dict.fromkeys(line.speaker for line in self.lines if line.speaker is not None))

    @cached_property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)

    @cached_property
    def named(self) -> str:
        """The text, and the speakers' labels, which may be named beside what is said."""
        return f"{self.text} {' '.join(self.speakers)}"


def words(text: str) -> list[str]:
    """Words as counted in statistics: runs between spaces that hold a letter or digit, or one unspaced character."""
    return _WORD.findall(text)
