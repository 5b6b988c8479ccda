"""A chat model behind vLLM or llama.cpp: what is asked, what is accepted as an answer, and what becomes of failures."""

from __future__ import annotations

import itertools
import json
import math
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.model import AnswerFailed, Model, ModelUnavailable, Prompt
from jobs.engines.chat_model import ChatModel

from .chat_server import BUSY, DEAD, LOADING, MODEL, TOO_LONG, ChatServer, Fails, Says

SECRET = "my card is 4111"
PROMPT = Prompt("Answer from the transcript only.", f"<transcript>\n[0] {SECRET}\n</transcript>", "Sum up.")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string", "maxLength": 40},
        "urgency": {"type": "integer", "minimum": 1, "maximum": 10},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "ids": {"type": "array", "items": {"type": "integer"}, "maxItems": 3, "uniqueItems": True},
    },
    "required": ["summary", "urgency"],
    "additionalProperties": False,
}
GOOD = {"summary": "Ça va — 你好\u2028\u0085", "urgency": 3}

Connect = Callable[..., ChatModel]


class Cancelled(Exception):
    """As the job's watch raises when the customer cancels."""


@pytest.fixture(params=["vllm", "llama"])
def server(request) -> Iterator[ChatServer]:
    with ChatServer(request.param) as server:
        yield server


@pytest.fixture
def connect() -> Iterator[Connect]:
    models: list[ChatModel] = []

    def connected(url: str, key: str = "", name: str | None = MODEL, timeout_s: float = 10.0, **more: Any) -> ChatModel:
        models.append(ChatModel(lambda: (url, key), name, 8192, 2, timeout_s, **more))
        return models[-1]

    yield connected
    for model in models:
        model.close()


def answer(model: Model) -> dict[str, Any]:
    return model.answer(PROMPT, SCHEMA, max_tokens=300)


def test_the_transcript_comes_before_the_task_and_the_request_has_only_what_both_servers_know(server, connect):
    server.answers = [Says(json.dumps(GOOD))]
    answer(connect(server.url))
    asked = server.asked[0]
    assert asked["messages"] == [
        {"role": "system", "content": PROMPT.system},
        {"role": "user", "content": f"{PROMPT.context}\n\n{PROMPT.task}"},
    ]
    assert asked.keys() == {
        *("model", "messages", "temperature", "seed", "max_tokens", "response_format", "stream", "stream_options"),
    }
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == (MODEL, 0, 300)


def test_a_schema_is_sent_without_what_only_one_server_takes_and_short_ranges_as_enums(server, connect):
    server.answers = [Says(json.dumps(GOOD))]
    model = connect(server.url)
    named = {"uniqueItems": {"type": "boolean"}, "minimum": {"anyOf": [{"type": "number", "minimum": 3}]}}
    answer(model)
    sent = server.asked[0]["response_format"]
    assert (sent["type"], sent["json_schema"]["strict"]) == ("json_schema", True)
    properties = sent["json_schema"]["schema"]["properties"]
    assert properties["urgency"] == {"type": "integer", "enum": list(range(1, 11))}
    assert properties["share"] == {"type": "number"}
    assert properties["ids"] == {"type": "array", "items": {"type": "integer"}, "maxItems": 3}
    server.answers = [Says("{}")]
    model.answer(PROMPT, {"type": "object", "properties": named}, max_tokens=9)
    schema = server.asked[-1]["response_format"]["json_schema"]["schema"]
    assert schema["properties"] == {"uniqueItems": {"type": "boolean"}, "minimum": {"anyOf": [{"type": "number"}]}}


def test_an_answer_is_read_whole_with_characters_that_unicode_calls_ends_of_lines(server, connect):
    server.answers = [Says(json.dumps(GOOD, ensure_ascii=False))]
    assert answer(connect(server.url)) == GOOD


def test_an_answer_that_was_not_streamed_is_read_too(server, connect):
    server.answers = [Says(json.dumps(GOOD), streamed=False)]
    assert answer(connect(server.url)) == GOOD


