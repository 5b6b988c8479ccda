"""Who spoke when, against reference turns: error rate, cost, memory, and how alike voices are across recordings.

    python -m benchmarks.diarize [--testdata DIR] [--threads N] [--device cpu|cuda] [--model DIR] [--hours H] [--stock]

DIR holds recordings and a `manifest.json` (items with file, kind, duration, rttm, voices). Error rates are those of
pyannote.metrics with no collar and overlaps scored. Seconds are of CPU, so that other work on the machine hardly
counts. Prints Markdown. `--hours` also reads a recording of that length, made by looping the longest call; `--stock`
runs pyannote's own loop with the same weights over the shortest one, for a ratio.
"""

import argparse
import itertools
import json
import pathlib
import platform
import resource
import tempfile
import time
import warnings
from dataclasses import dataclass

import numpy as np
from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate

from jobs.engines import diarizer_weights
from jobs.engines.audio import AudioDecoder
from jobs.engines.diarizer_pyannote import PyannoteDiarizer
from jobs.pipeline.matching import similarity
from jobs.pipeline.types import SAMPLE_RATE, Audio, Diarization, SpeakerBounds, Turn

MEGABYTE = 2**10  # ru_maxrss counts kilobytes


@dataclass(frozen=True)
class Row:
    name: str
    kind: str
    duration_s: float
    rate: dict[str, float]
    cpu_s: float
    wall_s: float
    voices: dict[str, tuple[float, ...]]


def reference(path: pathlib.Path) -> Annotation:
    turns = Annotation()
    for line in path.read_text().splitlines():
        fields = line.split()
        if fields and fields[0] == "SPEAKER":
            start_s, length_s = float(fields[3]), float(fields[4])
            turns[Segment(start_s, start_s + length_s), len(turns)] = fields[7]
    return turns


def annotation(turns: tuple[Turn, ...]) -> Annotation:
    found = Annotation()
    for number, turn in enumerate(turns):
        found[Segment(turn.start_s, turn.end_s), number] = turn.speaker
    return found


def diarize(diarizer: PyannoteDiarizer, audio: Audio) -> tuple[Diarization, float, float]:
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    found = diarizer.diarize(audio, SpeakerBounds(), lambda done: None)
    return found, time.process_time() - cpu_s, time.perf_counter() - wall_s


def measure(diarizer: PyannoteDiarizer, folder: pathlib.Path, item: dict) -> Row:
    with (
        tempfile.TemporaryDirectory() as scratch,
        AudioDecoder().decode(folder / item["file"], pathlib.Path(scratch), lambda done: None) as audio,
    ):
        found, cpu_s, wall_s = diarize(diarizer, audio)
        duration_s = audio.duration_s
    expected, hypothesis = reference(folder / item["rttm"]), annotation(found.turns)
    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    parts = metric(expected, hypothesis, uem=None, detailed=True)
    rate = {name: 100 * parts[name] / parts["total"] for name in ("missed detection", "false alarm", "confusion")}
    names = metric.optimal_mapping(expected, hypothesis)
    voices = {
        item["voices"][names[label]]: vector
        for label, vector in found.vectors.items()
        if label in names and names[label] in item.get("voices", {})
    }
    return Row(item["file"], item["kind"], duration_s, rate, cpu_s, wall_s, voices)


