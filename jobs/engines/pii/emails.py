"""E-mail and web addresses, written, spoken ("john dot smith at gmail dot com") and half of each."""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Iterator

from jobs.engines.pii.reading import Phrases
from jobs.engines.pii.scene import Scene, Span

# Said without an ending more often than with one.
PROVIDERS = frozenset("gmail hotmail yahoo outlook icloud googlemail protonmail".split())
# Endings that a spoken web address may have with nothing else that says it is one.
_PLAIN_ENDINGS = frozenset("com net org info eu edu gov".split())
# Country endings of written bare addresses: others are words that lost the space after a full stop ("done.So").
_WRITTEN_ENDINGS = _PLAIN_ENDINGS | frozenset("uk us ca au de at ch es mx ar fr pt br nl pl io biz".split())
# Each begins only where nothing of its kind stands before it: tried from every letter of a long run of them, it would
# take the square of the run's length.
_WRITTEN_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]++@[\w-]+(?:\.[\w-]+)*\.\w{2,}")
_WRITTEN_URL = re.compile(
    r"(?:https?://|www\.)[^\s\"<>]*+"
    r"|(?<![\w@.-])[\w-]++(?:\.[\w-]+)*\.(\w{2,})(?:/[^\s,;!?]*)?(?![\w@])",
    re.IGNORECASE,
)
_PREFIXES = ("www", "http://", "https://")
_CUE_WORDS = 8
_LONGEST_HOST = 3
_LONGEST_LOCAL = 14


def find_net(scene: Scene) -> list[tuple[Span, str]]:
    """Every e-mail and web address with its type; none overlap."""
    emails = _Emails(scene)
    spoken = [(span, "EMAIL_ADDRESS") for span in emails.spoken()] + [(span, "URL") for span in emails.spoken_urls()]
    found = list(_written(scene))
    taken = {index for span, _ in found for index in range(span.first, span.last)}
    for span, kind in spoken:
        words = range(span.first, span.last)
        if taken.isdisjoint(words):
            taken.update(words)
            found.append((span, kind))
    return sorted(found, key=lambda each: each[0].first)


def _written(scene: Scene) -> Iterator[tuple[Span, str]]:
    emails = list(_WRITTEN_EMAIL.finditer(scene.text)) if "@" in scene.text else []
    ends = [email.end() for email in emails]
    for match in emails:
        yield _words_of(scene, match.start(), match.end()), "EMAIL_ADDRESS"
    for match in _WRITTEN_URL.finditer(scene.text):
        said = match.group().rstrip(".,;:!?")
        end = match.start() + len(said)
        after = bisect.bisect_right(ends, match.start())
        if said.lower() in _PREFIXES or (after < len(emails) and emails[after].start() < end):
            continue
        if match[1] is None or match[1].lower() in _WRITTEN_ENDINGS:
            span = _words_of(scene, match.start(), end)
            # "john.smith at gmail.com": the spoken reading takes it.
            after_at = span.first > 0 and scene.words[span.first - 1].lower in _every_at(scene)
            if match[1] is None or not (after_at or _at_follows(scene, span.last)):
                yield span, "URL"


def _words_of(scene: Scene, start: int, end: int) -> Span:
    first, last = scene.words_between(start, end)
    return Span(first, last, 1.0)


def _every_at(scene: Scene) -> tuple[str, ...]:
    return scene.rules.net.at + scene.rules.net.weak_at


def _at_follows(scene: Scene, index: int) -> bool:
    return index < len(scene.words) and scene.language.phrases(*_every_at(scene)).at(scene.words, index) > 0


