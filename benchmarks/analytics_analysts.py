"""The analysts that benchmarks/analytics.py measures, one model asked everything at once beside them, and memory."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from analytics.briefs import SYSTEM, transcript_block
from analytics.catalogue import DOMAINS, pack
from analytics.drafts import Choice, CustomDraft, FieldDraft
from analytics.fields import CustomField
from analytics.model import AnswerFailed, Model, Prompt
from analytics.modules import modules_for
from analytics.payload import analytics_payload
from analytics.requests import AnalyticsRequest
from analytics.spoken import Line, Spoken
from analytics.truth import fields_borne_out

SERVER = "jobs.engines.llama_server"
MEGABYTE = 2**20
EVERY_S = 0.5
TIMEOUT_S = 600.0
PROMPT_TOKENS = 2_000
NOT_SAID = "NOT_SAID"
# Some seconds more than analytics need.
WARMING = tuple(Line(at, 5.0 * at, 5.0 * at + 4, "Good morning, this is a test.", "SPEAKER_00") for at in range(5))


@dataclass(frozen=True)
class Endpoint:
    url: str
    key: str
    model: str
    context_tokens: int
    parallel: int


def without_model() -> Any:
    from jobs.engines.analyst_embedded import EmbeddedAnalyst

    return EmbeddedAnalyst(None)


def embedded() -> Any:
    """What a job gets on this server: the packaged model in a process of its own."""
    from jobs.engines import registry

    return registry.engine("analyst")


def at_endpoint(endpoint: Endpoint) -> Any:
    from jobs.engines.analyst_model import ModelAnalyst
    from jobs.engines.chat_model import ChatModel

    return ModelAnalyst(
        ChatModel(
            lambda: (endpoint.url, endpoint.key),
            endpoint.model or None,
            context_tokens=endpoint.context_tokens,
            parallel=endpoint.parallel,
            timeout_s=TIMEOUT_S,
        )
    )


def warm(analyst: Any, *, everything: bool) -> float:
    """Loads what is loaded once a process, the packaged model's server with it; seconds that it took.

    `everything`: also what is fitted for each module and pack, where that asks no more of a model.
    """
    started_s = time.monotonic()
    spoken = Spoken(WARMING, "en", WARMING[-1].end_s, diarized=True)
    modules = frozenset(module.key for module in modules_for("full", diarization=True))
    analyst.generic(spoken, modules if everything else frozenset({"summary"}), lambda fraction: None)
    for domain in DOMAINS if everything else ():
        fields = tuple(guide.field for guide in pack(domain).fields)
        analyst.custom(spoken, fields, domain, lambda fraction: None)
    return time.monotonic() - started_s


def end_servers() -> None:
    """Ends our own model server, so that nothing of what it was asked is still in its cache; it starts again."""
    for process in _servers():
        with contextlib.suppress(psutil.Error):
            process.terminate()
            process.wait(10)


def _servers() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if SERVER in process.cmdline():
                found.append(process)
    return found


class Memory:
    """Peak memory (RSS, MB) of this process and of our model server, looked at twice a second while it is entered."""

    def __init__(self) -> None:
        self.own_mb = 0.0
        self.server_mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        own = psutil.Process(os.getpid())
        while not self._over.wait(EVERY_S):
            with contextlib.suppress(psutil.Error):
                self.own_mb = max(self.own_mb, own.memory_info().rss / MEGABYTE)
                servers = sum(process.memory_info().rss for process in _servers())
                self.server_mb = max(self.server_mb, servers / MEGABYTE)


# One prompt for everything


def one_prompt(analyst: Any, spoken: Spoken, request: AnalyticsRequest) -> dict[str, Any]:
    """The custom part of a result by one question to the analyst's own model, with all fields in one schema.

    What it answers is held to the transcript as everybody's answers are. No usable answer: every field is skipped.
    """
    # The analyst's own, because a second server would need the memory twice.
    model: Model = analyst._model
    fields = request.asked_fields
    prompt = Prompt(SYSTEM, transcript_block(spoken.lines), _task(fields))
    try:
        answer = model.answer(prompt, _schema(fields), max_tokens=PROMPT_TOKENS)
        drafts = {field.key: _draft(field, answer[field.key]) for field in fields}
    except AnswerFailed:
        drafts = {field.key: FieldDraft("", skipped=True) for field in fields}
    draft = fields_borne_out(CustomDraft(drafts), fields, spoken)
    return analytics_payload(request, fields, spoken, None, draft)


def _task(fields: tuple[CustomField, ...]) -> str:
    rows = []
    for field in fields:
        options = "; ".join(f"{option.code} = {option.label}" for option in field.options)
        rows.append(f"- {field.key}: {field.label}. {field.description or ''} {options}".strip())
    return (
        "Answer these fields about the conversation, each with the numbers of the lines that show it; "
        f"{NOT_SAID} where nothing said bears on it.\n" + "\n".join(rows)
    )


def _schema(fields: tuple[CustomField, ...]) -> dict[str, Any]:
    properties = {field.key: _answer_schema(field) for field in fields}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _answer_schema(field: CustomField) -> dict[str, Any]:
    one = {"enum": [*map(_word, _values(field)), NOT_SAID]}
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": len(field.options)}
    lines = {"type": "array", "items": {"type": "integer"}, "maxItems": 8}
    return {
        "type": "object",
        "properties": {"lines": lines, "value": several if field.type == "multi_select" else one},
        "required": ["lines", "value"],
        "additionalProperties": False,
    }


def _values(field: CustomField) -> list[str | bool | int]:
    if field.options:
        return [option.code for option in field.options]
    return [True, False] if field.type == "boolean" else list(range(field.min or 0, (field.max or 0) + 1))


def _word(value: str | bool | int) -> str:
    return {True: "YES", False: "NO"}[value] if isinstance(value, bool) else str(value)


def _draft(field: CustomField, answer: dict[str, Any]) -> FieldDraft:
    given = answer["value"] if isinstance(answer["value"], list) else [answer["value"]]
    values = [value for value in _values(field) if _word(value) in given]
    ids = tuple(answer["lines"])
    if field.options:
        return FieldDraft("", choices=tuple(Choice(str(value), 1.0, ids) for value in values))
    found = next(_numbers(values), None)
    return FieldDraft("", value=found, confidence=1.0, ids=ids if found is not None else ())


def _numbers(values: list[str | bool | int]) -> Iterator[bool | int]:
    return (value for value in values if not isinstance(value, str))
