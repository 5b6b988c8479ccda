"""Values for the slots of `pii_sentences.py`, from Faker with valid check digits, in the forms people say them in.

Two sorts. Texts: names, addresses, dates, e-mails. Groups of characters (numbers, codes): a form says how they are
written: "written" (as on paper), "words" (each digit by itself), "pairs" (two digits as one number), "double"
("double five"), "filler" (somebody hesitates between two groups), "spaced" (4 4 2 1).
"""

import datetime
import random
import re
import unicodedata
from collections.abc import Callable

from faker import Faker

from benchmarks.pii_numbers import Numbers
from benchmarks.pii_spoken import Speech

# Faker invents towns in these locales; callers live in real ones.
TOWNS = {
    "en_US": ("Tucson", "Des Moines", "Baton Rouge", "Spokane", "Albuquerque", "Knoxville", "Sacramento", "Toledo"),
    "en_GB": ("Wolverhampton", "Leeds", "Milton Keynes", "Aberdeen", "Norwich", "Swindon", "Stoke-on-Trent", "Exeter"),
    "es_MX": ("Guadalajara", "Mérida", "Monterrey", "Puebla", "Querétaro", "Tijuana", "León", "Oaxaca"),
    "fr_FR": ("Clermont-Ferrand", "Nantes", "Mulhouse", "Perpignan", "Aix-en-Provence", "Limoges", "Tours", "Brest"),
    "pt_BR": ("Curitiba", "Belo Horizonte", "Salvador", "Ribeirão Preto", "Porto Alegre", "Goiânia", "Natal", "Santos"),
}
MAILS = ("gmail.com", "hotmail.com", "outlook.com", "yahoo.{tld}", "icloud.com", "proton.me", "{word}.{tld}")
TLDS = {"en_US": "com", "en_GB": "co.uk", "es_MX": "com.mx", "pt_BR": "com.br"}
NUMBER_FIRST = frozenset({"en", "fr"})


class Values:
    """One locale's values; `chance` decides everything, Faker's seed included."""

    def __init__(self, language: str, locale: str, speech: dict, chance: random.Random) -> None:
        self._language, self._locale, self._chance = language, locale, chance
        self._fake = Faker(locale)
        self._fake.seed_instance(chance.getrandbits(32))
        self._speech = Speech(language, speech, chance)
        self._numbers = Numbers(locale, self._fake, chance)

    def make(self, kind: str, form: str = "written") -> str:
        texts: dict[str, Callable[[str], str]] = {
            "full": lambda form: f"{self._first()} {self._fake.last_name()}",
            "first": lambda form: self._first(),
            "last": lambda form: self._fake.last_name(),
            "letters": self._letters,
            "street": self._street,
            "town": lambda form: self._town(),
            "postcode": self._postcode,
            "email": self._email,
            "born": self._born,
            "expiry": self._expiry,
        }
        if kind in texts:
            return texts[kind](form)
        return self._speech.grouped(self._numbers.groups(kind), form, self._numbers.separator(kind))

    def filler(self) -> str:
        return self._speech.filler()

    def _first(self) -> str:
        return self._fake.first_name()

    def _town(self) -> str:
        towns = TOWNS.get(self._locale)
        return self._chance.choice(towns) if towns else self._fake.city()

    def _street(self, form: str) -> str:
        number = self._chance.randint(2, 148)
        said = self._speech.number(number) if form == "words" else str(number)
        name = self._street_name()
        if self._language == "pl" and " " not in name:
            name = f"ulica {name}"
        return f"{said} {name}" if self._language in NUMBER_FIRST else f"{name} {said}"

    def _street_name(self) -> str:
        if self._language == "en":
            kind = self._chance.choice(("Street", "Road", "Avenue", "Lane", "Drive", "Close", "Court"))
            return f"{self._fake.last_name()} {kind}"
        return self._fake.street_name()

    def _postcode(self, form: str) -> str:
        code = self._fake.postcode()
        return code if form == "written" else self._speech.grouped(re.split(r"[ -]", code), form, " ")

    def _letters(self, form: str) -> str:
        """A short surname letter by letter: B-A-K-E-R, or "B for Bravo, A for Alpha, …" as "alphabet"."""
        name = ""
        while not 4 <= len(name) <= 7 or not name.isalpha():
            name = self._fake.last_name()
        if form == "alphabet":
            return self._speech.alphabet(_ascii(name).upper())
        return "-".join(name.upper())

    def _email(self, form: str) -> str:
        first, last = _address(self._first()), _address(self._fake.last_name())
        local = self._chance.choice((f"{first}.{last}", f"{first}_{last}", f"{first}{last}", f"{first[0]}.{last}"))
        if self._chance.random() < 0.3:
            local += str(self._chance.randint(1, 99))
        tld = TLDS.get(self._locale, self._locale[:2])
        host = self._chance.choice(MAILS).format(tld=tld, word=_address(self._fake.last_name()))
        mail = f"{local}@{host}"
        return mail if form == "written" else self._speech.mail(mail, lazy=form == "lazy")

    def _born(self, form: str) -> str:
        """Never the first of a month, and in the last century: ordinals and years stay regular."""
        day = datetime.date(self._chance.randint(1938, 1999), self._chance.randint(1, 12), self._chance.randint(2, 28))
        return self._speech.date(day, form)

    def _expiry(self, form: str) -> str:
        month, year = self._chance.randint(1, 12), self._chance.randint(27, 32)
        if form == "words":
            return self._speech.grouped([f"{month:02}", str(year)], "pairs", "/")
        return f"{month:02}/{year}"


def _ascii(text: str) -> str:
    return "".join(
        letter for letter in unicodedata.normalize("NFD", text.replace("ß", "ss").replace("ł", "l")) if letter.isascii()
    )


def _address(name: str) -> str:
    return re.sub(r"[^a-z]", "", _ascii(name.lower())) or "info"
