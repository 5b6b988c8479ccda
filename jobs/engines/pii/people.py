"""Names of people: after a cue or a title, tagged by the model, known to the gazetteer, or spelled. What is said again
is `repeats.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobs.engines.pii.scene import Scene, Span

# How sure the model must be: alone, and where the gazetteer or a cue says the same.
ALONE = 0.8
SUPPORTED = 0.35
FAINT = 0.15
_LONGEST = 5
# So near to the letters, the word that they make is the name that was spelled.
_NEAR_WORDS = 12


def find_after_cues(scene: Scene) -> Iterator[Span]:
    """ "My name is …", "Señora …": the title is part of the name."""
    rules = scene.rules.people
    sure, titles = scene.language.phrases(*rules.sure), scene.language.phrases(*rules.titles)
    for index in range(1, len(scene.words)):
        if not _may_start(scene, index):
            continue
        gap = scene.words[index].gap
        if gap in ("", ".") and titles.at(scene.words, index - 1) == 1 and _after_title(scene, index):
            yield Span(index - 1, _end(scene, index, cued=True), 0.95)
        elif gap in ("", ",", ":") and sure.ends_before(scene.words, index) and _after_sure(scene, index):
            yield Span(index, _end(scene, index, cued=True), 0.95)
        elif gap in ("", ",") and _after_likely(scene, index) and scene.phrase_before(index, rules.likely):
            # "From" says that somebody follows, and that a street does.
            placed = scene.phrase_before(index, scene.rules.addresses.places_after)
            yield Span(index, _end(scene, index, cued=not placed), 0.8)


def find_tagged(scene: Scene) -> Iterator[Span]:
    """What the model tags, where nothing speaks against it."""
    index = 0
    while index < len(scene.words):
        if scene.tags[index].person < SUPPORTED or not _may_start(scene, index) or scene.blocked(index):
            index += 1
            continue
        end = _end(scene, index)
        if _tagged_enough(scene, index, end):
            yield Span(index, end, max(tag.person for tag in scene.tags[index:end]))
        index = end


def find_known(scene: Scene) -> Iterator[Span]:
    """Names that the gazetteer knows and that are no ordinary words."""
    for index, known in enumerate(scene.known):
        if not known.given or scene.blocked(index) or not _may_start(scene, index):
            continue
        word, pair = scene.words[index], _pair(scene, index)
        if (word.cased and not word.capital) or (known.ordinary and not pair):
            continue
        end = max(_end(scene, index), index + 2 if pair else 0)
        place = known.town and (end == index + 1) and scene.tags[index].person < 0.5
        alone = (word.capital or scene.tags[index].person >= FAINT) and not place
        if (pair or alone) and not _organisation(scene, index, end):
            yield Span(index, end, 0.85 if pair else 0.7)


def _pair(scene: Scene, index: int) -> bool:
    """True when a family name follows the given name; two ordinary words only where both are written as names."""
    following = index + 1
    if following >= len(scene.words) or following in scene.taken or scene.blocked(following):
        return False
    first, second, family = scene.words[index], scene.words[following], scene.known[following]
    if not family.family or not second.follows or (second.cased and not second.capital):
        return False
    # Every German noun has a capital.
    written = first.capital and not first.opens and second.capital and scene.language.code != "de"
    return written or not scene.known[index].ordinary or not family.ordinary


def find_spelled(scene: Scene) -> Iterator[Span]:
    """ "S-M-I-T-H", "s m i t h", "B wie Berta"; and the word that they make where it is said nearby, whatever it is."""
    index = 0
    while index < len(scene.words):
        end, letters = (index, []) if index in scene.taken else _spelling(scene, index)
        if len(letters) < 3 or len(set(letters)) < 2:
            # Of one letter over and over no part is a name either.
            index = max(end, index + 1)
            continue
        spelled = "".join(letters)
        near = range(max(0, index - _NEAR_WORDS), min(len(scene.words), end + _NEAR_WORDS))
        said = [k for k in near if scene.words[k].lower == spelled]
        known = bool(said) or scene.language.gazetteer.look_up(spelled).name
        if len(letters) >= 4 or known or scene.phrase_before(index, scene.rules.people.sure):
            yield Span(index, end, 0.9 if known else 0.7)
            yield from (Span(k, k + 1, 0.9) for k in said)
        index = end


# Detector -> how it finds people.
WAYS = {
    "name_cues": find_after_cues,
    "name_model": find_tagged,
    "name_gazetteer": find_known,
    "name_spelling": find_spelled,
}


def _may_start(scene: Scene, index: int) -> bool:
    return index not in scene.taken and len(scene.words[index].lower) > 1 and not scene.words[index].lower[0].isdigit()


def _after_title(scene: Scene, index: int) -> bool:
    word, known = scene.words[index], scene.known[index]
    if scene.blocked(index):
        return word.capital and known.name
    return word.capital or scene.tags[index].person >= SUPPORTED or (known.name and not known.ordinary)


def _after_sure(scene: Scene, index: int) -> bool:
    word, known, person = scene.words[index], scene.known[index], scene.tags[index].person
    if word.capital and not word.opens:
        return word.lower not in scene.language.never or known.name
    if scene.blocked(index) or known.ordinary:
        return known.name and person >= 0.5
    return person >= SUPPORTED or known.name


def _after_likely(scene: Scene, index: int) -> bool:
    word, known, person = scene.words[index], scene.known[index], scene.tags[index].person
    if scene.blocked(index) or _organisation(scene, index, _end(scene, index)) or (word.cased and not word.capital):
        return False
    if known.ordinary:
        return known.name and person >= 0.6
    following = index + 1 < len(scene.words) and scene.words[index + 1].follows and scene.known[index + 1].family
    return person >= SUPPORTED or (known.given and (not known.town or following))


def _tagged_enough(scene: Scene, index: int, end: int) -> bool:
    if _organisation(scene, index, end):
        return False
    words = range(index, end)
    cased = scene.words[index].cased and not any(scene.words[k].capital for k in words)
    supported = any(scene.known[k].name and not scene.known[k].ordinary for k in words)
    if cased and not supported:
        return False
    if (
        any(scene.known[k].town and not scene.known[k].given for k in words)
        and scene.words[index].lower == scene.words[end - 1].lower
    ):
        return scene.tags[index].person >= 0.9
    best = max(scene.tags[k].person for k in words)
    ordinary = all(scene.known[k].ordinary for k in words)
    return best >= (0.9 if ordinary else SUPPORTED if supported else ALONE)


def _end(scene: Scene, first: int, cued: bool = False) -> int:
    """Where a name that begins at `first` ends; `cued`: something said that a name follows."""
    index = first + 1
    particles = scene.rules.people.particles
    while index < len(scene.words) and index - first < _LONGEST and _joined(scene, index):
        step = index
        while step < len(scene.words) and scene.words[step].lower in particles and step - index < 2:
            step += 1
        if (
            step >= len(scene.words)
            or step in scene.taken
            or not scene.words[step].follows
            or not (_goes_on(scene, step, first) or (cued and _street_word(scene, step)))
        ):
            break
        index = step + 1
    return index


def _joined(scene: Scene, index: int) -> bool:
    word, before = scene.words[index], scene.words[index - 1]
    return word.follows or (word.gap == "." and len(before.lower) == 1)


def _goes_on(scene: Scene, index: int, first: int) -> bool:
    word, known, person = scene.words[index], scene.known[index], scene.tags[index].person
    if scene.blocked(index) and not (len(word.text) == 1 and word.text.isupper()):
        return False
    if word.cased and scene.words[first].capital:
        return word.text[:1].isupper() and (person >= SUPPORTED or known.name or scene.language.code != "de")
    if known.ordinary:
        return known.family and person >= 0.3
    return person >= SUPPORTED or known.name


def _street_word(scene: Scene, index: int) -> bool:
    """True for the surname of "My name is Virginia Lane"."""
    rules, word = scene.rules.addresses, scene.words[index]
    after = index + 1
    begins = after < len(scene.words) and scene.words[after].follows and not scene.plain(after)
    street = word.lower in rules.after or (word.lower in rules.before and not begins)
    return street and word.lower not in scene.language.stop_words and (word.capital or scene.known[index].family)


def _organisation(scene: Scene, first: int, last: int) -> bool:
    """True beside "bank", "clinic", "insurance"."""
    organisations = scene.rules.people.organisations
    if first and scene.words[first].follows and scene.words[first - 1].lower in organisations:
        return True
    # "Morgan Bank", "Northgate Mutual Insurance": the word that says it may be the next but one.
    after, last_word = last, scene.words[last - 1]
    while after < len(scene.words) and after < last + 2 and scene.words[after].follows:
        if scene.words[after].lower in organisations and (scene.words[after].capital or not last_word.cased):
            return True
        if not scene.words[after].capital:
            break
        after += 1
    return any(scene.words[k].lower in organisations for k in range(first, last))


def _spelling(scene: Scene, index: int) -> tuple[int, list[str]]:
    """Single letters in a row, each perhaps with the word that stands for it: where they end, and the letters."""
    stands_for = scene.language.phrases(*scene.rules.people.spelled)
    letters: list[str] = []
    end = index
    while end < len(scene.words) and len(scene.words[end].lower) == 1 and scene.words[end].lower.isalpha():
        if letters and scene.words[end].gap not in ("", "-", ",", ".", "-,"):
            break
        letters.append(scene.words[end].lower)
        end += 1
        length = stands_for.at(scene.words, end) if end < len(scene.words) else 0
        if length and end + length < len(scene.words) and scene.words[end + length].lower.startswith(letters[-1]):
            end += length + 1
    return end, letters
