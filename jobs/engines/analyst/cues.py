"""The cue files of `analytics/cues`: examples of sentiment and of dialogue acts, negation, dates. Data, read once."""

from __future__ import annotations

import functools
import importlib.resources
from typing import Any

import yaml


@functools.cache
def cues(name: str) -> dict[str, Any]:
    """The content of `analytics/cues/<name>.yaml`."""
    text = (importlib.resources.files("analytics") / "cues" / f"{name}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found
