"""A chat server with the shapes of vLLM's and llama.cpp's answers, for tests without a model.

llama.cpp's stream, logprobs, timings and errors are as its server (xllamacpp 2026.10.11549) sent them. vLLM's are those
of its `vllm/entrypoints/openai/chat_completion/protocol.py` (ChatCompletionStreamResponse, ChatCompletionLogProbs;
UsageInfo with --enable-prompt-tokens-details) and of errors that its users report; none of it was recorded from a GPU.
It checks the key, and as vLLM does the model's name.
"""

from __future__ import annotations

import http.server
import json
import math
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any

MODEL = "Qwen/Qwen3-8B"


@dataclass
class Says:
    """One answer. `odds`: the probability of first tokens; `takes_s` before each part; `breaks` before the end."""

    text: str = "{}"
    finish: str = "stop"
    odds: dict[str, float] | None = None
    takes_s: float = 0.0
    breaks: bool = False
    streamed: bool = True
    raw: bytes | None = None


@dataclass
class Fails:
    """A refusal with the body that the server has for it; `midway` in a stream that had begun."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    midway: bool = False


@dataclass
class ChatServer:
    """`kind` is "vllm" or "llama". `answers` are given one after the other, the last one again and again."""

    kind: str = "vllm"
    api_key: str = ""
    answers: list[Says | Fails] = field(default_factory=lambda: [Says()])
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    left_at_s: list[float] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> ChatServer:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def next(self) -> Says | Fails:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def refusal(self, path: str, key: str, body: dict[str, Any] | None) -> Fails | None:
        """What the server says before it looks at the question."""
        if self.api_key and key != f"Bearer {self.api_key}":
            return UNAUTHORISED[self.kind]
        if path not in ("/v1/models", "/v1/chat/completions"):
            return Fails(404, {"detail": "Not Found"})
        if self.kind == "vllm" and body is not None and body["model"] != MODEL:
            message = f"The model `{body['model']}` does not exist."
            return Fails(404, {"error": {"message": message, "type": "NotFoundError", "param": "model", "code": 404}})
        return None

    def models(self) -> dict[str, Any]:
        if self.kind == "vllm":
            card = {"id": MODEL, "object": "model", "created": 1, "owned_by": "vllm", "max_model_len": 32768}
            return {"object": "list", "data": [card]}
        return {"models": [{"name": MODEL}], "object": "list", "data": [{"id": MODEL, "owned_by": "llamacpp"}]}

    def events(self, says: Says, asked: dict[str, Any]) -> list[dict[str, Any]]:
        """The stream: a role, the text in parts, the end, the figures."""
        parts = [says.text[at : at + 7] for at in range(0, len(says.text), 7)]
        first: dict[str, Any] = {"role": "assistant", "content": "" if self.kind == "vllm" else None}
        told = self._logprobs(says.odds, asked) if says.odds and "logprobs" in asked else None
        events = [self._event(first, None, None)]
        events += [self._event({"content": part}, told if at == 0 else None, None) for at, part in enumerate(parts)]
        events.append(self._event({"content": ""} if self.kind == "vllm" else {}, None, says.finish))
        return [*events, self._whole([]) | self.figures()]

    def whole(self, says: Says, asked: dict[str, Any]) -> dict[str, Any]:
        """The same in one piece, as a gateway that can't stream would send it."""
        message = {"role": "assistant", "content": says.text}
        told = self._logprobs(says.odds, asked) if says.odds and "logprobs" in asked else None
        return self._whole([{"index": 0, "message": message, "logprobs": told, "finish_reason": says.finish}])

    def figures(self) -> dict[str, Any]:
        usage = {"prompt_tokens": 1282, "total_tokens": 1294, "completion_tokens": 12}
        usage_told = usage | {"prompt_tokens_details": {"cached_tokens": 1270}}
        if self.kind == "vllm":
            return {"usage": usage_told}
        timings = {"cache_n": 1270, "prompt_n": 12, "prompt_ms": 117.923, "predicted_n": 12, "predicted_ms": 812.4}
        return {"usage": usage_told, "timings": timings}

    def _event(self, delta: dict[str, Any], logprobs: Any, finish: str | None) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": finish}
        if logprobs or self.kind == "vllm":
            choice["logprobs"] = logprobs
        return self._whole([choice])

    def _whole(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": choices}

    def _logprobs(self, odds: dict[str, float], asked: dict[str, Any]) -> dict[str, Any]:
        likeliest = sorted(odds, key=lambda token: -odds[token])[: asked["top_logprobs"]]
        top = [self._token(token, odds[token]) for token in likeliest]
        return {"content": [{**top[0], "top_logprobs": top}]}

    def _token(self, token: str, odds: float) -> dict[str, Any]:
        # vLLM has a floor; the JSON of llama.cpp has null for what has no logarithm.
        nothing = -9999.0 if self.kind == "vllm" else None
        told = {"token": token, "logprob": math.log(odds) if odds else nothing, "bytes": list(token.encode())}
        return told if self.kind == "vllm" else {"id": 49, **told}


UNAUTHORISED = {
    "vllm": Fails(401, {"error": "Unauthorized"}),
    "llama": Fails(401, {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}}),
}
TOO_LONG = {
    "vllm": Fails(
        400,
        {
            "error": {
                "message": "This model's maximum context length is 16384 tokens. However, you requested 512 output "
                "tokens and your prompt contains at least 16001 input tokens, for a total of at least 16513 tokens.",
                "type": "BadRequestError",
                "param": "input_tokens",
                "code": 400,
            }
        },
    ),
    "llama": Fails(
        400,
        {
            "error": {
                "code": 400,
                "message": "request (9010 tokens) exceeds the available context size (8192 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 9010,
                "n_ctx": 8192,
            }
        },
    ),
}
LOADING = Fails(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})
BUSY = Fails(429, {"error": {"message": "Too many requests", "type": "TooManyRequests", "param": None, "code": 429}})
DEAD = {
    "error": {"message": "EngineCore encountered an issue.", "type": "InternalServerError", "param": None, "code": 500}
}


