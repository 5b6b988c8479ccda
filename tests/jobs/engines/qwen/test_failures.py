"""A server that is away, refuses or takes too long is named; what passes is tried again."""

import logging
import socket
import threading
import time

import pytest

from jobs.engines.transcriber_qwen import QwenTranscriber
from jobs.pipeline.types import EngineUnavailable

from .conftest import free_url, ignore
from .server import QwenServer


def test_a_server_that_is_not_there_is_named_with_the_page_that_says_how_to_start_it(recording, fallback):
    url = free_url()
    transcriber = QwenTranscriber(asr_url=url, aligner_url="", fallback=lambda: fallback, patience_s=0.3)
    with pytest.raises(EngineUnavailable) as error:
        transcriber.transcribe(recording(0.9), None, ignore)
    assert str(error.value) == f"The Qwen3-ASR server at {url} can't be reached; start it as deploy/gpu/README.md says."


def test_a_server_that_is_being_restarted_is_waited_for(recording, fallback):
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    transcriber = QwenTranscriber(asr_url=f"http://127.0.0.1:{port}", aligner_url="", fallback=lambda: fallback)
    found = []
    audio = recording(0.9)
    thread = threading.Thread(target=lambda: found.append(transcriber.transcribe(audio, None, ignore)))
    thread.start()
    time.sleep(1.0)
    probe.close()
    with QwenServer() as server:
        server._server.server_close()
        server._server.socket = socket.create_server(("127.0.0.1", port))
        thread.join(20)
    assert found
    assert found[0].segments[0].text == "Good morning."


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again_and_a_lasting_one_named(status, asr, transcriber, recording):
    asr.failures = [status]
    assert transcriber.transcribe(recording(0.9), None, ignore).segments
    asr.failures = [status] * 100
    with pytest.raises(EngineUnavailable, match=rf"answers {status}; its own log says why\."):
        transcriber.transcribe(recording(0.9), None, ignore)


def test_a_server_that_does_not_trust_templates_is_a_clear_error_at_once(asr, transcriber, recording):
    asr.trusts_templates = False
    with pytest.raises(
        EngineUnavailable, match=r"refuses the request \(400\); start it with the options in deploy/gpu"
    ):
        transcriber.transcribe(recording(0.9), None, ignore)
    assert asr.paths == ["/v1/models", "/v1/chat/completions"]


def test_a_key_is_sent_and_a_wrong_one_named(asr, recording, fallback):
    asr.api_key = "secret"
    right = QwenTranscriber(asr_url=asr.url + "/v1", aligner_url="", fallback=lambda: fallback, api_key="secret")
    assert right.transcribe(recording(0.9), None, ignore).segments
    wrong = QwenTranscriber(asr_url=asr.url, aligner_url="", fallback=lambda: fallback)
    with pytest.raises(EngineUnavailable, match="TUPLETS_QWEN_API_KEY"):
        wrong.transcribe(recording(0.9), None, ignore)


def test_a_server_that_takes_too_long_is_named_with_the_limit(asr, recording, fallback):
    asr.delay_s = 2.0
    transcriber = QwenTranscriber(asr_url=asr.url, aligner_url="", fallback=lambda: fallback, answer_within_s=0.3)
    with pytest.raises(EngineUnavailable, match=r"no answer within 0\.3 s\."):
        transcriber.transcribe(recording(0.9), None, ignore)


@pytest.mark.parametrize("url", ["localhost:8101", "ftp://localhost"])
def test_an_address_that_is_none_is_named(url, recording, fallback):
    transcriber = QwenTranscriber(asr_url=url, aligner_url="", fallback=lambda: fallback)
    with pytest.raises(EngineUnavailable, match="no valid address"):
        transcriber.transcribe(recording(0.9), None, ignore)


def test_nothing_that_was_said_is_logged(asr, aligner, transcriber, recording, caplog):
    asr.say = lambda asked: "language English<asr_text>My card number is four one one one."
    aligner.failures = [400]
    with caplog.at_level(logging.DEBUG):
        transcriber.transcribe(recording(0.9), None, ignore, keyterms=("Confidential",))
    assert "words_not_aligned" in caplog.text
    assert "card" not in caplog.text
    assert "Confidential" not in caplog.text
    assert "base64" not in caplog.text
