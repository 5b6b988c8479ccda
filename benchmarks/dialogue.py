"""`make bench-dialogue`: who said what. The whole pipeline with speakers over the synthetic calls, and their scripts.

    python -m benchmarks.dialogue --testdata DIR [--tiers standard premium] [--wrong]

DIR holds `synthetic_calls/*_mono.mp3` beside their scripts. WER is that of the whole text; cpWER, the concatenated
minimum-permutation word error rate of CHiME-6 (Watanabe et al., arXiv 2004.09249, section 5.1), that of everything each
speaker said, with the pairing of speakers that has the fewest errors. What it has beyond WER is what speakers cost.
Wrong speaker: of the words recognised, those given to somebody else. A call is diarized once for both tiers. Prints
Markdown, a row as soon as it is known; `--wrong` also lists the words of the wrong speaker with the diarizer's turns.
"""

import argparse
import os
import pathlib
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tuplets.settings")

import jiwer
from django.conf import settings
from scipy.optimize import linear_sum_assignment

from benchmarks.synthetic_calls import Call, calls, matched, segment
from benchmarks.transcribe_engine import normalised
from jobs.engines import registry, weights
from jobs.pipeline.run import Options, run
from jobs.pipeline.types import Diarization, Segment, Transcript, Turn, Word

TIERS = ("standard", "premium")
AROUND_S = 1.0


@dataclass(frozen=True)
class Errors:
    """Word errors and the words of the reference that they are of."""

    errors: int
    words: int

    @property
    def percent(self) -> float:
        return 100 * self.errors / max(1, self.words)


@dataclass(frozen=True)
class Wrong:
    """A word that was given to somebody else."""

    text: str
    start_s: float
    end_s: float
    said_by: str
    given_to: str


@dataclass(frozen=True)
class Measured:
    call: Call
    tier: str
    duration_s: float
    wer: Errors
    cpwer: Errors
    speakers: int
    wrong: tuple[Wrong, ...]
    recognised: int
    turns: tuple[Turn, ...]


class Kept:
    """An engine whose answer is kept, to be shown beside what came of it, or to be given again."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.answer: Any = None

    def transcribe(self, *given: Any, **options: Any) -> Transcript:
        self.answer = self._engine.transcribe(*given, **options)
        return self.answer

    def diarize(self, *given: Any) -> Diarization:
        self.answer = self.answer or self._engine.diarize(*given)
        return self.answer


def measure(call: Call, tiers: Sequence[str]) -> Iterator[Measured]:
    diarizer = Kept(registry.engine("diarizer"))
    for tier in tiers:
        transcriber = Kept(registry.engine(f"transcriber.{tier}"))
        engines = {"audio": registry.engine("audio"), f"transcriber.{tier}": transcriber, "diarizer": diarizer}
        options = Options(transcription_model=tier, diarization=True)
        outcome = run(options, call.recording, engines.__getitem__, lambda stage, fraction: None)
        heard = [segment(row) for row in outcome.document["segments"]]
        spoken = [word for each in transcriber.answer.segments for word in each.words]
        names, cpwer = paired(by_speaker(call.lines), by_speaker(heard), call.language)
        recognised, wrong = wrong_speakers(call.lines, heard, names, spoken)
        yield Measured(
            call=call,
            tier=tier,
            duration_s=outcome.audio_duration_s,
            wer=errors(joined(call.lines), joined(heard), call.language),
            cpwer=cpwer,
            speakers=outcome.document["diarization"]["speaker_count"],
            wrong=tuple(wrong),
            recognised=recognised,
            turns=diarizer.answer.exclusive,
        )


def joined(segments: Sequence[Segment]) -> str:
    return " ".join(each.text for each in segments)


def by_speaker(segments: Sequence[Segment]) -> dict[str, str]:
    """Everything that each speaker says, in order."""
    ordered = sorted(segments, key=lambda each: each.speaker or "")
    return {speaker or "": joined(list(said)) for speaker, said in groupby(ordered, key=lambda each: each.speaker)}


def errors(reference: str, text: str, language: str) -> Errors:
    found = jiwer.process_words(normalised(reference, language), normalised(text, language))
    wrong = found.substitutions + found.deletions + found.insertions
    return Errors(wrong, found.hits + found.substitutions + found.deletions)


def paired(spoken: dict[str, str], heard: dict[str, str], language: str) -> tuple[dict[str, str], Errors]:
    """{the label that was found: the speaker of the script}, and the errors of that pairing: the fewest there can be.

    Whoever has nobody to be paired with is paired with silence.
    """
    size = max(len(spoken), len(heard))
    speakers, labels = ([*names, *[""] * (size - len(names))] for names in (spoken, heard))
    table = [
        [errors(spoken.get(speaker, ""), heard.get(label, ""), language) for label in labels] for speaker in speakers
    ]
    pairs = list(zip(*linear_sum_assignment([[cell.errors for cell in row] for row in table]), strict=True))
    total = Errors(sum(table[row][at].errors for row, at in pairs), sum(row[0].words for row in table))
    return {labels[at]: speakers[row] for row, at in pairs}, total


def wrong_speakers(
    lines: Sequence[Segment], heard: Sequence[Segment], names: dict[str, str], spoken: Sequence[Word]
) -> tuple[int, list[Wrong]]:
    """How many words were recognised, and which were given to the wrong speaker; `spoken`: the recogniser's words."""
    said, found = ([(text, each) for each in segments for text in each.text.split()] for segments in (lines, heard))
    times = dict(matched([text for text, _ in found], [word.text for word in spoken]))
    pairs = list(matched([text for text, _ in said], [text for text, _ in found]))
    wrong = []
    for at, place in pairs:
        (_, line), (text, given) = said[at], found[place]
        if names[given.speaker or ""] != line.speaker:
            word = spoken[times[place]] if place in times else given
            wrong.append(
                Wrong(text, word.start_s, word.end_s, line.speaker or "", names[given.speaker or ""] or "nobody")
            )
    return len(pairs), wrong


