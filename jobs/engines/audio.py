"""Files into sound: `probe` says what an upload is, `decode` makes it 16 kHz mono once, in bounded memory.

`probe` is light (one short ffmpeg process, no numpy): the web process calls it at submission and the worker again.
`AudioDecoder` is the pipeline's role "audio". What ffmpeg may read, and how its log is understood: `ffmpeg.py`.
How many channels become one: `downmix.py`.
"""

from __future__ import annotations

import collections
import contextlib
import os
import pathlib
import struct
import subprocess
import threading
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from jobs.engines import ffmpeg
from jobs.pipeline.protocols import OnProgress
from jobs.pipeline.types import SAMPLE_RATE, Audio, InputRejected, Probe

if TYPE_CHECKING:
    import numpy as np

PROBE_TIMEOUT_S = 30.0
DECODE_TIMEOUT_S = 1800.0
# Far longer than any real recording within 1 GB, and short enough that a crafted file can't fill the disk.
MAX_DURATION_S = 24 * 3600.0
BLOCK_S = 4.0
# A recording this much shorter than its container says has lost its end; less is encoder padding.
SHORT_BY_S = 1.0
SHORT_BY_RATIO = 0.02

# A delay under the first is a codec's priming; one over the second is a broken clock.
MIN_DELAY_S, MAX_DELAY_S = 0.1, 3600.0

EMPTY_FILE = InputRejected("empty_file", "The file is empty.")
TOO_SLOW = InputRejected("unreadable_file", "The file could not be read in reasonable time.")
NO_SAMPLES = InputRejected("no_audio_data", "The file holds no audio that can be decoded.")


def probe(path: pathlib.Path) -> Probe:
    """What the file is, judged by its content and never by its name; raises InputRejected for what can't be decoded.

    The first second is decoded too, so that a header without sound behind it is refused here. Safe on hostile files;
    takes milliseconds, at most PROBE_TIMEOUT_S.
    """
    if path.stat().st_size == 0:
        raise EMPTY_FILE
    command = ffmpeg.command(path, "-t", "1", "-f", "s16le", "-ac", "1", "-ar", "8000", "-")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise TOO_SLOW from error
    found = ffmpeg.parse(done.stderr.decode("utf-8", "replace"))
    # Damage in the first second is no reason to refuse the hour behind it.
    if not done.stdout and not _has_samples(path):
        raise NO_SAMPLES
    return found


class AudioDecoder:
    """The role "audio": one ffmpeg process a call, nothing kept between calls."""

    @contextlib.contextmanager
    def decode(self, source: pathlib.Path, work_dir: pathlib.Path, on_progress: OnProgress) -> Iterator[Audio]:
        """Decode `source` into a raw file under `work_dir`, which is deleted on leaving the context.

        Memory is a few seconds of sound whatever the length. Raises InputRejected; lets an exception of
        `on_progress` through with the process ended and the file gone.
        """
        found = probe(source)
        raw = work_dir / "decoded.s16"
        try:
            with raw.open("wb") as sink:
                decoded = _decode_into(sink, source, found, on_progress)
            on_progress(1.0)
            yield _audio(raw, source, found, decoded)
        finally:
            raw.unlink(missing_ok=True)


class _Decoded:
    """What was seen while decoding: samples written, the loudest of them, and what ffmpeg complained about."""

    def __init__(self) -> None:
        self.samples = 0
        self.peak = 0.0
        self.timed_out = False
        self.log: collections.deque[str] = collections.deque(maxlen=200)


def _decode_into(sink: IO[bytes], source: pathlib.Path, found: Probe, on_progress: OnProgress) -> _Decoded:
    from jobs.engines.downmix import Downmix

    decoded, downmix = _Decoded(), Downmix()
    expected_s = found.duration_s or found.estimated_duration_s or 600.0
    heard = False
    with _running(source, decoded) as stream:
        _write_silence(sink, decoded, found.delay_s)
        for block in _blocks(stream):
            heard = True
            mono = downmix(block)
            decoded.peak = max(decoded.peak, float(abs(mono).max(initial=0.0)))
            sink.write((mono.clip(-1.0, 1.0) * 32767.0).astype("<i2").tobytes())
            decoded.samples += len(mono)
            on_progress(min(0.99, decoded.samples / SAMPLE_RATE / expected_s))
    if decoded.timed_out:
        raise TOO_SLOW
    if not heard:
        raise NO_SAMPLES
    return decoded


def _write_silence(sink: IO[bytes], decoded: _Decoded, delay_s: float) -> None:
    """Silence for sound that begins later than its container does."""
    if MIN_DELAY_S < delay_s < MAX_DELAY_S:
        decoded.samples = int(delay_s * SAMPLE_RATE)
        sink.truncate(2 * decoded.samples)
        sink.seek(2 * decoded.samples)


