"""Values -> the documented transcript JSON as a plain dict: the only place that knows its shape and its key order.

Called by `run.py` when every stage is done. Fields of features that did not run are left out, as documented; their
`*_requested` flags are false.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from analytics.modules import TIERS
from jobs.pipeline.analysis import Analysis
from jobs.pipeline.texts import joined_text
from jobs.pipeline.types import Audio, DecodeAttempt, Redaction, Segment, Speakers, Transcript, Word

VECTOR_DECIMALS = 6


@dataclass(frozen=True)
class Requested:
    """What the customer asked for, as far as the document says so. `multichannel` counts as diarization."""

    model: str = "standard"
    diarization: bool = False
    speaker_embeddings: bool = False
    pii_processing: bool = False


def transcript_document(
    *,
    audio: Audio,
    transcript: Transcript,
    speakers: Speakers | None,
    requested: Requested,
    elapsed_s: Mapping[str, float],
    redaction: Redaction | None = None,
    analysis: Analysis | None = None,
) -> dict[str, Any]:
    """The canonical `result` object of a job, keys in the documentation's order.

    `speakers` is None where nobody was to be told apart, `redaction` where nothing was to be redacted, `analysis` where
    nothing was asked. `elapsed_s` has "transcribe", and "diarize" and "redact" if they ran.
    """
    standard = transcript.model_applied == "standard"
    document: dict[str, Any] = {"text": joined_text(transcript.segments)}
    if words := [] if standard else list(_words(transcript)):
        document["words"] = words
    document["segments"] = [_segment(segment, standard=standard) for segment in transcript.segments]
    document["language"] = transcript.language
    document["audio_duration_seconds"] = round(audio.duration_s, 3)
    document["transcription_meta"] = _meta(audio, transcript, standard=standard)
    if speakers is not None:
        document["diarization"] = _diarization(speakers, with_vectors=requested.speaker_embeddings)
    if redaction is not None:
        document |= _pii(redaction)
    if analysis is not None:
        document["analytics"] = analysis.payload
    document["feature_execution"] = {
        **_feature_execution(transcript, speakers, requested, elapsed_s),
        **analytics_execution(analysis),
        **_pii_execution(redaction, requested, elapsed_s),
    }
    told = () if analysis is None else analysis.warnings
    document["processing_warnings"] = [*audio.warnings, *transcript.warnings, *told]
    if standard:
        document["decode_attempts"] = [_attempt(number, it) for number, it in enumerate(transcript.attempts, start=1)]
    if transcript.segments:
        document["routing_metadata"] = {
            "route_code": transcript.model_applied,
            "engine_code": transcript.engine_code,
            "align_code": transcript.align_code,
        }
    return document


def covered_seconds(segments: tuple[Segment, ...]) -> float:
    """Length of the union of the segments' times (segments in order of start)."""
    covered = 0.0
    reached = 0.0
    for segment in segments:
        start = max(segment.start_s, reached)
        if segment.end_s > start:
            covered += segment.end_s - start
            reached = segment.end_s
    return covered


def _words(transcript: Transcript) -> Iterator[dict[str, Any]]:
    """Every word whose time is known, in order of time; nothing where alignment did not run.

    Segments of different channels may overlap, and so may their words.
    """
    said = [(word, word.language or segment.language) for segment in transcript.segments for word in segment.words]
    for word, language in sorted(said, key=lambda entry: (entry[0].start_s, entry[0].end_s)):
        yield _word(word, language or transcript.language)


def _word(word: Word, language: str | None) -> dict[str, Any]:
    return {"start": word.start_s, "end": word.end_s, "word": word.text, "language": language}


def _segment(segment: Segment, *, standard: bool) -> dict[str, Any]:
    """The decoder's own numbers and a language a segment are the standard tier's; the former not with speakers."""
    row: dict[str, Any] = {"start": segment.start_s, "end": segment.end_s}
    if segment.speaker is not None:
        row["speaker"] = segment.speaker
    row["text"] = segment.text
    if standard and segment.speaker is None:
        if segment.avg_logprob is not None:
            row["avg_logprob"] = round(segment.avg_logprob, 4)
        if segment.no_speech_prob is not None:
            row["no_speech_prob"] = round(segment.no_speech_prob, 4)
    if standard and segment.language is not None:
        row["language"] = segment.language
    return row


def _meta(audio: Audio, transcript: Transcript, *, standard: bool) -> dict[str, Any]:
    covered_s = covered_seconds(transcript.segments)
    meta: dict[str, Any] = {
        "coverage_ratio": round(min(1.0, covered_s / audio.duration_s), 4) if audio.duration_s else 0.0,
        "total_covered_seconds": round(covered_s, 3),
    }
    if standard:
        meta["decode_attempts"] = len(transcript.attempts)
    return {**meta, "issues": list(transcript.issues)}


