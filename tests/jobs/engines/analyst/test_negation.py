"""Which phrases deny what they are about, in the eight languages."""

from __future__ import annotations

import pytest

from jobs.engines.analyst.negation import denies

DENIED = [
    ("en", "I don't want to cancel."),
    ("en", "We're not interested, thanks."),
    ("en", "What if I cancelled?"),
    ("es", "No quiero cancelar mi póliza."),
    ("es", "Nadie me lo dijo."),
    ("fr", "Je ne veux pas résilier."),
    ("de", "Ich möchte nicht kündigen."),
    ("it", "Non voglio disdire."),
    ("nl", "Ik wil niet opzeggen."),
    ("pt", "Não quero cancelar."),
    ("pl", "Nie chcę rezygnować."),
]
AFFIRMED = [
    ("en", "I want to cancel."),
    ("en", "No problem, I'll cancel it."),
    ("en", "Why don't we meet on Monday?"),
    ("en", "It's about the notice and the knot."),
    ("es", "Sí, quiero cancelar mi póliza."),
    ("es", "No hay problema, lo cancelo."),
    ("fr", "Je veux résilier."),
    ("de", "Kein Problem, ich kündige."),
    ("it", "Voglio disdire."),
    ("nl", "Ik wil graag opzeggen."),
    ("pt", "O contrato está no nome da minha esposa."),
    ("pl", "Chcę zrezygnować."),
]


@pytest.mark.parametrize(("language", "text"), DENIED)
def test_a_denial_is_seen(language: str, text: str) -> None:
    assert denies(text, language)
    assert denies(text.upper(), language)


@pytest.mark.parametrize(("language", "text"), AFFIRMED)
def test_what_only_looks_like_a_denial_is_none(language: str, text: str) -> None:
    assert not denies(text, language)


def test_a_plain_no_denies_though_a_tag_question_is_harmless() -> None:
    """The tag "¿no?" loses its marks when punctuation is taken off, and must not take every "no" with it."""
    assert denies("no", "es") and denies("No, gracias.", "es")


def test_without_a_language_the_cues_are_english() -> None:
    assert denies("I don't want that.", None) and not denies("Ich will das nicht.", None)


def test_a_language_without_cues_denies_nothing() -> None:
    assert not denies("Jeg vil ikke have det.", "da")
