"""What diarization adds to a long recording: the whole pipeline without and with it, one after the other.

    python -m benchmarks.beside RECORDING [--tier standard|premium] [--hours H]

RECORDING is any file; `--hours` loops it to that length first. Both runs use the cores that the settings say. Prints
Markdown: wall-clock and CPU-seconds of each (decoding, which is ffmpeg's own process, counts in the former only), their
ratio, and the peak memory of the process so far.
"""

import argparse
import os
import pathlib
import platform
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tuplets.settings")

from django.conf import settings

from jobs.engines import ffmpeg, registry, weights
from jobs.pipeline.run import Options, run
from jobs.pipeline.types import SpeakerBounds

MEGABYTE = 2**10  # ru_maxrss counts kilobytes


def looped(source: pathlib.Path, hours: float, folder: pathlib.Path) -> pathlib.Path:
    target = folder / "long.mp3"
    loop = (ffmpeg.executable(), "-loglevel", "error", "-stream_loop", "-1", "-i", str(source))
    subprocess.run([*loop, "-t", str(round(3600 * hours)), "-ac", "1", "-y", str(target)], check=True)
    return target


def timed(source: pathlib.Path, options: Options) -> tuple[float, float, int, float]:
    """(wall-clock seconds, CPU-seconds, speakers, seconds of audio)"""
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    outcome = run(options, source, registry.engine, lambda stage, fraction: None)
    found = outcome.document.get("diarization", {}).get("speaker_count", 0)
    return time.perf_counter() - wall_s, time.process_time() - cpu_s, found, outcome.audio_duration_s


def report(source: pathlib.Path, tier: str) -> Iterator[str]:
    yield f"| {tier} | wall s | times real time | CPU-s per second | peak MB so far | speakers |"
    yield "|---|--:|--:|--:|--:|--:|"
    walls = []
    plain, told = Options(transcription_model=tier), SpeakerBounds(exact=2)
    for title, options in (
        ("transcription alone", plain),
        ("with diarization", replace(plain, diarization=True)),
        ("with diarization, 2 speakers said", replace(plain, diarization=True, bounds=told)),
    ):
        wall_s, cpu_s, speakers, audio_s = timed(source, options)
        walls.append(wall_s)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
        cells = f"{wall_s:.0f} | {audio_s / wall_s:.0f} | {cpu_s / audio_s:.3f} | {peak:.0f} | {speakers or '–'}"
        yield f"| {title} | {cells} |"
    yield f"\nWith diarization {walls[1] / walls[0]:.2f} times as long as transcription alone."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=pathlib.Path)
    parser.add_argument("--tier", choices=("standard", "premium"), default="standard")
    parser.add_argument("--hours", type=float)
    given = parser.parse_args()
    weights.prepare(settings.MODELS_DIR, report=lambda line: None)
    for role in (f"transcriber.{given.tier}", "diarizer"):
        registry.engine(role)
    with tempfile.TemporaryDirectory() as folder:
        source = looped(given.recording, given.hours, pathlib.Path(folder)) if given.hours else given.recording
        for line in report(source, given.tier):
            print(line, flush=True)
    print(f"\nMachine: {os.cpu_count()} cores ({platform.machine()}), {settings.CPU_THREADS} threads.")


if __name__ == "__main__":
    main()
