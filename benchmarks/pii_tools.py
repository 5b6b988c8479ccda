"""The two things that are compared: our detector, and presidio as it comes. Both: (text, language) -> spans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.pii_sentences import Span
from jobs.pipeline.pii_types import LANGUAGES

Find = Callable[[str, str], list[Span]]

# Presidio's names of national identifiers all over the world begin with a country's code.
_SAME = {
    "PERSON": "PERSON",
    "LOCATION": "LOCATION",
    "PHONE_NUMBER": "PHONE_NUMBER",
    "EMAIL_ADDRESS": "EMAIL_ADDRESS",
    "CREDIT_CARD": "CREDIT_CARD",
    "IBAN_CODE": "IBAN_CODE",
    "URL": "URL",
    "IP_ADDRESS": "IP_ADDRESS",
    "US_BANK_NUMBER": "BANK_ACCOUNT",
    "DATE_TIME": "DATE_OF_BIRTH",
}


def ours() -> Find:
    from jobs.engines.redactor_presidio import PresidioRedactor

    redactor = PresidioRedactor()

    def find(text: str, language: str) -> list[Span]:
        findings = redactor.find(text, language, lambda done: None)
        if findings.problem:
            raise SystemExit(f"The detector is not whole: {findings.problem}")
        return [Span(item.type, item.start, item.end) for item in findings.items]

    return find


def out_of_the_box() -> Find:
    """Default recognizers and threshold on blank pipelines; whatever would download something is told not to."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    # (The module's own function would fetch the list of suffixes.)
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    models = [{"lang_code": language, "model_name": "blank"} for language in LANGUAGES]
    pipelines = SpacyNlpEngine(models=models)
    pipelines.nlp = {language: spacy.blank(language) for language in LANGUAGES}
    registry = RecognizerRegistry(supported_languages=list(LANGUAGES))
    registry.load_predefined_recognizers(languages=list(LANGUAGES), nlp_engine=pipelines)
    analyzer: Any = AnalyzerEngine(registry=registry, nlp_engine=pipelines, supported_languages=list(LANGUAGES))

    def find(text: str, language: str) -> list[Span]:
        results = analyzer.analyze(text=text, language=language)
        return [Span(_SAME.get(item.entity_type, "NATIONAL_ID"), item.start, item.end) for item in results]

    return find


TOOLS: dict[str, Callable[[], Find]] = {"ours": ours, "presidio": out_of_the_box}
