"""A server with the shapes of vLLM's answers for Qwen3-ASR and Qwen3-ForcedAligner, for tests without a GPU.

The shapes of requests and answers are those of vLLM's OpenAI-compatible server (`/v1/models`,
`/v1/chat/completions`: ChatCompletionResponse; `/pooling`: PoolingResponse with `encoding_format` base64) and its
example examples/pooling/token_classify/forced_alignment_online.py; the texts are those of the model's own package
(https://github.com/QwenLM/Qwen3-ASR: "language English<asr_text>…"). It checks what vLLM checks: the model's name, the
key, that a template in the request is trusted, one sound for one mark.
"""

from __future__ import annotations

import base64
import http.server
import io
import json
import re
import threading
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MARK = "<|audio_start|><|audio_pad|><|audio_end|>"
PROMPT = re.compile(
    r"<\|im_start\|>system\n(?P<context>.*)<\|im_end\|>\n<\|im_start\|>user\n"
    + re.escape(MARK)
    + r"<\|im_end\|>\n<\|im_start\|>assistant\n(?:language (?P<language>\w+)<asr_text>)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Asked:
    """A request to recognise or to align, as the model would see it."""

    seconds: float
    peak: float
    context: str = ""
    language: str | None = None
    units: tuple[str, ...] = ()


@dataclass
class QwenServer:
    """`say` gives the answer's text, `mark` the beginning and end of each unit in seconds; `failures` come first."""

    model: str = "Qwen/Qwen3-ASR-1.7B"
    say: Callable[[Asked], str] = lambda asked: "language English<asr_text>Good morning."
    mark: Callable[[Asked], list[tuple[float, float]]] = lambda asked: briskly(asked)
    finish_reason: str = "stop"
    trusts_templates: bool = True
    step_pooling: bool = True
    api_key: str = ""
    delay_s: float = 0.0
    failures: list[int] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    most_at_once: int = 0

    def __enter__(self) -> QwenServer:
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, path: str, key: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.paths.append(path)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            failure = self.failures.pop(0) if self.failures else None
        try:
            time.sleep(self.delay_s)
            return (failure, _error(failure)) if failure else self._answer(path, key, body)
        finally:
            with self._lock:
                self._at_once -= 1

    def _answer(self, path: str, key: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        if self.api_key and key != f"Bearer {self.api_key}":
            return 401, {"error": "Unauthorized"}
        if path == "/v1/models":
            card = {"id": self.model, "object": "model", "created": 1, "owned_by": "vllm", "max_model_len": 65536}
            return 200, {"object": "list", "data": [card]}
        if body is None or path not in ("/v1/chat/completions", "/pooling"):
            return 404, {"detail": "Not Found"}
        if body["model"] != self.model:
            return 404, _error(404)
        if not self.trusts_templates:
            return 400, _error(400)
        text, sound = body["messages"][0]["content"]
        assert body["chat_template"] == "{{ messages[0]['content'] }}"
        assert text["text"].count(MARK) == 1
        seconds, peak = _heard(sound["audio_url"]["url"])
        return self._chat(text["text"], seconds, peak) if "chat" in path else self._pool(text["text"], seconds, peak)

    def _chat(self, prompt: str, seconds: float, peak: float) -> tuple[int, dict[str, Any]]:
        found = PROMPT.fullmatch(prompt)
        assert found, prompt
        asked = Asked(seconds, peak, found["context"], found["language"])
        self.asked.append(asked)
        message: dict[str, Any] = {"role": "assistant", "content": self.say(asked), "refusal": None, "tool_calls": []}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        usage = {"prompt_tokens": 1, "total_tokens": 2, "completion_tokens": 1}
        return 200, _whole("chatcmpl-1", "chat.completion", self.model, choices=[choice], usage=usage)

    def _pool(self, prompt: str, seconds: float, peak: float) -> tuple[int, dict[str, Any]]:
        units = tuple(prompt.removeprefix(MARK).split("<timestamp><timestamp>")[:-1])
        asked = Asked(seconds, peak, units=units)
        self.asked.append(asked)
        marks = [at for pair in self.mark(asked) for at in pair]
        scores = np.zeros((len(marks) if self.step_pooling else 3 * len(marks) + 7, 5000), dtype="<f2")
        scores[np.arange(len(marks)), [round(at / 0.08) for at in marks]] = 8.0
        data = {"index": 0, "object": "pooling", "data": base64.b64encode(scores.tobytes()).decode()}
        return 200, _whole("pool-1", "list", self.model, data=[data], usage={"prompt_tokens": 1, "total_tokens": 1})


def briskly(asked: Asked) -> list[tuple[float, float]]:
    """The units one after the other from the beginning of the speech, or over the whole sound if they are many."""
    each = min(0.3, asked.seconds / len(asked.units))
    return [(0.4 + each * number, 0.4 + each * (number + 0.9)) for number in range(len(asked.units))]


def _whole(name: str, kind: str, model: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "object": kind, "created": 1, "model": model, **more}


def _error(status: int) -> dict[str, Any]:
    return {"error": {"message": "…", "type": "BadRequestError", "param": None, "code": status}}


def _heard(url: str) -> tuple[float, float]:
    """Length and loudness of the sound: by its loudness a test knows which part of its recording it is."""
    head, _, data = url.partition(",")
    assert head == "data:audio/wav;base64"
    with wave.open(io.BytesIO(base64.b64decode(data))) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16000, 1, 2)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    return len(samples) / 16000, float(np.abs(samples).max()) / 32768


def _handler(server: QwenServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(None)

        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, body: dict[str, Any] | None) -> None:
            status, answer = server.answer(self.path, self.headers.get("Authorization", ""), body)
            written = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler
