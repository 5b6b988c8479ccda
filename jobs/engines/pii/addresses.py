"""Streets with house numbers, post-office boxes and postal codes. Towns are `towns.py`'s."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobs.engines.pii.checks import CHECKS
from jobs.engines.pii.emails import number_pattern
from jobs.engines.pii.scene import Scene, Span

# How sure the model must be of a street: alone, and where something else says the same.
_ALONE = 0.8
_SUPPORTED = 0.5
_FAINT = 0.3
_LONGEST_NAME = 4
_LONGEST_NUMBER = 4
_POSTAL_DIGITS = re.compile(r"[a-z]{0,2}\d[\da-z]*")
_LEADING_CODE = re.compile(r"\d{5}")


def find_streets(scene: Scene) -> list[Span]:
    """Streets with their numbers, joined where two make a corner; boxes and postal codes."""
    on_net = {k for span, _ in scene.net for k in range(span.first, span.last)}
    found = [*_streets_after(scene), *_streets_before(scene), *_streets_ending(scene), *_tagged(scene), *_codes(scene)]
    found = sorted((s for s in found if not on_net & set(range(s.first, s.last))), key=lambda s: (s.first, -s.last))
    joined: list[Span] = []
    for span in found:
        gap = range(joined[-1].last, span.first) if joined else range(0)
        joins = len(gap) == 1 and scene.words[gap[0]].lower in scene.rules.addresses.joins
        if joined and (span.first <= joined[-1].last or joins):
            last = joined.pop()
            span = Span(last.first, max(last.last, span.last), max(last.score, span.score))
        joined.append(span)
    return joined


def without_numbers(scene: Scene, span: Span) -> Span:
    """A street without its house number, a town without its code; empty where nothing is left."""
    first, last = span.first, span.last
    while first < last and (_is_number(scene, first) or scene.words[first].lower[0].isdigit()):
        first += 1
    while first < last and (_is_number(scene, last - 1) or scene.words[last - 1].lower[0].isdigit()):
        last -= 1
    return Span(first, last, span.score)


def _streets_after(scene: Scene) -> Iterator[Span]:
    """ "42 Maple Street", "Lange Straße 5"."""
    for index, word in enumerate(scene.words):
        if not index or word.lower not in scene.rules.addresses.after or not word.follows:
            continue
        first = index
        while first > 0 and index - first < 3 and scene.words[first].follows and _street_name(scene, first - 1):
            first -= 1
        number = _number_before(scene, first)
        end = _number_after(scene, index + 1)
        tagged = max((scene.tags[k].street for k in range(first, index)), default=0.0)
        capital = word.capital and all(scene.words[k].capital for k in range(first, index))
        plain = not word.cased and _said_on(scene, first)
        likely = capital or plain or tagged >= _ALONE or (end > index + 1 and tagged >= _FAINT)
        # "Michael Lane" is somebody, "42 Michael Lane" is not.
        named = scene.known[first].given and not scene.known[first].ordinary and tagged < _SUPPORTED
        somebody = first < index and (named or scene.phrase_before(first, scene.rules.people.sure))
        if first < index and (number < first or (likely and not somebody)):
            yield Span(number, _unit(scene, end), 0.85)


def _said_on(scene: Scene, index: int) -> bool:
    """True after a place word that stands right before a street, or after the "and" of a corner."""
    rules = scene.rules.addresses
    return scene.phrase_before(index, rules.places_after, longest=2) or (
        index > 1 and scene.words[index - 1].lower in rules.joins and scene.words[index - 2].lower in rules.after
    )


def _street_name(scene: Scene, index: int) -> bool:
    word = scene.words[index]
    if _is_number(scene, index) or word.lower in scene.language.stop_words:
        return word.capital and word.cased and not word.opens
    return word.capital or not word.cased


def _streets_before(scene: Scene) -> Iterator[Span]:
    """ "calle Mayor número ocho", "12 rue de la Paix"."""
    rules = scene.rules.addresses
    for index, word in enumerate(scene.words):
        if word.lower not in rules.before:
            continue
        name, end = False, index + 1
        while end < len(scene.words) and end - index <= _LONGEST_NAME + 2 and scene.words[end].gap in ("", "-", "."):
            following = scene.words[end]
            particle = following.lower in rules.particles
            ends_name = _is_number(scene, end) or following.lower in rules.number_signs
            if ends_name or not (particle or _part_of_street(scene, end, name)):
                break
            name, end = name or not particle, end + 1
        while end > index + 1 and scene.words[end - 1].lower in rules.particles:
            end -= 1
        number_first, number_last = _number_before(scene, index), _number_after(scene, end)
        tagged = max((scene.tags[k].street for k in range(index, end)), default=0.0)
        capital = any(scene.words[k].capital for k in range(index + 1, end))
        placed = scene.phrase_before(index, rules.places_after, longest=2) and len(word.lower) > 3
        if name and (number_first < index or number_last > end or tagged >= _SUPPORTED or capital or placed):
            yield Span(number_first, _unit(scene, number_last), 0.85)


def _part_of_street(scene: Scene, index: int, named: bool) -> bool:
    word = scene.words[index]
    if word.cased and not word.capital:
        return _number_sign_after(scene, index)
    if word.cased:
        return True
    if word.lower in scene.rules.addresses.places_after:
        return False
    if word.lower in scene.language.stop_words:
        return not named and _number_after(scene, index + 1) > index + 1
    return not named or scene.tags[index].street >= _FAINT or _number_after(scene, index + 1) > index + 1


def _number_sign_after(scene: Scene, index: int) -> bool:
    """ "calle mayor número 8": the sign says what the capital does not."""
    signs = scene.rules.addresses.number_signs
    signed = index + 1 < len(scene.words) and scene.words[index + 1].lower in signs
    return signed and _number_after(scene, index + 1) > index + 2


def _streets_ending(scene: Scene) -> Iterator[Span]:
    """ "Lindenstraße zwölf", "Kerkstraat 14"."""
    rules = scene.rules.addresses
    for index, word in enumerate(scene.words):
        strong = _ends_with(word.lower, rules.endings)
        if not (strong or _ends_with(word.lower, rules.weak_endings)) or word.lower in rules.never:
            continue
        end = _number_after(scene, index + 1)
        tagged = scene.tags[index].street
        if (strong and (end > index + 1 or word.capital or tagged >= _FAINT)) or (
            not strong and tagged >= (_SUPPORTED if end > index + 1 else 0.95)
        ):
            yield Span(index, _unit(scene, end), 0.85)


def _ends_with(text: str, endings: tuple[str, ...]) -> bool:
    return any(text.endswith(ending) and len(text) >= len(ending) + 3 for ending in endings)


def _tagged(scene: Scene) -> Iterator[Span]:
    """What the model tags as a street and stands beside a number."""
    index = 0
    while index < len(scene.words):
        end = index
        while (
            end < len(scene.words) and scene.tags[end].street >= _ALONE and (end == index or scene.words[end].follows)
        ):
            end += 1
        if end == index:
            index += 1
            continue
        capital = any(scene.words[k].capital for k in range(index, end)) or not scene.words[index].cased
        digits = end < len(scene.words) and scene.words[end].lower[0].isdigit() and scene.tags[end].number >= _SUPPORTED
        if capital and digits:
            yield Span(index, _number_after(scene, end), 0.8)
        index = end


def _codes(scene: Scene) -> Iterator[Span]:
    """Boxes with their number, postal codes after a cue, and those whose form is enough."""
    rules = scene.rules.addresses
    cues, boxes = scene.language.phrases(*rules.postal_cues), scene.language.phrases(*rules.boxes)
    for index in range(len(scene.words)):
        length = boxes.at(scene.words, index)
        if length and (end := _number_after(scene, index + length)) > index + length:
            yield Span(index, end, 0.9)
        length = cues.at(scene.words, index)
        if length:
            yield from _code_after(scene, index + length)
        if _LEADING_CODE.fullmatch(scene.words[index].lower) and index + 1 < len(scene.words):
            known = scene.known[index + 1]
            if known.town and not known.ordinary and scene.words[index + 1].follows:
                yield Span(index, index + 2, 0.85)
    for pattern in rules.postal_codes:
        for match in re.finditer(pattern, scene.text, re.IGNORECASE):
            first, last = scene.words_between(match.start(), match.end())
            # "In 2023 is": a year and a word, where neither is written as a code.
            year = not CHECKS["not_year"](scene.words[first].lower)
            if not (year and scene.words[last - 1].text.islower() and scene.blocked(last - 1)):
                yield Span(first, last, 0.7)


def _code_after(scene: Scene, start: int) -> Iterator[Span]:
    for first in range(start, min(start + 4, len(scene.words))):
        last = first
        while last < len(scene.words) and last - first < 8 and _is_code(scene, last):
            last += 1
        if last > first and any(
            scene.words[k].lower[0].isdigit() or len(scene.words[k].lower) > 1 for k in range(first, last)
        ):
            yield Span(first, last, 0.85)
            return


def _is_code(scene: Scene, index: int) -> bool:
    word = scene.words[index]
    letter = len(word.lower) == 1 and word.lower.isalpha() and word.lower not in scene.language.stop_words
    return _is_number(scene, index) or letter or bool(_POSTAL_DIGITS.fullmatch(word.lower))


def _is_number(scene: Scene, index: int) -> bool:
    rules = scene.rules.addresses
    return bool(number_pattern(scene.language.code, rules.numbers).fullmatch(scene.words[index].lower))


def _number_before(scene: Scene, index: int) -> int:
    first = index
    while (
        first > 0
        and index - first < _LONGEST_NUMBER
        and scene.words[first].gap in ("", "-", ",")
        and _is_number(scene, first - 1)
    ):
        first -= 1
    return first


def _number_after(scene: Scene, index: int) -> int:
    """Where the house number that begins at `index`, perhaps after "number", ends; `index` when there is none."""
    signs = scene.rules.addresses.number_signs
    start = index
    while start < len(scene.words) and start - index < 2 and scene.words[start].lower in signs:
        start += 1
    last = start
    while last < len(scene.words) and last - start < _LONGEST_NUMBER and _is_number(scene, last):
        if scene.words[last].gap not in ("", "-", ",", "º", "/", ".") or (
            last > start and scene.words[last].gap == ","
        ):
            break
        last += 1
    return last if last > start else index


def _unit(scene: Scene, end: int) -> int:
    """Takes in ", apartment 4B"."""
    if end < len(scene.words) and scene.words[end].lower in scene.rules.addresses.units and end + 1 < len(scene.words):
        following = scene.words[end + 1]
        if _is_number(scene, end + 1) or len(following.lower) == 1:
            return end + 2
    return end
