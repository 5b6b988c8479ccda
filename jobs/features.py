"""What this server can run: the one place that says which documented options are not available here, and why."""

from collections.abc import Callable
from typing import Any

from jobs.engines.registry import available
from jobs.pipeline.types import EngineUnavailable
from tuplets.errors import Code, TupletsError


def _lacks(role: str) -> bool:
    try:
        return not available(role)
    except EngineUnavailable:  # the profile itself is wrong: nothing can run
        return True


# (field, is it asked for and not to be had?, what the sentence calls it)
_UNAVAILABLE: list[tuple[str, Callable[[dict[str, Any]], bool], str]] = [
    ("remote_url", lambda asked: "remote_url" in asked, "remote_url (send the file as audio_file)"),
    ("uploaded_audio_key", lambda asked: "uploaded_audio_key" in asked, "uploaded_audio_key (send audio_file)"),
    (
        "transcription_model",
        lambda asked: asked.get("transcription_model") == "premium" and _lacks("transcriber.premium"),
        "transcription_model=premium",
    ),
    (
        "diarization",
        # Beside multichannel too: it is what happens to a recording of one channel. multichannel alone needs no engine.
        lambda asked: asked.get("diarization", False) and _lacks("diarizer"),
        "diarization=true",
    ),
    ("pii_processing", lambda asked: asked.get("pii_processing", False) and _lacks("redactor"), "pii_processing=true"),
    ("analytics", lambda asked: asked.get("analytics") is not None and _lacks("analyst"), "analytics"),
]


def require_available(asked: dict[str, Any]) -> None:
    """400 that names the first option this server can't run; nothing is accepted that would be silently left out."""
    for field, is_missing, name in _UNAVAILABLE:
        if is_missing(asked):
            raise TupletsError(Code.FEATURE_UNAVAILABLE, f"{name} is not available on this server.", field=field)
