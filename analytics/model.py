"""What the analyst asks of a language model: one protocol, implemented by `jobs.engines.chat_model` and by tests.

A prompt is kept in parts so that what is long and the same for every question, the transcript, comes first and is
cached by the server, and the task comes last. Nothing here knows HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class AnswerFailed(Exception):
    """No usable answer after one repair attempt; the message is one sentence without any text of the transcript."""


class ModelUnavailable(Exception):
    """The model's server could not be reached or started; the message is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """`system`: the rules. `context`: the transcript, delimited and escaped, the same in many calls. `task`: last."""

    system: str
    context: str
    task: str


class Model(Protocol):
    """One chat model. Every method may raise ModelUnavailable, and whatever `watch` raises."""

    name: str
    # Tokens of prompt and answer together; how many calls the server works on side by side.
    context_tokens: int
    parallel: int

    def tokens(self, text: str) -> int:
        """About how many tokens a text has; never less than the true number by more than a tenth."""

    def answer(self, prompt: Prompt, schema: dict[str, Any], *, max_tokens: int) -> dict[str, Any]:
        """An object that satisfies the JSON schema; raises AnswerFailed."""

    def choose(self, prompt: Prompt, options: Sequence[str]) -> tuple[float, ...]:
        """The probability of each option (at most 26), summing to 1, asked as one letter; raises AnswerFailed."""


class WatchedModel(Protocol):
    """A model that serves many jobs: each binds it to its own watch, called at least every second of waiting."""

    def watching(self, watch: Callable[[], None]) -> Model: ...