class _Emails:
    """Reads spoken addresses word by word."""

    def __init__(self, scene: Scene) -> None:
        net, phrases = scene.rules.net, scene.language.phrases
        self._scene, self._words = scene, scene.words
        self._strong, self._weak = phrases(*net.at), phrases(*net.weak_at)
        self._dot, self._joints = phrases(*net.dot), phrases(*net.dash, *net.underscore, *net.dot)
        self._slash = phrases(*net.slash) if net.slash else None
        self._stop = scene.language.stop_words

    def spoken(self) -> Iterator[Span]:
        for index, word in enumerate(self._words):
            sign = "@" in word.gap
            strong = self._strong.at(self._words, index) if self._scene.rules.net.at else 0
            length = 0 if sign else strong or self._weak.at(self._words, index)
            if not (sign or length) or index == 0:
                continue
            end, certain = self._host(index + length)
            first, joined = self._local(index)
            if end and first < index and (strong or sign or certain or joined or self._cue_before(first)):
                yield Span(first, end, 0.95 if certain or strong or sign else 0.8)

    def spoken_urls(self) -> Iterator[Span]:
        for index, word in enumerate(self._words):
            if self._joint(index, self._dot) == 0 or index == 0:
                continue
            host = index - 1
            while host and self._joint(host, self._dot) == 0 and self._www(host - 1):
                host -= 1
            www = self._www(host) or (host >= 2 and self._www(host - 2) and self._joint(host - 1, self._dot))
            if self._www(index - 1) or self._words[index - 1].lower in self._stop or word.gap:
                continue
            end, _ = self._host(index - 1)
            if not end:
                continue
            plain = self._words[end - 1].lower in _PLAIN_ENDINGS
            if www or plain or self._near(index, self._scene.rules.net.web_cues):
                first = host - 2 if host >= 2 and self._www(host - 2) else host
                yield Span(first, self._path(end), 0.85)

    def _www(self, index: int) -> bool:
        return self._words[index].lower == "www"

    def _path(self, end: int) -> int:
        while end < len(self._words) - 1 and self._slash is not None:
            length = self._slash.at(self._words, end)
            if not length or end + length >= len(self._words):
                break
            end += length + 1
        return end

    def _joint(self, index: int, phrases: Phrases) -> int:
        """How many words long the dot, dash or underscore at `index` is."""
        return phrases.at(self._words, index)

    def _glued(self, index: int) -> bool:
        """True when a written dot, dash or underscore without spaces parts `index` from the word before."""
        if index <= 0 or index >= len(self._words):
            return False
        between = self._scene.text[self._words[index - 1].end : self._words[index].start]
        return len(between) == 1 and between in "._-+"

    def _host(self, index: int) -> tuple[int, bool]:
        """Where the host that begins at `index` ends, 0 for none; and whether it is a mail provider."""
        words, best, start = self._words, 0, index
        provider = index < len(words) and words[index].lower in PROVIDERS
        if index >= len(words) or words[index].lower in self._stop or not words[index].lower[0].isalnum():
            return 0, False
        while index < len(words) and index - start <= _LONGEST_HOST * 3:
            dot = 0 if self._glued(index + 1) else self._joint(index + 1, self._dot) if index + 1 < len(words) else 0
            if self._glued(index + 1) or dot:
                index += 1 + dot
                end, ending = self._ending(index)
                best = end if ending in top_level_names() else best
            elif best or index - start >= _LONGEST_HOST or not self._host_goes_on(index + 1):
                break
            else:
                index += 1
        return best or (start + 1 if provider else 0), provider

    def _host_goes_on(self, index: int) -> bool:
        if index >= len(self._words) or not self._words[index].follows:
            return False
        return len(self._words[index].lower) == 1 or self._words[index].lower not in self._stop

    def _ending(self, index: int) -> tuple[int, str]:
        """The ending that begins at `index`, spelled or whole: where it ends, and what it is."""
        letters, end = "", index
        while end < len(self._words) and len(self._words[end].lower) == 1 and end - index < 4:
            letters, end = letters + self._words[end].lower, end + 1
        if len(letters) > 1:
            return end, letters
        return (index + 1, self._words[index].lower) if index < len(self._words) else (index, "")

    def _local(self, at: int) -> tuple[int, bool]:
        """Where the part before the at begins, and whether it is more than one plain word."""
        first, joined = at - 1, False
        if first < 0 or not (self._joint_before(first) or self._glued(first) or self._bears_address(first)):
            return at, False
        while first > 0 and at - first < _LONGEST_LOCAL:
            joint = self._joint_before(first)
            if self._glued(first) or "_" in self._words[first].gap:
                first, joined = first - 1, True
            elif joint:
                first, joined = first - joint - 1, True
            elif self._runs_on(first):
                first, joined = first - 1, True
            else:
                break
        return first, joined

    def _joint_before(self, first: int) -> int:
        """How many words long the dot, dash or underscore is that stands between `first` and another word."""
        return next((n for n in (4, 3, 2, 1) if first - n >= 1 and self._joint(first - n, self._joints) == n), 0)

    def _bears_address(self, index: int) -> bool:
        """True for a word that may be all there is before the at: no "me", "look" or "is"."""
        lower = self._words[index].lower
        return lower not in self._stop or len(lower) == 1 or self._number(index)

    def _runs_on(self, first: int) -> bool:
        """True when the word before belongs to the address without a joint: spelled letters, digits, names."""
        scene, before, word = self._scene, self._words[first - 1], self._words[first]
        if word.gap not in ("", "-", ","):
            return False
        spelled = len(before.lower) == 1 and (len(word.lower) == 1 or word.lower.isdigit())
        known = scene.known[first - 1]
        name = known.name and not known.ordinary and word.gap == "" and not scene.blocked(first - 1)
        number = self._number(first) and (self._number(first - 1) or name)
        return spelled or (name and scene.known[first].name) or number or (before.lower.isdigit() and not spelled)

    def _number(self, index: int) -> bool:
        numbers = self._scene.rules.addresses.numbers
        return bool(number_pattern(self._scene.language.code, numbers).fullmatch(self._words[index].lower))

    def _cue_before(self, index: int) -> bool:
        return self._near(index, self._scene.rules.net.email_cues)

    def _near(self, index: int, cues: tuple[str, ...]) -> bool:
        phrases = self._scene.language.phrases(*cues)
        return any(phrases.at(self._words, k) for k in range(max(0, index - _CUE_WORDS), index))


@functools.cache
def number_pattern(language: str, numbers: tuple[str, ...]) -> re.Pattern[str]:
    """Matches one word that says a house number or a part of one; `language` only keys the cache."""
    return re.compile("|".join(f"(?:{each})" for each in numbers))


@functools.cache
def top_level_names() -> frozenset[str]:
    """The real endings, from the list that tldextract carries; nothing is fetched."""
    import tldextract

    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    return frozenset(suffix for suffix in extract.tlds if "." not in suffix)
