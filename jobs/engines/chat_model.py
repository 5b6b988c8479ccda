"""A language model behind any OpenAI-compatible chat server: what is asked of it, and one log line a request.

Implements `analytics.model.Model` for vLLM (the gpu profile) and llama.cpp's server (the packaged model). The request
itself is in `chat_completions`, the reading of answers in `chat_answers`, the schema as it is sent in `chat_schema`.
Only fields that both servers know are sent: vLLM logs a warning for every request with another one, so `cache_prompt`
is left to llama.cpp's own default, which is true. Neither logs nor errors have a word of prompt or answer.
"""

from __future__ import annotations

import contextlib
import copy
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import structlog

from analytics.model import AnswerFailed, ModelUnavailable, Prompt
from jobs.engines import chat_answers, chat_schema, chat_tokens
from jobs.engines.chat_answers import Flaw
from jobs.engines.chat_completions import Address, ChatCompletions, Completion, Watch

log = structlog.get_logger(__name__)
Found = TypeVar("Found")

SEED = 1
# The most that vLLM gives without --max-logprobs; the letters that matter are far up.
LIKELIEST = 20
# Of a broken answer in the request to repair it: enough to see what was meant, little to read again.
SHOWN_CHARACTERS = 600
WAIT_S = 0.5


def _unwatched() -> None:
    pass


class ChatModel:
    """One model; shared by all threads of a process. `watching` binds a job's watch to the same connections.

    `address` gives the base URL, which ends in /v1, and the key ("" for none), and is asked before each request.
    `timeout_s` bounds each request with its repetitions. `extra` goes into the body of every request, such as
    {"chat_template_kwargs": {"enable_thinking": False}} for models that would think first.
    """

    def __init__(
        self,
        address: Address,
        name: str | None,
        context_tokens: int,
        parallel: int,
        timeout_s: float,
        watch: Watch = _unwatched,
        *,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.context_tokens = context_tokens
        self.parallel = parallel
        self._name = name or ""
        self._watch = watch
        self._extra = dict(extra or {})
        self._server = ChatCompletions(address, timeout_s)
        # Requests of other jobs wait here and not at the server: their time begins when it is their turn.
        self._places = threading.BoundedSemaphore(parallel)

    @property
    def name(self) -> str:
        """The name that was given, or the one that the server tells, which is asked once."""
        return self._name or self._server.served(self._watch)

    @name.setter  # as the protocol's attribute can be set
    def name(self, name: str) -> None:
        self._name = name

    def watching(self, watch: Watch) -> ChatModel:
        """The same model and connections for one job: `watch` is called at least every second of waiting."""
        bound = copy.copy(self)
        bound._watch = watch
        return bound

    def close(self) -> None:
        """Closes the connections, also those of every `watching` copy."""
        self._server.close()

    def tokens(self, text: str) -> int:
        """About how many tokens a text has; where the figures come from: `chat_tokens`."""
        return chat_tokens.estimate(text)

    def answer(self, prompt: Prompt, schema: dict[str, Any], *, max_tokens: int) -> dict[str, Any]:
        """An object that satisfies the schema, its bounds too; one that does not is asked for once more.

        An answer that is cut off at `max_tokens` fails at once: the same prompt would run as long again.
        """
        sent = {"name": "answer", "schema": chat_schema.portable(schema), "strict": True}
        asked = {"max_tokens": max_tokens, "response_format": {"type": "json_schema", "json_schema": sent}}
        messages = _messages(prompt, prompt.task)

        def read(completion: Completion) -> dict[str, Any] | Flaw:
            if completion.finish == "length":
                raise AnswerFailed("The language model's answer was cut off at its limit of tokens.")
            return chat_answers.read_object(completion.text, schema)

        text, found = self._ask("answer", asked | {"messages": messages}, read)
        if isinstance(found, Flaw):
            messages += [_message("assistant", _shortened(text)), _message("user", f"{found.told} Answer again.")]
            _, found = self._ask("repair", asked | {"messages": messages}, read)
        if isinstance(found, Flaw):
            raise AnswerFailed(f"The language model gave no usable answer in two tries ({found.kind}).")
        return found

    def choose(self, prompt: Prompt, options: Sequence[str]) -> tuple[float, ...]:
        """The share of each option among the letters that the model might have answered, from the model's own odds.

        Both servers tell these as they are before temperature and grammar. An option that is not among the likeliest
        tokens has 0.
        """
        if not 1 <= len(options) <= len(chat_answers.LETTERS):
            raise ValueError(f"{len(options)} options can't be lettered")
        task = f"{prompt.task}\n{chat_answers.lettered(options)}\nAnswer with one letter."
        asked = {"max_tokens": 1, "logprobs": True, "top_logprobs": LIKELIEST, "messages": _messages(prompt, task)}

        def read(completion: Completion) -> tuple[float, ...]:
            found = chat_answers.letter_probabilities(completion.likeliest, len(options))
            if found is None:
                raise AnswerFailed("The language model would answer with none of the options' letters.")
            return found

        return self._ask("choose", asked, read)[1]

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """One of the requests that the server works on side by side; watched while it waits for its turn."""
        while not self._places.acquire(timeout=WAIT_S):
            self._watch()
        try:
            yield
        finally:
            self._places.release()

    def _ask(self, what: str, asked: dict[str, Any], read: Callable[[Completion], Found]) -> tuple[str, Found]:
        """The text of the answer and what was read in it; one line in the log, whatever came of it."""
        started_s = time.monotonic()
        completion = Completion()
        outcome = "stopped"
        try:
            body = {"model": self.name, "temperature": 0, "seed": SEED, **asked, **self._extra}
            with self._place():
                completion = self._server.complete(body, self._watch)
            found = read(completion)
            outcome = "unusable" if isinstance(found, Flaw) else "answered"
            return completion.text, found
        except AnswerFailed:
            outcome = "failed"
            raise
        except ModelUnavailable:
            outcome = "unavailable"
            raise
        finally:
            elapsed_s = round(time.monotonic() - started_s, 3)
            log.info("model_asked", call=what, outcome=outcome, elapsed_s=elapsed_s, **_figures(completion))


def _messages(prompt: Prompt, task: str) -> list[dict[str, str]]:
    """The transcript before the task: the server keeps what it computed for the beginning that requests share."""
    return [_message("system", prompt.system), _message("user", f"{prompt.context}\n\n{task}")]


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _figures(completion: Completion) -> dict[str, Any]:
    """Numbers of the server for the log: its names are passed on only where they are known, its texts never."""
    usage, timings = completion.usage, completion.timings
    figures = {
        "prompt_tokens": usage.get("prompt_tokens"),
        "cached_tokens": (usage.get("prompt_tokens_details") or {}).get("cached_tokens"),
        "output_tokens": usage.get("completion_tokens"),
        "prompt_ms": timings.get("prompt_ms"),
        "output_ms": timings.get("predicted_ms"),
    }
    return {name: round(value) for name, value in figures.items() if isinstance(value, (int, float))}
