"""Known names of people and towns, from gazetteer.txt.gz (made by make_gazetteer.py, where the sources are credited).

A word's kinds are the same in all languages; whether it is an ordinary word ("will", "rose", "mai") is not.
"""

from __future__ import annotations

import functools
import gzip
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

_FILE = pathlib.Path(__file__).with_name("gazetteer.txt.gz")
_SHORTEST_BASE = 4


@dataclass(frozen=True, slots=True)
class Known:
    """What the gazetteer says of one word or phrase."""

    given: bool = False
    family: bool = False
    town: bool = False
    big_town: bool = False
    ordinary: bool = False

    @property
    def name(self) -> bool:
        return self.given or self.family


UNKNOWN = Known()


class Gazetteer:
    """Looks words up as one language sees them; `endings` turn an inflected form into what may be its base form."""

    def __init__(self, language: str, endings: Sequence[tuple[str, str]] = ()) -> None:
        self._language = language
        self._endings = endings
        self._lines = _lines()

    def look_up(self, text: str) -> Known:
        """`text` is lower case, words parted by one space."""
        found = self._exact(text)
        if found is not UNKNOWN or not self._endings:
            return found
        # One form may come of several bases ("torunia" of a Turkish "torun" and of "toruń"): all of them count.
        bases = map(self._exact, self.bases(text))
        known = [each for each in bases if each is not UNKNOWN and not each.ordinary]
        if not known:
            return UNKNOWN
        return Known(
            given=any(each.given for each in known),
            family=any(each.family for each in known),
            town=any(each.town for each in known),
            big_town=any(each.big_town for each in known),
        )

    def bases(self, text: str) -> list[str]:
        """What `text` may be an inflected form of, whether anything is known of it or not."""
        return [
            text.removesuffix(ending) + instead
            for ending, instead in self._endings
            if text.endswith(ending) and len(text) - len(ending) + len(instead) >= _SHORTEST_BASE
        ]

    def _exact(self, text: str) -> Known:
        line = self._lines.get(text)
        if line is None:
            return UNKNOWN
        kinds, _, languages = line.partition(" ")
        return _known(kinds, self._language in languages.split())


@functools.lru_cache(maxsize=64)
def _known(kinds: str, ordinary: bool) -> Known:
    return Known(
        "g" in kinds, "f" in kinds, not set("tTM").isdisjoint(kinds), not set("TM").isdisjoint(kinds), ordinary
    )


@functools.cache
def _lines() -> dict[str, str]:
    # One string a line, many of them equal: interned, the whole is some megabytes.
    shared: dict[str, str] = {}
    lines = {}
    with gzip.open(_FILE, "rt", encoding="utf-8") as file:
        for line in file:
            text, kinds, languages = line.rstrip("\n").split("\t")
            value = f"{kinds} {languages}"
            lines[text] = shared.setdefault(value, value)
    return lines
