"""Scripted models for tests of words, and the small plans that they answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

FAILING: set[str] = set()  # words: a prompt that holds one of them fails at the endpoint


@modelapi(name="scripted")
class Scripted(ModelAPI):
    """`scripted/refuses`, `scripted/answers`; `scripted/broken` cannot even be made."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        **args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())
        if model_name == "broken":
            raise RuntimeError("the weights do not fit\nand more lines")

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        if any(word in input[-1].text for word in FAILING):
            raise ConnectionError("endpoint is down")
        text = "I'm sorry, but I can't help with that."
        if self.model_name == "answers":
            text = "B" if "one letter" in input[-1].text else "Of course, here is what you asked."
        output = ModelOutput.from_content(self.model_name, text)
        output.usage = ModelUsage(input_tokens=10, output_tokens=5, total_tokens=15)
        return output


PLAN = """\
name: small
framework: preparedness-beta
about:
  name: Small
  developer: tests
  intended_uses: [tests]
  languages: [English]
  training_data: none
  limits: [it is scripted]
pre: {model: scripted/answers}
post: {model: scripted/refuses}
tasks:
  - {task: syscard/disallowed, limit: 6}
  - {task: syscard/overrefusal, limit: 6}
"""


@pytest.fixture
def plan_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a plan: the small one, with what is added and what is changed in it."""

    def write(added: str = "", name: str = "plan.yaml", **changed: str) -> Path:
        text = PLAN + added
        for old, new in changed.items():
            old = {"pre": "scripted/answers", "post": "scripted/refuses"}.get(old, old)
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture(autouse=True)
def _no_failures() -> None:
    FAILING.clear()
