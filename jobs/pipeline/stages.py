"""The stages: a value in, a new value out, nothing written that another stage owns. `run.py` puts them in order."""

from __future__ import annotations

from dataclasses import replace

from jobs.pipeline.protocols import OnProgress, Transcriber
from jobs.pipeline.types import Audio, Segment, Transcript

NO_SPEECH_WARNING = "No speech was detected in the recording."


def transcribe(engine: Transcriber, audio: Audio, language: str | None, on_progress: OnProgress) -> Transcript:
    """The engine's transcript with its segments' times put right, and a warning where there was nothing to write."""
    transcript = engine.transcribe(audio, language, on_progress)
    segments = tidy_segments(transcript.segments, audio.duration_s)
    if segments:
        return replace(transcript, segments=segments)
    warnings = (*transcript.warnings, NO_SPEECH_WARNING)
    return replace(transcript, segments=(), language=None, warnings=warnings)


def tidy_segments(segments: tuple[Segment, ...], duration_s: float) -> tuple[Segment, ...]:
    """Segments inside the recording, in order, start < end, not overlapping, text stripped and not empty.

    Times are whole milliseconds. A segment that has no room left (it lies past the end, or inside the one before) is
    given the millisecond it needs rather than dropped, because its words were said; only where the recording has not
    even that left is its text joined to the segment before.
    """
    last_ms = int(duration_s * 1000)
    tidy: list[Segment] = []
    previous_end = 0
    for segment in sorted(segments, key=lambda s: (s.start_s, s.end_s)):
        text = segment.text.strip()
        if not text or last_ms < 1:
            continue
        start = max(min(round(segment.start_s * 1000), last_ms - 1), previous_end)
        end = min(max(round(segment.end_s * 1000), start + 1), last_ms)
        if start < end:
            tidy.append(replace(segment, start_s=start / 1000, end_s=end / 1000, text=text))
            previous_end = end
        elif tidy:
            tidy[-1] = replace(tidy[-1], text=f"{tidy[-1].text} {text}")
    return tuple(tidy)
