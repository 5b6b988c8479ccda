"""What a chat model's answer means: the JSON object in its text, and the letter it would choose. Pure.

Models wrap JSON in fences or think aloud before it; servers that hold the schema still don't hold its bounds. Called by
`chat_model`, which does the asking. A flaw is told in words of the schema and never repeats what the model wrote.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema
from jsonschema.exceptions import best_match

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# What may stand around a letter in one token; ▁ and Ġ are how tokenizers write a space.
_AROUND_LETTER = " \t\r\n▁Ġ().:*"
_FENCE = re.compile(r"```[a-zA-Z]*\s*\n?(.*?)```", re.DOTALL)
_TOLD_MOST = 200


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why an answer can't be used. `kind` is fit for a log; `told` is for the model, and names parts of its answer."""

    kind: str
    told: str


def read_object(text: str, schema: dict[str, Any]) -> dict[str, Any] | Flaw:
    """The object in an answer if it satisfies the schema; what can't be stored (NUL, half a character) is no text."""
    found = next(_objects(text), None)
    if found is None:
        return Flaw("no JSON object", "That was no valid JSON object.")
    try:
        written = json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
        wrong = best_match(jsonschema.Draft202012Validator(schema).iter_errors(found))
    except (ValueError, RecursionError):
        return Flaw("text that can't be stored", "That had characters or numbers that are not valid JSON.")
    if b"\\u0000" in written:
        return Flaw("text that can't be stored", "That had characters that are no text.")
    return _flaw(wrong) if wrong else found


def letter_probabilities(likeliest: Iterable[tuple[str, float]], count: int) -> tuple[float, ...] | None:
    """The share of each of the first letters among the likeliest tokens; None where none of them is there."""
    shares = dict.fromkeys(LETTERS[:count], 0.0)
    for token, logprob in likeliest:
        letter = token.strip(_AROUND_LETTER).upper()
        if letter in shares and not math.isnan(logprob):
            shares[letter] += math.exp(min(logprob, 0.0))
    whole = sum(shares.values())
    return tuple(share / whole for share in shares.values()) if whole > 0.0 else None


def lettered(options: Sequence[str]) -> str:
    """The options one a line, each behind its letter."""
    return "\n".join(f"{letter}) {' '.join(text.split())}" for letter, text in zip(LETTERS, options, strict=False))


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The text itself, or after the thinking, or in a fence, or between the outermost braces: what is an object."""
    spoken = text.rpartition("</think>")[2]
    fenced = _FENCE.findall(spoken)
    for part in (text, spoken, *fenced, spoken[spoken.find("{") : spoken.rfind("}") + 1]):
        try:
            value = json.loads(part, parse_constant=_refuse)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def _refuse(name: str) -> None:
    raise ValueError


def _flaw(error: jsonschema.ValidationError) -> Flaw:
    keyword = str(error.validator)
    demand = json.dumps(error.validator_value, ensure_ascii=False, default=str)[:_TOLD_MOST]
    return Flaw(f"the schema's {keyword} is broken", f"At {error.json_path} the schema demands {keyword}: {demand}.")
