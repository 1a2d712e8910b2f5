"""What the endpoint refuses: in OpenAI's form, with the right status, before a model is asked."""

import asyncio
import json
import time
from collections.abc import Awaitable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")
openai = pytest.importorskip("openai", reason="the package openai is not installed")

from answering import said  # noqa: E402
from click.testing import CliRunner  # noqa: E402
from inspect_ai.model import ChatMessage, GenerateConfig  # noqa: E402
from serving import ANSWER, deliberates, served, serving  # noqa: E402

from syscard.cli import main  # noqa: E402
from syscard.errors import DataError, SetupError  # noqa: E402
from syscard.serve.app import Limits  # noqa: E402
from syscard.serve.keys import Keys, read_keys  # noqa: E402
from syscard.serve.problem import Problem  # noqa: E402
from syscard.serve.request import read_request  # noqa: E402
from syscard.serve.server import Settings, listen, serve  # noqa: E402

KEY = "sk-not-to-be-seen-1f0c77"
EGG: list[Any] = [{"role": "user", "content": "How do I boil an egg?"}]


@pytest.mark.parametrize(
    ("changed", "param", "message"),
    [
        ({"tools": [{"type": "function"}]}, "tools", "tools are not called here"),
        ({"response_format": {"type": "json_object"}}, "response_format", "only text"),
        ({"logprobs": True}, "logprobs", "would show the reasoning"),
        ({"logit_bias": {"1": -100}}, "logit_bias", "could suppress the reasoning"),
        ({"reasoning_effort": "none"}, "reasoning_effort", "the server decides"),
        ({"top_k": 5}, "top_k", "does not know it"),
        ({"n": 2}, "n", "Input should be 1"),
        ({"temperature": 2.1}, "temperature", "less than or equal to 2"),
        ({"temperature": "hot"}, "temperature", "valid number"),
        ({"top_p": 0}, "top_p", "greater than 0"),
        ({"max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
        ({"seed": 1.5}, "seed", "valid integer"),
        ({"stop": ["a"] * 5}, "stop", "at most 4"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "go with"),
        ({"model": None}, "model", "valid string"),
        ({"messages": []}, "messages", "at least 1"),
        ({"messages": "Hi"}, "messages", "valid list"),
        ({"messages": ["Hi"]}, "messages.0", "valid dictionary"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role", "'tool'"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages.0.role", "system"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content", "neither text"),
        (
            {"messages": [*EGG, {"role": "assistant", "content": "<think>"}]},
            "messages.1.role",
            "is not continued here",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages.0.content",
            "'image_url'",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}, *EGG]},
            "messages.0",
            "tools are not called",
        ),
    ],
)
def test_what_cannot_be_answered_as_meant_is_a_bad_request(
    changed: dict[str, Any], param: str, message: str
) -> None:
    body = json.dumps({"model": "safe", "messages": EGG, **changed}).encode()

    with pytest.raises(Problem) as refused:
        read_request(body)

    assert refused.value.status == 400
    assert (refused.value.param or "").startswith(param)
    assert message in refused.value.message


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b'{"model": "\\ud800"}', b"[" * 100_000],
)
def test_a_body_that_is_no_json_object_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        read_request(body)

    assert (refused.value.status, refused.value.code) == (400, "invalid_json")


@pytest.mark.parametrize(
    "harmless",
    [
        {"user": "u1", "store": False, "metadata": {"a": "b"}},
        {"tools": None, "response_format": {"type": "text"}, "tool_choice": "none"},
        {"logprobs": False, "tools": [], "n": 1, "stop": None, "stream": None},
        {"messages": [{"role": "developer", "content": [{"type": "text", "text": "x"}]}, *EGG]},
        {"messages": [{"role": "assistant", "content": None, "refusal": None}, *EGG]},
    ],
)
def test_what_changes_no_answer_is_let_pass(harmless: dict[str, Any]) -> None:
    body = json.dumps({"model": "safe", "messages": EGG, **harmless}).encode()

    request, messages = read_request(body)

    assert request.model == "safe"
    assert messages[-1].text == "How do I boil an egg?"


