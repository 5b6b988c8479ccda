"""What an engine must be able to do: one protocol a role, one method each. `jobs.engines` implements them.

`on_progress` takes a fraction 0..1 of this engine's own work. It is called at least every few seconds and may raise
(the job was cancelled, or belongs to another worker now): the engine lets that through at once and keeps nothing.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from analytics.drafts import CustomDraft, GenericDraft
from analytics.fields import CustomField
from analytics.spoken import Spoken
from jobs.pipeline.types import Audio, Diarization, Findings, SpeakerBounds, Transcript

OnProgress = Callable[[float], None]


class Decoder(Protocol):
    def decode(
        self, source: pathlib.Path, work_dir: pathlib.Path, on_progress: OnProgress
    ) -> AbstractContextManager[Audio]:
        """Decode once to 16 kHz mono under `work_dir`; leaving the context deletes it. Raises InputRejected."""

    def decode_channels(
        self, source: pathlib.Path, work_dir: pathlib.Path, on_progress: OnProgress
    ) -> AbstractContextManager[tuple[Audio, ...]]:
        """The same for each channel by itself: dead channels left out, channels that carry the same sound once."""


class Transcriber(Protocol):
    def transcribe(
        self,
        audio: Audio,
        language: str | None,
        on_progress: OnProgress,
        *,
        words: bool = False,
        keyterms: tuple[str, ...] = (),
    ) -> Transcript:
        """Text and times of everything said. `language` None means: find out.

        `words`: every segment with its words and their times, as far as they could be aligned. `keyterms`: names and
        jargon that may be said. Raises EngineUnavailable.
        """


class Diarizer(Protocol):
    def diarize(self, audio: Audio, bounds: SpeakerBounds, on_progress: OnProgress) -> Diarization:
        """Who spoke when. No speech: no turns. Raises EngineUnavailable."""


class Redactor(Protocol):
    def find(self, text: str, language: str, on_progress: OnProgress) -> Findings:
        """What names or identifies somebody in a text as people say it, `language` one of `pii_types.LANGUAGES`.

        Time grows in proportion to the text. Any exception but those of `on_progress` means: nothing was looked for.
        """


class Analyst(Protocol):
    """What it finds is checked by `analytics.truth`; it may raise analytics.model's errors."""

    def reads(self, language: str | None) -> bool:
        """Whether transcripts in a language can be analysed."""

    def generic(self, spoken: Spoken, modules: frozenset[str], on_progress: OnProgress) -> GenericDraft:
        """The modules that were asked for, of `analytics.modules`."""

    def custom(
        self, spoken: Spoken, fields: tuple[CustomField, ...], domain: str | None, on_progress: OnProgress
    ) -> CustomDraft:
        """An answer, or none, for each field; a domain's fields come first."""
