"""Which number is what: check digits and the words near it decide, and each part of a run is claimed once.

First what proves itself (a card's or an IBAN's check digits), then what the nearest words that fit say, then what
looks like something on its own. A question's words reach into the answer: see `context.py`. What is said again
without its words is `repeats.py`'s.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from jobs.engines.pii.checks import CHECKS
from jobs.engines.pii.context import Mention, Phrases, Surroundings
from jobs.engines.pii.dates import DateFound, dates
from jobs.engines.pii.fitting import SHORT, Fitting, accepted, lengths, may_stop, right_length
from jobs.engines.pii.lexicon import Lexicon
from jobs.engines.pii.loading import Rule, patterns
from jobs.engines.pii.spoken import PARTED, PAUSED, Run, read
from jobs.engines.pii.tokens import phrase, tokens

# A find that proves itself comes before what the words around it say.
PROOF = 0.8
# More digits than anybody says of one number, or of a card with its expiry and code: a list, read out.
RECITED = 24
# In a list as long as this one, some digits are a valid telephone number of some country wherever one looks.
ENDLESS = 120
_LONGEST_PHONE = 15  # ITU-T E.164
_OF_RUNS = ("digits", "code", "phone", "iban")


@dataclass(frozen=True, slots=True)
class Claim:
    """Characters `start` to `end` are what a rule looks for; `value` is the number as it reads, "" for a date."""

    start: int
    end: int
    rule: Rule
    score: float
    value: str


@dataclass(frozen=True, slots=True)
class _Part:
    """Pieces `first` to `after` of a run, claimed by a rule."""

    first: int
    after: int
    rule: Rule
    score: float


class Language:
    """Everything that reading one language needs; made once (`language()`), read-only."""

    def __init__(self, code: str) -> None:
        data = patterns(code)
        self.rules = data.recognizers
        self.lexicon = Lexicon(data.speech)
        self.phrases = Phrases(data.contexts)
        # Folded words that a conversation about numbers is full of.
        self.ordinary = (
            self.lexicon.units
            | self.lexicon.magnitudes
            | {word for phrases in data.contexts.values() for words in phrases for word in phrase(words)}
        )
        self.regex = {rule.name: re.compile(rule.pattern) for rule in self.rules if rule.pattern}
        self.fitting = Fitting(self.regex)


@cache
def language(code: str) -> Language:
    return Language(code)


def claims(text: str, known: Language) -> list[Claim]:
    """All that the rules of a language find in a text, in no order; claims of runs don't overlap one another."""
    return _Claiming(text, known).claims()


