"""A small model that only pretends to word things: answers from a table by what is asked for, held to the schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jsonschema

from analytics.model import Prompt
from tests.analytics.pretend_model import least_answer

Answer = dict[str, Any] | Exception


class PretendWriter:
    """`table`: "summary", "parts", "tasks" -> the answer. `asked`: the same names (or "choose") with the prompts."""

    context_tokens, parallel = 4_096, 1

    def __init__(
        self,
        table: Mapping[str, Answer] | None = None,
        *,
        chosen: Callable[[Prompt, Sequence[str]], Sequence[float] | Exception] | None = None,
        name: str = "pretend-writer",
    ) -> None:
        self.table = dict(table or {})
        self.chosen = chosen
        self.name = name
        self.asked: list[tuple[str, Prompt]] = []
        self.offered: list[tuple[str, ...]] = []
        self._watch: Callable[[], None] = lambda: None

    def watching(self, watch: Callable[[], None]) -> PretendWriter:
        self._watch = watch
        return self

    def tokens(self, text: str) -> int:
        return len(text) // 3 + 1

    def answer(self, prompt: Prompt, schema: dict[str, Any], *, max_tokens: int) -> dict[str, Any]:
        self._watch()
        [member] = schema["properties"]
        self.asked.append((member, prompt))
        assert max_tokens > 0
        found = self.table.get(member, least_answer(schema))
        if isinstance(found, Exception):
            raise found
        jsonschema.validate(found, schema)
        return found

    def choose(self, prompt: Prompt, options: Sequence[str]) -> tuple[float, ...]:
        self._watch()
        self.asked.append(("choose", prompt))
        self.offered.append(tuple(options))
        assert 1 <= len(options) <= 26 and self.chosen is not None
        found = self.chosen(prompt, options)
        if isinstance(found, Exception):
            raise found
        assert len(found) == len(options)
        return tuple(found)