def _handler(server: ChatServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            server.connections += 1
            super().setup()

        def do_GET(self) -> None:
            refusal = self._refusal(None)
            self._whole(refusal.status, refusal.body) if refusal else self._whole(200, server.models())

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.asked.append(asked)
            says = self._refusal(asked) or server.next()
            if isinstance(says, Fails):
                self._stream([says.body]) if says.midway else self._whole(says.status, says.body)
            elif says.raw is not None:
                self._send(200, "text/html", says.raw)
            elif not says.streamed:
                self._whole(200, server.whole(says, asked) | server.figures())
            else:
                self._stream(server.events(says, asked), says)

        def _refusal(self, asked: dict[str, Any] | None) -> Fails | None:
            server.paths.append(self.path)
            return server.refusal(self.path, self.headers.get("Authorization", ""), asked)

        def _whole(self, status: int, answer: dict[str, Any]) -> None:
            self._send(status, "application/json", json.dumps(answer).encode())

        def _send(self, status: int, kind: str, written: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def _stream(self, events: list[dict[str, Any]], says: Says | None = None) -> None:
            says = says or Says()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in events[: 2 if says.breaks else None]:
                if not self._waits(says.takes_s):
                    server.left_at_s.append(time.monotonic())
                    self.close_connection = True
                    return
                # Both servers leave characters as they are.
                self._chunk(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode("utf-8", "surrogatepass"))
            if says.breaks:
                self.close_connection = True
                return
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

        def _waits(self, seconds: float) -> bool:
            """Whether the client is still there after so long: it sends nothing, so what can be read is its leaving."""
            if not seconds:
                return True
            self.connection.settimeout(seconds)
            try:
                return self.connection.recv(1, socket.MSG_PEEK) != b""
            except TimeoutError:
                return True
            except OSError:
                return False

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler
