"""What an analyst found, before it is checked: plain values that cite line ids. No JSON shape, no promise of truth.

Analysts (`jobs.engines.analyst_*`) make them, `analytics.truth` drops what the transcript does not bear out, and
`analytics.payload` writes what is left in the documented shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Label = Literal["positive", "neutral", "negative"]
Level = Literal["low", "medium", "high"]
LABELS: tuple[Label, ...] = ("positive", "neutral", "negative")
LEVELS: tuple[Level, ...] = ("low", "medium", "high")
OpportunityType = Literal["follow-up", "clarification", "unanswered"]
OPPORTUNITY_TYPES: tuple[OpportunityType, ...] = ("follow-up", "clarification", "unanswered")


@dataclass(frozen=True, slots=True)
class Topic:
    topic: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """`owner`: a speaker label or a name that is said; `due_date`: the very words that say when."""

    action: str
    ids: tuple[int, ...]
    owner: str | None = None
    due_date: str | None = None
    confidence: Level = "medium"


@dataclass(frozen=True, slots=True)
class Answered:
    question: str
    answer: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    decision: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Risk:
    risk: str
    ids: tuple[int, ...]
    severity: Level = "medium"


@dataclass(frozen=True, slots=True)
class Opportunity:
    opportunity: str
    type: OpportunityType
    ids: tuple[int, ...]
    impact: Level = "medium"


@dataclass(frozen=True, slots=True)
class Chapter:
    """From the line `first` up to the next chapter's first line."""

    title: str
    first: int
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Urgency:
    score: int
    reasoning: str
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Feeling:
    """The sentiment of one line; `score` 0-1 is how sure the label is."""

    label: Label
    score: float


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a select field that was found, by its code; `confidence` 0-1."""

    code: str
    confidence: float
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FieldDraft:
    """What was found for one custom field. Neither `choices` nor `value`: nothing said bears on it.

    `skipped`: it could not be looked for.
    """

    reasoning: str
    choices: tuple[Choice, ...] = ()
    value: bool | int | None = None
    confidence: float = 0.0
    ids: tuple[int, ...] = ()
    skipped: bool = False


@dataclass(frozen=True)
class GenericDraft:
    """What the generic modules found. A module in `failed` was asked and gave no usable answer; one in `partial` gave
    none for a part of the recording.

    `downgraded`: a skip reason when part of the analyst was not there and the rest was done without it.
    `extracted`: the summary is made of the transcript's own sentences.
    """

    summary: str = ""
    feelings: tuple[Feeling, ...] = ()
    overall: Label | None = None
    explanation: str = ""
    topics: tuple[Topic, ...] = ()
    actions: tuple[Action, ...] = ()
    answered: tuple[Answered, ...] = ()
    decisions: tuple[Decision, ...] = ()
    risks: tuple[Risk, ...] = ()
    opportunities: tuple[Opportunity, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    urgency: Urgency | None = None
    keywords: tuple[str, ...] = ()
    failed: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()
    downgraded: str | None = None
    extracted: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether every module that was asked failed; what is only counted doesn't make an analysis."""
        felt = () if "sentiment" in self.failed else self.feelings
        found = (self.summary, felt, self.topics, self.actions, self.answered, self.decisions, self.risks)
        return bool(self.failed) and not any((*found, self.opportunities, self.chapters, self.urgency))


@dataclass(frozen=True)
class CustomDraft:
    """Field key -> what was found. A field in `partial` could not be looked for in a part of the recording."""

    fields: dict[str, FieldDraft] = field(default_factory=dict)
    partial: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether no field could be looked for."""
        return bool(self.fields) and all(draft.skipped for draft in self.fields.values())