def _diarization(speakers: Speakers, *, with_vectors: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "speaker_count": speakers.count,
        "confidence": speakers.confidence,
        "warning": speakers.warning,
    }
    if with_vectors and speakers.vectors:
        embeddings: dict[str, Any] = {"model": speakers.model}
        if speakers.variant is not None:
            embeddings["variant"] = speakers.variant
        embeddings["dimension"] = speakers.dimension
        embeddings["vectors"] = {
            label: [round(value, VECTOR_DECIMALS) for value in vector] for label, vector in speakers.vectors.items()
        }
        found["speaker_embeddings"] = embeddings
    return found


def _pii(redaction: Redaction) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if redaction.applied:
        found["pii_findings"] = [
            {
                "type": placeholder.type,
                "start": placeholder.start,
                "end": placeholder.end,
                "confidence": round(placeholder.confidence, 2),
                "detector_count": placeholder.detector_count,
            }
            for placeholder in redaction.placeholders
        ]
    if redaction.error is not None:
        found["pii_processing_error"] = redaction.error
    if redaction.review_required:
        found["pii_review_required"] = True
    return found


def _pii_execution(redaction: Redaction | None, requested: Requested, elapsed_s: Mapping[str, float]) -> dict[str, Any]:
    execution: dict[str, Any] = {"pii_processing_requested": requested.pii_processing}
    if redaction is None:
        return {**execution, "pii_processing_applied": False}
    execution["pii_processing_language"] = redaction.language
    execution["pii_processing_applied"] = redaction.applied
    if redaction.applied:
        execution["pii_processing_elapsed_seconds"] = round(elapsed_s.get("redact", 0.0), 3)
    if redaction.skip_reason is not None:
        execution["pii_processing_skip_reason"] = redaction.skip_reason
    return execution


def _attempt(number: int, attempt: DecodeAttempt) -> dict[str, Any]:
    return {
        "attempt": number,
        "profile": attempt.profile,
        "params": attempt.params,
        "decision": attempt.decision,
        "health": attempt.health,
    }


def _feature_execution(
    transcript: Transcript, speakers: Speakers | None, requested: Requested, elapsed_s: Mapping[str, float]
) -> dict[str, Any]:
    diarized = speakers is not None and speakers.count > 0
    execution: dict[str, Any] = {
        "transcription_requested": True,
        "transcription_applied": True,
        "transcription_model_requested": requested.model,
        "transcription_model_applied": transcript.model_applied,
        "transcription_elapsed_seconds": round(elapsed_s["transcribe"], 3),
        "diarization_requested": requested.diarization,
        "diarization_applied": diarized,
    }
    if diarized and "diarize" in elapsed_s:
        execution["diarization_elapsed_seconds"] = round(elapsed_s["diarize"], 3)
    execution["speaker_embeddings_requested"] = requested.speaker_embeddings
    execution["speaker_embeddings_applied"] = bool(requested.speaker_embeddings and speakers and speakers.vectors)
    return execution


def analytics_execution(analysis: Analysis | None) -> dict[str, Any]:
    """The analytics part of `feature_execution`: what was asked, what ran, and how long it took."""
    request = None if analysis is None else analysis.request
    generic, custom = bool(request and request.profile), bool(request and request.custom)
    generic_ran = analysis is not None and analysis.generic_applied
    custom_ran = analysis is not None and analysis.custom_applied
    execution: dict[str, Any] = {"analytics_requested": request is not None}
    if request is not None:
        execution["analytics_profile_requested"] = request.profile
    execution["analytics_applied"] = generic_ran or custom_ran
    if analysis is not None and (generic_ran or custom_ran):
        execution["analytics_elapsed_seconds"] = round(analysis.generic_elapsed_s + analysis.custom_elapsed_s, 3)
    execution["generic_analytics_requested"] = generic
    tier = None if request is None or request.profile is None else TIERS[request.profile]
    if tier is not None:
        execution["generic_analytics_tier_requested"] = tier
    execution["generic_analytics_applied"] = generic_ran
    if analysis is not None and generic_ran:
        execution["generic_analytics_tier_applied"] = tier
        execution["generic_analytics_elapsed_seconds"] = round(analysis.generic_elapsed_s, 3)
    execution["custom_analytics_requested"] = custom
    execution["custom_analytics_applied"] = custom_ran
    if analysis is not None and custom_ran:
        execution["custom_analytics_elapsed_seconds"] = round(analysis.custom_elapsed_s, 3)
    return execution
