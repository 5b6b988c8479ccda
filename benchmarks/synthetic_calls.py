"""The synthetic calls of a folder of recordings: who says what and when, as scripts, and the words of a transcript
found in them again. What benchmarks/words.py and benchmarks/dialogue.py share.
"""

import difflib
import json
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs.pipeline.types import Segment

# Voices that were not made for their language: recognised too badly to measure recognition with.
POOR_VOICES = frozenset({"call_bank_de", "call_ubezpieczenie_pl"})


@dataclass(frozen=True)
class Call:
    """`lines`: the script, a segment for each line of it, in order of start; lines of two speakers may overlap."""

    name: str
    language: str
    recording: pathlib.Path
    lines: tuple[Segment, ...]

    @property
    def poor(self) -> bool:
        return self.name in POOR_VOICES


def calls(testdata: pathlib.Path) -> list[Call]:
    """The calls under `testdata`/synthetic_calls that have a recording in mono."""
    paths = sorted((testdata / "synthetic_calls").glob("*.json"))
    return [call for call in map(_call, paths) if call.recording.is_file()]


def _call(path: pathlib.Path) -> Call:
    script = json.loads(path.read_text())
    lines = tuple(segment(line) for line in script["segments"])
    return Call(path.stem, script["language"], path.with_name(f"{path.stem}_mono.mp3"), lines)


def segment(row: dict) -> Segment:
    """A row of a script, or of a transcript document's `segments`."""
    return Segment(start_s=row["start"], end_s=row["end"], text=row["text"], speaker=row["speaker"])


def matched(said: Sequence[str], heard: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Places in `said` and in `heard` of the words that are in both, by their letters and digits alone, in order."""
    matcher = difflib.SequenceMatcher(None, [_bare(word) for word in said], [_bare(word) for word in heard], False)
    for at, place, size in matcher.get_matching_blocks():
        yield from zip(range(at, at + size), range(place, place + size), strict=True)


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
