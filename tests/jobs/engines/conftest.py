"""Recordings, ffmpeg, and one real model for all engine tests of a session."""

import os
import pathlib
import subprocess
import wave
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from jobs.engines import ffmpeg as ffmpeg_module
from jobs.engines import weights
from jobs.engines.audio import AudioDecoder
from jobs.engines.transcriber_whisper import WhisperTranscriber
from jobs.pipeline.run import Options, Outcome, run
from jobs.pipeline.types import Audio

AUDIO = pathlib.Path(__file__).parents[2] / "data" / "audio"
REPOSITORY = pathlib.Path(__file__).parents[3]

Transcribe = Callable[..., Outcome]


@pytest.fixture(scope="session")
def models_dir() -> pathlib.Path:
    models = pathlib.Path(os.environ.get("TUPLETS_MODELS_DIR", REPOSITORY / "var" / "models"))
    weights.prepare(models, report=lambda line: None)
    return models


@pytest.fixture(scope="session")
def transcriber(models_dir: pathlib.Path) -> WhisperTranscriber:
    return WhisperTranscriber(model_dir=weights.folder(models_dir), cpu_threads=os.cpu_count() or 1)


@pytest.fixture
def work_dir(tmp_path: pathlib.Path) -> pathlib.Path:
    """Where decoded sound lies while a job runs; empty before and after."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def transcribe(transcriber: WhisperTranscriber, work_dir: pathlib.Path) -> Transcribe:
    """Run the whole pipeline over a file: transcribe(path, language="auto", report=..., transcriber=...)."""

    def call(
        source: pathlib.Path, language: str = "auto", report: Any = None, transcriber: Any = transcriber
    ) -> Outcome:
        engines = {"audio": AudioDecoder(), "transcriber.standard": transcriber}
        report = report or (lambda stage, fraction: None)
        return run(Options(language=language), source, engines.__getitem__, report, work_dir=work_dir)

    return call


@pytest.fixture
def ffmpeg(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
    """Make a recording: ffmpeg("name.wav", "-i", source, ...) -> its path."""

    def call(name: str, *arguments: object) -> pathlib.Path:
        target = tmp_path / name
        command = [ffmpeg_module.executable(), "-loglevel", "error", "-y", *map(str, arguments), str(target)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return target

    return call


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """Eleven seconds, its loudest sample 1."""
    with wave.open(str(AUDIO / "speech.wav")) as sound:
        assert sound.getframerate() == 16000
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    return samples / np.abs(samples).max()


@pytest.fixture
def recording(speech: np.ndarray) -> Callable[..., Audio]:
    """The speech at each loudness, with pauses between them that part windows: recording(0.9, 0.5)."""

    def call(*loudness: float, pause_s: float = 7.0) -> Audio:
        pause = np.zeros(round(pause_s * 16000))
        parts = [part for level in loudness for part in (speech * level, pause)]
        samples = (np.concatenate([*parts, pause]) * 32767).astype("int16")
        return Audio(samples=samples, duration_s=len(samples) / 16000)

    return call
