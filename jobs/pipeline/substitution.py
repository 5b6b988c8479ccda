"""What is written in the place of something that was found: the kinds of `pii_types.SUBSTITUTIONS`. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable

from jobs.pipeline.pii_types import TITLES

MASK = "####"
# Enough that two of a customer's values hardly ever share one, too few characters to be taken for a value.
HASH_CHARACTERS = 12


def substitute(kind: str, key: bytes) -> Callable[[str, str], str]:
    """`f(type, what was said)` -> what is written instead; a new one for each job.

    - type: `<PERSON>`
    - mask: `####`, whatever it was: the lengths of spoken digits would tell which they are
    - hash: `<PERSON:9f2c41ab03de>`, HMAC-SHA256 of what was said under `key`: who lacks the key can't try out values
    - numbered: `<PERSON_1>`, the same number for what was said before, or is part of a name that was
    """
    if kind == "mask":
        return lambda type_, said: MASK
    if kind == "hash":
        return lambda type_, said: f"<{type_}:{_digest(key, type_, said)}>"
    if kind == "numbered":
        return _Numbers()
    return lambda type_, said: f"<{type_}>"


class _Numbers:
    """The numbers given so far. A name has the number of one that it is part of, or that is part of it."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}
        self._known: dict[tuple[str, str], int] = {}
        self._names: dict[str, list[tuple[frozenset[str], int]]] = {}

    def __call__(self, type_: str, said: str) -> str:
        number = self._of_name(said) if type_ == "PERSON" else self._known.get((type_, _bare(said)))
        if number is None:
            number = self._given[type_] = self._given.get(type_, 0) + 1
        if type_ == "PERSON":
            self._note_name(said, number)
        else:
            self._known[type_, _bare(said)] = number
        return f"<{type_}_{number}>"

    def _of_name(self, said: str) -> int | None:
        words = _name(said)
        alike = [known for word in words for known in self._names.get(word, ())]
        return next((number for other, number in alike if words <= other or other <= words), None)

    def _note_name(self, said: str, number: int) -> None:
        words = _name(said)
        if any(words < other and known == number for word in words for other, known in self._names.get(word, ())):
            return  # "John" of "John Smith" is nobody of his own: the next John has a number of his own
        for word in words:
            known = self._names.setdefault(word, [])
            if (words, number) not in known:
                known.append((words, number))


def _name(said: str) -> frozenset[str]:
    """The words of a name without title and possessive; letters spelled one by one are one word."""
    words = [re.sub(r"['’]s$", "", word).strip(".,'’") for word in said.casefold().split()]
    if len(words) > 1 and all(len(word) == 1 for word in words):
        words = ["".join(words)]
    words = [part for word in words for part in ([_bare(word)] if re.fullmatch(r"\w(-\w)+", word) else [word])]
    return frozenset(words) - TITLES or frozenset(words)


def _bare(said: str) -> str:
    return "".join(character for character in said.casefold() if character.isalnum())


def _digest(key: bytes, type_: str, said: str) -> str:
    return hmac.new(key, f"{type_}:{_bare(said)}".encode(), hashlib.sha256).hexdigest()[:HASH_CHARACTERS]