@pytest.mark.parametrize(
    "around",
    [
        "```json\n{}\n```",
        "Here you are:\n```\n{}\n```\nAnything else?",
        "<think>\nIs it {{1}}? No.\n</think>\n\n{}",
        "so it is 3.</think>```json\n{}```",
        "Sure! {} I hope this helps.",
    ],
)
def test_fences_thoughts_and_small_talk_around_the_object_are_left_out(server, connect, around):
    server.answers = [Says(around.replace("{}", json.dumps(GOOD)))]
    assert answer(connect(server.url)) == GOOD
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("I can't say.", "no valid JSON object"),
        ("", "no valid JSON object"),
        ('[{"summary": "a"', "no valid JSON object"),
        ('{"summary": "a", "urgency": 11}', "At $.urgency the schema demands maximum: 10."),
        ('{"summary": "a", "urgency": 3, "ids": [1, 1]}', "At $.ids the schema demands uniqueItems: true."),
        ('{"summary": "a", "urgency": 3, "share": NaN}', "no valid JSON object"),
        ('{"summary": "a", "urgency": 3, "share": 1e999}', "not valid JSON"),
        ('{"summary": "a\\u0000", "urgency": 3}', "no text"),
        ('{"summary": "a\\ud800", "urgency": 3}', "not valid JSON"),
    ],
)
def test_a_broken_answer_is_asked_for_once_more_with_what_was_wrong(server, connect, broken, told):
    server.answers = [Says(broken), Says(json.dumps(GOOD))]
    assert answer(connect(server.url)) == GOOD
    first, second = (asked["messages"] for asked in server.asked)
    assert second[:2] == first
    assert second[2] == {"role": "assistant", "content": broken}
    assert told in second[3]["content"] and second[3]["content"].endswith("Answer again.")


def test_a_long_broken_answer_is_shown_to_the_model_in_short(server, connect):
    server.answers = [Says("no " * 5000), Says(json.dumps(GOOD))]
    answer(connect(server.url))
    assert len(server.asked[1]["messages"][2]["content"]) < 700


def test_a_second_broken_answer_fails_and_the_message_repeats_nothing_of_it(server, connect):
    server.answers = [Says(json.dumps({"summary": "a", "urgency": 3, SECRET: SECRET}))]
    with pytest.raises(AnswerFailed) as failed:
        answer(connect(server.url))
    assert str(failed.value) == (
        "The language model gave no usable answer in two tries (the schema's additionalProperties is broken)."
    )
    assert len(server.asked) == 2


def test_an_answer_cut_off_at_its_limit_fails_though_it_is_an_object(server, connect):
    server.answers = [Says(json.dumps(GOOD), finish="length")]
    with pytest.raises(AnswerFailed, match="cut off"):
        answer(connect(server.url))
    assert len(server.asked) == 1


def test_a_prompt_longer_than_the_context_fails_saying_so_without_another_try(server, connect):
    server.answers = [TOO_LONG[server.kind]]
    with pytest.raises(AnswerFailed, match="longer than the language model's context"):
        answer(connect(server.url))
    assert len(server.asked) == 1


def test_another_refusal_of_a_request_fails_without_the_servers_words(server, connect):
    server.answers = [Fails(400, {"error": {"message": f"bad: {SECRET}", "type": "BadRequestError", "code": 400}})]
    with pytest.raises(AnswerFailed) as failed:
        answer(connect(server.url))
    assert "400" in str(failed.value) and SECRET not in str(failed.value)


@pytest.mark.parametrize(
    "failure", [LOADING, BUSY, Fails(500), Fails(500, DEAD, midway=True), Says(breaks=True), Says(finish="")]
)
def test_what_passes_is_tried_again(server, connect, failure):
    server.answers = [failure, failure, Says(json.dumps(GOOD))]
    assert answer(connect(server.url)) == GOOD
    assert len(server.asked) == 3


def test_a_server_that_stays_busy_is_unavailable_within_the_time_allowed(server, connect):
    server.answers = [LOADING]
    began_s = time.monotonic()
    with pytest.raises(ModelUnavailable, match="answers 503"):
        answer(connect(server.url, timeout_s=2.0))
    assert len(server.asked) > 1
    assert time.monotonic() - began_s < 4.0


def test_a_server_that_is_not_there_is_unavailable_with_the_setting_to_look_at(connect):
    probe = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    probe.close()
    with pytest.raises(ModelUnavailable, match="TUPLETS_ANALYST_URL"):
        answer(connect(url, timeout_s=1.0))


def test_an_answer_that_takes_too_long_is_given_up_and_the_server_is_left(server, connect):
    server.answers = [Says(json.dumps(GOOD), takes_s=30.0)]
    with pytest.raises(ModelUnavailable, match=r"no answer within 0\.5 s"):
        answer(connect(server.url, timeout_s=0.5))
    assert left_soon(server)


