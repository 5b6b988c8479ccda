"""A vLLM server over HTTP: which model it serves, text from a prompt with sound, scores for the tokens of a prompt.

Requests and answers are those of vLLM's OpenAI-compatible server: `GET /v1/models`, `POST /v1/chat/completions`
(https://docs.vllm.ai/en/latest/serving/openai_compatible_server/) and `POST /pooling` as in
https://github.com/vllm-project/vllm/blob/main/examples/pooling/token_classify/forced_alignment_online.py. As there, a
prompt is sent as it is, with a template that only copies it; the server must be started with
--trust-request-chat-template. Used by the Qwen transcriber; knows nothing of languages or times. Nothing is logged,
and no error repeats what was sent.
"""

from __future__ import annotations

import base64
import io
import threading
import wave
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import tenacity

from jobs.pipeline.types import SAMPLE_RATE, EngineUnavailable

COPY_TEMPLATE = "{{ messages[0]['content'] }}"
CONNECT_WITHIN_S = 5.0
# A server that is being restarted refuses connections for a moment; one that still loads its model does for minutes.
PATIENCE_S = 8.0
ANSWER_WITHIN_S = 120.0
PAGE = "deploy/gpu/README.md"


class _Again(Exception):
    """The request may succeed if it is sent again; the message is the sentence for when it does not."""


@dataclass(frozen=True)
class Completion:
    """`whole` is False where the text was cut off at the limit of tokens."""

    text: str
    whole: bool


class VllmServer:
    """One server. Shared by all threads of a process; `stop` of a request ends its waiting for another try."""

    def __init__(
        self,
        url: str,
        what: str,
        *,
        api_key: str = "",
        patience_s: float = PATIENCE_S,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._what = f"The {what} server at {url}"
        self._patience_s = patience_s
        self._answer_within_s = answer_within_s
        # Never through a proxy that the environment names: recordings stay where the operator put the server.
        self._http = httpx.Client(
            base_url=url.rstrip("/").removesuffix("/v1"),
            timeout=httpx.Timeout(answer_within_s, connect=CONNECT_WITHIN_S, pool=None),
            limits=httpx.Limits(max_connections=None),
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            trust_env=False,
        )

    def model(self, stop: threading.Event) -> str:
        """The name of the model that the server has."""
        return self._found(self._ask("GET", "/v1/models", None, stop), lambda found: str(found["data"][0]["id"]))

    def complete(
        self, model: str, prompt: str, samples: np.ndarray, max_tokens: int, stop: threading.Event
    ) -> Completion:
        """The likeliest text that follows the prompt, whose mark for sound stands for the samples."""
        body = {**_message(model, prompt, samples), "temperature": 0.0, "max_tokens": max_tokens}

        def choice(found: Any) -> Completion:
            first = found["choices"][0]
            return Completion(first["message"]["content"] or "", whole=first["finish_reason"] != "length")

        return self._found(self._ask("POST", "/v1/chat/completions", body, stop), choice)

    def scores(self, model: str, prompt: str, samples: np.ndarray, stop: threading.Event) -> np.ndarray:
        """The scores of the tokens that the server's pooling keeps, one after the other in one row."""
        body = {
            **_message(model, prompt, samples),
            "task": "token_classify",
            # As JSON numbers half a minute of speech would be 16 MB; bfloat16 models lose nothing in float16.
            "encoding_format": "base64",
            "embed_dtype": "float16",
            "endianness": "little",
        }

        def row(found: Any) -> np.ndarray:
            return np.frombuffer(base64.b64decode(found["data"][0]["data"], validate=True), dtype="<f2")

        return self._found(self._ask("POST", "/pooling", body, stop), row)

    def _found(self, answer: Any, look: Any) -> Any:
        try:
            return look(answer)
        except (LookupError, TypeError, ValueError):
            raise EngineUnavailable(f"{self._what} answers in an unknown shape; {PAGE} says what to start.") from None

    def _ask(self, method: str, path: str, body: Any, stop: threading.Event) -> Any:
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            stop=tenacity.stop_any(tenacity.stop_after_delay(self._patience_s), tenacity.stop_when_event_set(stop)),
            wait=tenacity.wait_exponential(multiplier=0.1, max=2.0),
            sleep=tenacity.sleep_using_event(stop),
            reraise=True,
        )
        try:
            return tries(self._once, method, path, body)
        except _Again as error:
            raise EngineUnavailable(str(error)) from None

    def _once(self, method: str, path: str, body: Any) -> Any:
        try:
            response = self._http.request(method, path, json=body)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            raise EngineUnavailable(f"{self._what} has no valid address; it begins with http:// or https://.") from None
        except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout):
            raise _Again(f"{self._what} can't be reached; start it as {PAGE} says.") from None
        except httpx.TimeoutException:
            raise EngineUnavailable(f"{self._what} gave no answer within {self._answer_within_s:g} s.") from None
        status = response.status_code
        if status == 429 or status >= 500:
            raise _Again(f"{self._what} answers {status}; its own log says why.")
        if status in (401, 403):
            raise EngineUnavailable(f"{self._what} answers {status}; set TUPLETS_QWEN_API_KEY to its --api-key.")
        if status >= 300:
            raise EngineUnavailable(
                f"{self._what} refuses the request ({status}); start it with the options in {PAGE}."
            )
        try:
            return response.json()
        except ValueError:
            raise EngineUnavailable(f"{self._what} answers no JSON; {PAGE} says what to start.") from None


def _message(model: str, prompt: str, samples: np.ndarray) -> dict[str, Any]:
    sound = base64.b64encode(_wav(samples)).decode("ascii")
    content = [
        {"type": "text", "text": prompt},
        {"type": "audio_url", "audio_url": {"url": f"data:audio/wav;base64,{sound}"}},
    ]
    return {"model": model, "messages": [{"role": "user", "content": content}], "chat_template": COPY_TEMPLATE}


def _wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes((np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
    return file.getvalue()
