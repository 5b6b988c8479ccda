"""Names, places and addresses that were found, as they may be said again: listened to stretch by stretch, then looked
for in the whole text by `repeats.py`.

A part of a name is distinctive where nobody means anything else by it ("quorlow"); other parts ("will", "rose") are
names only where they are written like one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.engines.pii.addresses import without_numbers
from jobs.engines.pii.scene import Language, Scene, Span
from jobs.engines.pii.tokens import Token, fold, phrase

_SHORTEST_PART = 3
_SHORTEST_SPELLED = 4
_SHORTEST_PLURAL = 5
# How sure the model must be of a part that is in no list and not written as a name.
_SURE = 0.9
_LIKELY = 0.5

# Folded words -> the rest of the phrase; "" -> what the phrase is.
Tree = dict[str, Any]
END = ""


class Heard:
    """What was found in words in one text of one language; belongs to one call."""

    def __init__(self, language: Language) -> None:
        self._language = language
        # Folded -> whether it is distinctive.
        self.parts: dict[str, bool] = {}
        self.phrases: Tree = {}

    def listen(self, scene: Scene) -> None:
        """Take in what was found in a stretch."""
        for way, spans in scene.found_people.items():
            for span in spans:
                if way == "name_spelling":
                    self._spelled(scene, span)
                else:
                    self._person(scene, span)
        for span in [*scene.streets, *scene.towns]:
            self._phrase(scene, span, "LOCATION")
            self._phrase(scene, without_numbers(scene, span), "LOCATION")
        for span, kind in scene.net:
            self._phrase(scene, span, kind)

    @property
    def capitals(self) -> bool:
        """Whether a capital says that a word is a name: in German every noun has one."""
        return self._language.code != "de"

    def forms(self, token: Token) -> Iterator[str]:
        """What a word of the text may be a form of, folded: "quorlows", "Kowalskiego"."""
        yield token.folded
        if token.folded.endswith("s") and len(token.folded) >= _SHORTEST_PLURAL:
            yield token.folded[:-1]
        yield from map(fold, self._language.gazetteer.bases(token.text.lower()))

    def _person(self, scene: Scene, span: Span) -> None:
        people = scene.rules.people
        parts = 0
        for index in range(span.first, span.last):
            word, person = scene.words[index], scene.tags[index].person
            if word.lower in people.titles or word.lower in people.particles:
                continue
            for part in word.lower.split("'"):
                known = self._language.gazetteer.look_up(part)
                plain = scene.plain(index)
                written = word.capital and (self.capitals or person >= _LIKELY)
                named = written or (not plain and (known.name or person >= _SURE))
                if named and len(part) >= _SHORTEST_PART and part.isalpha():
                    parts += 1
                    self._part(part, not plain and (known.name or not scene.common(part)))
        if parts > 1:
            self._phrase(scene, span, "PERSON")

    def _spelled(self, scene: Scene, span: Span) -> None:
        letters = [word.lower for word in scene.words[span.first : span.last] if len(word.lower) == 1]
        name = "".join(letters)
        if len(name) >= _SHORTEST_SPELLED:
            self._part(name, self._language.gazetteer.look_up(name).name or not scene.common(name))

    def _part(self, part: str, rare: bool) -> None:
        for form in {part, *self._bases(part)}:
            self.parts[fold(form)] = self.parts.get(fold(form), True) and rare and not self._ordinary(part)

    def _ordinary(self, word: str) -> bool:
        known = self._language.gazetteer.look_up(word)
        return known.ordinary and not (known.family and word.endswith(self._language.rules.people.family_endings))

    def _bases(self, part: str) -> list[str]:
        """What an inflected name is in its base form; of a name in no list, whatever it may be."""
        gazetteer = self._language.gazetteer
        bases = [base for base in gazetteer.bases(part) if not self._ordinary(base)]
        return [base for base in bases if gazetteer.look_up(base).name] or bases

    def _phrase(self, scene: Scene, span: Span, kind: str) -> None:
        said = range(span.first, span.last)
        if not said:
            return
        if len(said) == 1:
            town = scene.known[span.first]
            lower = scene.words[span.first].lower
            if kind != "LOCATION" or town.ordinary or (scene.common(lower) and not town.town):
                return
        if all(scene.plain(index) for index in said):
            return
        tree = self.phrases
        for word in phrase(scene.text[scene.words[said[0]].start : scene.words[said[-1]].end]):
            tree = tree.setdefault(word, {})
        tree.setdefault(END, kind)