def test_a_wrong_key_names_its_setting_and_not_the_key(server, connect):
    server.api_key = "right"
    with pytest.raises(ModelUnavailable, match="TUPLETS_ANALYST_KEY") as failed:
        answer(connect(server.url, key="wrong"))
    assert "wrong" not in str(failed.value)
    assert answer_of(server, connect(server.url, key="right")) == GOOD


@pytest.mark.parametrize("key", ["line\nbreak", "schlüssel"])
def test_a_key_that_no_header_can_carry_names_its_setting_and_not_the_key(server, connect, key):
    with pytest.raises(ModelUnavailable, match="TUPLETS_ANALYST_KEY") as failed:
        answer(connect(server.url, key=key))
    assert key not in str(failed.value)


def test_a_model_that_the_server_does_not_have_names_its_setting(connect):
    with ChatServer("vllm") as server, pytest.raises(ModelUnavailable, match="TUPLETS_ANALYST_MODEL"):
        answer(connect(server.url, name="another"))


@pytest.mark.parametrize("path", ["/v2", "/chat"])
def test_an_address_with_another_path_names_its_setting(server, connect, path):
    with pytest.raises(ModelUnavailable, match="TUPLETS_ANALYST_URL"):
        answer(connect(server.url.removesuffix("/v1") + path))


@pytest.mark.parametrize("url", ["127.0.0.1:8000/v1", "ftp://127.0.0.1/v1", "http://[/v1"])
def test_an_address_that_is_none_names_its_setting(connect, url):
    with pytest.raises(ModelUnavailable, match="TUPLETS_ANALYST_URL"):
        answer(connect(url, timeout_s=1.0))


@pytest.mark.parametrize("raw", [b"<html>Welcome</html>", b"[]", b'{"choices": 3}', b'{"error": "no"}', b"\xff"])
def test_something_else_that_answers_there_names_the_setting(server, connect, raw):
    server.answers = [Says(raw=raw)]
    with pytest.raises(ModelUnavailable, match="TUPLETS_ANALYST_URL"):
        answer(connect(server.url))


def test_without_a_name_the_server_is_asked_once_also_for_all_jobs(server, connect):
    server.answers = [Says(json.dumps(GOOD))]
    model = connect(server.url, name=None)
    for _ in range(2):
        answer(model.watching(lambda: None))
    assert model.name == MODEL
    assert [asked["model"] for asked in server.asked] == [MODEL, MODEL]
    assert server.paths.count("/v1/models") == 1


def test_the_address_is_asked_before_each_request_so_a_server_may_move(connect):
    with ChatServer(answers=[Fails(503)]) as old, ChatServer("llama", answers=[Says(json.dumps(GOOD))]) as new:
        places = iter([(old.url, ""), (new.url, "key"), (new.url, "key")])
        model = ChatModel(lambda: next(places), MODEL, 8192, 2, 10.0)
        assert answer(model) == answer(model) == GOOD
        model.close()


def test_more_fields_go_into_every_request_for_models_that_think_first(server, connect):
    server.answers = [Says(json.dumps(GOOD), odds={"A": 0.9})]
    model = connect(server.url, extra={"chat_template_kwargs": {"enable_thinking": False}})
    answer(model)
    model.choose(PROMPT, ["yes", "no"])
    assert [asked["chat_template_kwargs"] for asked in server.asked] == [{"enable_thinking": False}] * 2


def test_half_a_character_in_a_transcript_is_sent_and_nothing_is_raised(server, connect):
    server.answers = [Says(json.dumps(GOOD))]
    connect(server.url).answer(Prompt("", "half \ud83d of one", ""), SCHEMA, max_tokens=9)
    assert "half" in server.asked[0]["messages"][1]["content"]


# --- cancelling ------------------------------------------------------------------------------------------------------


def test_a_watch_that_raises_ends_the_wait_at_once_and_the_server_sees_the_connection_close(server, connect):
    server.answers = [Says(json.dumps(GOOD), takes_s=30.0)]
    began_s = time.monotonic()

    def watch() -> None:
        if time.monotonic() > began_s + 1.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        answer(connect(server.url).watching(watch))
    assert time.monotonic() - began_s < 2.5
    assert left_soon(server)


