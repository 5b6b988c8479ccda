"""Our transcriber against plain sequential faster-whisper with the same weights, side by side in one run.

    python -m benchmarks.transcribe_engine [--testdata DIR] [--plain vad|bare] [--models DIR] [--threads N]
        [--profile gpu]

DIR holds recordings and a `manifest.json` (items with file, kind, language, duration, reference, reference_kind). Both
sides read the file from disk, both are warm, and they take turns recording by recording. Prints Markdown: seconds and
words a recording, totals and ratios, word error rate a language on the exact references, what was invented where nobody
speaks, and the machine.
"""

import argparse
import collections
import json
import os
import pathlib
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jiwer
from faster_whisper import WhisperModel
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from benchmarks.synthetic_calls import POOR_VOICES
from jobs.engines import weights
from jobs.engines.audio import AudioDecoder
from jobs.engines.profiles import PROFILES
from jobs.engines.transcriber_whisper import WhisperTranscriber
from jobs.pipeline.run import Options, run
from jobs.pipeline.types import InputRejected

LONG_S = 120.0
UNSPACED = {"zh", "ja", "ko"}
POOR_RECORDINGS = {f"synthetic_calls/{name}_mono.mp3" for name in POOR_VOICES}
# The model's published rates for the multilingual base model on FLEURS: Radford et al.,
# "Robust Speech Recognition via Large-Scale Weak Supervision" (arXiv 2212.04356), appendix D.2.4, table 13. Read in
# transcriptions of that table by others; fr, it, ja and zh could not be found in any.
PUBLISHED_FLEURS = {"de": 17.9, "en": 8.9, "es": 9.9, "ko": 27.8, "nl": 33.0, "pl": 30.8, "pt": 13.0}

Transcribe = Callable[[pathlib.Path], str]


@dataclass(frozen=True)
class Recording:
    path: pathlib.Path
    name: str
    language: str | None
    duration_s: float
    reference: str | None
    wordless: bool


@dataclass(frozen=True)
class Measured:
    recording: Recording
    plain_s: float
    ours_s: float
    plain_text: str
    ours_text: str


def recordings(folder: pathlib.Path) -> Iterator[Recording]:
    """What the folder's manifest lists and both sides can be asked to read."""
    for item in json.loads((folder / "manifest.json").read_text())["items"]:
        name = item["file"]
        wordless = item["kind"] in ("no_speech", "music_only")
        wanted = wordless or item["kind"] not in ("corrupt", "truncated", "very_short")
        if not wanted or "stereo" in name or not item.get("duration") or name.startswith("diarization/"):
            continue
        exact = str(item.get("reference_kind", "")).startswith("exact") and name not in POOR_RECORDINGS
        yield Recording(
            path=folder / name,
            name=name,
            language=item.get("language"),
            duration_s=item["duration"],
            reference=item.get("reference") if exact else None,
            wordless=wordless,
        )


def plain(model_dir: pathlib.Path, threads: int, variant: str, profile: str = "embedded") -> Transcribe:
    """The stock sequential call with beam 1, on the profile's device."""
    options = PROFILES[profile]["transcriber.standard"][1]
    place = {name: options[name] for name in ("device", "compute_type")}
    model = WhisperModel(str(model_dir), cpu_threads=threads, **place)
    settings: dict[str, Any] = {"beam_size": 1}
    if variant == "vad":
        settings |= {"vad_filter": True, "condition_on_previous_text": False}

    def call(path: pathlib.Path) -> str:
        segments, _ = model.transcribe(str(path), **settings)
        return " ".join(segment.text.strip() for segment in segments)

    return call


def ours(model_dir: pathlib.Path, threads: int, profile: str = "embedded") -> Transcribe:
    """The whole pipeline, decoding and document included."""
    options = PROFILES[profile]["transcriber.standard"][1]
    transcriber = WhisperTranscriber(model_dir=model_dir, cpu_threads=threads, **options)
    engines: dict[str, Any] = {"audio": AudioDecoder(), "transcriber.standard": transcriber}

    def call(path: pathlib.Path) -> str:
        try:
            return run(Options(), path, engines.__getitem__, lambda stage, fraction: None).document["text"]
        except InputRejected as refused:
            return f"[{refused.code}]"

    return call


