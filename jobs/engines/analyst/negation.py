"""Whether a phrase denies what it is about: cues per language, because no sentence vector sees a "not"."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from analytics.grounding import folded
from jobs.engines.analyst.cues import cues

ENGLISH = "en"


def denies(text: str, language: str | None) -> bool:
    """Whether the phrase refuses, denies or only supposes what it is about."""
    found = _patterns(language or ENGLISH)
    if found is None:
        return False
    harmless, denying = found
    plain = f" {folded(text)} "
    if harmless is not None:
        plain = harmless.sub(" ", plain)
    return denying is not None and denying.search(plain) is not None


@functools.cache
def _patterns(language: str) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None] | None:
    listed = cues("negation").get(language)
    if listed is None:
        return None
    denying = _plain([*listed.get("before", ()), *listed.get("refusals", ()), *listed.get("hypotheticals", ())])
    # A tag like "¿no?" is a plain "no" without its punctuation: taken out, it would take every denial with it.
    harmless = _plain(listed.get("not_denials", ())) - denying
    return _any_of(harmless), _any_of(denying)


def _plain(phrases: Iterable[object]) -> set[str]:
    return {folded(str(phrase)) for phrase in phrases} - {""}


def _any_of(phrases: set[str]) -> re.Pattern[str] | None:
    if not phrases:
        return None
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