def test_the_watch_is_called_at_least_every_second_while_an_answer_trickles_in(server, connect):
    server.answers = [Says(json.dumps(GOOD), takes_s=0.25)]
    calls_s: list[float] = [time.monotonic()]
    assert answer(connect(server.url).watching(lambda: calls_s.append(time.monotonic()))) == GOOD
    calls_s.append(time.monotonic())
    assert calls_s[-1] - calls_s[0] > 2.0
    assert max(after - before for before, after in itertools.pairwise(calls_s)) <= 1.0


def test_the_watch_is_called_while_another_try_is_waited_for(server, connect):
    server.answers = [LOADING]
    began_s = time.monotonic()

    def watch() -> None:
        if len(server.asked) == 3:  # after which the pause is 2 s
            raise Cancelled

    with pytest.raises(Cancelled):
        answer(connect(server.url).watching(watch))
    assert len(server.asked) == 3
    assert time.monotonic() - began_s < 3.0


def test_a_job_that_is_cancelled_already_sends_nothing(server, connect):
    def watch() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        answer(connect(server.url).watching(watch))
    assert server.connections == 0


def test_one_job_that_is_cancelled_leaves_the_others_answers_alone(server, connect):
    server.answers = [Says(json.dumps(GOOD), takes_s=0.15)]
    model = connect(server.url)
    found: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: found.append(answer(model.watching(lambda: None))))
    thread.start()

    def watch() -> None:
        if len(server.asked) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        answer(model.watching(watch))
    thread.join(10)
    assert found == [GOOD]


def test_jobs_share_connections(server, connect):
    server.answers = [Says(json.dumps(GOOD))]
    model = connect(server.url)
    for _ in range(5):
        answer(model.watching(lambda: None))
    assert server.connections == 1


# --- choosing --------------------------------------------------------------------------------------------------------


def test_options_are_lettered_after_the_task_and_one_token_is_asked_for_without_a_schema(server, connect):
    server.answers = [Says("A", odds={"A": 0.9})]
    connect(server.url).choose(PROMPT, ["the state\nof a claim", "to buy"])
    asked = server.asked[0]
    assert asked["messages"][1]["content"].endswith(
        "\n\nSum up.\nA) the state of a claim\nB) to buy\nAnswer with one letter."
    )
    assert (asked["max_tokens"], asked["logprobs"], asked["top_logprobs"]) == (1, True, 20)
    assert asked["temperature"] == 0
    assert "response_format" not in asked


def test_a_letters_probability_is_that_of_all_its_tokens_among_the_options(server, connect):
    odds = {"A": 0.3, " a": 0.1, "B)": 0.1, "(c": 0.0, "The": 0.4, "D": 0.05, "Apple": 0.05}
    server.answers = [Says("A", finish="length", odds=odds)]
    found = connect(server.url).choose(PROMPT, ["x", "y", "z"])
    assert found == pytest.approx((0.8, 0.2, 0.0))


def test_an_answer_in_one_piece_has_its_odds_read_too(server, connect):
    server.answers = [Says("B", odds={"B": 0.6, "A": 0.2}, streamed=False)]
    assert connect(server.url).choose(PROMPT, ["x", "y"]) == pytest.approx((0.25, 0.75))


def test_of_many_options_those_that_are_not_among_the_likeliest_have_nothing(server, connect):
    odds = {letter: 0.4 / 2**at for at, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
    server.answers = [Says("A", odds=odds)]
    found = connect(server.url).choose(PROMPT, [f"option {number}" for number in range(26)])
    assert math.isclose(sum(found), 1.0)
    assert all(found[:20]) and not any(found[20:])


@pytest.mark.parametrize("odds", [{"The": 0.9, "<think>": 0.1}, None])
def test_a_choice_of_none_of_the_letters_fails(server, connect, odds):
    server.answers = [Says("The", odds=odds)]
    with pytest.raises(AnswerFailed, match="none of the options"):
        connect(server.url).choose(PROMPT, ["x", "y"])


@pytest.mark.parametrize("count", [0, 27])
def test_more_options_than_letters_or_none_are_a_mistake_of_the_caller(connect, count):
    with pytest.raises(ValueError, match="options"):
        connect("http://127.0.0.1:9/v1").choose(PROMPT, ["x"] * count)


# --- the log ---------------------------------------------------------------------------------------------------------


def test_each_request_is_one_line_of_figures(server, connect):
    server.answers = [Says("?"), Says(json.dumps(GOOD))]
    with structlog.testing.capture_logs() as lines:
        answer(connect(server.url))
    assert [(line["call"], line["outcome"]) for line in lines] == [("answer", "unusable"), ("repair", "answered")]
    figures = {name: lines[1][name] for name in ("prompt_tokens", "cached_tokens", "output_tokens")}
    assert figures == {"prompt_tokens": 1282, "cached_tokens": 1270, "output_tokens": 12}
    assert lines[1].get("output_ms") == (812 if server.kind == "llama" else None)
    assert lines[1]["elapsed_s"] > 0


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        (Says(SECRET, finish="length"), "failed"),
        (Fails(400, {"error": {"message": SECRET, "code": 400}}), "failed"),
        (Fails(403, {"error": SECRET}), "unavailable"),
        (Says(SECRET), "unusable"),
    ],
)
def test_no_line_and_no_error_has_a_word_of_prompt_or_answer(server, connect, says, outcome):
    server.answers = [says]
    with structlog.testing.capture_logs() as lines, pytest.raises((AnswerFailed, ModelUnavailable)) as failed:
        answer(connect(server.url))
    assert lines[-1]["outcome"] == outcome
    assert SECRET not in repr(lines) + str(failed.value)
    assert failed.value.__cause__ is None


