"""E-mail and web addresses are found as people say them, as they are written, and as a recogniser mixes the two."""

import pytest

from tests.jobs.engines.pii.finding import found


@pytest.mark.parametrize(
    ("language", "text", "address"),
    [
        ("en", "my email is john dot smith at gmail dot com", "john dot smith at gmail dot com"),
        ("en", "Sure, it's john.smith at gmail.com, all lowercase.", "john.smith at gmail.com"),
        ("en", "Write to ann_lee42@mail.example.org today.", "ann_lee42@mail.example.org"),
        (
            "en",
            "it's j o h n underscore four two at yahoo dot co dot uk",
            "j o h n underscore four two at yahoo dot co dot uk",
        ),
        ("en", "you can mail me, kelly at gmail, any time", "kelly at gmail"),
        ("es", "es ana guión bajo ruiz arroba hotmail punto es", "ana guión bajo ruiz arroba hotmail punto es"),
        ("fr", "c'est jean tiret dupont arobase orange point fr", "jean tiret dupont arobase orange point fr"),
        (
            "de",
            "an eva bindestrich maria punkt kurz ät web punkt de",
            "eva bindestrich maria punkt kurz ät web punkt de",
        ),
        ("pt", "é rita ponto sousa arroba sapo ponto pt", "rita ponto sousa arroba sapo ponto pt"),
        ("it", "è luca punto neri chiocciola libero punto it", "luca punto neri chiocciola libero punto it"),
        ("nl", "het is sanne punt bakker apenstaartje ziggo punt nl", "sanne punt bakker apenstaartje ziggo punt nl"),
        ("pl", "to ewa podkreślnik lis małpa wp kropka pl", "ewa podkreślnik lis małpa wp kropka pl"),
    ],
)
def test_an_email_address_is_found_whole(language: str, text: str, address: str) -> None:
    assert ("EMAIL_ADDRESS", address) in found(language, text)


@pytest.mark.parametrize(
    ("language", "text", "address"),
    [
        ("en", "Go to www dot acme dot com slash help.", "www dot acme dot com slash help"),
        ("en", "It's on https://acme.example/a?b=1 now.", "https://acme.example/a?b=1"),
        ("de", "Das steht auf unserer Webseite acme punkt de.", "acme punkt de"),
        ("fr", "Allez sur www point acme point fr.", "www point acme point fr"),
    ],
)
def test_a_web_address_is_found_whole(language: str, text: str, address: str) -> None:
    assert ("URL", address) in found(language, text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Meet me at the dot com party."),
        ("en", "At this point, look at it again at noon."),
        ("en", "We are done.So what is next?"),
        ("es", "Ese es el punto, es que no funciona."),
        ("fr", "Sur ce point il faut attendre."),
        ("de", "Auf den Punkt kommt es an, at all."),
        ("it", "A questo punto è tardi."),
        ("nl", "Op dat punt is het klaar."),
        ("pl", "Mała małpa i kropka na końcu."),
    ],
)
def test_ordinary_speech_is_no_address(language: str, text: str) -> None:
    assert found(language, text) == set()


def test_a_name_inside_an_address_is_no_second_finding() -> None:
    assert found("en", "it is sarah dot mitchell at gmail dot com") == {
        ("EMAIL_ADDRESS", "sarah dot mitchell at gmail dot com")
    }
