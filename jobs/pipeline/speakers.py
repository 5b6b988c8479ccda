"""Who said which word: words to speakers by the diarizer's turns, and segments cut where the speaker changes.

Pure. Called by `stages.assign_speakers`, which judges the result with `confidence.py`. One label a segment of the
recogniser would be wrong wherever two people share one, as they do in every quick exchange: so each word is given to a
speaker by itself.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from jobs.pipeline.phrasing import piece, tidy_segments
from jobs.pipeline.texts import bound_words, ends_sentence, spells
from jobs.pipeline.types import Diarization, Segment, Turn, Word

# A word in no turn goes to the nearest turn within this; further away, to whoever says the word before it.
NEAREST_TURN_S = 1.0

# A run of one word, or one as short as ISLAND_S, between words of one other speaker is an island. Its neighbours are
# no further away than ISLAND_GAP_S: who answers after a pause is nobody's slip.
ISLAND_S = 0.3
ISLAND_GAP_S = 0.6
# A turn of the diarizer ends or begins a little off: where the speaker changes one word beside the end of a sentence,
# with no longer pause than this in between, it changes there.
SENTENCE_GAP_S = 0.3
# "Yes." while the other has not finished is heard from its beginning on; the end of the other's sentence is not.
HEARD_THROUGHOUT = 0.7
# The first word of an answer is said by whoever is heard in half of it, whoever else is.
HEARD_AT_ALL = 0.5
# What makes an island somebody's own turn: a turn this long that fills this much of it, while the other is silent for
# at least this much of it or it is a sentence of its own.
OWN_TURN_S = 0.25
OWN_TURN_SHARE = 0.5
SILENT_SHARE = 0.2


@dataclass(frozen=True)
class Assigned:
    """Segments with the labels SPEAKER_00, SPEAKER_01, … by first appearance; `labels`: the diarizer's label of each.

    `fallback_share`: of the words, how many no turn told the speaker of.
    """

    segments: tuple[Segment, ...]
    labels: dict[str, str]
    fallback_share: float


@dataclass
class _Said:
    """Words that stay together and who says them. `heard`: a turn says so, and not a guess."""

    words: tuple[Word, ...]
    speaker: str
    heard: bool

    @property
    def start_s(self) -> float:
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        return self.words[-1].end_s


class Timeline:
    """Turns that can be asked about a stretch of time; `turns` in order of start."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = turns
        self._starts = [turn.start_s for turn in turns]
        self._latest: list[int] = []  # up to here, the turn that ends last
        for place, turn in enumerate(turns):
            before = self._latest[-1] if place else 0
            self._latest.append(place if turn.end_s > turns[before].end_s else before)

    def touching(self, start_s: float, end_s: float) -> Iterator[tuple[Turn, float]]:
        """The turns that overlap the stretch, the last first, and by how many seconds."""
        place = bisect.bisect_left(self._starts, end_s) - 1
        while place >= 0 and self._turns[self._latest[place]].end_s > start_s:
            turn = self._turns[place]
            if (shared_s := min(turn.end_s, end_s) - max(turn.start_s, start_s)) > 0:
                yield turn, shared_s
            place -= 1

    def shares(self, start_s: float, end_s: float) -> dict[str, float]:
        """Seconds of the stretch that are each speaker's."""
        seconds: dict[str, float] = {}
        for turn, shared_s in self.touching(start_s, end_s):
            seconds[turn.speaker] = seconds.get(turn.speaker, 0.0) + shared_s
        return seconds

    def nearest(self, start_s: float, end_s: float) -> tuple[str, float]:
        """Whose turn is nearest to a stretch that no turn overlaps, and how far away it is; there is a turn."""
        place = bisect.bisect_left(self._starts, end_s)
        found = []
        if place:
            before = self._turns[self._latest[place - 1]]
            found.append((start_s - before.end_s, before.speaker))
        if place < len(self._turns):
            found.append((self._starts[place] - end_s, self._turns[place].speaker))
        distance_s, speaker = min(found)
        return speaker, distance_s


def assign(segments: Sequence[Segment], diarization: Diarization) -> Assigned:
    """Every word with a speaker; no word is lost, doubled or moved. `segments` are tidy.

    A segment whose words have no times goes to one speaker as a whole. Without any turn everything is one speaker's,
    and guessed. A speaker who has turns but says no word is left out.
    """
    exclusive = Timeline(diarization.exclusive)
    said = [_said(segment, exclusive if diarization.exclusive else None) for segment in segments]
    spoken = [units for units in said if units]
    _smooth(spoken, exclusive, Timeline(diarization.turns))
    _align_to_sentences(spoken, Timeline(diarization.turns))
    cut: list[Segment] = []
    guessed = total = 0
    for segment, units in zip(segments, said, strict=True):
        if units:
            cut.extend(_cut(segment, units))
            total += len(units)
            guessed += sum(not unit.heard for unit in units)
        else:
            speaker, sure = _whole(segment, exclusive if diarization.exclusive else None)
            cut.append(replace(segment, speaker=speaker))
            words = len(segment.text.split())
            total += words
            guessed += 0 if sure else words
    tidy = tidy_segments(cut, segments[-1].end_s if segments else 0.0)
    labels = numbered(tidy)
    named = {label: name for name, label in labels.items()}
    return Assigned(
        segments=tuple(
            replace(segment, speaker=named[segment.speaker or ""], avg_logprob=None, no_speech_prob=None)
            for segment in tidy
        ),
        labels=labels,
        fallback_share=guessed / total if total else 0.0,
    )


def numbered(segments: Iterable[Segment]) -> dict[str, str]:
    """{"SPEAKER_00": the label of whoever speaks first, …}"""
    first_seen = dict.fromkeys(segment.speaker or "" for segment in segments)
    return {f"SPEAKER_{number:02d}": label for number, label in enumerate(first_seen)}