def timed(transcribe: Transcribe, path: pathlib.Path) -> tuple[float, str]:
    started = time.perf_counter()
    text = transcribe(path)
    return time.perf_counter() - started, text


def normalised(text: str, language: str | None) -> str:
    """Whisper's own rules: its English normaliser, elsewhere its basic one, by letters where words have no spaces."""
    if language == "en":
        return str(EnglishTextNormalizer()(text))
    return str(BasicTextNormalizer(split_letters=language in UNSPACED)(text))


def measure(found: list[Recording], plain_call: Transcribe, our_call: Transcribe) -> Iterator[Measured]:
    for warm_up in (plain_call, our_call):
        warm_up(found[0].path)
    for recording in found:
        plain_s, plain_text = timed(plain_call, recording.path)
        ours_s, ours_text = timed(our_call, recording.path)
        yield Measured(recording, plain_s, ours_s, plain_text, ours_text)


def times_table(rows: list[Measured]) -> Iterator[str]:
    yield "| recording | seconds | plain s | ours s | ratio | words plain | words ours |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for row in rows:
        yield _times_row(row.recording.name, [row])
    for title, chosen in {
        f"**over {LONG_S:.0f} s**": [row for row in rows if row.recording.duration_s > LONG_S],
        f"**up to {LONG_S:.0f} s**": [row for row in rows if row.recording.duration_s <= LONG_S],
        "**all**": rows,
    }.items():
        if chosen:
            yield _times_row(title, chosen)


def _times_row(title: str, rows: list[Measured]) -> str:
    audio_s = sum(row.recording.duration_s for row in rows)
    plain_s, ours_s = sum(row.plain_s for row in rows), sum(row.ours_s for row in rows)
    plain_words = sum(len(row.plain_text.split()) for row in rows)
    our_words = sum(len(row.ours_text.split()) for row in rows)
    ratio = plain_s / ours_s
    return f"| {title} | {audio_s:.1f} | {plain_s:.2f} | {ours_s:.2f} | {ratio:.2f} | {plain_words} | {our_words} |"


def errors_table(rows: list[Measured]) -> Iterator[str]:
    by_language: dict[str, list[Measured]] = collections.defaultdict(list)
    for row in rows:
        if row.recording.reference and row.recording.language:
            by_language[row.recording.language].append(row)
    yield "| language | recordings | reference words | plain WER % | ours WER % | published, FLEURS % |"
    yield "|---|--:|--:|--:|--:|--:|"
    for language, chosen in sorted(by_language.items()):
        references = [normalised(row.recording.reference or "", language) for row in chosen]
        rates = [
            100 * jiwer.wer(references, [normalised(text, language) for text in texts])
            for texts in ([row.plain_text for row in chosen], [row.ours_text for row in chosen])
        ]
        published = PUBLISHED_FLEURS.get(language, "–")
        words = sum(len(reference.split()) for reference in references)
        yield f"| {language} | {len(chosen)} | {words} | {rates[0]:.1f} | {rates[1]:.1f} | {published} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testdata", type=pathlib.Path, default=pathlib.Path("tests/data/audio"))
    parser.add_argument(
        "--plain", choices=("vad", "bare"), default="vad", help="with voice activity detection, or without"
    )
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path("var/models"))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--profile", choices=tuple(PROFILES), default="embedded", help="whose device, precision, batch")
    arguments = parser.parse_args()
    model_dir = weights.prepare(arguments.models, report=lambda line: None)
    found = [recording for recording in recordings(arguments.testdata) if recording.path.is_file()]
    plain_call = plain(model_dir, arguments.threads, arguments.plain, arguments.profile)
    rows = list(measure(found, plain_call, ours(model_dir, arguments.threads, arguments.profile)))
    speech = [row for row in rows if not row.recording.wordless]
    print(*times_table(speech), "", *errors_table(speech), "", sep="\n")
    for row in rows:
        if row.recording.wordless:
            print(f"- nobody speaks in {row.recording.name}: plain wrote {row.plain_text!r}, ours {row.ours_text!r}")
    cores = f"{arguments.threads} threads on {os.cpu_count()} cores ({platform.machine()})"
    plain_was = f"Plain call: beam 1, {arguments.plain}; {arguments.profile}."
    print(f"\nMachine: {cores}, Python {platform.python_version()}. {plain_was}")


if __name__ == "__main__":
    main()
