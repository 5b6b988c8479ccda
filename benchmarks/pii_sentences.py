"""Sentences of callers with known PII, written from templates: the same ones at every run.

Templates are data: `benchmarks/data/pii/<language>.yaml`, a list of sentences under "any" or under a Faker locale.
A slot is `{TYPE kind form}` (what `pii_values.py` makes of it becomes a span), `{TYPE =text}` for a literal span, or
`{filler}`. Nobody who writes a recognizer's rules should read the templates, nor the other way round.
"""

import json
import pathlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import yaml

from benchmarks.pii_values import Values

TEMPLATES = pathlib.Path(__file__).parent / "data" / "pii"
GIVEN = pathlib.Path("tests/data/pii_sentences.json")
ROUNDS = 2
_SLOT = re.compile(r"\{([^}]+)\}")
# Punctuation that ends or joins clauses; what stands inside a word or a number stays: john.smith, 415-555-0132, O'Neil.
_PUNCTUATION = re.compile(r"(?<![^\W_])[^\w\s@+]|[^\w\s@+](?![^\W_])")


@dataclass(frozen=True)
class Span:
    """`slot`: what the template asked for, as "phone filler"."""

    type: str
    start: int
    end: int
    slot: str = ""


@dataclass(frozen=True)
class Sentence:
    language: str
    text: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """What a language's file holds: templates by Faker locale (or "any"), fillers, and a text without any PII."""

    locales: tuple[str, ...]
    templates: tuple[tuple[str, str], ...]
    no_pii: str
    speech: dict


def given(path: pathlib.Path = GIVEN) -> list[Sentence]:
    rows = json.loads(path.read_text())
    return [Sentence(row["language"], row["text"], tuple(Span(**span) for span in row["spans"])) for row in rows]


def chapter(language: str) -> Chapter:
    data = yaml.safe_load((TEMPLATES / f"{language}.yaml").read_text())
    templates = [(locale, line) for locale, lines in data["templates"].items() for line in lines]
    return Chapter(tuple(data["locales"]), tuple(templates), " ".join(data["no_pii"].split()), data["speech"])


def written(language: str, rounds: int = ROUNDS) -> Iterator[Sentence]:
    """Every template of a language `rounds` times, each time with other values; the values hang on the seed alone."""
    pages = chapter(language)
    chance = random.Random(f"pii {language}")
    values = {locale: Values(language, locale, pages.speech, chance) for locale in pages.locales}
    for _ in range(rounds):
        for locale, template in pages.templates:
            chosen = chance.choice(pages.locales) if locale == "any" else locale
            yield _filled(language, template, values[chosen])


def plain(sentence: Sentence) -> Sentence:
    """The same as some recognisers write it: lower case, no punctuation but inside words and numbers."""
    kept, places = [], []
    lowered = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in sentence.text)
    bare = _PUNCTUATION.sub(lambda mark: "\0" * len(mark.group()), lowered)
    for letter in bare:
        places.append(len(kept))
        doubled = letter == " " and kept[-1:] in ([], [" "])
        if letter != "\0" and not doubled:
            kept.append(letter)
    places.append(len(kept))
    spans = (replace(span, start=places[span.start], end=places[span.end]) for span in sentence.spans)
    return Sentence(sentence.language, "".join(kept), tuple(spans))


def _filled(language: str, template: str, values: Values) -> Sentence:
    text, spans, at = "", [], 0
    for slot in _SLOT.finditer(template):
        text += template[at : slot.start()]
        at = slot.end()
        kind, _, rest = slot.group(1).partition(" ")
        if kind == "filler":
            text += values.filler()
            continue
        value = rest[1:] if rest.startswith("=") else values.make(*rest.split())
        spans.append(Span(kind, len(text), len(text) + len(value), "literal" if rest.startswith("=") else rest))
        text += value
    return Sentence(language, text + template[at:], tuple(spans))
