"""Values -> the documented transcript JSON as a plain dict: the only place that knows its shape and its key order.

Called by `run.py` when every stage is done. Fields of features that did not run are left out, as documented; their
`*_requested` flags are false.
"""

from __future__ import annotations

from typing import Any

from jobs.pipeline.types import Audio, DecodeAttempt, Segment, Transcript

# Written without spaces between words: segments are joined as they are.
UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "km", "bo", "yue"})

FEATURES_LEFT_OUT = ("diarization", "speaker_embeddings", "analytics", "generic_analytics", "custom_analytics")


def transcript_document(
    *, audio: Audio, transcript: Transcript, model_requested: str, transcription_elapsed_s: float
) -> dict[str, Any]:
    """The canonical `result` object of a job, keys in the documentation's order."""
    covered_s = covered_seconds(transcript.segments)
    document = {
        "text": joined_text(transcript.segments),
        "segments": [_segment(segment) for segment in transcript.segments],
        "language": transcript.language,
        "audio_duration_seconds": round(audio.duration_s, 3),
        "transcription_meta": {
            "coverage_ratio": round(min(1.0, covered_s / audio.duration_s), 4) if audio.duration_s else 0.0,
            "total_covered_seconds": round(covered_s, 3),
            "decode_attempts": len(transcript.attempts),
            "issues": list(transcript.issues),
        },
        "feature_execution": _feature_execution(transcript, model_requested, transcription_elapsed_s),
        "processing_warnings": [*audio.warnings, *transcript.warnings],
        "decode_attempts": [_attempt(number, attempt) for number, attempt in enumerate(transcript.attempts, start=1)],
    }
    if transcript.segments:
        document["routing_metadata"] = {
            "route_code": transcript.model_applied,
            "engine_code": transcript.engine_code,
            "align_code": transcript.align_code,
        }
    return document


def joined_text(segments: tuple[Segment, ...]) -> str:
    """The whole text: segments joined with a space, or with nothing between two of an unspaced language."""
    parts: list[str] = []
    previous: Segment | None = None
    for segment in segments:
        if previous is not None:
            tight = previous.language in UNSPACED_LANGUAGES and segment.language in UNSPACED_LANGUAGES
            parts.append("" if tight else " ")
        parts.append(segment.text)
        previous = segment
    return "".join(parts)


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


def _segment(segment: Segment) -> dict[str, Any]:
    row: dict[str, Any] = {"start": segment.start_s, "end": segment.end_s, "text": segment.text}
    if segment.avg_logprob is not None:
        row["avg_logprob"] = round(segment.avg_logprob, 4)
    if segment.no_speech_prob is not None:
        row["no_speech_prob"] = round(segment.no_speech_prob, 4)
    if segment.language is not None:
        row["language"] = segment.language
    return row


def _attempt(number: int, attempt: DecodeAttempt) -> dict[str, Any]:
    return {
        "attempt": number,
        "profile": attempt.profile,
        "params": attempt.params,
        "decision": attempt.decision,
        "health": attempt.health,
    }


def _feature_execution(transcript: Transcript, model_requested: str, elapsed_s: float) -> dict[str, Any]:
    execution: dict[str, Any] = {
        "transcription_requested": True,
        "transcription_applied": True,
        "transcription_model_requested": model_requested,
        "transcription_model_applied": transcript.model_applied,
        "transcription_elapsed_seconds": round(elapsed_s, 3),
    }
    for feature in (*FEATURES_LEFT_OUT, "pii_processing"):
        execution[f"{feature}_requested"] = False
        execution[f"{feature}_applied"] = False
    return execution
