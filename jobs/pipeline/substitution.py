"""What is written in the place of something that was found: the four kinds of `pii_substitution`. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

KINDS = ("type", "mask", "hash", "numbered")
MASK = "#"
# Enough that two of a customer's values hardly ever share one, too few characters to be taken for a value.
HASH_CHARACTERS = 12


def substitute(kind: str, key: bytes) -> Callable[[str, str], str]:
    """`f(type, what was said)` -> what is written instead; a new one for each job.

    - type: `<PERSON>`
    - mask: `######`, a sign for each letter and digit, spaces and punctuation kept
    - hash: `<PERSON:9f2c41ab03de>`, HMAC-SHA256 of what was said under `key`: who lacks the key can't try out values
    - numbered: `<PERSON_1>`, the same number for what was said before, or is part of a name that was
    """
    if kind == "mask":
        return lambda type_, said: "".join(MASK if character.isalnum() else character for character in said)
    if kind == "hash":
        return lambda type_, said: f"<{type_}:{_digest(key, type_, said)}>"
    if kind == "numbered":
        return _Numbers()
    return lambda type_, said: f"<{type_}>"


class _Numbers:
    def __init__(self) -> None:
        self._said: dict[str, list[tuple[str, ...]]] = {}

    def __call__(self, type_: str, said: str) -> str:
        known = self._said.setdefault(type_, [])
        words = tuple(said.casefold().split())
        for number, other in enumerate(known, start=1):
            if words == other or (type_ == "PERSON" and (set(words) < set(other) or set(other) < set(words))):
                known[number - 1] = max(words, other, key=len)
                return f"<{type_}_{number}>"
        known.append(words)
        return f"<{type_}_{len(known)}>"


def _digest(key: bytes, type_: str, said: str) -> str:
    plain = "".join(character for character in said.casefold() if character.isalnum())
    return hmac.new(key, f"{type_}:{plain}".encode(), hashlib.sha256).hexdigest()[:HASH_CHARACTERS]