def _said(segment: Segment, turns: Timeline | None) -> list[_Said]:
    """The segment's words with their speakers; none where its words can't be told apart in time."""
    if not spells(segment):
        return []
    said: list[_Said] = []
    for words in bound_words(segment):
        speaker, heard = _speaker_of(words, said[-1].speaker if said else None, turns)
        said.append(_Said(words, speaker, heard))
    return said


def _speaker_of(words: tuple[Word, ...], before: str | None, turns: Timeline | None) -> tuple[str, bool]:
    """Whose words these are, and whether a turn says so."""
    if turns is None:
        return "", False
    # A word without any length is looked for where it stands.
    start_s, end_s = words[0].start_s, max(words[-1].end_s, words[0].start_s + 0.001)
    shares = turns.shares(start_s, end_s)
    if shares:
        return max(shares, key=lambda speaker: (shares[speaker], speaker == before)), True
    speaker, distance_s = turns.nearest(start_s, end_s)
    return (speaker if distance_s <= NEAREST_TURN_S or before is None else before), False


def _whole(segment: Segment, turns: Timeline | None) -> tuple[str, bool]:
    """The speaker of a segment whose words have no times, and whether only one can be meant."""
    if turns is None:
        return "", False
    shares = turns.shares(segment.start_s, segment.end_s)
    if shares:
        return max(shares, key=shares.__getitem__), len(shares) == 1
    return turns.nearest(segment.start_s, segment.end_s)[0], False


def _smooth(phrases: Sequence[list[_Said]], exclusive: Timeline, turns: Timeline) -> None:
    """Gives islands to the speaker around them, in place."""
    stream = [unit for units in phrases for unit in units]
    runs = [list(run) for _, run in groupby(stream, key=lambda unit: unit.speaker)]
    for place in range(1, len(runs) - 1):
        before, island, after = runs[place - 1], runs[place], runs[place + 1]
        # An island that was smoothed has its neighbours' speaker, and is none of the next one's neighbours' concern.
        around = before[-1].speaker
        if around != after[0].speaker or around == island[0].speaker:
            continue
        short = len(island) == 1 or island[-1].end_s - island[0].start_s <= ISLAND_S
        near = max(island[0].start_s - before[-1].end_s, after[0].start_s - island[-1].end_s) <= ISLAND_GAP_S
        if short and near and not _own_turn(island, before[-1], exclusive, turns):
            for unit in island:
                unit.speaker = around


def _align_to_sentences(phrases: Sequence[list[_Said]], turns: Timeline) -> None:
    """Moves a change of speaker by one word to the end of a sentence, in place.

    "policy" | "number. It is" becomes "policy number." | "It is" where whoever goes on is not heard from the beginning
    of that word, and it begins no sentence or the first is heard in it; "Thank you. Yes," | "it is" becomes
    "Thank you." | "Yes, it is" where they are heard in half of it.
    """
    stream = [unit for units in phrases for unit in units]
    for before, word, after in zip(stream, stream[1:], stream[2:], strict=False):
        if not (before.speaker == word.speaker != after.speaker or before.speaker != word.speaker == after.speaker):
            continue
        ends, ended = _ends(word), _ends(before)
        heard = turns.shares(word.start_s, word.end_s)
        length_s = word.end_s - word.start_s
        throughout = heard.get(word.speaker, 0.0) > HEARD_THROUGHOUT * length_s
        near_before = word.start_s - before.end_s <= SENTENCE_GAP_S
        near_after = after.start_s - word.end_s <= SENTENCE_GAP_S
        changes_before, changes_after = word.speaker != before.speaker, word.speaker != after.speaker
        goes_on = before.speaker in heard or not word.words[0].text[:1].isupper()
        if ends and not ended and near_before and changes_before and goes_on and not throughout:
            word.speaker = before.speaker
        elif ended and not ends and near_after and changes_after and _heard_in_half(after.speaker, heard, length_s):
            word.speaker = after.speaker


def _heard_in_half(speaker: str | None, heard: dict[str, float], length_s: float) -> bool:
    return speaker is not None and 0.0 < HEARD_AT_ALL * length_s <= heard.get(speaker, 0.0)


def _ends(unit: _Said) -> bool:
    return ends_sentence(unit.words[-1].text)


def _own_turn(island: Sequence[_Said], before: _Said, exclusive: Timeline, turns: Timeline) -> bool:
    """Whether the words of an island are a turn of their speaker's own, such as "Yes." between two questions."""
    speaker, start_s, end_s = island[0].speaker, island[0].start_s, island[-1].end_s
    length_s = max(end_s - start_s, 0.001)
    own = [(turn, shared) for turn, shared in exclusive.touching(start_s, end_s) if turn.speaker == speaker]
    longest_s = max((turn.end_s - turn.start_s for turn, _ in own), default=0.0)
    if longest_s < OWN_TURN_S or sum(shared for _, shared in own) < OWN_TURN_SHARE * length_s:
        return False
    if ends_sentence(before.words[-1].text) and ends_sentence(island[-1].words[-1].text):
        return True
    other_s = turns.shares(start_s, end_s).get(before.speaker, 0.0)
    return other_s <= (1 - SILENT_SHARE) * length_s


def _cut(segment: Segment, units: Sequence[_Said]) -> Iterator[Segment]:
    bounds = [0, *(at for at, (a, b) in enumerate(pairwise(units), start=1) if a.speaker != b.speaker), len(units)]
    for first, last in pairwise(bounds):
        words = tuple(word for unit in units[first:last] for word in unit.words)
        yield replace(piece(segment, words), speaker=units[first].speaker)
