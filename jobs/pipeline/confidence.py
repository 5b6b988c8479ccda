"""How far a result's speakers can be trusted, from what the diarizer and the words show. Pure; see `stages.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from jobs.pipeline.matching import similarity
from jobs.pipeline.types import Diarization, Turn

# The documentation's own sentence.
ORDINARY_WARNING = "Speaker attribution may be less accurate around short backchannels and overlapping speech."

SHORT_TURN_S = 0.5

# From here on the ordinary warning.
SOME_OVERLAP, SOME_SHORT_TURNS = 0.03, 0.2
# From here on confidence is low.
MUCH_OVERLAP, MANY_SHORT_TURNS = 0.2, 0.5
# The two people of a real telephone call are 0.64 alike, one person in two recordings 0.83 or more.
ALIKE = 0.7
LITTLE_SPEECH_S = 3.0
MANY_GUESSED = 0.1


@dataclass(frozen=True)
class Signals:
    """Shares are 0..1: of the time with speech that has two speakers, of turns under SHORT_TURN_S, of words that no
    turn told the speaker of. `alike` is the cosine of the two closest voices; `least_s` what the speaker of the fewest
    words speaks for, None where there is only one.
    """

    turns: int
    overlap_share: float
    short_share: float
    guessed_share: float
    alike: float | None
    least: tuple[str, float] | None


def signals(diarization: Diarization, labels: dict[str, str], guessed_share: float) -> Signals:
    """`labels`: the names in the result and the diarizer's own label of each."""
    turns = diarization.turns
    short = sum(turn.end_s - turn.start_s < SHORT_TURN_S for turn in turns)
    seconds = {
        name: sum(turn.end_s - turn.start_s for turn in diarization.exclusive if turn.speaker == label)
        for name, label in labels.items()
    }
    vectors = [diarization.vectors[label] for label in labels.values() if label in diarization.vectors]
    return Signals(
        turns=len(turns),
        overlap_share=_overlap_share(turns),
        short_share=short / len(turns) if turns else 0.0,
        guessed_share=guessed_share,
        alike=max((similarity(a, b) for a, b in combinations(vectors, 2)), default=None),
        least=min(seconds.items(), key=lambda item: item[1]) if len(seconds) > 1 else None,
    )


def judged(found: Signals) -> tuple[str, str | None]:
    """("medium" or "low", what to tell the customer)"""
    reasons = list(_reasons(found))
    if reasons:
        return "low", f"Speaker attribution may be wrong in places: {_listed(reasons)}."
    if found.overlap_share >= SOME_OVERLAP or found.short_share >= SOME_SHORT_TURNS:
        return "medium", ORDINARY_WARNING
    return "medium", None


def without_vector(names: Sequence[str]) -> str:
    """The sentence about speakers of whom there is no voice vector."""
    return f"{_listed(names)} {'speaks' if len(names) == 1 else 'speak'} too little for a voice vector."


def _reasons(found: Signals) -> Iterable[str]:
    if not found.turns:
        yield "no speaker could be told from another"
        return
    if found.overlap_share >= MUCH_OVERLAP:
        yield "people often speak at the same time"
    if found.short_share >= MANY_SHORT_TURNS:
        yield "many turns are very short"
    if found.alike is not None and found.alike >= ALIKE:
        yield "two of the voices sound much alike"
    if found.least is not None and found.least[1] < LITTLE_SPEECH_S:
        yield f"{found.least[0]} speaks for only {found.least[1]:.1f} seconds"
    if found.guessed_share >= MANY_GUESSED:
        yield "many words lie outside the stretches in which a speaker was heard"


def _overlap_share(turns: Iterable[Turn]) -> float:
    """Of the time in which anyone speaks, the part in which two or more do."""
    marks = sorted([(turn.start_s, 1) for turn in turns] + [(turn.end_s, -1) for turn in turns])
    spoken = shared = since = 0.0
    speaking = 0
    for at, change in marks:
        spoken += at - since if speaking else 0.0
        shared += at - since if speaking > 1 else 0.0
        speaking, since = speaking + change, at
    return shared / spoken if spoken else 0.0


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
