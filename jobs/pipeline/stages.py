"""The stages: a value in, a new value out, nothing written that another stage owns. `run.py` puts them in order.

What a stage does in detail has a module of its own: times and phrases in `phrasing.py`, words to speakers in
`speakers.py`, channels in `channels.py`, how far speakers can be trusted in `confidence.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from jobs.pipeline import confidence
from jobs.pipeline.channels import interleaved
from jobs.pipeline.phrasing import grouped_from_words, tidy_segments
from jobs.pipeline.protocols import OnProgress, Transcriber
from jobs.pipeline.speakers import assign, numbered
from jobs.pipeline.types import Audio, Diarization, SpeakerBounds, Speakers, Transcript

NO_SPEECH_WARNING = "No speech was detected in the recording."
ONE_CHANNEL_WARNING = "The recording has only one channel of sound, so its speakers were not told apart by channel."

# What a channel must say of all that is said to decide on the recording's language and tier.
STRAY_SHARE = 0.05

NO_SPEAKERS = Speakers(count=0, confidence="low", warning=NO_SPEECH_WARNING, vectors={}, model="", dimension=0)


def transcribe(
    engine: Transcriber,
    audio: Audio,
    language: str | None,
    on_progress: OnProgress,
    *,
    words: bool = False,
    keyterms: tuple[str, ...] = (),
) -> Transcript:
    """The engine's transcript with its segments' times put right, and a warning where there was nothing to write.

    A premium transcript's segments are grouped from its words.
    """
    transcript = engine.transcribe(audio, language, on_progress, words=words, keyterms=keyterms)
    segments = tidy_segments(transcript.segments, audio.duration_s)
    if not segments:
        warnings = (*transcript.warnings, NO_SPEECH_WARNING)
        return replace(transcript, segments=(), language=None, warnings=warnings)
    if transcript.model_applied == "premium":
        segments = tidy_segments(grouped_from_words(segments), audio.duration_s)
    return replace(transcript, segments=segments)


def assign_speakers(
    transcript: Transcript, diarization: Diarization, *, vectors_wanted: bool = False
) -> tuple[Transcript, Speakers]:
    """Segments with one speaker each, cut where the speaker changes, and what is to be said of the speakers.

    Speakers are those who say at least one word: whoever is heard without a word of the transcript is in no segment,
    not counted, and has no vector. `vectors_wanted`: the warning names speakers without a vector.
    """
    if not transcript.segments:
        return transcript, NO_SPEAKERS
    assigned = assign(transcript.segments, diarization)
    level, warning = confidence.judged(confidence.signals(diarization, assigned.labels, assigned.fallback_share))
    vectors = {
        name: diarization.vectors[label] for name, label in assigned.labels.items() if label in diarization.vectors
    }
    missing = [name for name in assigned.labels if name not in vectors]
    if vectors_wanted and missing:
        warning = " ".join(filter(None, (warning, confidence.without_vector(missing))))
    return replace(transcript, segments=assigned.segments), Speakers(
        count=len(assigned.labels),
        confidence=level,
        warning=warning,
        vectors=vectors,
        model=diarization.model,
        dimension=diarization.dimension,
        variant=diarization.variant,
    )


def merge_channels(transcripts: Sequence[Transcript]) -> tuple[Transcript, Speakers]:
    """One transcript of all channels in order of time, a speaker for each channel that says something.

    The language is the one most seconds are spoken in. The tier is standard as soon as that of a channel is which says
    a fair part of the whole: a cough that was heard as some other language changes nothing.
    """
    segments = interleaved([transcript.segments for transcript in transcripts])
    whole_s = sum(map(_spoken_s, transcripts))
    heard = [transcript for transcript in transcripts if _spoken_s(transcript) > STRAY_SHARE * whole_s]
    heard = heard or list(transcripts[:1])
    main = min(heard, key=lambda transcript: ("standard", "premium").index(transcript.model_applied))
    merged = replace(
        main,
        segments=(),
        language=_most_spoken(heard),
        issues=_once(issue for transcript in transcripts for issue in transcript.issues),
        attempts=tuple(attempt for transcript in transcripts for attempt in transcript.attempts),
        warnings=_once(
            text
            for transcript in transcripts
            if transcript in heard or not transcript.segments
            for text in transcript.warnings
            if not (segments and text == NO_SPEECH_WARNING)
        ),
    )
    if not segments:
        return merged, NO_SPEAKERS
    labels = numbered(segments)
    named = {label: name for name, label in labels.items()}
    spoken = tuple(replace(segment, speaker=named[segment.speaker or ""]) for segment in segments)
    return replace(merged, segments=spoken), Speakers(
        count=len(labels), confidence="medium", warning=None, vectors={}, model="", dimension=0
    )


def missing_speakers_warning(speakers: Speakers, bounds: SpeakerBounds) -> str | None:
    """What to say where the customer said that there are more speakers than were found."""
    wanted = bounds.exact if bounds.exact is not None else bounds.least
    if wanted is None or not 0 < speakers.count < wanted:
        return None
    return f"{wanted} speakers were asked for, but only {speakers.count} could be told apart."


def _spoken_s(transcript: Transcript) -> float:
    return sum(segment.end_s - segment.start_s for segment in transcript.segments)


def _most_spoken(transcripts: Sequence[Transcript]) -> str | None:
    seconds: dict[str, float] = {}
    for transcript in transcripts:
        if transcript.language is not None:
            seconds[transcript.language] = seconds.get(transcript.language, 0.0) + _spoken_s(transcript)
    return max(seconds, key=seconds.__getitem__, default=None)


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