def test_a_refusal_has_openais_form(tmp_path: Path) -> None:
    with serving(tmp_path, served("safe", deliberates())) as running:
        response = running.ask("How?", n=3)
        with pytest.raises(openai.BadRequestError, match="Input should be 1"):
            running.client().chat.completions.create(model="safe", messages=EGG, n=3)

    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"], error["code"]) == (
        "invalid_request_error", "n", "invalid_value",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/chat/completions", 405), ("POST", "/v1/embeddings", 404), ("GET", "/docs", 404),
     ("GET", "/v1/models/other", 404)],
)  # fmt: skip
def test_a_path_that_is_not_served_is_an_error_of_the_same_form(
    method: str, path: str, status: int, tmp_path: Path
) -> None:
    with serving(tmp_path, served("safe", deliberates())) as running:
        response = httpx.request(method, running.address + path)

    assert response.status_code == status
    assert response.json()["error"]["message"]


def test_more_tokens_than_the_server_writes_are_refused_and_not_cut(tmp_path: Path) -> None:
    limits = Limits(max_tokens=50)
    with serving(tmp_path, served("safe", deliberates()), limits=limits) as running:
        response = running.ask("How?", max_completion_tokens=51)

    assert response.status_code == 400
    assert "at most 50" in response.json()["error"]["message"]