class _Claiming:
    def __init__(self, text: str, known: Language) -> None:
        self.text, self.known, self.fitting = text, known, known.fitting
        self.tokens = tokens(text)
        self.dates = dates(self.tokens, known.lexicon)
        self.runs = read(self.tokens, known.lexicon, [(date.first, date.after) for date in self.dates])
        mentions = known.phrases.mentions(self.tokens)
        starts = sorted([run.pieces[0].first for run in self.runs] + [date.first for date in self.dates])
        self.around = Surroundings(self.tokens, mentions, starts)

    def claims(self) -> list[Claim]:
        found: list[Claim] = []
        for run, digits in zip(self.runs, _in_a_row(self.runs), strict=True):
            parts = self._of_run(run, digits > ENDLESS)
            found += (_claim(run, part) for part in self._with_leftovers(run, parts, digits > RECITED))
        for date in self.dates:
            found += self._of_date(date)
        for rule in self.known.rules:
            if rule.kind == "regex":
                found += self._of_pattern(rule)
        return found

    def _of_run(self, run: Run, endless: bool) -> list[_Part]:
        """Claim a part, then look at what is left before and after it."""
        found: list[_Part] = []
        left = [(0, len(run.pieces))]
        while left:
            first, after = left.pop()
            part = run.part(first, after)
            claimed = self._proven(part) or self._by_context(part) or self._alone(part, endless)
            if claimed is None:
                continue
            claimed = _Part(first + claimed.first, first + claimed.after, claimed.rule, claimed.score)
            found.append(claimed)
            left += [(a, b) for a, b in ((first, claimed.first), (claimed.after, after)) if a < b]
        return sorted(found, key=lambda part: part.first)

    def _with_leftovers(self, run: Run, parts: list[_Part], recited: bool) -> list[_Part]:
        """And what nobody claimed beside digits that nobody explains, or anywhere in a list that is read out."""
        rule = next((rule for rule in self.known.rules if rule.or_longer), None)
        if rule is None or rule.scores.alone is None or not (recited or any(part.rule is rule for part in parts)):
            return parts
        whole: list[_Part] = []
        edges = [(0, 0), *((part.first, part.after) for part in parts), (len(run.pieces), len(run.pieces))]
        for at, part in enumerate([*parts, None]):
            left = (edges[at][1], edges[at + 1][0])
            beside = (part is not None and part.rule is rule) or (at > 0 and parts[at - 1].rule is rule)
            if (beside or recited) and any(_numeric(piece.value) for piece in run.pieces[slice(*left)]):
                whole.append(_Part(*left, rule, rule.scores.alone))
            if part is not None:
                whole.append(part)
        return _joined(whole, rule)

    def _proven(self, run: Run) -> _Part | None:
        """The longest stretch that proves itself: an IBAN rather than the account number in it."""
        best = None
        length = 0
        for rule in self.known.rules:
            if (rule.scores.alone or 0) >= PROOF and rule.kind in _OF_RUNS:
                found = self.fitting.window(run, rule)
                if found is not None and len(run.part(*found).value) > length:
                    length = len(run.part(*found).value)
                    best = _Part(*found, rule, max(rule.scores.alone or 0, rule.scores.context or 0))
        return best

    def _alone(self, run: Run, endless: bool) -> _Part | None:
        for rule in self.known.rules:
            if endless and rule.kind == "phone":
                continue
            if rule.scores.alone is not None and rule.kind in _OF_RUNS and not self._against(rule, run):
                found = self.fitting.window(run, rule)
                if found is not None:
                    return _Part(*found, rule, rule.scores.alone)
        return None

    def _by_context(self, run: Run) -> _Part | None:
        """The nearest words that a rule knows and that fit the number say what it is."""
        for mention in self.around.near(run.pieces[0].first, run.pieces[-1].after):
            for rule in self.known.rules:
                if rule.scores.context is None or rule.kind not in _OF_RUNS or not _about(rule, mention):
                    continue
                found = None if self._against(rule, run) else self._beginning(run, rule)
                if found is not None:
                    return _Part(_with_area_code(run, *found, rule), found[1], rule, rule.scores.context)
        return None

    def _against(self, rule: Rule, run: Run) -> bool:
        """Whether the nearest words are ones that the rule must not meet."""
        if not rule.not_context:
            return False
        near = self.around.near(run.pieces[0].first, run.pieces[-1].after)
        return bool(near) and bool(near[0].contexts.intersection(rule.not_context))

    def _beginning(self, run: Run, rule: Rule) -> tuple[int, int] | None:
        """The longest stretch from the beginning, or from a pause, that the rule accepts."""
        starts = [at for at in range(len(run.pieces)) if at == 0 or run.gaps[at - 1] >= PAUSED]
        ends, most = lengths(run), accepted(rule)[-1]
        for first in starts:
            for after in reversed(self._stops(run, first, ends, most)):
                if most < SHORT and not may_stop(run, after):
                    continue
                if right_length(rule, ends[after] - ends[first]) and self.fitting.fits(run, first, after, rule):
                    return first, after
        return None

    def _stops(self, run: Run, first: int, ends: Sequence[int], most: int) -> list[int]:
        """Where a number may stop. Over the end of a sentence it goes on only where more of it stands alone."""
        stops: list[int] = []
        for after in range(first + 1, len(run.pieces) + 1):
            if ends[after] - ends[first] > most:
                break
            stops.append(after)
            if after < len(run.pieces) and run.gaps[after - 1] == PARTED and not self._stands_alone(run, after):
                break
        return stops

    def _stands_alone(self, run: Run, at: int) -> bool:
        """Whether nothing but the end of a sentence follows these pieces: "9023." but not "two thirty works for me"."""
        stop = at + 1
        while stop < len(run.pieces) and run.gaps[stop - 1] != PARTED:
            stop += 1
        after = run.pieces[stop - 1].after
        return stop < len(run.pieces) or after >= len(self.tokens) or self.tokens[after].ends

    def _of_date(self, date: DateFound) -> Iterator[Claim]:
        day, year = date.day is not None, date.year is not None
        kind = "date" if day else "month_year"
        rules = [r for r in self.known.rules if r.kind == kind or (r.kind == "date" and year and not day)]
        for mention in self.around.near(date.first, date.after):
            for rule in rules:
                if rule.scores.context is not None and _about(rule, mention) and (year or rule.kind == "date"):
                    start, end = self.tokens[date.first].start, self.tokens[date.after - 1].end
                    yield Claim(start, end, rule, rule.scores.context, "")
                    return

    def _of_pattern(self, rule: Rule) -> Iterator[Claim]:
        starts = [token.start for token in self.tokens]
        for match in self.known.regex[rule.name].finditer(self.text):
            value = re.sub(r"[^0-9A-Za-z]", "", match.group()).upper()
            if (rule.lengths and len(value) not in rule.lengths) or not all(
                CHECKS[name](value) for name in rule.checks
            ):
                continue
            score = rule.scores.alone
            if rule.scores.context is not None and self._said_near(rule, match, starts):
                score = rule.scores.context
            if score is not None:
                yield Claim(match.start(), match.end(), rule, score, value)

    def _said_near(self, rule: Rule, match: re.Match[str], starts: Sequence[int]) -> bool:
        first, after = bisect.bisect_left(starts, match.start()), bisect.bisect_left(starts, match.end())
        return any(_about(rule, mention) for mention in self.around.near(first, after))


