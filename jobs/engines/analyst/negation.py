"""Whether a phrase denies what it is about: cues per language, because no sentence vector sees a "not"."""

from __future__ import annotations

import functools
import re

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
    denying = [*listed.get("before", ()), *listed.get("refusals", ()), *listed.get("hypotheticals", ())]
    return _any_of(listed.get("not_denials", ())), _any_of(denying)


def _any_of(phrases: list[str]) -> re.Pattern[str] | None:
    plain = sorted({folded(str(phrase)) for phrase in phrases} - {""}, key=len, reverse=True)
    if not plain:
        return None
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, plain)) + r")(?!\w)")
