"""A copy of a recording in which given stretches can't be heard: silence or a tone. Called by `jobs.processing`.

The whole recording goes through two ffmpeg processes with a few seconds of it in memory: one decodes as for the
transcript, so that times are the same, the other encodes.
"""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobs.engines import ffmpeg
from jobs.engines.audio import blocks, delay_s, probe
from jobs.pipeline.protocols import OnProgress

if TYPE_CHECKING:
    import numpy as np

CONTENT_TYPE, SUFFIX = "audio/mpeg", ".mp3"
# Word times are right to a tenth of a second; a little too much is better than the beginning of a name.
MARGIN_S = 0.15
TONE_HZ, TONE_LEVEL = 1000.0, 0.1
MOST_SAMPLES_A_SECOND, MOST_CHANNELS = 48_000, 2
# Speech: smaller than most uploads, and nothing is lost that was there to be heard.
ENCODING = ("-c:a", "libmp3lame", "-q:a", "4", "-f", "mp3")

Spans = Sequence[tuple[float, float]]


def mask(source: pathlib.Path, target: pathlib.Path, spans_s: Spans, kind: str, on_progress: OnProgress) -> None:
    """Writes `target`, an MP3 with the source's channels (more than two become two), without what `spans_s` cover.

    `kind` is one of `pii_types.AUDIO_KINDS`. Raises InputRejected for what is no recording; lets exceptions of
    `on_progress` through. `target` is whole only when this returns.
    """
    found = probe(source)
    rate = min(found.sample_rate, MOST_SAMPLES_A_SECOND)
    expected_s = found.duration_s or found.estimated_duration_s or 600.0
    spans = _merged(spans_s, delay_s(found))
    encoder: subprocess.Popen[bytes] | None = None
    at = 0
    try:
        for block in blocks(source, rate):
            if encoder is None:
                encoder = _encoder(target, rate, block.shape[1])
            _cover(block, at, rate, spans, kind)
            assert encoder.stdin is not None
            encoder.stdin.write(block.astype("<f4").tobytes())
            at += len(block)
            on_progress(min(0.99, at / rate / expected_s))
        if encoder is not None:
            _, complaints = encoder.communicate()
            if encoder.returncode:
                raise RuntimeError(f"the encoder ended with {encoder.returncode}: {complaints[-500:]!r}")
    finally:
        if encoder is not None:
            encoder.kill()
            encoder.wait()
    on_progress(1.0)


def _merged(spans_s: Spans, delay_s: float) -> list[tuple[float, float]]:
    """With their margins, in order and apart, in seconds of the sound itself."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted((start - MARGIN_S - delay_s, end + MARGIN_S - delay_s) for start, end in spans_s):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _cover(block: np.ndarray, at: int, rate: int, spans: Spans, kind: str) -> None:
    """In place; `at` is the number of the block's first sample."""
    import numpy as np

    for start, end in spans:
        first, last = max(0, round(start * rate) - at), min(len(block), round(end * rate) - at)
        if first >= last:
            continue
        block[first:last] = 0.0
        if kind == "beep":
            times = (at + np.arange(first, last)) / rate
            block[first:last] = (TONE_LEVEL * np.sin(2 * np.pi * TONE_HZ * times))[:, None]


def _encoder(target: pathlib.Path, rate: int, channels: int) -> subprocess.Popen[Any]:
    sound = ("-f", "f32le", "-ar", str(rate), "-ac", str(channels), "-i", "pipe:0")
    output = ("-ac", str(min(channels, MOST_CHANNELS)), *ENCODING, "-y", str(target))
    command = [ffmpeg.executable(), "-hide_banner", "-loglevel", "error", *sound, "-map_metadata", "-1", *output]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
