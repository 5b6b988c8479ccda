"""A recording that says what a test wants: engines that only pretend, for jobs that really go through processing."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from analytics.drafts import Choice, CustomDraft, FieldDraft, GenericDraft, Topic
from jobs.models import Job
from jobs.pipeline.types import Audio, Diarization, Finding, Findings, Segment, Transcript, Turn, Word
from tests.conftest import Person, make_job


def job_with_recording(person: Person, data: bytes = b"x", **options: Any) -> Job:
    """A queued job whose recording lies in the storage."""
    job = make_job(person, **options)
    job.source_key = default_storage.save(f"recordings/{job.pk}", ContentFile(data))
    job.save(update_fields=["source_key"])
    return job


def said(start_s: float, text: str, language: str = "en") -> Segment:
    """A phrase, half a second a word."""
    parts = text.split()
    times = [(start_s + at / 2, start_s + (at + 1) / 2) for at in range(len(parts))]
    words = tuple(Word(*time, part, language) for time, part in zip(times, parts, strict=True))
    return Segment(start_s, times[-1][1], text, language, words=words)


class Decoder:
    @contextlib.contextmanager
    def decode(self, source: Any, work_dir: Any, on_progress: Any) -> Iterator[Audio]:
        yield Audio(samples=None, duration_s=3600.0)  # type: ignore[arg-type]


class Transcriber:
    def __init__(self, segments: Sequence[Segment], language: str, tier: str) -> None:
        self.transcript = Transcript(tuple(segments), language, "pretend", model_applied=tier)

    def transcribe(self, audio: Any, language: Any, on_progress: Any, **options: Any) -> Transcript:
        on_progress(1.0)
        return self.transcript


class Diarizer:
    """Hears one voice all along."""

    VECTOR = (0.6, 0.8, 0.0)

    def diarize(self, audio: Any, bounds: Any, on_progress: Any) -> Diarization:
        turns = (Turn(0.0, 3600.0, "A"),)
        return Diarization(turns, turns, {"A": self.VECTOR}, "pretend/voices", len(self.VECTOR))


class Redactor:
    """Finds each regular expression as its type."""

    def __init__(self, *, problem: str | None = None, **types: str) -> None:
        self.problem, self.types = problem, types

    def find(self, text: str, language: str, on_progress: Any) -> Findings:
        on_progress(1.0)
        items = [
            Finding(match.start(), match.end(), type_, 0.9, ("pretend",))
            for type_, pattern in self.types.items()
            for match in re.finditer(pattern, text)
        ]
        return Findings(tuple(sorted(items, key=lambda finding: finding.start)), self.problem)


class Analyst:
    """Says what the first line says, and gives each select field its first option. `asked`: what it was given.

    `behaviour`: called with the reporter before each answer; what it raises is what went wrong.
    """

    def __init__(self, behaviour: Callable[[Any], Any] = lambda told: told(0.5), languages: Any = ("en",)) -> None:
        self.behaviour, self.languages = behaviour, languages
        self.asked: list[Any] = []

    def reads(self, language: str | None) -> bool:
        return language in self.languages

    def generic(self, spoken: Any, modules: frozenset[str], on_progress: Any) -> GenericDraft:
        self.asked.append((spoken, modules))
        self.behaviour(on_progress)
        words = spoken.lines[0].text
        return GenericDraft(summary=words, topics=(Topic(words, (0,)),))

    def custom(self, spoken: Any, fields: Any, domain: str | None, on_progress: Any) -> CustomDraft:
        self.asked.append((spoken, fields))
        self.behaviour(on_progress)
        found = {
            field.key: FieldDraft("It is said.", choices=(Choice(field.options[0].code, 0.9, (0,)),))
            if field.options
            else FieldDraft("Nothing is said.")
            for field in fields
        }
        return CustomDraft(found)


def engines(
    segments: Sequence[Segment], redactor: Any, *, language: str = "en", tier: str = "standard", analyst: Any = None
) -> Callable[[str], Any]:
    """In the registry's place. `redactor`: an engine, or an error that is raised when one is asked for."""

    def engine(role: str) -> Any:
        if role == "redactor" and isinstance(redactor, Exception):
            raise redactor
        return {"audio": Decoder(), "diarizer": Diarizer(), "redactor": redactor, "analyst": analyst}.get(
            role, Transcriber(segments, language, tier)
        )

    return engine