HEADINGS = (
    "call",
    "tier",
    "seconds",
    "WER %",
    "cpWER %",
    "cpWER − WER, points",
    "speakers found / there",
    "words of the wrong speaker",
)


def table(found: Sequence[Call], tiers: Sequence[str], rows: list[Measured]) -> Iterator[str]:
    """Measures as it goes, into `rows`."""
    yield f"| {' | '.join(HEADINGS)} |"
    yield "|---|---" + "|--:" * (len(HEADINGS) - 2) + "|"
    for call in found:
        for row in measure(call, tiers):
            rows.append(row)
            yield _row(f"{call.name}{' (poor voice)' if call.poor else ''}", row.tier, [row])
    for tier in tiers:
        for title, poor in ("**good voices**", False), ("**poor voices, not for WER**", True):
            if chosen := [row for row in rows if row.tier == tier and row.call.poor == poor]:
                yield _row(title, tier, chosen)


def _row(title: str, tier: str, rows: Sequence[Measured]) -> str:
    wer, cpwer = (
        Errors(sum(one.errors for one in each), sum(one.words for one in each)).percent
        for each in ([row.wer for row in rows], [row.cpwer for row in rows])
    )
    there = sum(len(by_speaker(row.call.lines)) for row in rows)
    wrong, recognised = sum(len(row.wrong) for row in rows), sum(row.recognised for row in rows)
    audio_s = sum(row.duration_s for row in rows)
    cells = [
        title,
        tier,
        f"{audio_s:.0f}",
        f"{wer:.1f}",
        f"{cpwer:.1f}",
        f"{cpwer - wer:+.1f}",
        f"{sum(row.speakers for row in rows)} / {there}",
        f"{wrong} of {recognised} ({100 * wrong / max(1, recognised):.1f} %)",
    ]
    return f"| {' | '.join(cells)} |"


def wrong_words(row: Measured) -> Iterator[str]:
    """The words given to somebody else, each with the turns that are less than AROUND_S away."""
    for word in row.wrong:
        near = (
            turn for turn in row.turns if turn.start_s < word.end_s + AROUND_S and word.start_s - AROUND_S < turn.end_s
        )
        turns = ", ".join(f"{turn.speaker} {turn.start_s:.2f}–{turn.end_s:.2f}" for turn in near)
        said = f"{word.start_s:.2f}–{word.end_s:.2f} {word.text!r}: {word.said_by}'s, given to {word.given_to}"
        yield f"- {row.call.name}, {row.tier}, {said}; turns: {turns}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testdata", type=pathlib.Path, required=True)
    parser.add_argument("--tiers", nargs="+", choices=TIERS, default=TIERS)
    parser.add_argument("--wrong", action="store_true", help="list the words of the wrong speaker")
    given = parser.parse_args()
    weights.prepare(settings.MODELS_DIR, report=lambda line: None)
    found = calls(given.testdata)
    if not found:
        raise SystemExit(f"{given.testdata} has no synthetic_calls with a script and a recording.")
    rows: list[Measured] = []
    for line in table(found, given.tiers, rows):
        print(line, flush=True)
    if given.wrong:
        print("", *(line for row in rows for line in wrong_words(row)), sep="\n")
    cores = f"{os.cpu_count()} cores ({platform.machine()}), {settings.CPU_THREADS} threads"
    print(f"\nMachine: {cores}, Python {platform.python_version()}, profile {settings.ENGINE_PROFILE}.")


if __name__ == "__main__":
    main()
