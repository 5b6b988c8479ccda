"""Servers and a transcriber for the tests of the gpu profile's premium transcriber."""

import contextlib
import socket

import pytest

from jobs.engines.transcriber_qwen import QwenTranscriber
from jobs.pipeline.types import Segment, Transcript

from .server import Asked, QwenServer

STANDARD = Transcript((Segment(0.0, 1.0, "Привіт.", "uk"),), "uk", "faster-whisper:large-v3", warnings=("Other.",))


@pytest.fixture
def asr():
    with QwenServer() as server:
        yield server


@pytest.fixture
def aligner():
    with QwenServer(model="Qwen/Qwen3-ForcedAligner-0.6B-hf") as server:
        yield server


class Fallback:
    """Stands for the standard tier's transcriber."""

    def __init__(self):
        self.calls = []

    def transcribe(self, audio, language, on_progress, *, words=False, keyterms=()):
        self.calls.append((language, words, keyterms))
        for part in (0.0, 0.5, 1.0):
            on_progress(part)
        return STANDARD


@pytest.fixture
def fallback():
    return Fallback()


@pytest.fixture
def transcriber(asr, aligner, fallback):
    return QwenTranscriber(asr_url=asr.url, aligner_url=aligner.url, fallback=lambda: fallback, patience_s=0.5)


def ignore(fraction):
    pass


def free_url():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def level(asked: Asked):
    return round(asked.peak, 1)
