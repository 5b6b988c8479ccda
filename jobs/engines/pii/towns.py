"""Towns that the gazetteer knows or the model tags."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.engines.pii.scene import Scene, Span

# How sure the model must be of a town: alone, and where something else says the same.
_ALONE = 0.8
_SUPPORTED = 0.5
_FAINT = 0.3
_LONGEST = 8


def find_towns(scene: Scene) -> Iterator[Span]:
    """Towns that the gazetteer knows or the model tags; countries and languages are none."""
    never = scene.rules.addresses.never
    index = 0
    while index < len(scene.words):
        span = None
        if index not in scene.taken and index not in scene.people and scene.words[index].lower not in never:
            span = _known_town(scene, index) or _tagged_town(scene, index)
        if span is not None:
            yield span
        index = span.last if span else index + 1


def _known_town(scene: Scene, index: int) -> Span | None:
    for length in (4, 3, 2, 1):
        last = index + length
        if last > len(scene.words) or any(not scene.words[k].follows for k in range(index + 1, last)):
            continue
        phrase = " ".join(scene.words[k].lower for k in range(index, last))
        known = scene.language.gazetteer.look_up(phrase) if length > 1 else scene.known[index]
        if known.town and _is_town(scene, index, last, known.big_town, known.name, known.ordinary):
            return Span(index, last, 0.8)
    return None


def _is_town(scene: Scene, first: int, last: int, big: bool, name: bool, ordinary: bool) -> bool:
    word, town = scene.words[first], max(tag.town for tag in scene.tags[first:last])
    placed = scene.phrase_before(first, scene.rules.addresses.places_after, longest=3) and word.follows
    if (
        (last - first == 1 and scene.blocked(first))
        or (word.cased and not word.capital)
        or _company(scene, first, last)
    ):
        return False
    if ordinary:
        seen = word.capital and not word.opens and big and (scene.language.code != "de" or town >= _SUPPORTED)
        return placed and (seen or town >= 0.9)
    if big and not name and (word.capital or town >= _FAINT / 2):
        return True
    # The model knows no Polish: there the preposition must do.
    enough = 0.0 if scene.language.code == "pl" or (big and not name) or word.capital else _FAINT
    return (placed and town >= enough) or town >= _ALONE


def _company(scene: Scene, first: int, last: int) -> bool:
    near = [k for k in (first - 1, last) if 0 <= k < len(scene.words)]
    return any(scene.words[k].lower in scene.rules.people.organisations for k in near)


def _tagged_town(scene: Scene, index: int) -> Span | None:
    word, end = scene.words[index], index
    while (
        end < min(len(scene.words), index + _LONGEST)
        and scene.tags[end].town >= _SUPPORTED
        and (end == index or scene.words[end].follows)
    ):
        end += 1
    if end == index or any(scene.blocked(k) for k in range(index, end)) or _company(scene, index, end):
        return None
    placed = scene.phrase_before(index, scene.rules.addresses.places_after, longest=3)
    best = max(tag.town for tag in scene.tags[index:end])
    if scene.known[index].ordinary or (word.cased and not word.capital) or not placed or best < _ALONE:
        return None
    return Span(index, end, best)
