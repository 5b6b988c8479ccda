"""Qwen3-ASR's own names of the premium languages, and which of them its forced aligner knows.

Names: SUPPORTED_LANGUAGES in qwen_asr/inference/utils.py; the codes beside them and the aligner's list: the table
"Released Models" in the README of https://github.com/QwenLM/Qwen3-ASR. Used by the Qwen transcriber.
"""

from __future__ import annotations

NAMES: dict[str, str] = {
    "ar": "Arabic",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fil": "Filipino",
    "fr": "French",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "mk": "Macedonian",
    "ms": "Malay",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "vi": "Vietnamese",
    "yue": "Cantonese",
    "zh": "Chinese",
}
ALIGNED: frozenset[str] = frozenset("de en es fr it ja ko pt ru yue zh".split())

_CODES = {name.casefold(): code for code, name in NAMES.items()}


def code_of(name: str) -> str | None:
    """The code of a language that the model named; None for one that is not among the premium languages."""
    return _CODES.get(name.casefold())
