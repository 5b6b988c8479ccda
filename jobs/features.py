"""What this server can run: the one place that says which documented options are not available here, and why."""

from typing import Any

from tuplets.errors import Code, TupletsError

# option -> (is it asked for?, what it is called in the sentence)
_UNAVAILABLE = {
    "remote_url": (lambda asked: "remote_url" in asked, "remote_url (submit the file as audio_file instead)"),
    "uploaded_audio_key": (lambda asked: "uploaded_audio_key" in asked, "uploaded_audio_key (submit the file as audio_file instead)"),
    "transcription_model": (lambda asked: asked["transcription_model"] == "premium", "transcription_model=premium (use standard)"),
    "diarization": (lambda asked: asked["diarization"], "diarization=true"),
    "pii_processing": (lambda asked: asked["pii_processing"], "pii_processing=true"),
    "analytics": (lambda asked: asked["analytics"] is not None, "analytics"),
}  # fmt: skip


def require_available(asked: dict[str, Any]) -> None:
    """400 that names the first option this server can't run; nothing is accepted that would be silently left out."""
    for field, (is_asked, name) in _UNAVAILABLE.items():
        if is_asked(asked):
            raise TupletsError(Code.FEATURE_UNAVAILABLE, f"{name} is not available on this server.", field=field)
