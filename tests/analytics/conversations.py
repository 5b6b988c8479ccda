"""Conversations for the tests of analytics: one that is written out, builders, and generated ones with any drafts."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from analytics.drafts import (
    LABELS,
    LEVELS,
    OPPORTUNITY_TYPES,
    Action,
    Answered,
    Chapter,
    Choice,
    CustomDraft,
    Decision,
    Feeling,
    FieldDraft,
    GenericDraft,
    Opportunity,
    Risk,
    Topic,
    Urgency,
)
from analytics.fields import CustomField, Option
from analytics.spoken import Line, Spoken

AGENT, CALLER = "SPEAKER_00", "SPEAKER_01"
LINE_S = 4.0

CALL = (
    (AGENT, "Thank you for calling Northgate Insurance, this call is recorded for quality and training purposes."),
    (AGENT, "My name is Sarah, how can I help you today?"),
    (CALLER, "Hi Sarah, I'm calling to check where my claim is at, it's about the water damage in our kitchen."),
    (AGENT, "Sure, may I have your policy number, please?"),
    (CALLER, "It's my homeowners policy, number 5512."),
    (AGENT, "Thank you. I see the adjuster has looked at the photos and is reviewing the estimate."),
    (CALLER, "Okay. When will I hear back from you?"),
    (AGENT, "We'll send the settlement letter by Friday."),
    (CALLER, "All right, that sounds good."),
    (AGENT, "Is there anything else I can do for you?"),
    (CALLER, "No, that's all, thank you."),
    (AGENT, "Thank you for calling, have a good day."),
)


def conversation(*rows: tuple[str | None, str], language: str | None = "en", diarized: bool = True) -> Spoken:
    """Lines of four seconds each, from (speaker, words)."""
    lines = tuple(
        Line(at, at * LINE_S, (at + 1) * LINE_S, text, speaker if diarized else None)
        for at, (speaker, text) in enumerate(rows)
    )
    return Spoken(lines, language, len(rows) * LINE_S, diarized)


def the_call(*, diarized: bool = True, language: str | None = "en") -> Spoken:
    return conversation(*CALL, language=language, diarized=diarized)


def select(key: str = "reason", type_: str = "single_select", codes: str = "A B C") -> CustomField:
    options = tuple(Option(at, code, f"Option {code}") for at, code in enumerate(codes.split(), start=1))
    return CustomField(key, "The reason", type_, options=options)


BOOLEAN = CustomField("resolved", "Resolved", "boolean")
RATING = CustomField("mood", "Mood", "rating", min=1, max=5)
FIELDS = (select(), select("lines", "multi_select", "A B C D E F G H I J"), BOOLEAN, RATING)

# Generated conversations and drafts. Words come from few letters, so that what is made up is now and then really said.

said_words = st.sampled_from(
    "Anna Ben anna Friday friday monday invoice invoices contract sends 12 5,000 7 letter quote 明天 three".split()
)
texts = st.lists(said_words, min_size=1, max_size=8).map(" ".join) | st.text(max_size=30)
owners = st.none() | st.sampled_from([AGENT, CALLER, "SPEAKER_07", "Anna", "Ben", "anna", "Zoe", "I", ""])
due_dates = st.none() | st.sampled_from(["Friday", "by Monday", "monday", "12", "明天", "tomorrow", "", " "]) | texts
ids = st.lists(st.integers(-2, 8), max_size=10).map(tuple)
levels = st.sampled_from(LEVELS)
confidences = st.sampled_from([0.0, 0.3, 0.5, 0.77, 1.0])


@st.composite
def spoken_texts(draw: st.DrawFn) -> Spoken:
    rows = draw(st.lists(st.tuples(st.sampled_from([AGENT, CALLER]), texts.filter(str.strip)), min_size=1, max_size=6))
    return conversation(*rows, language=draw(st.sampled_from(["en", "de", "zh"])), diarized=draw(st.booleans()))


choices = st.builds(Choice, st.sampled_from([*string.ascii_uppercase[:12]]), confidences, ids)
field_drafts = st.builds(
    FieldDraft,
    texts,
    st.lists(choices, max_size=12).map(tuple),
    st.none() | st.booleans() | st.integers(-3, 9),
    confidences,
    ids,
    st.booleans(),
)
custom_drafts = st.builds(
    CustomDraft, st.dictionaries(st.sampled_from([*(field.key for field in FIELDS), "unasked"]), field_drafts)
)


def _some(item: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(item, max_size=4).map(tuple)


generic_drafts = st.builds(
    GenericDraft,
    summary=texts,
    feelings=_some(st.builds(Feeling, st.sampled_from(LABELS), confidences)),
    topics=_some(st.builds(Topic, texts, ids)),
    actions=_some(st.builds(Action, texts, ids, owners, due_dates, levels)),
    answered=_some(st.builds(Answered, texts, texts, ids)),
    decisions=_some(st.builds(Decision, texts, ids)),
    risks=_some(st.builds(Risk, texts, ids, levels)),
    opportunities=_some(st.builds(Opportunity, texts, st.sampled_from(OPPORTUNITY_TYPES), ids, levels)),
    chapters=_some(st.builds(Chapter, texts, st.integers(-3, 12), texts)),
    urgency=st.none() | st.builds(Urgency, st.integers(1, 10), texts, ids),
    keywords=st.lists(texts, max_size=3).map(tuple),
)
