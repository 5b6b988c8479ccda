"""How words and segments become running text, spaces or none. Pure; used by the other modules of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from jobs.pipeline.types import Segment, Word

# Written without spaces between words: segments are joined as they are.
UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "km", "bo", "yue"})

SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！", "؟", "।")
# What may stand behind the mark that ends a sentence.
_CLOSING = "\"'»”’)]」』"
# Their full stop ends no sentence: a name follows.
_BEFORE_NAMES = frozenset("mr. mrs. ms. dr. prof. sr. sra. dra. sig. dott. mme. mlle.".split())


def joined_text(segments: Iterable[Segment]) -> str:
    """The whole text: segments joined with a space, or with nothing between two of an unspaced language."""
    return "".join(part for segment_parts in _spaced(segments) for part in segment_parts)


def segment_offsets(segments: Iterable[Segment]) -> list[int]:
    """Where each segment's text begins in `joined_text`."""
    offsets, length = [], 0
    for space, text in _spaced(segments):
        offsets.append(length + len(space))
        length += len(space) + len(text)
    return offsets


def joined_words(words: Sequence[Word]) -> str:
    """The words as they are written: a space before each that is not glued to the one before."""
    return "".join(word.text if word.glued else f" {word.text}" for word in words).strip()


def spells(segment: Segment) -> bool:
    """Whether the segment has words that say all of its text, spaces aside: only then may it be cut between them."""
    return bool(segment.words) and _bare(joined_words(segment.words)) == _bare(segment.text)


def ends_sentence(text: str) -> bool:
    return text.rstrip(_CLOSING).endswith(SENTENCE_ENDS) and text.casefold() not in _BEFORE_NAMES


def bound_words(segment: Segment) -> list[tuple[Word, ...]]:
    """The segment's words in parts that may stand in different segments: "well" and its "-known" stay together.

    In a language without spaces every word is glued, and may be parted from the one before.
    """
    parts: list[list[Word]] = []
    for word in segment.words:
        if parts and word.glued and (word.language or segment.language) not in UNSPACED_LANGUAGES:
            parts[-1].append(word)
        else:
            parts.append([word])
    return [tuple(part) for part in parts]


def _spaced(segments: Iterable[Segment]) -> Iterator[tuple[str, str]]:
    """Each segment's text, and what stands between it and the one before."""
    previous: Segment | None = None
    for segment in segments:
        tight = previous is None or {previous.language, segment.language} <= UNSPACED_LANGUAGES
        yield "" if tight else " ", segment.text
        previous = segment


def _bare(text: str) -> str:
    return "".join(text.split())