def errors(rows: list[Row]) -> list[str]:
    lines = [
        "| recording | seconds | DER % | missed | false alarm | confusion | CPU-s per second | times real time |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        rates = " | ".join(f"{value:.1f}" for value in (sum(row.rate.values()), *row.rate.values()))
        speed = f"{row.cpu_s / row.duration_s:.3f} | {row.duration_s / row.wall_s:.0f}"
        lines.append(f"| {row.name} | {row.duration_s:.0f} | {rates} | {speed} |")
    total_s = sum(row.duration_s for row in rows)
    return [*lines, "", f"All: {sum(row.cpu_s for row in rows) / total_s:.3f} CPU-seconds per second of audio."]


def likeness(rows: list[Row]) -> list[str]:
    """Cosines between voices of different recordings; the same voice name means the same speaker."""
    same, different = [], []
    for one, other in itertools.combinations(rows, 2):
        # Two versions of one call are one recording.
        if one.name.rsplit("_", 1)[0] == other.name.rsplit("_", 1)[0]:
            continue
        for (name, vector), (other_name, other_vector) in itertools.product(one.voices.items(), other.voices.items()):
            (same if name == other_name else different).append((similarity(vector, other_vector), name, other_name))
    if not same or not different:
        return ["No voice occurs in two recordings."]
    low, high = min(same), max(different)
    found = f"Same voice in two recordings ({len(same)} pairs): lowest {low[0]:.3f} ({low[1]})."
    others = f"Different voices ({len(different)} pairs): highest {high[0]:.3f} ({high[1]}, {high[2]})."
    return [f"{found} {others} Margin {low[0] - high[0]:.3f}."]


def long_recording(diarizer: PyannoteDiarizer, source: pathlib.Path, hours: float) -> str:
    with (
        tempfile.TemporaryDirectory() as scratch,
        AudioDecoder().decode(source, pathlib.Path(scratch), lambda done: None) as audio,
    ):
        length = round(hours * 3600 * SAMPLE_RATE)
        looped = np.memmap(pathlib.Path(scratch) / "long", dtype=np.int16, mode="w+", shape=(length,))
        for first in range(0, length, len(audio.samples)):
            looped[first : first + len(audio.samples)] = audio.samples[: length - first]
        long = Audio(samples=looped, duration_s=length / SAMPLE_RATE, gain=audio.gain)
        found, cpu_s, wall_s = diarize(diarizer, long)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
    return (
        f"{hours:g} h: {cpu_s / long.duration_s:.3f} CPU-seconds per second, {long.duration_s / wall_s:.0f} times real "
        f"time, {peak:.0f} MB at most, {len({turn.speaker for turn in found.turns})} speakers."
    )


def against_stock(diarizer: PyannoteDiarizer, source: pathlib.Path, model: pathlib.Path | None) -> str:
    """The published pipeline as it comes, one thread, and ours, on one recording."""
    import torch
    from pyannote.audio.pipelines import SpeakerDiarization

    parts = diarizer_weights.load(model)
    stock = SpeakerDiarization(
        segmentation=parts.segmentation, embedding=parts.embedding, plda=parts.plda, **parts.options
    )
    stock.instantiate(parts.settings)
    with (
        tempfile.TemporaryDirectory() as scratch,
        AudioDecoder().decode(source, pathlib.Path(scratch), lambda done: None) as audio,
    ):
        waveform = torch.from_numpy(audio.read(0.0, audio.duration_s))[None]
        before = time.process_time()
        published = stock({"waveform": waveform, "sample_rate": SAMPLE_RATE}).speaker_diarization
        stock_s = time.process_time() - before
        found, ours_s, _ = diarize(diarizer, audio)
    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    return (
        f"pyannote's own loop on {source.name}: {stock_s:.1f} CPU-seconds, ours {ours_s:.1f} ({stock_s / ours_s:.1f} "
        f"times fewer); ours against its turns: {100 * metric(published, annotation(found.turns)):.1f} % DER."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testdata", type=pathlib.Path, default=pathlib.Path("tests/data/audio"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", type=pathlib.Path, help="an operator's community-1 folder")
    parser.add_argument("--hours", type=float)
    parser.add_argument("--stock", action="store_true", help="pyannote's own loop beside ours")
    given = parser.parse_args()
    warnings.filterwarnings("ignore", message="'uem' was approximated")
    diarizer = PyannoteDiarizer(model_dir=given.model, device=given.device, threads=given.threads)
    items = [
        item
        for item in json.loads((given.testdata / "manifest.json").read_text())["items"]
        if item.get("rttm") and (given.testdata / item["file"]).is_file() and (given.testdata / item["rttm"]).is_file()
    ]
    rows = [measure(diarizer, given.testdata, item) for item in items]
    if rows:
        print(*errors(rows), "", *likeness(rows), "", sep="\n")
    print(f"Peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE:.0f} MB.")
    if given.hours and items:
        longest = max(items, key=lambda item: item["duration"])
        print(long_recording(diarizer, given.testdata / longest["file"], given.hours))
    if given.stock and items:
        shortest = min((item for item in items if item["kind"] != "meeting"), key=lambda item: item["duration"])
        print(against_stock(diarizer, given.testdata / shortest["file"], given.model))
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    print(f"\nMachine: {machine}, {given.threads} thread(s), {given.device}.")


if __name__ == "__main__":
    main()
