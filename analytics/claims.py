"""Whether the numbers and names in a text of an analyst's own were said. Used by `analytics.truth`."""

from __future__ import annotations

import functools
import re

from analytics import grounding
from analytics.catalogue import packs
from analytics.spoken import Spoken

# With these an English sentence begins that names nobody.
_OPENERS = frozenset(
    "additionally afterwards both during eventually finally furthermore however initially lastly later meanwhile "
    "moreover next overall regarding several subsequently therefore throughout ultimately".split()
)
_CITATION = re.compile(r"\bsegments?\s+\d+(?:(?:,\s*|\s+and\s+)\d+)*|\bpart\s+\d+", re.IGNORECASE)
_CAPITAL_NOUNS = frozenset({"de"})


def facts_said(text: str, spoken: Spoken, beside: str = "") -> bool:
    """Whether every number and every name in a text was said, or stands `beside` it in the question."""
    plain = _CITATION.sub(" ", text)
    if not grounding.numbers(plain) <= grounding.numbers(spoken.named) | grounding.numbers(beside):
        return False
    return all(
        grounding.phrase_said(name, spoken.named) or grounding.phrase_said(name, beside)
        for name in _names(plain, spoken.language)
    )


def _names(text: str, language: str | None) -> list[str]:
    """Names in a text; in English its first word is one if it is no word that people use otherwise."""
    if language in _CAPITAL_NOUNS:
        return []
    found = grounding.names(text)
    first = text.split(maxsplit=1)[0].strip("\"'“”«»(,.;:!?") if text.strip() else ""
    if language == "en" and first[:1].isupper() and not set(grounding.folded(first).split()) <= _common_words():
        found.append(first)
    return found


@functools.cache
def _common_words() -> frozenset[str]:
    """The words of the packs' own guidance and phrases: plain language of calls, in eight languages."""
    fields = [field for pack in packs() for field in pack.fields]
    texts = [text for field in fields for text in (field.guidance, field.field.label)]
    texts += [answer.guidance for field in fields for answer in field.answers]
    texts += [phrase.text for field in fields for phrase in field.none]
    texts += [phrase.text for field in fields for answer in field.answers for phrase in answer.examples]
    return _OPENERS | frozenset(word for text in texts for word in grounding.folded(text).split())
