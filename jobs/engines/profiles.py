"""Which class does which role, in each profile: data. `registry.py` reads it; ENGINE_PROFILE chooses the profile.

A role is "audio", "diarizer", "redactor", "analyst" or "<role>.<tier>". Options are the keyword arguments of the class;
`None` is filled in by the registry from the settings. What a profile lacks is not available on that server.
"""

from __future__ import annotations

from typing import Any

Role = tuple[str, dict[str, Any]]

_REDACTOR: Role = ("jobs.engines.redactor_presidio.PresidioRedactor", {})
# Sentence vectors and the packaged model. An operator's own model server (ANALYST_URL) takes its place in any profile.
_EMBEDDED_ANALYST: Role = ("jobs.engines.analyst_embedded.EmbeddedAnalyst", {})
MODEL_ANALYST: Role = ("jobs.engines.analyst_model.ModelAnalyst", {})
_AUDIO: Role = ("jobs.engines.audio.AudioDecoder", {})

PROFILES: dict[str, dict[str, Role]] = {
    # CPU, packaged weights: works on a fresh machine.
    "embedded": {
        "audio": _AUDIO,
        "transcriber.standard": (
            "jobs.engines.transcriber_whisper.WhisperTranscriber",
            {"tier": "standard", "device": "cpu", "compute_type": "int8", "batch_size": 8},
        ),
        # The same weights, held once, with more ways for what went wrong.
        "transcriber.premium": (
            "jobs.engines.transcriber_whisper.WhisperTranscriber",
            {"tier": "premium", "device": "cpu", "compute_type": "int8", "batch_size": 8},
        ),
        "diarizer": ("jobs.engines.diarizer_pyannote.PyannoteDiarizer", {"device": "cpu"}),
        "redactor": _REDACTOR,
        "analyst": _EMBEDDED_ANALYST,
    },
    # An operator's own weights (WHISPER_MODEL_DIR: large-v3 or turbo, converted for CTranslate2) on CUDA.
    "gpu": {
        "audio": _AUDIO,
        "transcriber.standard": (
            "jobs.engines.transcriber_whisper.WhisperTranscriber",
            {"tier": "standard", "device": "cuda", "compute_type": "float16", "batch_size": 16},
        ),
        # Two vLLM servers of the operator's (QWEN_ASR_URL, QWEN_ALIGNER_URL): deploy/gpu/README.md.
        "transcriber.premium": (
            "jobs.engines.transcriber_qwen.QwenTranscriber",
            {"asr_url": None, "aligner_url": None, "api_key": None, "concurrency": 16},
        ),
        # The same class and the carried weights, or the operator's own (DIARIZER_DIR: a community-1 folder), on CUDA.
        "diarizer": ("jobs.engines.diarizer_pyannote.PyannoteDiarizer", {"device": "cuda"}),
        "redactor": _REDACTOR,
        "analyst": MODEL_ANALYST,
    },
}
