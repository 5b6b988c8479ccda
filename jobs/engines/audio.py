"""Files into sound: `probe` says what an upload is, `decode` makes it 16 kHz mono once, in bounded memory.

`probe` is light (one short ffmpeg process, no numpy): the web process calls it at submission and the worker again.
`AudioDecoder` is the pipeline's role "audio". What ffmpeg may read, and how its log is understood: `ffmpeg.py`.
How many channels become one, or which of them are heard by themselves: `downmix.py`.
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
from typing import IO, TYPE_CHECKING, Protocol

from jobs.engines import ffmpeg
from jobs.pipeline.protocols import OnProgress
from jobs.pipeline.types import SAMPLE_RATE, Audio, InputRejected, Probe

if TYPE_CHECKING:
    import numpy as np

PROBE_TIMEOUT_S = 30.0
DECODE_TIMEOUT_S = 1800.0
# Far longer than any real recording within 1 GB, and short enough that a crafted file can't fill the disk.
MAX_DURATION_S = 24 * 3600.0
# Each channel heard by itself costs as much as a recording does.
MAX_CHANNELS = 8
BLOCK_S = 4.0
# A recording this much shorter than its container says has lost its end; less is encoder padding.
SHORT_BY_S = 1.0
SHORT_BY_RATIO = 0.02

# A delay under the first is a codec's priming; one over the second is a broken clock.
MIN_DELAY_S, MAX_DELAY_S = 0.1, 3600.0

EMPTY_FILE = InputRejected("empty_file", "The file is empty.")
TOO_SLOW = InputRejected("unreadable_file", "The file could not be read in reasonable time.")
TOO_MANY_CHANNELS = InputRejected(
    "too_many_channels", "The recording has more than eight channels; send it without multichannel=true."
)
TOO_LONG_BY_CHANNEL = InputRejected(
    "too_long", "The recording's channels are more than 24 hours long together; send it without multichannel=true."
)
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


def require_channels(found: Probe) -> None:
    """Raises InputRejected for what can't be read channel by channel: too many of them, or too long for so many."""
    if found.channels > MAX_CHANNELS:
        raise TOO_MANY_CHANNELS
    if (found.duration_s or 0.0) * found.channels > MAX_DURATION_S:
        raise TOO_LONG_BY_CHANNEL


def delay_s(found: Probe) -> float:
    """The silence before the sound, where the container states a delay that can be believed."""
    return found.delay_s if MIN_DELAY_S < found.delay_s < MAX_DELAY_S else 0.0


def blocks(source: pathlib.Path, rate: int) -> Iterator[np.ndarray]:
    """The sound itself, without a delay before it, as arrays (samples, channels) of float32, a few seconds each.

    Takes as long as whoever asks for them does.
    """
    with _running(source, _Decoded(), rate, timeout_s=None) as stream:
        yield from _blocks(stream, rate)


class AudioDecoder:
    """The role "audio": one ffmpeg process a call, nothing kept between calls."""

    @contextlib.contextmanager
    def decode(self, source: pathlib.Path, work_dir: pathlib.Path, on_progress: OnProgress) -> Iterator[Audio]:
        """Decode `source` into a raw file under `work_dir`, which is deleted on leaving the context.

        Memory is a few seconds of sound whatever the length. Raises InputRejected; lets an exception of
        `on_progress` through with the process ended and the file gone.
        """
        from jobs.engines.downmix import Downmix

        with _decoding(source, work_dir, on_progress, Downmix()) as (audio,):
            yield audio

    @contextlib.contextmanager
    def decode_channels(
        self, source: pathlib.Path, work_dir: pathlib.Path, on_progress: OnProgress
    ) -> Iterator[tuple[Audio, ...]]:
        """The same for each channel by itself, in their order: never none, and one alone is the recording's only sound.

        A dead channel is left out, and of channels that carry the same sound the loudest stands for all.
        """
        from jobs.engines.downmix import Separate

        require_channels(probe(source))
        with _decoding(source, work_dir, on_progress, Separate()) as channels:
            yield channels


class _Mix(Protocol):
    """Makes tracks of a recording's channels; knows at the end which of them are worth keeping."""

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """(samples, channels) float32 -> (samples, tracks) float32"""

    def worth_keeping(self) -> list[int]: ...


