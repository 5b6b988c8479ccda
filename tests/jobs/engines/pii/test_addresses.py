"""Streets, boxes, postal codes and towns are found in eight languages; countries and figures of speech are not."""

import pytest

from tests.jobs.engines.pii.finding import found

STREETS = [
    ("es", "Voy a enviar un técnico a la calle mayor número 8 en Madrid.", "calle mayor número 8"),
    ("en", "Please send it to twenty seven Willow Lane, thank you.", "twenty seven Willow Lane"),
    ("en", "It happened on the corner of Maple Avenue and Fifth Street.", "Maple Avenue and Fifth Street"),
    ("en", "I live at 42 Maple Street, apartment 4B.", "42 Maple Street, apartment 4B"),
    ("en", "Write to PO box 417 please.", "PO box 417"),
    ("es", "Voy a la calle Mayor número ocho mañana.", "calle Mayor número ocho"),
    ("fr", "C'est au 12 rue de la Paix, merci.", "12 rue de la Paix"),
    ("de", "Ich wohne in der Lindenstraße zwölf.", "Lindenstraße zwölf"),
    ("pt", "Moro na Rua do Carmo, número vinte.", "Rua do Carmo, número vinte"),
    ("it", "Abito in via Garibaldi 12.", "via Garibaldi 12"),
    ("nl", "Ik woon in de Kerkstraat 14.", "Kerkstraat 14"),
    ("pl", "Mieszkam przy ulicy Słonecznej 7.", "ulicy Słonecznej 7"),
]


@pytest.mark.parametrize(("language", "text", "street"), STREETS)
def test_a_street_is_found(language: str, text: str, street: str) -> None:
    assert ("LOCATION", street) in found(language, text)


@pytest.mark.parametrize(
    ("language", "text", "town"),
    [
        ("en", "I live in Portland now.", "Portland"),
        ("es", "Vivo en Salamanca.", "Salamanca"),
        ("fr", "J'habite à Grenoble.", "Grenoble"),
        ("de", "Ich komme aus Heidelberg.", "Heidelberg"),
        ("pt", "Moro em Coimbra.", "Coimbra"),
        ("it", "Vivo a Bergamo.", "Bergamo"),
        ("nl", "Ik woon in Utrecht.", "Utrecht"),
        ("pl", "Wypadek był w Krakowie.", "Krakowie"),
        ("pl", "mieszkam w poznaniu", "poznaniu"),
    ],
)
def test_a_town_is_found(language: str, text: str, town: str) -> None:
    assert ("LOCATION", town) in found(language, text)


@pytest.mark.parametrize(
    ("language", "text", "code"),
    [
        ("en", "My zip code is nine four one one zero.", "nine four one one zero"),
        ("de", "Die Postleitzahl ist 69117.", "69117"),
        ("pl", "Kod pocztowy 31-154 proszę.", "31-154"),
    ],
)
def test_a_postal_code_is_found(language: str, text: str, code: str) -> None:
    assert ("LOCATION", code) in found(language, text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "It's on the other side of the street, in a different place."),
        ("en", "I was born in Germany and I speak Spanish."),
        ("de", "An meinem Arbeitsplatz in Deutschland ist es ruhig."),
        ("de", "Deswegen ist das Essen in der Kantine gut."),
        ("it", "Sono andato via alle cinque."),
        ("nl", "Ik ben onderweg naar huis, tot straks."),
        ("nl", "In 2023 is er veel gebeurd, in 2019 en daarna ook."),
        ("pl", "To jest w porządku, mieszkam w Polsce."),
    ],
)
def test_what_is_no_address_is_left(language: str, text: str) -> None:
    assert found(language, text) == set()
