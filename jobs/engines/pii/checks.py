"""What a number says about itself: check digits, by the names that pattern files use. Numbers come normalised:
"54362315K".

A check that accepts one number in ten proves little by itself; the scores in the pattern files say how much.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import cache
from importlib import import_module

Check = Callable[[str], bool]


def _stdnum(module: str) -> Check:
    """A module of python-stdnum, imported when it is first needed: the library is only installed beside the engines."""

    @cache
    def load() -> Check:
        return import_module(f"stdnum.{module}").is_valid

    return lambda number: bool(load()(number))


def _card_prefix(number: str) -> bool:
    """Visa, Mastercard, Amex, Diners, Discover, JCB, Maestro, UnionPay: a card begins with 3 to 6 (or 2)."""
    return number[0] in "3456" or "2221" <= number[:4] <= "2720"


def _varied(number: str) -> bool:
    """Not one digit over and over: 0000 0000 passes every weighted sum."""
    return len(set(number)) > 1


def _date_digits(number: str) -> bool:
    """Day, month and year in any of the usual orders, the year with two digits or four."""
    orders = ("%d%m%Y", "%m%d%Y", "%Y%m%d") if len(number) == 8 else ("%d%m%y", "%m%d%y", "%y%m%d")
    if len(number) in (5, 7):
        # "three fourteen eighty two": the month or the day without its zero.
        return _date_digits("0" + number) or _date_digits(number[:2] + "0" + number[2:])
    for order in orders:
        try:
            found = datetime.datetime.strptime(number, order)  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
        if 1900 <= found.year <= 2040:
            return True
    return False


def _month_year(number: str) -> bool:
    """A card's expiry: 0927, 927, 092027."""
    year = number[-4:] if len(number) > 4 and number[-4:-2] == "20" else number[-2:]
    month = number[: -len(year)]
    return month.isdecimal() and 1 <= int(month) <= 12 and 20 <= int(year[-2:]) <= 49


def _de_svnr(number: str) -> bool:
    """German pension insurance number: VKVV paragraph 4, digits weighted 2 1 2 5 7 1 2 1 2 1 2 1, the letter as two
    digits.
    """
    if not (number[:8] + number[9:]).isdecimal():
        return False
    digits = f"{number[:8]}{ord(number[8]) - 64:02d}{number[9:11]}"
    total = sum(sum(divmod(int(d) * w, 10)) for d, w in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True))
    return total % 10 == int(number[11])


def _pl_nrb(number: str) -> bool:
    """A Polish account number is an IBAN whose country nobody says."""
    return CHECKS["iban"]("PL" + number)


def _not_year(number: str) -> bool:
    return not (len(number) == 4 and number[:2] in ("19", "20"))


CHECKS: dict[str, Check] = {
    "luhn": _stdnum("luhn"),
    "card_prefix": _card_prefix,
    "varied": _varied,
    "date_digits": _date_digits,
    "month_year": _month_year,
    "not_year": _not_year,
    "iban": _stdnum("iban"),
    "us_ssn": _stdnum("us.ssn"),
    "us_itin": _stdnum("us.itin"),
    "us_rtn": _stdnum("us.rtn"),
    "gb_nhs": _stdnum("gb.nhs"),
    "ca_sin": _stdnum("ca.sin"),
    "au_tfn": _stdnum("au.tfn"),
    "ie_pps": _stdnum("ie.pps"),
    "in_aadhaar": _stdnum("in_.aadhaar"),
    "nz_ird": _stdnum("nz.ird"),
    "es_nif": _stdnum("es.nif"),
    "es_nie": _stdnum("es.nie"),
    "es_ccc": _stdnum("es.ccc"),
    "mx_curp": _stdnum("mx.curp"),
    "mx_rfc": _stdnum("mx.rfc"),
    "ar_cuit": _stdnum("ar.cuit"),
    "ar_cbu": _stdnum("ar.cbu"),
    "fr_nir": _stdnum("fr.nir"),
    "fr_nif": _stdnum("fr.nif"),
    "be_nn": _stdnum("be.nn"),
    "ch_ahv": _stdnum("ch.ssn"),
    "de_idnr": _stdnum("de.idnr"),
    "de_svnr": _de_svnr,
    "de_stnr": _stdnum("de.stnr"),
    "at_vnr": _stdnum("at.vnr"),
    "pt_nif": _stdnum("pt.nif"),
    "pt_cc": _stdnum("pt.cc"),
    "br_cpf": _stdnum("br.cpf"),
    "br_cnpj": _stdnum("br.cnpj"),
    "it_codice_fiscale": _stdnum("it.codicefiscale"),
    "it_iva": _stdnum("it.iva"),
    "nl_bsn": _stdnum("nl.bsn"),
    "pl_nrb": _pl_nrb,
    "pl_pesel": _stdnum("pl.pesel"),
    "pl_nip": _stdnum("pl.nip"),
    "pl_regon": _stdnum("pl.regon"),
}
