"""Action items, decisions, risks, questions and answers, missed openings, urgency: candidates from dialogue acts.

Each is worded by the sentence that shows it, so that it can't say what nobody said; `wording` may put it better.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from analytics.drafts import Action, Answered, Decision, Feeling, Level, Opportunity, Risk, Urgency
from analytics.grounding import folded
from analytics.modules import ITEM_CAP
from analytics.spoken import Line, words
from jobs.engines.analyst import acts as act
from jobs.engines.analyst.acts import Acts
from jobs.engines.analyst.cues import cues
from jobs.engines.analyst.dates import due_phrase
from jobs.engines.analyst.negation import denies
from jobs.engines.analyst.reading import Reading, shortened

# How sure an act must be, …
LEAST = {
    act.PROMISE: 0.55,
    act.REQUEST: 0.7,
    act.ASSIGNMENT: 0.8,
    act.DECISION: 0.8,
    act.RISK: 0.7,
    act.QUESTION: 0.7,
    act.UNRESOLVED: 0.95,
    act.URGENT: 0.6,
}
# … and how much less where the sentence also says by when.
DUE_BONUS = 0.2
LEAST_WORDS = 4
HIGH, MEDIUM = 0.8, 0.65
ANSWER_LINES = 3
ANSWER_CHARACTERS = 400
# A question is answered within so many lines.
WAITING_LINES = 3
URGENT_LINES = 3
# The score without a line that is urgent beyond doubt, and the least one with such a line.
CALM, URGENT_FROM = 3, 5
AGREEMENT_WORDS = 12
NUMBER_CHARACTERS = 3
# Of a recording of many hours, so that what is done with each item stays quick.
MOST_ITEMS = 5 * ITEM_CAP
OF_ACTIONS = (act.PROMISE, act.REQUEST, act.ASSIGNMENT)
Item = TypeVar("Item", Action, Answered, Decision, Risk, Opportunity)
_NAME_FIRST = re.compile(r"^([A-ZÀ-Ž][\w'’-]+),\s")


@dataclass(frozen=True)
class Candidate:
    """A unit that does something: the line, its sentence, how sure."""

    line: Line
    text: str
    sureness: float
    act: str


class Audit:
    """Everything that is found by act in one reading."""

    def __init__(self, reading: Reading, feelings: tuple[Feeling, ...]) -> None:
        self.reading, self.feelings = reading, feelings
        self.acts = Acts(reading)
        self.language = reading.spoken.language

    def candidates(self, *wanted: str) -> list[Candidate]:
        """The best unit of each line for any of the acts, where it is sure enough, in order."""
        best: dict[int, Candidate] = {}
        for at, unit in enumerate(self.reading.units):
            if len(words(unit.text)) < LEAST_WORDS:
                continue
            name, sureness = self._act(at, wanted)
            known = best.get(unit.line)
            if sureness >= LEAST[name] and (known is None or sureness > known.sureness):
                best[unit.line] = Candidate(self.reading.spoken.lines[unit.line], unit.text, sureness, name)
        return [best[line] for line in sorted(best)]

    def _act(self, at: int, wanted: tuple[str, ...]) -> tuple[str, float]:
        """The likeliest of the wanted acts of a unit; 0 where another act is likelier."""
        name = max(wanted, key=lambda it: float(self.acts.of(it)[at]))
        sureness = float(self.acts.of(name)[at])
        near = sureness + DUE_BONUS >= LEAST[name] and name in (act.PROMISE, act.REQUEST)
        if near and due_phrase(self.reading.units[at].text, self.language):
            sureness += DUE_BONUS
        return (name, sureness) if sureness >= float(self.acts.found[at].max()) else (name, 0.0)

    def actions(self) -> tuple[Action, ...]:
        found: list[tuple[float, Action]] = []
        for it in self.candidates(*OF_ACTIONS):
            if it.act == act.REQUEST or it.text.endswith("?"):
                # Asked for, but is it a task? One that is answered at once is none, one that is agreed to is.
                if it.text.endswith("?") and not self._agreed(it.line):
                    continue
            elif denies(it.text, self.language):
                continue
            due = due_phrase(it.line.text, self.language)
            item = Action(it.text, (it.line.id,), self._owner(it), due, _level(it.sureness))
            found.append((it.sureness, item))
        return _surest_first(found)

    def decisions(self) -> tuple[Decision, ...]:
        return _surest_first(
            (it.sureness, Decision(it.text, (it.line.id,)))
            for it in self.candidates(act.DECISION)
            if not it.text.endswith("?") and not denies(it.text, self.language)
        )

    def risks(self) -> tuple[Risk, ...]:
        urgent = self.reading.by_line(self.acts.of(act.URGENT))
        found: list[tuple[float, Risk]] = []
        for it in self.candidates(act.RISK):
            if it.text.endswith("?"):
                continue
            feeling = self.feelings[it.line.id]
            severe = urgent[it.line.id] >= 0.3 or (feeling.label == "negative" and feeling.score >= HIGH)
            severity: Level = "high" if severe else "medium" if it.sureness >= MEDIUM else "low"
            found.append((it.sureness, Risk(it.text, (it.line.id,), severity)))
        return _surest_first(found)

    def answered(self) -> tuple[Answered, ...]:
        found: list[tuple[float, Answered]] = []
        for question in self.questions():
            replies = self._replies(question.line)
            said = " ".join(reply.text for reply in replies)
            if replies and len(words(said)) >= 2 and not self._asks(replies[0]):
                answer = said if len(said) <= ANSWER_CHARACTERS else said[:ANSWER_CHARACTERS].rsplit(" ", 1)[0] + "…"
                ids = (question.line.id, *(reply.id for reply in replies))
                found.append((question.sureness, Answered(question.text, answer, ids)))
        return _surest_first(found)

    def opportunities(self) -> tuple[Opportunity, ...]:
        """Hints that nobody takes up, and questions whose answer is that nobody knows."""
        found = [
            (it.sureness, Opportunity(it.text, "follow-up", (it.line.id,), _level(it.sureness)))
            for it in self.candidates(act.UNRESOLVED)
            if not it.text.endswith("?")
        ]
        for at, unit in enumerate(self.reading.units):
            if unit.text.endswith("?") and len(words(unit.text)) >= LEAST_WORDS:
                line = self.reading.spoken.lines[unit.line]
                replies = self._replies(line)
                if replies and self.acts.best[at] != act.ROUTINE and self._says("unknown", replies[0], anywhere=True):
                    item = Opportunity(unit.text, "unanswered", (line.id, replies[0].id))
                    found.append((float(self.acts.found[at].max()), item))
        return _surest_first(found)

    def questions(self) -> list[Candidate]:
        """Questions for information; not those that run the conversation ("how can I help you?")."""
        asked, routine, idle = (self.acts.of(name) for name in (act.QUESTION, act.ROUTINE, act.STATEMENT))
        found: dict[int, Candidate] = {}
        for at, unit in enumerate(self.reading.units):
            sureness = float(asked[at])
            # Where the recogniser writes no question mark, it must sound like a question and nothing else.
            marked = unit.text.endswith("?") and sureness > routine[at] + idle[at]
            if (marked or sureness >= LEAST[act.QUESTION]) and len(words(unit.text)) >= LEAST_WORDS:
                known = found.get(unit.line)
                if known is None or sureness > known.sureness:
                    found[unit.line] = Candidate(
                        self.reading.spoken.lines[unit.line], unit.text, sureness, act.QUESTION
                    )
        return [found[line] for line in sorted(found)]

    def urgency(self) -> Urgency:
        """1 to 10, from the lines that are urgent beyond doubt."""
        scores = self.reading.by_line(self.acts.of(act.URGENT))
        urgent = [int(at) for at in np.argsort(-scores) if scores[at] >= LEAST[act.URGENT]][:URGENT_LINES]
        if not urgent:
            return Urgency(CALM, "Nobody says that something can't wait.")
        chance = 1 - float(np.prod([1 - scores[at] for at in urgent]))
        quoted = shortened(self.reading.spoken.lines[urgent[0]].text)
        score = URGENT_FROM + round((10 - URGENT_FROM) * chance * len(urgent) / URGENT_LINES)
        return Urgency(score, f"Said in segment {urgent[0]}: {quoted}", tuple(sorted(urgent)))

    def _owner(self, candidate: Candidate) -> str | None:
        """Who promises does it himself; who is asked is the other one, or the one who is named."""
        line = candidate.line
        if candidate.act == act.PROMISE:
            return line.speaker
        if named := _NAME_FIRST.match(candidate.text):
            return named.group(1)
        if candidate.act == act.REQUEST and line.speaker is not None:
            others = [speaker for speaker in self.reading.spoken.speakers if speaker != line.speaker]
            return others[0] if len(others) == 1 else None
        return None

    def _agreed(self, asked: Line) -> bool:
        """Whether somebody else says yes to it right away, and no more than that."""
        replies = self._replies(asked)
        if not replies:
            return False
        said = folded(replies[0].text)
        number = (
            any(char.isdigit() for char in said) or len(_number_words(self.language).intersection(said.split())) > 1
        )
        return len(said.split()) <= AGREEMENT_WORDS and not number and self._says("agreed", replies[0])

    def _says(self, what: str, line: Line, *, anywhere: bool = False) -> bool:
        """Whether a line begins with one of the replies of a kind, or holds one."""
        said = f" {folded(line.text)} "
        phrases = [f" {folded(str(phrase))} " for phrase in cues("replies")[what].get(self.language or "en", ())]
        return any(phrase in said if anywhere else said.startswith(phrase) for phrase in phrases)

    def _replies(self, question: Line) -> list[Line]:
        """What others say right after a question, until who asked speaks again."""
        lines = self.reading.spoken.lines
        found: list[Line] = []
        for line in lines[question.id + 1 : question.id + 1 + WAITING_LINES]:
            if line.speaker is not None and line.speaker == question.speaker:
                if found:
                    break
                continue
            if found and line.speaker != found[0].speaker:
                break
            found.append(line)
            if len(found) == ANSWER_LINES or (line.speaker is None and found):
                break
        return found

    def _asks(self, line: Line) -> bool:
        own = self.reading.units_of_line(line.id)
        return all(self.acts.best[at] == act.QUESTION or self.reading.units[at].text.endswith("?") for at in own)


@functools.cache
def _number_words(language: str | None) -> frozenset[str]:
    """Number words of a language, without its articles: two in a reply are a number that is told."""
    listed = cues("due_dates").get(language or "en", {}).get("numbers", ())
    return frozenset(
        word for word in map(folded, map(str, listed)) if " " not in word and len(word) >= NUMBER_CHARACTERS
    )


def _surest_first(found: Iterable[tuple[float, Item]]) -> tuple[Item, ...]:
    """As many as a module shows, the surest, in their order; after them what may take the place of a duplicate."""
    kept = list(found)
    ranked: list[int] = sorted(range(len(kept)), key=lambda at: -kept[at][0])
    return tuple(kept[at][1] for at in [*sorted(ranked[:ITEM_CAP]), *ranked[ITEM_CAP:MOST_ITEMS]])


def _level(sureness: float) -> Level:
    return "high" if sureness >= HIGH else "medium" if sureness >= MEDIUM else "low"
