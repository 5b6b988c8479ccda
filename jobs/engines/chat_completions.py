"""One `POST /chat/completions` over HTTP: streamed, watched while it is waited for, tried again where that may help.

Called by `chat_model`, which decides what is asked and what an answer means. Answers are streamed because that is how a
server notices that nobody waits any more: llama.cpp finds the connection closed at the next token that it sends, but
for an answer in one piece it only looks after a second without news from any of its requests; vLLM aborts either way.
Requests run on an event loop in a thread of its own, since only there one can be given up in the middle of a read.
Nothing is logged here, and no error repeats what was sent or what came.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import tenacity

from analytics.model import AnswerFailed, ModelUnavailable

WATCH_EVERY_S = 0.5
CONNECT_WITHIN_S = 5.0
# Servers close a connection after 5 s without a request; a request that crosses that would be lost.
REUSE_WITHIN_S = 3.0
TRIES = 6

THE_SERVER = "The language model's server"
URL, KEY, NAME = "TUPLETS_ANALYST_URL", "TUPLETS_ANALYST_KEY", "TUPLETS_ANALYST_MODEL"
TOO_LONG = "The prompt and its answer are longer than the language model's context."

_TOO_LONG = re.compile(rb"context[ _](?:length|size|window)|maximum model length|max_model_len", re.IGNORECASE)

Address = Callable[[], tuple[str, str]]
Watch = Callable[[], None]
Found = TypeVar("Found")


class _Again(Exception):
    """The request may succeed if it is sent again; the message is the sentence for when it does not."""


@dataclass
class Completion:
    """`finish` is "length" where the answer was cut off. `likeliest`: what the first token might have been, if asked.

    `usage` and `timings` are the server's own figures; either may be empty.
    """

    text: str = ""
    finish: str = ""
    likeliest: list[tuple[str, float]] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)

    def take(self, event: Any) -> None:
        """Adds what one event of the stream brings, or the whole of an answer that was not streamed."""
        if error := event.get("error"):
            code = error.get("code")
            _refuse(code if isinstance(code, int) else 500, json.dumps(error).encode())
        for choice in event.get("choices") or ():
            self.text += (choice.get("delta") or choice.get("message") or {}).get("content") or ""
            self.finish = choice.get("finish_reason") or self.finish
            tokens = (choice.get("logprobs") or {}).get("content") or ()
            if tokens and not self.likeliest:
                found = tokens[0]["top_logprobs"]
                self.likeliest = [
                    (each["token"], float(each["logprob"])) for each in found if each["logprob"] is not None
                ]
        self.usage = event.get("usage") or self.usage
        self.timings = event.get("timings") or self.timings


class ChatCompletions:
    """One server for all threads of a process. `address` is asked before each request, and may start the server."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._name = ""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        # Never through a proxy that the environment names: transcripts stay where the operator put the server.
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=CONNECT_WITHIN_S),
            limits=httpx.Limits(max_connections=None, keepalive_expiry=REUSE_WITHIN_S),
            trust_env=False,
        )

    def complete(self, body: dict[str, Any], watch: Watch) -> Completion:
        """The answer to one request, tried again a few times within the time allowed for all of them.

        `watch` is called at least every second; when it raises, the connection is closed and the error goes on. Raises
        AnswerFailed where the server refuses this request, ModelUnavailable where it would refuse any.
        """
        streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
        return self._patiently(lambda: self._complete(*self._place("/chat/completions"), streamed), watch)

    def served(self, watch: Watch) -> str:
        """The name of the first model that the server has; asked once."""
        if not self._name:
            self._name = self._patiently(lambda: self._served(*self._place("/models")), watch)
        return self._name

    def close(self) -> None:
        """Closes the connections for good."""
        with self._lock:
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._http.aclose(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _patiently(self, request: Callable[[], Coroutine[Any, Any, Found]], watch: Watch) -> Found:
        ends_at_s = time.monotonic() + self._timeout_s
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            stop=tenacity.stop_any(tenacity.stop_after_attempt(TRIES), tenacity.stop_before_delay(self._timeout_s)),
            wait=tenacity.wait_exponential(multiplier=0.5, max=4.0),
            sleep=lambda pause_s: _sleep(pause_s, watch),
            reraise=True,
        )
        try:
            return tries(self._watched, request, watch, ends_at_s)
        except _Again as error:
            raise ModelUnavailable(str(error)) from None

    def _watched(self, request: Callable[[], Coroutine[Any, Any, Found]], watch: Watch, ends_at_s: float) -> Found:
        watch()
        future = asyncio.run_coroutine_threadsafe(request(), self._running_loop())
        try:
            while not concurrent.futures.wait([future], timeout=WATCH_EVERY_S).done:
                watch()
                if time.monotonic() > ends_at_s:
                    raise ModelUnavailable(f"{THE_SERVER} gave no answer within {self._timeout_s:g} s.")
            return future.result()
        finally:
            # Of a request that is not over, this closes the connection.
            future.cancel()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="chat-http", daemon=True)
                self._thread.start()
            return self._loop

    def _place(self, path: str) -> tuple[str, dict[str, str]]:
        base, key = self._address()
        return base.rstrip("/") + path, {"Authorization": f"Bearer {key}"} if key else {}

    async def _complete(self, url: str, headers: dict[str, str], body: dict[str, Any]) -> Completion:
        completion = Completion()
        with _told():
            # Escaped, so that no half of a character pair in a transcript fails to be written.
            content, json_type = json.dumps(body).encode(), {"Content-Type": "application/json"}
            async with self._http.stream("POST", url, headers=headers | json_type, content=content) as response:
                await _look(response)
                async for event in _events(response):
                    completion.take(event)
        if not completion.finish:
            raise _Again(f"{THE_SERVER} broke off an answer; its own log says why.")
        return completion

    async def _served(self, url: str, headers: dict[str, str]) -> str:
        with _told():
            async with self._http.stream("GET", url, headers=headers) as response:
                await _look(response)
                return str(json.loads(await response.aread())["data"][0]["id"])


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turns what httpx raises, and what an unknown shape makes of the reading, into sentences of ours."""
    try:
        yield
    except (httpx.UnsupportedProtocol, httpx.InvalidURL):
        raise ModelUnavailable(f"{URL} is no address; it begins with http:// or https://.") from None
    except (httpx.LocalProtocolError, UnicodeEncodeError):
        raise ModelUnavailable(f"{KEY} has characters that a key can't have.") from None
    except httpx.HTTPError:
        raise _Again(f"{THE_SERVER} can't be reached; is it up, and is {URL} its address?") from None
    except (LookupError, TypeError, ValueError, AttributeError):
        raise ModelUnavailable(f"{THE_SERVER} answers in an unknown shape; is {URL} right?") from None


async def _look(response: httpx.Response) -> None:
    if response.status_code != httpx.codes.OK:
        _refuse(response.status_code, await response.aread())


def _refuse(status: int, body: bytes) -> None:
    """What a status means. The body is looked at and never repeated: it may quote the prompt."""
    if status >= 400 and status not in (401, 403, 404) and _TOO_LONG.search(body):
        raise AnswerFailed(TOO_LONG)
    if status in (408, 429) or status >= 500:
        raise _Again(f"{THE_SERVER} answers {status}; its own log says why.")
    if status in (401, 403):
        raise ModelUnavailable(f"{THE_SERVER} answers {status}; {KEY} is not the key that it was started with.")
    if status == 404 and b"model" in body:
        raise ModelUnavailable(f"{THE_SERVER} doesn't have the model that {NAME} names.")
    if status == 404 or status < 400:
        raise ModelUnavailable(
            f"{THE_SERVER} answers {status}; {URL} must end in /v1 where it serves chat completions."
        )
    raise AnswerFailed(f"{THE_SERVER} refuses the request ({status}); its own log says why.")


async def _events(response: httpx.Response) -> AsyncIterator[Any]:
    """The JSON of each event. Lines end at line feeds only: JSON may hold what Unicode also calls an end of a line."""
    if "event-stream" not in response.headers.get("Content-Type", ""):
        yield json.loads(await response.aread())
        return
    rest = b""
    async for part in response.aiter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            data = line.removeprefix(b"data:").strip()
            if line.startswith(b"data:") and data != b"[DONE]":
                yield json.loads(data)


def _sleep(pause_s: float, watch: Watch) -> None:
    ends_at_s = time.monotonic() + pause_s
    while (left_s := ends_at_s - time.monotonic()) > 0:
        watch()
        time.sleep(min(left_s, WATCH_EVERY_S))
