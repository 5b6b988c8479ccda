"""Word times against the scripts of the synthetic calls, and what words cost.

    python -m benchmarks.words [--testdata DIR] [--models DIR] [--threads N] [--tier standard|premium]

DIR holds `synthetic_calls/*_mono.mp3` beside their scripts (segments with start, end, text). The transcript's words are
matched with the script's by text; where a segment's first word is found its start counts, where its last is found its
end. Prints Markdown: mean absolute errors, words in order and inside the recording, CPU-seconds with and without words.
"""

import argparse
import itertools
import os
import pathlib
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.synthetic_calls import Call, calls, matched
from jobs.engines import weights
from jobs.engines.audio import AudioDecoder
from jobs.engines.transcriber_whisper import WhisperTranscriber
from jobs.pipeline.types import Audio, Segment, Transcript, Word


@dataclass(frozen=True)
class Measured:
    name: str
    poor: bool
    duration_s: float
    starts: tuple[float, ...]
    ends: tuple[float, ...]
    words: int
    in_order: int
    segments: int
    plain_cpu_s: float
    words_cpu_s: float


def edges(script: Sequence[Segment], words: Sequence[Word]) -> tuple[list[float], list[float]]:
    """Errors of the starts and of the ends, ours minus the script's, in seconds."""
    said = [(line, number, text) for line in script for number, text in enumerate(line.text.split(), start=1)]
    starts, ends = [], []
    for at, place in matched([text for *_, text in said], [word.text for word in words]):
        line, number, _ = said[at]
        if number == 1:
            starts.append(words[place].start_s - line.start_s)
        if number == len(line.text.split()):
            ends.append(words[place].end_s - line.end_s)
    return starts, ends


def in_order(words: Sequence[Word], duration_s: float) -> int:
    """How many words have a length, begin no earlier than the one before ends, and lie inside the recording."""
    befores = itertools.chain([0.0], (word.end_s for word in words))
    return sum(before <= word.start_s < word.end_s <= duration_s for before, word in zip(befores, words, strict=False))


def timed(transcriber: WhisperTranscriber, audio: Audio, words: bool) -> tuple[Transcript, float]:
    before = time.process_time()
    return transcriber.transcribe(audio, None, lambda done: None, words=words), time.process_time() - before


def measure(transcriber: WhisperTranscriber, call: Call) -> Measured:
    with (
        tempfile.TemporaryDirectory() as folder,
        AudioDecoder().decode(call.recording, pathlib.Path(folder), lambda done: None) as audio,
    ):
        timed(transcriber, audio, words=True)
        _, plain_cpu_s = timed(transcriber, audio, words=False)
        transcript, words_cpu_s = timed(transcriber, audio, words=True)
        words = [word for segment in transcript.segments for word in segment.words]
        starts, ends = edges(call.lines, words)
        return Measured(
            call.name,
            call.poor,
            audio.duration_s,
            tuple(starts),
            tuple(ends),
            len(words),
            in_order(words, audio.duration_s),
            len(call.lines),
            plain_cpu_s,
            words_cpu_s,
        )


def row(title: str, chosen: Sequence[Measured]) -> str:
    starts = [abs(error) for part in chosen for error in part.starts]
    ends = [abs(error) for part in chosen for error in part.ends]
    every = starts + ends
    audio_s = sum(part.duration_s for part in chosen)
    plain, with_words = sum(part.plain_cpu_s for part in chosen), sum(part.words_cpu_s for part in chosen)
    cells = [
        title,
        f"{audio_s:.0f}",
        f"{len(starts)} and {len(ends)} of {sum(part.segments for part in chosen)}",
        *(f"{1000 * statistics.fmean(errors):.0f}" if errors else "–" for errors in (starts, ends, every)),
        f"{1000 * statistics.median(every):.0f}" if every else "–",
        f"{100 * sum(part.in_order for part in chosen) / max(1, sum(part.words for part in chosen)):.1f}",
        f"{plain / audio_s:.4f}",
        f"{(with_words - plain) / audio_s:+.4f}",
    ]
    return f"| {' | '.join(cells)} |"


def table(rows: Sequence[Measured]) -> Iterator[str]:
    yield (
        "| call | seconds | starts and ends matched | start MAE ms | end MAE ms | both ms | median ms "
        "| in order and inside % | CPU-s/s without words | words add |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for part in rows:
        yield row(part.name, [part])
    good = [part for part in rows if not part.poor]
    if good and len(good) < len(rows):
        yield row("**good voices**", good)
    yield row("**all**", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testdata", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path("var/models"))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tier", choices=("standard", "premium"), default="standard")
    arguments = parser.parse_args()
    model_dir = weights.prepare(arguments.models, report=lambda line: None)
    transcriber = WhisperTranscriber(model_dir=model_dir, tier=arguments.tier, cpu_threads=arguments.threads)
    print(*table([measure(transcriber, call) for call in calls(arguments.testdata)]), sep="\n")
    print(f"\nMachine: {arguments.threads} threads on {os.cpu_count()} cores ({platform.machine()}), {arguments.tier}.")


if __name__ == "__main__":
    main()
