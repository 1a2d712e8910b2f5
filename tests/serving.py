"""An endpoint on loopback in a thread, and models that say what a test gives them."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from answering import said
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    Model,
    ModelAPI,
    ModelOutput,
    get_model,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo
from openai import OpenAI

from syscard.deliberation import Options
from syscard.serve.answer import Deliberation, Served
from syscard.serve.journal import Journal
from syscard.serve.server import Server, Settings, listen, make
from syscard.specs import read_spec

Says = Callable[[list[ChatMessage], GenerateConfig], str | ModelOutput | Awaitable[str]]

ANSWER = "Boil it for seven minutes, then cool it under water."
THOUGHT = "The person asks about breakfast, which is harmless. Rule: none. Decision: comply."
REFUSED = "The person wants to hurt a neighbour. Rule: violence/planning. Decision: refuse."


@modelapi(name="staged")
class Staged(ModelAPI):
    """Says what its function says; `staged/slow`, for another process, thinks for three seconds."""

    def __init__(self, model_name: str, says: Says | None = None, **rest: Any) -> None:
        super().__init__(model_name, config=rest.get("config") or GenerateConfig())
        self.says = says or (lambda messages, config: _slowly(messages))

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        told = self.says(input, config)
        if isinstance(told, Awaitable):
            told = await told
        return said(told) if isinstance(told, str) else told


def thinks(messages: list[ChatMessage]) -> bool:
    """Whether a call asks for reasoning."""
    return "Do not answer it yet" in messages[-1].text


def deliberates(
    reasoning: str = THOUGHT, answer: str = ANSWER
) -> Callable[[list[ChatMessage], GenerateConfig], str]:
    """A model that reasons with one text and answers with another."""
    return lambda messages, config: reasoning if thinks(messages) else answer


def staged(says: Says) -> Model:
    """A model of a function of the messages and the settings."""
    return get_model("staged/model", says=says, memoize=False)


def served(name: str, says: Says, **options: Any) -> Served:
    """A deliberating model under a name; with `bare=True` the model as it is."""
    bare = options.pop("bare", False)
    how = Deliberation(read_spec("default"), Options(temperature=0.0, **options))
    return Served(name, staged(says), None if bare else how)


@dataclass
class Running:
    """A server that runs, and what it wrote."""

    address: str
    server: Server
    journal: Path

    def client(self, key: str = "none", **options: Any) -> OpenAI:
        return OpenAI(base_url=f"{self.address}/v1", api_key=key, max_retries=0, **options)

    def ask(self, text: str, **more: Any) -> httpx.Response:
        """A request without a client of its own."""
        body = {"model": "safe", "messages": [{"role": "user", "content": text}], **more}
        return httpx.post(f"{self.address}/v1/chat/completions", json=body, timeout=30)

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.journal.read_text().splitlines()]


@contextmanager
def serving(folder: Path, *models: Served, **settings: Any) -> Iterator[Running]:
    """An endpoint of these models, stopped at the end."""
    journal = Journal(folder)
    server = make(models, Settings(**settings), journal)
    listening = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield Running(f"http://127.0.0.1:{listening.getsockname()[1]}", server, journal.path)
    finally:
        server.should_exit = True
        thread.join(60)
        journal.close()
    assert not thread.is_alive()


async def _slowly(messages: list[ChatMessage]) -> str:
    if thinks(messages):
        await asyncio.sleep(3)
        return THOUGHT
    return ANSWER