def test_only_who_has_a_key_may_ask_and_no_key_is_written_down(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# of the shop\n{KEY}\n\nanother-key-of-somebody\n")

    model = served("safe", deliberates())
    with serving(tmp_path / "log", model, keys=read_keys(file)) as running:
        none = running.ask("How?")
        with pytest.raises(openai.AuthenticationError) as wrong:
            running.client(key="sk-wrong-and-still-secret").models.list()
        right = running.client(key=KEY).chat.completions.create(model="safe", messages=EGG)
        health = httpx.get(f"{running.address}/health")
        metrics = httpx.get(f"{running.address}/metrics")
        written = running.journal.read_text()

    assert none.status_code == 401
    assert "sk-wrong" not in str(wrong.value)
    assert right.choices[0].message.content == ANSWER
    assert (health.status_code, metrics.status_code) == (200, 401)
    assert KEY not in written
    assert len(json.loads(written)["key"]) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "holds no key"), ("# none\n", "holds no key"), ("\nshort\n", "line 2: a key is 16"),
     ("a key with many spaces in it", "line 1")],
)  # fmt: skip
def test_a_file_without_proper_keys_opens_nothing(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(text)

    with pytest.raises(SetupError, match=message):
        read_keys(file)


def test_a_missing_file_of_keys_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot read"):
        read_keys(tmp_path / "keys")


@pytest.mark.parametrize("size", [2_000, 7_000, 500_000])
def test_a_body_over_the_limit_is_413(size: int, tmp_path: Path) -> None:
    limits = Limits(max_request_bytes=1_000)
    with serving(tmp_path, served("safe", deliberates()), limits=limits) as running:
        response = running.ask("x" * size)

    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"


def test_a_full_queue_is_429_and_says_when_to_come_again(tmp_path: Path) -> None:
    going = Event()

    async def slow(messages: list[ChatMessage]) -> str:
        while not going.is_set():
            await asyncio.sleep(0.01)
        return "Decision: refuse"

    model = served("safe", lambda messages, _: slow(messages), bare=True)
    with serving(tmp_path, model, max_connections=1, max_waiting=1) as running:
        ended: list[int] = []
        asking = [
            Thread(target=lambda: ended.append(running.ask("How?").status_code)) for _ in range(2)
        ]
        for thread in asking:
            thread.start()
        _until(lambda: running.server.gate.inside == 2)
        refused = running.ask("How?")
        with pytest.raises(openai.RateLimitError):
            running.client().chat.completions.create(model="safe", messages=EGG)
        going.set()
        for thread in asking:
            thread.join()
        after = running.ask("How?")

    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert ended == [200, 200]
    assert after.status_code == 200


def test_an_answer_that_takes_too_long_is_504_and_its_work_is_stopped(tmp_path: Path) -> None:
    model, stopped = _never()
    limits = Limits(timeout=0.2)
    with serving(tmp_path, served("safe", model), limits=limits) as running:
        response = running.ask("How?")
        (entry,) = running.entries()
        inside = running.server.gate.inside

    assert response.status_code == 504
    assert stopped.is_set()
    assert (entry["status"], inside) == (504, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_the_work_for_a_client_that_leaves_is_stopped(stream: bool, tmp_path: Path) -> None:
    model, stopped = _never()
    with serving(tmp_path, served("safe", model), max_connections=1) as running:
        with pytest.raises(openai.APITimeoutError):
            running.client(timeout=0.3).chat.completions.create(
                model="safe", messages=EGG, stream=stream
            )
        _until(lambda: running.server.gate.inside == 0)
        _until(lambda: bool(running.entries()))
        (entry,) = running.entries()

    assert stopped.is_set()
    assert entry["status"] == 499


def test_a_model_that_fails_is_502_and_why_stands_in_the_journal_alone(tmp_path: Path) -> None:
    def broken(messages: list[ChatMessage], config: GenerateConfig) -> str:
        raise ConnectionError("http://inside:99 is down")

    with serving(tmp_path, served("safe", broken)) as running:
        response = running.ask("How?")
        (entry,) = running.entries()

    assert response.status_code == 502
    assert "inside" not in response.text
    assert "inside:99 is down" in entry["error"]


def test_a_conversation_over_the_models_context_is_a_bad_request(tmp_path: Path) -> None:
    full = said("", "model_length")
    assert full.usage is not None
    full.usage.output_tokens = 0

    with serving(tmp_path, served("safe", lambda *_: full)) as running:
        response = running.ask("How?")

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"


def test_with_log_requests_the_conversation_is_written_too(tmp_path: Path) -> None:
    limits = Limits(log_requests=True)
    with serving(tmp_path, served("safe", deliberates()), limits=limits) as running:
        running.ask("How?")
        (entry,) = running.entries()

    assert entry["messages"] == [{"role": "user", "content": "How?"}]
    assert entry["answer"] == ANSWER


def test_the_cost_is_counted_by_model(tmp_path: Path) -> None:
    with serving(tmp_path, served('sa"fe', deliberates())) as running:
        running.ask("How?", model='sa"fe')
        running.ask("How?", model='sa"fe')
        metrics = httpx.get(f"{running.address}/metrics").text

    assert 'syscard_requests_total{model="sa\\"fe",status="200"} 2' in metrics
    assert 'syscard_tokens_total{model="sa\\"fe",kind="reasoning"} 2' in metrics
    assert 'quantile="0.95"' in metrics


def test_a_server_that_others_reach_wants_keys(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="--keys-file"):
        serve([], Settings(host="0.0.0.0", log_dir=tmp_path), print)

    assert Keys().check(None) is None


def test_an_address_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"Cannot listen at 127.0.0.1:{port}"):
            serve([], Settings(port=port, log_dir=tmp_path), print)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option '--model'"),
        (["--model", "safe"], "NAME=INSPECT_MODEL"),
        (["--model", "a=mockllm/x", "--model", "a=mockllm/y"], "names 'a' twice"),
        (["--model", "a=mockllm/x", "--bare", "b"], "--bare names 'b'; there are: a"),
        (["--model", "a=mockllm/x", "-M", "a.=3"], "-M stands"),
        (["--model", "a=nobody/x"], "Model 'nobody/x' cannot be used"),
        (["--model", "a=syscard/local"], "gguf"),
        (["--model", "a=mockllm/x", "--spec", "nowhere"], "nowhere"),
        (["--model", "a=mockllm/x", "--spec-tokens", "9"], "the budget is 9"),
        (["--model", "a=mockllm/x", "--timeout", "nan"], "not a number"),
    ],
)
def test_a_command_that_cannot_work_says_so_in_one_line(arguments: list[str], message: str) -> None:
    made = CliRunner().invoke(main, ["serve", *arguments])

    assert made.exit_code in (1, 2)
    assert message in made.output
    assert "Traceback" not in made.output


def _never() -> tuple[Any, Event]:
    """A model that never answers, and whether it was stopped."""
    stopped = Event()

    async def model() -> str:
        try:
            await asyncio.sleep(600)
        finally:
            stopped.set()
        return ""

    def says(messages: list[ChatMessage], config: GenerateConfig) -> Awaitable[str]:
        return model()

    return says, stopped


def _until(holds: Any) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
