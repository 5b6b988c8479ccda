"""Numbers and codes with valid check digits, as groups of characters in the way they are printed."""

import random
import string

import phonenumbers
from faker import Faker
from stdnum import iban
from stdnum.de import idnr
from stdnum.gb import nhs
from stdnum.pt import nif

# Mobile and fixed numbers as people give them: fixed digits first, # for any digit.
PHONES = {
    "en_US": ("503-###-####", "212-###-####", "312-###-####", "(720) ###-####"),
    "en_GB": ("07### ### ###", "020 #### ####", "0161 ### ####", "07### ######"),
    "es_ES": ("6## ### ###", "6## ## ## ##", "91# ## ## ##", "7## ### ###"),
    "es_MX": ("55 #### ####", "33 #### ####", "81 #### ####"),
    "fr_FR": ("06 ## ## ## ##", "07 ## ## ## ##", "01 ## ## ## ##", "04 ## ## ## ##"),
    "de_DE": ("0171 #######", "0160 ########", "030 ########", "089 ######"),
    "pt_PT": ("91# ### ###", "96# ### ###", "21# ### ###"),
    "pt_BR": ("11 9####-####", "(21) 9####-####", "31 9####-####"),
    "it_IT": ("33# ### ####", "34# #######", "02 ########", "32# ## ## ###"),
    "nl_NL": ("06 ########", "06 ## ## ## ##", "020 ### ####", "010 ### ####"),
    "pl_PL": ("50# ### ###", "60# ### ###", "22 ### ## ##", "79# ### ###"),
}
SEPARATORS = {"ssn": "-", "cpf": "", "postal": "-"}
# Groups of a code without letters, and of one with them (A: a letter).
PLAIN = ("### ###", "## ## ##", "#### ####", "### ### ###", "#### ###")
MIXED = ("AA #### ####", "A ### ###", "AAA ######", "AA ## ## ##")
_DIGITS = string.digits


class Numbers:
    def __init__(self, locale: str, fake: Faker, chance: random.Random) -> None:
        self._locale, self._fake, self._chance = locale, fake, chance
        # Not every locale's provider knows the three brands.
        self._cards = Faker("en_US")
        self._cards.seed_instance(chance.getrandbits(32))

    def groups(self, kind: str) -> list[str]:
        return getattr(self, f"_{kind}")()

    def separator(self, kind: str) -> str:
        return SEPARATORS.get(kind, " ")

    def _phone(self) -> list[str]:
        pattern = self._chance.choice(PHONES[self._locale])
        region = self._locale[-2:]
        while True:
            number = self._patterned(pattern)
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return number.strip("()").replace(") ", " ").replace("-", " ").split()

    def _intl(self) -> list[str]:
        groups = self._phone()
        prefix = f"+{phonenumbers.country_code_for_region(self._locale[-2:])}"
        head = groups[0] if self._locale == "it_IT" else groups[0].removeprefix("0")
        return [prefix, head, *groups[1:]]

    def _card(self) -> list[str]:
        number = self._cards.credit_card_number(card_type=self._chance.choice(("visa16", "mastercard", "amex")))
        return [number[:4], number[4:10], number[10:]] if len(number) == 15 else _fours(number)

    def _last4(self) -> list[str]:
        return [self._patterned("####")]

    def _cvv(self) -> list[str]:
        return [self._patterned("###")]

    def _pin(self) -> list[str]:
        return [self._patterned("####")]

    def _iban(self) -> list[str]:
        """Valid in its country too: Faker heeds only the two digits behind the country's letters."""
        while True:
            code = self._fake.iban()
            if iban.is_valid(code):
                return _fours(code)

    def _account(self) -> list[str]:
        return [self._patterned("########")]

    def _code(self) -> list[str]:
        return self._patterned(self._chance.choice(MIXED)).split()

    def _number(self) -> list[str]:
        return self._patterned(self._chance.choice(PLAIN)).split()

    def _ssn(self) -> list[str]:
        return self._fake.ssn().split("-")

    def _nino(self) -> list[str]:
        pair = self._chance.choice(("AB", "CE", "JK", "PR", "SH", "WM"))
        return [pair, *self._patterned("## ## ##").split(), self._chance.choice("ABCD")]

    def _nhs(self) -> list[str]:
        while True:
            code = self._patterned("4#########")
            if nhs.is_valid(code):
                return [code[:3], code[3:6], code[6:]]

    def _dni(self) -> list[str]:
        return [self._fake.nif()]

    def _nie(self) -> list[str]:
        return [self._fake.nie()]

    def _curp(self) -> list[str]:
        return [self._fake.curp()]

    def _nir(self) -> list[str]:
        code = self._fake.ssn()
        return [code[0], code[1:3], code[3:5], code[5:7], code[7:10], code[10:13], code[13:]]

    def _steuer(self) -> list[str]:
        """Ten digits of which one comes twice, and the check digit."""
        while True:
            digits = self._chance.sample(_DIGITS, 9)
            digits.insert(self._chance.randint(0, 9), self._chance.choice(digits))
            body = "".join(digits)
            code = next((body + check for check in _DIGITS if idnr.is_valid(body + check)), None)
            if code:
                return [code[:2], code[2:5], code[5:8], code[8:]]

    def _nif(self) -> list[str]:
        body = self._patterned("2#######")
        code = body + nif.calc_check_digit(body)
        return [code[:3], code[3:6], code[6:]]

    def _cpf(self) -> list[str]:
        code = self._fake.cpf()
        return [code[:4], code[4:8], code[8:]]

    def _fiscale(self) -> list[str]:
        return [self._fake.ssn()]

    def _bsn(self) -> list[str]:
        code = self._fake.ssn()
        return [code[:3], code[3:6], code[6:]]

    def _pesel(self) -> list[str]:
        return [self._fake.pesel()]

    def _nip(self) -> list[str]:
        code = self._fake.nip()
        return [code[:3], code[3:6], code[6:8], code[8:]]

    def _patterned(self, pattern: str) -> str:
        """`#` becomes a digit, `A` a letter that is hard to mistake for a digit."""
        pick = {"#": _DIGITS, "A": "BCDFGHJKLMNPRSTVWXZ"}
        return "".join(self._chance.choice(pick[sign]) if sign in pick else sign for sign in pattern)


def _fours(code: str) -> list[str]:
    return [code[at : at + 4] for at in range(0, len(code), 4)]
