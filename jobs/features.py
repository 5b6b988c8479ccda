"""What this server can run: the one place that says which documented options are not available here, and why."""

from collections.abc import Callable
from typing import Any

from tuplets.errors import Code, TupletsError

# (field, is it asked for?, what the sentence calls it)
_UNAVAILABLE: list[tuple[str, Callable[[dict[str, Any]], bool], str]] = [
    ("remote_url", lambda asked: "remote_url" in asked, "remote_url (send the file as audio_file)"),
    ("uploaded_audio_key", lambda asked: "uploaded_audio_key" in asked, "uploaded_audio_key (send audio_file)"),
    ("transcription_model", lambda asked: asked["transcription_model"] == "premium", "transcription_model=premium"),
    ("diarization", lambda asked: asked["diarization"], "diarization=true"),
    ("pii_processing", lambda asked: asked["pii_processing"], "pii_processing=true"),
    ("analytics", lambda asked: asked["analytics"] is not None, "analytics"),
]


def require_available(asked: dict[str, Any]) -> None:
    """400 that names the first option this server can't run; nothing is accepted that would be silently left out."""
    for field, is_asked, name in _UNAVAILABLE:
        if is_asked(asked):
            raise TupletsError(Code.FEATURE_UNAVAILABLE, f"{name} is not available on this server.", field=field)
