"""A request of OpenAI's chat completions, read strictly.

What this server cannot do as it was meant is refused, not left out: an answer in other settings
than the application asked for is worse than an error. Fields that change no answer are let pass.
"""

import json
from typing import Annotated, Any, Literal

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from syscard.hiding import neutral
from syscard.serve.problem import bad

HARMLESS = frozenset({
    "metadata", "modalities", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_retention",
    "safety_identifier", "service_tier", "store", "user", "verbosity",
})  # fmt: skip
NEVER = {  # what would change the answer, or the reasoning, and why it is not done
    "tools": "tools are not called here",
    "functions": "functions are not called here",
    "response_format": "only text is answered here",
    "logit_bias": "it could suppress the reasoning",
    "logprobs": "they would show the reasoning",
    "top_logprobs": "they would show the reasoning",
    "reasoning_effort": "the server decides how long the reasoning is",
    "audio": "only text is answered here",
}
NOTHING: dict[str, Any] = {
    "tools": [], "functions": [], "tool_choice": "none", "function_call": "none",
    "response_format": {"type": "text"}, "logprobs": False, "logit_bias": {}, "top_logprobs": 0,
}  # fmt: skip
SEEDS = 2**31  # llama.cpp takes no larger one, and reads a negative one as none

Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class StreamOptions(_Strict):
    """How a stream is to be sent."""

    include_usage: bool = False


class Request(_Strict):
    """What of a request decides the answer."""

    model: Text
    messages: list[dict[str, Any]] = Field(min_length=1)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    seed: int | None = None
    stop: list[Text] | None = Field(None, max_length=4)
    n: Literal[1] | None = 1

    @field_validator("stop", mode="before")
    @classmethod
    def _listed(cls, stop: Any) -> Any:
        return [stop] if isinstance(stop, str) else stop

    def config(self, most: int) -> GenerateConfig:
        """The answer's settings; `stop` is left to `cut`, so that it cannot end the reasoning.

        Raises:
            Problem: more tokens are asked for than the server writes.
        """
        named = ("max_completion_tokens", "max_tokens")
        asked = {name: value for name in named if (value := getattr(self, name)) is not None}
        for name, value in asked.items():
            if value > most:
                raise bad(name, f"{name} is {value}; this server writes at most {most}.")
        return GenerateConfig(
            max_tokens=min(asked.values(), default=most),
            temperature=self.temperature,
            top_p=self.top_p,
            frequency_penalty=self.frequency_penalty,
            presence_penalty=self.presence_penalty,
            seed=None if self.seed is None else self.seed % SEEDS,
        )


def read_request(body: bytes) -> tuple[Request, list[ChatMessage]]:
    """The request, and its conversation in Inspect's messages, which forge no turn.

    Raises:
        Problem: with the field, what is wrong with it.
    """
    data = _json(body)
    known = {name: value for name, value in data.items() if name in Request.model_fields}
    for name, value in data.items():
        if name not in known and name not in HARMLESS:
            _refuse(name, value)
    try:
        request = Request.model_validate(known)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"][:2])
        raise bad(field, f"{field}: {first['msg']}.") from error
    if request.stream_options is not None and not request.stream:
        raise bad("stream_options", "stream_options go with 'stream': true.")
    messages = [_message(number, item) for number, item in enumerate(request.messages)]
    if messages[-1].role != "user":
        raise bad(
            f"messages.{len(messages) - 1}.role",
            "The last message must be the user's: an answer that is begun by the client is not "
            "continued here.",
        )
    return request, messages


def cut(text: str, stops: list[str]) -> tuple[str, bool]:
    """The text before the first of the stops, and whether there was one."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def _json(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body.decode("utf-8"))
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # halves of surrogate pairs end here
    except (ValueError, RecursionError) as error:
        raise bad(None, "The body is not JSON in UTF-8.", "invalid_json") from error
    if not isinstance(data, dict):
        raise bad(None, "The body is not a JSON object.", "invalid_json")
    return data


def _refuse(name: str, value: Any) -> None:
    """Refuse a field, unless it says what holds without it."""
    if value is None or (name in NOTHING and value == NOTHING[name]):
        return
    why = NEVER.get(name, "this server does not know it, and it could change the answer")
    raise bad(name[:80], f"{name[:80]} is not supported: {why}.", "unsupported_parameter")


def _message(number: int, item: dict[str, Any]) -> ChatMessage:
    where = f"messages.{number}"
    role, text = item.get("role"), _text(item.get("content"), where)
    if item.get("tool_calls") or item.get("function_call"):
        raise bad(where, f"{where}: tools are not called here.", "unsupported_parameter")
    if role in ("system", "developer"):
        return neutral(ChatMessageSystem(content=text))
    if role == "user":
        return neutral(ChatMessageUser(content=text))
    if role == "assistant":
        return neutral(ChatMessageAssistant(content=text))
    raise bad(f"{where}.role", f"{where}.role is {role!r:.40}: system, developer, user, assistant.")


def _text(content: Any, where: str) -> str:
    """A message's text; parts of it are joined."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise bad(f"{where}.content", f"{where}.content is neither text nor a list of parts.")
    texts = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind != "text" or not isinstance(part.get("text"), str):
            raise bad(
                f"{where}.content",
                f"{where}.content has a part of type {kind!r:.40}: only text is read here.",
                "unsupported_content",
            )
        texts.append(part["text"])
    return "\n".join(texts)
