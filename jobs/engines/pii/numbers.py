"""The rules of a language as presidio recognizers, one for each rule. What they find is `claims.py`'s; here it gets
its shape.
"""

from __future__ import annotations

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from jobs.engines.pii.artifacts import Artifacts
from jobs.engines.pii.claims import Claim, Language, claims, language
from jobs.engines.pii.loading import Rule


class NumberRecognizer(EntityRecognizer):
    """One rule. All rules of a text are decided together, once: the answer waits on the text's artifacts."""

    def __init__(self, rule: Rule, code: str, known: Language) -> None:
        self._rule, self._known = rule, known
        super().__init__(supported_entities=[rule.type], name=rule.name, supported_language=code)

    def load(self) -> None:
        """Nothing: the rules are read already."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """See presidio. Scores have context in them already."""
        return [
            RecognizerResult(claim.rule.type, claim.start, claim.end, claim.score)
            for claim in _claims(text, self._known, nlp_artifacts)
            if claim.rule.name == self._rule.name
        ]


def recognizers(code: str) -> list[EntityRecognizer]:
    """One for each rule of a language. Raises PatternError."""
    known = language(code)
    return [NumberRecognizer(rule, code, known) for rule in known.rules]


def _claims(text: str, known: Language, artifacts: NlpArtifacts | None) -> list[Claim]:
    if not isinstance(artifacts, Artifacts):
        return claims(text, known)
    if artifacts.claims is None:
        artifacts.claims = claims(text, known)
    return artifacts.claims
