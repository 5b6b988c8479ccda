"""What the word recognizers find in a text, for the tests of names, addresses and e-mails."""

import functools

from jobs.engines.pii.artifacts import Artifacts
from jobs.engines.pii.words import Words

TYPES = ["PERSON", "LOCATION", "EMAIL_ADDRESS", "URL"]
_load = functools.cache(Words)


def found(language: str, text: str) -> set[tuple[str, str]]:
    """(type, text) of everything found; what lies inside a longer find of the same type is left out."""
    artifacts = Artifacts(language)
    results = [each for one in _load(language, None).recognizers for each in one.analyze(text, TYPES, artifacts)]
    return {
        (each.entity_type, text[each.start : each.end])
        for each in results
        if not any(
            other.entity_type == each.entity_type
            and other.start <= each.start
            and other.end >= each.end
            and (other.start, other.end) != (each.start, each.end)
            for other in results
        )
    }
