"""One transcript, cut into units of meaning and embedded once; everything the embedded analyst decides reads this."""

from __future__ import annotations

import copy
import dataclasses
import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analytics.grounding import folded
from analytics.spoken import Line, Spoken, words
from jobs.engines.analyst.vectors import SentenceVectors

# A sentence longer than this says more than one thing: it is also read clause by clause.
LONG_WORDS = 8
LEAST_CLAUSE_WORDS = 4
# A full stop after a title or a single letter ends no sentence.
_SENTENCES = re.compile(
    r"(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSr\.)(?<!\bSra\.)(?<!\bHr\.)(?<!\bFr\.)(?<!\bNo\.)(?<!\bSt\.)"
    r"(?<!\b[A-Z]\.)(?<=[.!?…])\s+|(?<=[。！？])"
)
_CLAUSES = re.compile(r",\s+|;\s+|\s+[-–—]\s+")


@dataclass(frozen=True)
class Unit:
    """A line, a sentence of it or a clause: what one vector stands for."""

    line: int
    text: str


class Reading:
    """`units` and `vectors` go together. `Spoken` is hashable, so readings can be kept by it."""

    def __init__(self, spoken: Spoken, vectors: SentenceVectors) -> None:
        self.spoken = spoken
        self.units = [Unit(line.id, text) for line in spoken.lines for text in units_of(line)]
        self.vectors = vectors.of([unit.text for unit in self.units])
        self.line_of = np.array([unit.line for unit in self.units], dtype=int)

    @cached_property
    def line_vectors(self) -> np.ndarray:
        """(lines, 512): the mean of a line's units, unit length."""
        sums = np.zeros((len(self.spoken.lines), self.vectors.shape[1]), np.float32)
        np.add.at(sums, self.line_of, self.vectors)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        return sums / np.where(norms > 0, norms, 1.0)

    @cached_property
    def folded_lines(self) -> list[str]:
        """Each line's words as `analytics.grounding.folded` writes them."""
        return [folded(line.text) for line in self.spoken.lines]

    def units_of_line(self, line: int) -> range:
        """Which units are a line's; they come in the order of the lines."""
        return range(*(int(at) for at in np.searchsorted(self.line_of, [line, line + 1])))

    def part(self, first: int, end: int) -> Reading:
        """The reading of the lines from `first` up to, not including, `end`; line numbers are those of the part."""
        own = copy.copy(self)
        for kept_of_all in ("line_vectors", "folded_lines"):
            own.__dict__.pop(kept_of_all, None)
        own.spoken = dataclasses.replace(self.spoken, lines=self.spoken.lines[first:end])
        inside = (self.line_of >= first) & (self.line_of < end)
        own.vectors, own.line_of = self.vectors[inside], self.line_of[inside] - first
        own.units = [Unit(unit.line - first, unit.text) for unit, kept in zip(self.units, inside, strict=True) if kept]
        return own

    def by_line(self, scores: np.ndarray) -> np.ndarray:
        """(lines, …): the highest score of each line's units."""
        best = np.zeros((len(self.spoken.lines), *scores.shape[1:]), scores.dtype)
        np.maximum.at(best, self.line_of, scores)
        return best


def shortened(text: str, most: int = 300) -> str:
    """The beginning of a text, cut between words, with "…" where something is left out."""
    if len(text) <= most:
        return text
    return text[: max(1, most)].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def units_of(line: Line) -> list[str]:
    """The sentences of a line, and the clauses of long ones beside them."""
    found = []
    for sentence in filter(str.strip, _SENTENCES.split(line.text)):
        found.append(sentence)
        if len(words(sentence)) > LONG_WORDS:
            clauses = [clause for clause in _CLAUSES.split(sentence) if len(words(clause)) >= LEAST_CLAUSE_WORDS]
            found += clauses if len(clauses) > 1 else []
    return found or [line.text]
