"""People are found by cue, title, model, gazetteer and spelling, in both casings; ordinary words are left alone."""

import pytest

from jobs.engines.pii.artifacts import Artifacts
from jobs.engines.pii.words import Words
from tests.jobs.engines.pii.finding import found

NAMES = [
    ("en", "Hello, my name is Margaret Okonkwo, I have a question.", "Margaret Okonkwo"),
    ("es", "Buenas tardes, me llamo Rosario Quintana y tengo una duda.", "Rosario Quintana"),
    ("fr", "Bonjour, je m'appelle Odile Marchand, j'ai une question.", "Odile Marchand"),
    ("de", "Guten Tag, ich heiße Friederike Lehmann und habe eine Frage.", "Friederike Lehmann"),
    ("pt", "Boa tarde, chamo-me Teresa Figueiredo e tenho uma dúvida.", "Teresa Figueiredo"),
    ("it", "Buonasera, mi chiamo Giulia Ferrara e ho una domanda.", "Giulia Ferrara"),
    ("nl", "Goedemorgen, u spreekt met Marloes de Boer, ik heb een vraag.", "Marloes de Boer"),
    ("pl", "Dzień dobry, nazywam się Grzegorz Wiśniewski i mam pytanie.", "Grzegorz Wiśniewski"),
]


@pytest.mark.parametrize(("language", "text", "name"), NAMES)
def test_a_caller_is_found(language: str, text: str, name: str) -> None:
    assert ("PERSON", name) in found(language, text)


@pytest.mark.parametrize(("language", "text", "name"), NAMES)
def test_lower_case_without_punctuation_is_found_too(language: str, text: str, name: str) -> None:
    bare = text.replace(",", "").replace(".", "").lower()
    assert ("PERSON", name.lower()) in found(language, bare)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Will you mark the bill in May, and call me back on Friday in the summer?"),
        ("en", "we will send rose bushes and a frank answer in april or june"),
        ("en", "This is the third time I'm calling about the Galaxy phone from Google."),
        ("es", "El lunes de mayo llamo otra vez por el pilar de la mesa."),
        ("fr", "En mars ou en avril, la rose est belle, c'est clair."),
        ("de", "Im Mai und im August kommt der Sommer, ich bin zufrieden."),
        ("pt", "Em maio a rosa fica bonita, sou cliente há anos."),
        ("it", "A maggio la stella è chiara, sono contento."),
        ("nl", "In mei of juni ben ik weer thuis, dit is prima."),
        ("pl", "W maju jestem zadowolony, to jest dobra umowa."),
    ],
)
def test_ordinary_words_are_no_names(language: str, text: str) -> None:
    assert found(language, text) == set()


def test_an_ordinary_word_is_a_name_after_a_cue() -> None:
    assert ("PERSON", "Will") in found("en", "Sure, my name is Will.")


def test_a_title_belongs_to_the_name() -> None:
    assert ("PERSON", "Mister Abernathy") in found("en", "Thank you, Mister Abernathy.")
    assert ("PERSON", "Frau Zimmermann") in found("de", "Vielen Dank, Frau Zimmermann.")


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("en", "It's spelled H-O-L-T-Z.", "H-O-L-T-Z"),
        ("en", "that is h o l t z", "h o l t z"),
        ("en", "H as in Harry, O as in Oscar, L as in Lima, T as in Tango", None),
        ("de", "Das schreibt man B wie Berta, O wie Otto, H wie Heinrich, M wie Martha.", None),
    ],
)
def test_spelled_names_are_found(language: str, text: str, name: str | None) -> None:
    people = {value for kind, value in found(language, text) if kind == "PERSON"}
    assert people and (name is None or name in people)


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("en", "that's S-M-I-T-H, smith, okay", "smith"),
        ("en", "harper, so H A R P E R.", "harper"),
        ("de", "Das ist M-Ü-L-L-E-R, müller.", "müller"),
    ],
)
def test_the_word_beside_its_letters_is_a_name_however_ordinary(language: str, text: str, name: str) -> None:
    assert ("PERSON", name) in found(language, text)


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("en", "My name is Virginia Lane.", "Virginia Lane"),
        ("en", "my name is virginia lane and i have a question", "virginia lane"),
        ("en", "Hello, this is Wendy Court speaking.", "Wendy Court"),
        ("es", "Me llamo Ana Calle, buenos días.", "Ana Calle"),
    ],
)
def test_a_street_word_after_a_name_is_a_surname(language: str, text: str, name: str) -> None:
    assert found(language, text) == {("PERSON", name)}


def test_a_street_that_is_called_like_somebody_stays_a_street() -> None:
    assert ("LOCATION", "42 Virginia Lane") in found("en", "I live at 42 Virginia Lane, thank you.")


@pytest.mark.parametrize("form", ["Tomaszem Kowalskim", "Agnieszki Nowak", "Piotra Wiśniewskiego"])
def test_polish_forms_are_found(form: str) -> None:
    assert ("PERSON", form) in found("pl", f"Wczoraj rozmawiałam z {form} o tej umowie.")


def test_a_company_is_no_person() -> None:
    assert found("en", "You're through to Harbour Bank and Northgate Mutual Insurance.") == set()


def test_names_across_the_models_windows_are_found() -> None:
    text = " ".join(f"So the answer is fine for us. My name is Margaret Okonkwo number{k}." for k in range(60))
    artifacts = Artifacts("en")
    starts = {r.start for one in Words("en", None).recognizers for r in one.analyze(text, ["PERSON"], artifacts)}
    assert all(text.index("Margaret", place) in starts for place in range(0, len(text) - 100, 500))


@pytest.mark.parametrize("text", ["", "   ", "…", "1 2 3", "@", "at", "dot", "'", "S-"])
def test_odd_texts_are_survived(text: str) -> None:
    assert found("en", text) == set()