class _Track:
    """One raw file that is being written, and the loudest sample in it."""

    def __init__(self, path: pathlib.Path, delay_s: float) -> None:
        self.path = path
        self.peak = 0.0
        # Silence for sound that begins later than its container does.
        self.samples = int(delay_s * SAMPLE_RATE)
        self._sink = path.open("wb")
        self._sink.truncate(2 * self.samples)
        self._sink.seek(2 * self.samples)

    def write(self, sound: np.ndarray) -> None:
        self.peak = max(self.peak, float(abs(sound).max(initial=0.0)))
        self._sink.write((sound.clip(-1.0, 1.0) * 32767.0).astype("<i2").tobytes())
        self.samples += len(sound)

    def close(self) -> None:
        self._sink.close()


class _Decoded:
    """What came of decoding: the tracks, and what ffmpeg complained about."""

    def __init__(self) -> None:
        self.tracks: list[_Track] = []
        self.timed_out = False
        self.log: collections.deque[str] = collections.deque(maxlen=200)


@contextlib.contextmanager
def _decoding(
    source: pathlib.Path, work_dir: pathlib.Path, on_progress: OnProgress, mix: _Mix
) -> Iterator[tuple[Audio, ...]]:
    found = probe(source)
    decoded = _Decoded()
    try:
        try:
            _decode_into(decoded, work_dir, source, found, on_progress, mix)
        finally:
            for track in decoded.tracks:
                track.close()
        on_progress(1.0)
        yield tuple(_audio(decoded.tracks[place], source, found, decoded) for place in mix.worth_keeping())
    finally:
        for track in decoded.tracks:
            track.path.unlink(missing_ok=True)


def _decode_into(
    decoded: _Decoded, work_dir: pathlib.Path, source: pathlib.Path, found: Probe, on_progress: OnProgress, mix: _Mix
) -> None:
    expected_s = found.duration_s or found.estimated_duration_s or 600.0
    with _running(source, decoded, SAMPLE_RATE, timeout_s=DECODE_TIMEOUT_S) as stream:
        for block in _blocks(stream, SAMPLE_RATE):
            sounds = mix(block).T
            for number in range(len(decoded.tracks), len(sounds)):
                decoded.tracks.append(_Track(work_dir / f"decoded-{number}.s16", delay_s(found)))
            for track, sound in zip(decoded.tracks, sounds, strict=True):
                track.write(sound)
            on_progress(min(0.99, decoded.tracks[0].samples / SAMPLE_RATE / expected_s))
    if decoded.timed_out:
        raise TOO_SLOW
    if not decoded.tracks:
        raise NO_SAMPLES


@contextlib.contextmanager
def _running(source: pathlib.Path, decoded: _Decoded, rate: int, *, timeout_s: float | None) -> Iterator[IO[bytes]]:
    """ffmpeg's output while it runs; however this ends, the process has ended too."""
    # async puts silence where the container has a gap, so that times stay those of the recording. Its first_pts, which
    # would do the same for the beginning, starts again at every damaged frame: 9 seconds became 51.
    resample = f"aresample={rate}:async=1"
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

    timer = threading.Timer(timeout_s or 0.0, give_up)
    if timeout_s is not None:
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


def _blocks(stream: IO[bytes], rate: int) -> Iterator[np.ndarray]:
    """The AU stream as arrays of shape (samples, channels), float32, a few seconds each."""
    import numpy as np

    header = stream.read(24)
    if len(header) < 24 or header[:4] != b".snd":
        return
    offset, _, _, _, channels = struct.unpack(">5I", header[4:])
    stream.read(offset - 24)
    frame = 4 * channels
    size = int(BLOCK_S * rate) * frame
    while data := stream.read(size):
        whole = len(data) - len(data) % frame
        yield np.frombuffer(data[:whole], dtype=">f4").reshape(-1, channels).astype(np.float32)


def _audio(track: _Track, source: pathlib.Path, found: Probe, decoded: _Decoded) -> Audio:
    import numpy as np

    from jobs.engines.downmix import gain_for

    duration_s = track.samples / SAMPLE_RATE
    return Audio(
        samples=np.memmap(track.path, dtype="<i2", mode="r"),
        duration_s=duration_s,
        container_duration_s=found.duration_s,
        warnings=_warnings(source, found, duration_s, decoded),
        gain=gain_for(track.peak),
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
