"""A language model that only pretends: answers from a table, or anything else that fits the schema it was given.

It holds itself to the schema as a real server does, so that a test shows what a model *could* answer and nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jsonschema
from hypothesis import strategies as st

from analytics.model import Prompt

Answer = dict[str, Any] | Exception
# A module's answer, or what makes it from the prompt and the schema.
Table = Mapping[str, Answer | Callable[[Prompt, dict[str, Any]], Answer]]

_BY_MEMBER = {
    "topic": "key_topics",
    "action": "action_items",
    "question": "qa",
    "decision": "decisions",
    "risk": "risks",
    "opportunity": "missed_opportunities",
}
_BY_ROOT = {"summary": "summary", "lines": "sentiment", "chapters": "chapters", "score": "urgency", "answers": "field"}


def asked_module(schema: dict[str, Any]) -> str:
    """Whose question a schema closes; "field" for a custom field's."""
    members = schema["properties"]
    if "items" in members:
        inner = members["items"]["items"]["properties"]
        return next(module for name, module in _BY_MEMBER.items() if name in inner)
    return next(module for name, module in _BY_ROOT.items() if name in members)


class PretendModel:
    """`asked`: (module or "choose", prompt) of each call, in order of arrival. `chosen`: the options' probabilities."""

    name = "pretend"

    def __init__(
        self,
        table: Table | None = None,
        *,
        chosen: Callable[[Prompt, Sequence[str]], Sequence[float]] | None = None,
        context_tokens: int = 100_000,
        parallel: int = 4,
    ) -> None:
        self.table = dict(table or {})
        self.chosen = chosen or (lambda prompt, options: [1.0, *[0.0] * (len(options) - 1)])
        self.context_tokens, self.parallel = context_tokens, parallel
        self.asked: list[tuple[str, Prompt]] = []
        self._watch: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def watching(self, watch: Callable[[], None]) -> PretendModel:
        self._watch = watch
        return self

    def tokens(self, text: str) -> int:
        return len(text) // 4 + 1

    def answer(self, prompt: Prompt, schema: dict[str, Any], *, max_tokens: int) -> dict[str, Any]:
        module = asked_module(schema)
        self._note(module, prompt)
        made = self.table.get(module, least_answer(schema))
        found = made(prompt, schema) if callable(made) else made
        if isinstance(found, Exception):
            raise found
        jsonschema.validate(found, schema)
        assert max_tokens > 0
        return found

    def choose(self, prompt: Prompt, options: Sequence[str]) -> tuple[float, ...]:
        self._note("choose", prompt)
        assert 1 <= len(options) <= 26
        return tuple(self.chosen(prompt, options))

    def _note(self, call: str, prompt: Prompt) -> None:
        self._watch()
        with self._lock:
            self.asked.append((call, prompt))


def least_answer(schema: dict[str, Any]) -> Any:
    """The smallest value that fits a schema: the first of an enumeration, the shortest list."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: least_answer(member) for name, member in schema["properties"].items()}
    if schema["type"] == "array":
        return [least_answer(schema["items"])] * schema["minItems"] if schema.get("minItems") else []
    return "x" * schema.get("minLength", 0)


def any_answer(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Whatever fits a schema of `analytics.tasks`."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "object":
        return st.fixed_dictionaries({name: any_answer(member) for name, member in schema["properties"].items()})
    if schema["type"] == "array":
        least = schema.get("minItems", 0)
        return st.lists(any_answer(schema["items"]), min_size=least, max_size=max(least, min(schema["maxItems"], 3)))
    return st.text(min_size=schema.get("minLength", 0), max_size=min(schema["maxLength"], 30))
