"""What presidio hands to every recognizer beside a text: here, what they share of it, and nothing of it afterwards.

spaCy's part is empty. Nobody here needs its lemmas (which context is near is `context.py`'s and the scenes' to say),
and its vocabulary would keep every word that it ever read. A recognizer with presidio's own context words would need
them, and is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from presidio_analyzer import EntityRecognizer
from presidio_analyzer.nlp_engine import NlpArtifacts

if TYPE_CHECKING:
    from jobs.engines.pii.claims import Claim
    from jobs.engines.pii.scene import Scene


class Artifacts(NlpArtifacts):
    """Of one text, for the recognizers of one language; the first that needs something works it out."""

    claims: list[Claim] | None = None
    scene: Scene | None = None

    def __init__(self, language: str) -> None:
        no_tokens: Any = []
        super().__init__([], no_tokens, [], [], None, language)


def check(recognizer: EntityRecognizer) -> EntityRecognizer:
    """The recognizer, if it works without spaCy's lemmas; ValueError where it would find less and not say so."""
    if recognizer.context:
        raise ValueError(
            f"A {type(recognizer).__name__} has context words that nothing would compare: say them in its rule."
        )
    return recognizer