# --- tokens ----------------------------------------------------------------------------------------------------------

# Counted by the packaged model's own tokenizer (Qwen2.5's) through llama.cpp's /tokenize.
COUNTED = json.loads(pathlib.Path(__file__).with_name("chat_tokens.json").read_text("utf-8"))


@pytest.mark.parametrize("name", COUNTED)
def test_tokens_are_never_a_tenth_too_few_nor_twice_too_many(connect, name):
    text, true = COUNTED[name]["text"], COUNTED[name]["tokens"]
    assert 0.9 * true <= connect("http://127.0.0.1:9/v1").tokens(text) <= 2.0 * true


@given(st.text(), st.text())
def test_a_longer_text_never_has_fewer_tokens_nor_more_than_its_parts(begin, end):
    model = ChatModel(lambda: ("", ""), MODEL, 8192, 2, 1.0)
    whole = model.tokens(begin + end)
    assert max(model.tokens(begin), model.tokens(end)) <= whole <= model.tokens(begin) + model.tokens(end)
    assert (whole == 0) == (not (begin + end).strip() and "\n" not in begin + end)


# --- whatever a model may write --------------------------------------------------------------------------------------

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["summary", "urgency", "x"]), inner),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries({"summary": st.text(max_size=60) | ANY_JSON, "urgency": st.integers(0, 11) | ANY_JSON})
ANY_CHARACTER = st.characters(codec=None, exclude_categories=())
GARBAGE = st.one_of(
    st.text(ANY_CHARACTER),
    (ANY_JSON | NEARLY).map(json.dumps),
    st.builds("{}{}{}".format, st.text(), NEARLY.map(json.dumps), st.text()),
    st.builds("<think>{}</think>```json\n{}\n```".format, st.text(), NEARLY.map(json.dumps)),
    st.sampled_from(["[" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000, "9" * 5000, "{" * 2000, "```" * 500]),
)


@pytest.fixture(scope="module")
def garbled() -> Iterator[tuple[ChatServer, ChatModel]]:
    with ChatServer("llama") as server:
        model = ChatModel(lambda: (server.url, ""), MODEL, 8192, 2, 10.0)
        yield server, model
        model.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(text=GARBAGE)
def test_whatever_the_model_writes_becomes_an_object_of_the_schema_or_a_failure(garbled, text):
    server, model = garbled
    server.answers = [Says(text)]
    try:
        found = answer(model)
    except AnswerFailed:
        return
    assert found.keys() >= {"summary", "urgency"}
    assert isinstance(found["summary"], str) and len(found["summary"]) <= 40
    assert 1 <= found["urgency"] <= 10
    # PostgreSQL takes it.
    assert "\\u0000" not in json.dumps(found, allow_nan=False)
    assert json.dumps(found, ensure_ascii=False).encode()


def left_soon(server: ChatServer) -> bool:
    """Whether the server found, within a second, that the client had closed the connection."""
    ends_at_s = time.monotonic() + 1.0
    while not server.left_at_s and time.monotonic() < ends_at_s:
        time.sleep(0.02)
    return bool(server.left_at_s)


def answer_of(server: ChatServer, model: Model) -> dict[str, Any]:
    server.answers = [Says(json.dumps(GOOD))]
    return answer(model)
