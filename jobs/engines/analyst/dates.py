"""When something is to be done, in the very words of the transcript: "by Friday noon", "within two weeks".

From `analytics/cues/due_dates.yaml`; nothing is computed, so nothing can be invented.
"""

from __future__ import annotations

import functools
import re

from jobs.engines.analyst.cues import cues

ENGLISH = "en"
_CLOCK = r"\d{1,2}(?::\d{2})?(?:\s?(?:am|pm|a\.m\.|p\.m\.|uhr|uur|h))"
_DAY_OF_MONTH = r"\d{1,2}(?:st|nd|rd|th|\.|º|er)?"


def due_phrase(text: str, language: str | None) -> str | None:
    """The longest phrase of a text that says when, as it is written there; None where none does."""
    found = _pattern(language or ENGLISH)
    if found is None:
        return None
    wholes, idle = found
    plain = text
    if idle is not None:
        # The same length, so that positions stay those of the text.
        plain = idle.sub(lambda match: "\0" * len(match.group()), text)
    matches = [match.group().strip(" ,.") for whole in wholes for match in whole.finditer(plain)]
    return max(matches, key=len) if matches else None


@functools.cache
def _pattern(language: str) -> tuple[tuple[re.Pattern[str], ...], re.Pattern[str] | None] | None:
    """What says when, with the word before it and by itself ("le" would hide "le week-end prochain"); what doesn't."""
    listed = cues("due_dates").get(language)
    if listed is None:
        return None

    def any_of(*names: str) -> str:
        phrases = sorted({str(it) for name in names for it in listed.get(name) or ()}, key=len, reverse=True)
        return "(?:" + "|".join(_spaced(phrase) for phrase in phrases) + ")" if phrases else r"(?!)"

    months, named = any_of("months"), any_of("days", "relative")
    one = rf"(?:{any_of('numbers')}|\d{{1,3}})"
    number = rf"{one}(?:\s*(?:-|–|to|or|o|ou|oder|of|a|bis|à)\s*{one})?"
    ordinal = f"(?:{any_of('ordinals')}|{_DAY_OF_MONTH})"
    article = r"(?:(?:the|el|le|den|il|de|o)\s+)?"
    dated = rf"(?:{article}{ordinal}\s+(?:of\s+|de\s+)?{months}|{months}\s+(?:the\s+)?{ordinal})"
    span = rf"{any_of('within')}\s+(?:the\s+next\s+)?{number}\s+{any_of('units')}"
    core = rf"(?:{dated}|{named}|{_CLOCK})"
    joined = rf"{core}(?:\s+(?:at\s+|um\s+|a\s+las\s+|à\s+|om\s+|alle\s+|às\s+|o\s+)?{core})*"
    date = rf"(?:{span}|{joined})(?!\w)"
    preceded = rf"(?<!\w)(?:{any_of('before')}\s+(?:the\s+|this\s+|next\s+)?){date}"
    wholes = tuple(re.compile(whole, re.IGNORECASE) for whole in (preceded, rf"(?<!\w){date}"))
    idle = listed.get("not_dates")
    no_date = re.compile(rf"(?<!\w){any_of('not_dates')}(?!\w)", re.IGNORECASE) if idle else None
    return wholes, no_date


def _spaced(phrase: str) -> str:
    return r"\s+".join(re.escape(part) for part in phrase.split())