def _in_a_row(runs: Sequence[Run]) -> Iterator[int]:
    """For each run how many digits it has, with those of the runs that it goes on from or that go on from it."""
    chains: list[list[Run]] = []
    for run in runs:
        if chains and run.goes_on:
            chains[-1].append(run)
        else:
            chains.append([run])
    for chain in chains:
        digits = sum(character.isdecimal() for run in chain for piece in run.pieces for character in piece.value)
        yield from [digits] * len(chain)


def _with_area_code(run: Run, first: int, after: int, rule: Rule) -> int:
    """Where a telephone number begins: "My cell is 415." before "555-0184" is of it, though a sentence seems to end."""
    before = run.part(0, after).value
    return 0 if rule.type == "PHONE_NUMBER" and before.isdecimal() and len(before) <= _LONGEST_PHONE else first


def _joined(parts: Iterable[_Part], rule: Rule) -> list[_Part]:
    """Neighbours of one rule as one."""
    found: list[_Part] = []
    for part in parts:
        if found and part.rule is rule is found[-1].rule and found[-1].after == part.first:
            part = _Part(found.pop().first, part.after, rule, part.score)
        found.append(part)
    return found


def _claim(run: Run, part: _Part) -> Claim:
    said = run.part(part.first, part.after)
    return Claim(said.pieces[0].start, said.pieces[-1].end, part.rule, part.score, said.value)


def _numeric(value: str) -> bool:
    return any(character.isdecimal() for character in value)


def _about(rule: Rule, mention: Mention) -> bool:
    return not mention.contexts.isdisjoint(rule.context)
