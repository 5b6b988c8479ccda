"""How the packaged ffmpeg is called on a file from a stranger, and what its words mean. Used by `audio.py` only.

The file is hostile until shown otherwise: ffmpeg may read that one file and nothing else (no playlists, no URLs, no
other protocol), only container formats that hold recordings, few threads, and always under a time limit.
"""

from __future__ import annotations

import functools
import pathlib
import re

from jobs.pipeline.types import EngineUnavailable, InputRejected, Probe

# Demuxers that read one self-contained file. Playlists (hls, dash, concat), image sequences, network formats and
# subtitle texts are absent on purpose: they can name other files.
CONTAINERS = (
    "wav,w64,mp3,mov,mp4,m4a,3gp,3g2,mj2,flac,ogg,aac,asf,matroska,webm,avi,mpegts,mpeg,flv,amr,amrnb,amrwb,aiff,caf,"
    "au,wv,ac3,eac3,dts,rm,ape,tta"
)

NOT_AUDIO = InputRejected("not_audio", "The file is not a recording in a format that can be read.")

_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", re.MULTILINE)
_START = re.compile(r"^  Duration: [^\n]*?start: (-?\d+\.\d+)", re.MULTILINE)
_AUDIO_START = re.compile(r"^  Stream #0:\d+[^\n]*?: Audio: [^\n]*?, start (-?\d+\.\d+)", re.MULTILINE)
_CONTAINER = re.compile(r"^Input #0, (\S+), from ", re.MULTILINE)
# Two spaces of indentation: metadata, which the file's author writes, always has more.
_AUDIO = re.compile(r"^  Stream #0:\d+[^\n]*?: Audio: (\w+)[^\n]*?, (\d+) Hz, ([^,\n]+)", re.MULTILINE)
_VIDEO = re.compile(r"^  Stream #0:\d+[^\n]*?: Video: (?![^\n]*\(attached pic\))", re.MULTILINE)
_LAYOUTS = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8, "cube": 8}


@functools.cache
def executable() -> str:
    """Path of the packaged ffmpeg."""
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise EngineUnavailable("The audio decoder (ffmpeg) is not installed; run `make setup`.") from error


def command(source: pathlib.Path, *output: str, level: str = "info") -> list[str]:
    """Arguments that read the first audio track of `source` and write what `output` says."""
    return [
        executable(),
        *("-hide_banner", "-nostdin", "-nostats", "-loglevel", f"repeat+{level}"),
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", CONTAINERS),
        *("-threads", "2", "-i", f"file:{source.resolve()}"),
        *("-map", "0:a:0", "-map_metadata", "-1", "-vn", "-sn", "-dn"),
        *output,
    ]


def parse(log: str) -> Probe:
    """What ffmpeg's log says of the input; raises InputRejected where it found nothing to decode."""
    container = _CONTAINER.search(log)
    if container is None:
        if "moov atom not found" in log:
            raise InputRejected(
                "truncated_file", "The file is incomplete: its index (moov atom) is missing, so it can't be played."
            )
        if "no 'data' tag found" in log:
            raise InputRejected("no_audio_data", "The file has a header but no audio in it.")
        raise NOT_AUDIO
    header = log[: log.find("\nOutput #0")] if "\nOutput #0" in log else log
    audio = _AUDIO.search(header)
    if audio is None:
        if "Audio: " in header:
            raise InputRejected("unsupported_codec", "The file's audio is in a codec that can't be decoded.")
        raise InputRejected("no_audio_track", "The file has no audio track.")
    duration = _DURATION.search(header)
    known = duration is not None and "Estimating duration from bitrate" not in header
    return Probe(
        duration_s=_seconds(duration) if duration and known else None,
        estimated_duration_s=_seconds(duration) if duration else None,
        codec=audio.group(1),
        sample_rate=int(audio.group(2)),
        channels=_channels(audio.group(3).strip()),
        container=container.group(1).split(",")[0],
        has_video=_VIDEO.search(header) is not None,
        delay_s=_delay_s(header, audio),
    )


def _delay_s(header: str, audio: re.Match[str]) -> float:
    """How long after the container's beginning the sound begins."""
    line = header[audio.start() : header.find("\n", audio.end())]
    begins, container = _AUDIO_START.search(line), _START.search(header)
    if begins is None:
        return 0.0
    return max(0.0, float(begins.group(1)) - (float(container.group(1)) if container else 0.0))


def _seconds(duration: re.Match[str]) -> float:
    hours, minutes, seconds = duration.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _channels(layout: str) -> int:
    """Channels of a layout as ffmpeg writes it: "stereo", "5.1(side)", "3 channels"."""
    name = layout.split("(")[0].strip()
    if name in _LAYOUTS:
        return _LAYOUTS[name]
    numbers = [int(number) for number in re.findall(r"\d+", name)]
    return max(1, sum(numbers)) if numbers else 1