@contextlib.contextmanager
def _running(source: pathlib.Path, decoded: _Decoded) -> Iterator[IO[bytes]]:
    """ffmpeg's output while it runs; however this ends, the process has ended too."""
    # async puts silence where the container has a gap, so that times stay those of the recording. Its first_pts, which
    # would do the same for the beginning, starts again at every damaged frame: 9 seconds became 51.
    resample = f"aresample={SAMPLE_RATE}:async=1"
    output = ("-af", resample, "-t", str(MAX_DURATION_S), "-c:a", "pcm_f32be", "-f", "au", "-")
    process = subprocess.Popen(
        ffmpeg.command(source, *output, level="warning"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    stderr = process.stderr
    # The log is drained beside the sound: a damaged file fills a pipe with complaints, and ffmpeg would wait for us.
    drain = threading.Thread(
        target=lambda: decoded.log.extend(line.decode("utf-8", "replace") for line in stderr), daemon=True
    )
    drain.start()

    def give_up() -> None:
        decoded.timed_out = True
        process.kill()

    timer = threading.Timer(DECODE_TIMEOUT_S, give_up)
    timer.start()
    try:
        yield process.stdout
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        drain.join()
        process.stdout.close()
        stderr.close()


def _blocks(stream: IO[bytes]) -> Iterator[np.ndarray]:
    """The AU stream as arrays of shape (samples, channels), float32, a few seconds each."""
    import numpy as np

    header = stream.read(24)
    if len(header) < 24 or header[:4] != b".snd":
        return
    offset, _, _, _, channels = struct.unpack(">5I", header[4:])
    stream.read(offset - 24)
    frame = 4 * channels
    size = int(BLOCK_S * SAMPLE_RATE) * frame
    while data := stream.read(size):
        whole = len(data) - len(data) % frame
        yield np.frombuffer(data[:whole], dtype=">f4").reshape(-1, channels).astype(np.float32)


def _audio(raw: pathlib.Path, source: pathlib.Path, found: Probe, decoded: _Decoded) -> Audio:
    import numpy as np

    from jobs.engines.downmix import gain_for

    duration_s = decoded.samples / SAMPLE_RATE
    return Audio(
        samples=np.memmap(raw, dtype="<i2", mode="r"),
        duration_s=duration_s,
        container_duration_s=found.duration_s,
        warnings=_warnings(source, found, duration_s, decoded),
        gain=gain_for(decoded.peak),
    )


def _warnings(source: pathlib.Path, found: Probe, duration_s: float, decoded: _Decoded) -> tuple[str, ...]:
    warnings = []
    claimed_s = max(found.duration_s or 0.0, _riff_claim_s(source, duration_s))
    missing_s = claimed_s - duration_s
    damaged = any("rror" in line or "nvalid" in line or "ended prematurely" in line for line in decoded.log)
    if duration_s >= MAX_DURATION_S - 1.0:
        warnings.append("Only the first 24 hours of the recording were transcribed.")
    # A video's picture may run on after its sound ends: only damage makes that a loss.
    elif missing_s > max(SHORT_BY_S, SHORT_BY_RATIO * claimed_s) and (damaged or not found.has_video):
        warnings.append(
            f"The file seems incomplete: it says {claimed_s:.1f} seconds, but only {duration_s:.1f} seconds of audio "
            "could be decoded. What could be decoded was transcribed."
        )
    elif damaged:
        warnings.append("Parts of the file are damaged; the transcript may have errors or gaps there.")
    return tuple(warnings)


def _riff_claim_s(source: pathlib.Path, duration_s: float) -> float:
    """Seconds that a WAV header promises where the file is shorter than the header says; 0 otherwise.

    ffmpeg replaces such a wrong size with the real one without a word.
    """
    with source.open("rb") as file:
        head = file.read(12)
    size = os.path.getsize(source)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return 0.0
    claimed = struct.unpack("<I", head[4:8])[0] + 8
    # A header written before the length was known holds 0 or the largest number.
    if claimed >= 0xFFFFFF00 or claimed <= size:
        return 0.0
    return duration_s * float(claimed) / size


def _has_samples(path: pathlib.Path) -> bool:
    """Whether anything at all decodes, further in than the first second."""
    command = ffmpeg.command(path, "-frames:a", "1", "-f", "s16le", "-", level="fatal")
    try:
        return bool(
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_TIMEOUT_S).stdout
        )
    except subprocess.TimeoutExpired:
        return False
