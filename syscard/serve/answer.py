"""What answers a request: a model as it is, or with deliberation in front; reasoning kept apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from inspect_ai.model import ChatMessage, GenerateConfig, Model, ModelOutput, ModelUsage

from syscard.deliberation import Options, deliberate_on
from syscard.hiding import without_reasoning
from syscard.reasoned import Cited, cited
from syscard.serve.problem import bad, failed
from syscard.serve.request import cut
from syscard.specs import Spec

FINISH = {"max_tokens": "length", "model_length": "length", "content_filter": "content_filter"}


class Deliberation(NamedTuple):
    """The rules that a model deliberates over, and how."""

    spec: Spec
    options: Options


@dataclass(frozen=True)
class Served:
    """A model under the name by which an application asks for it."""

    name: str
    model: Model
    deliberation: Deliberation | None  # None: the model as it is


@dataclass(frozen=True)
class Answered:
    """The answer's text, and beside it what only the operator sees."""

    text: str
    finish: str  # OpenAI's finish_reason
    usage: ModelUsage  # of all calls; reasoning_tokens: what is not in the answer
    reasoning: str
    cited: Cited
    category: str | None = None
    second_look: bool = False


async def answer(
    served: Served, messages: Sequence[ChatMessage], config: GenerateConfig, stops: list[str]
) -> Answered:
    """The model's answer to the conversation.

    `stops` end the answer's text and not the model's writing, since they could end its reasoning.

    Raises:
        Problem: the conversation is longer than the model's context, or the model gave nothing.
    """
    make = _bare if served.deliberation is None else _deliberated
    output, beside = await make(served, messages, config)
    if not output.choices:
        raise failed()
    if output.stop_reason == "model_length" and not (output.usage and output.usage.output_tokens):
        message = "The conversation is longer than this model can read. Shorten it."
        raise bad("messages", message, "context_length_exceeded")
    text, stopped = cut(output.completion, stops)
    finish = "stop" if stopped else FINISH.get(output.stop_reason, "stop")
    return replace(beside, text=text, finish=finish)


async def _bare(
    served: Served, messages: Sequence[ChatMessage], config: GenerateConfig
) -> tuple[ModelOutput, Answered]:
    raw = await served.model.generate(list(messages), config=config)
    output, reasoning = without_reasoning(raw)
    usage = raw.usage or ModelUsage()
    if reasoning and usage.reasoning_tokens is None:
        share = len(reasoning) / (len(reasoning) + len(output.completion))
        usage = usage.model_copy(update={"reasoning_tokens": round(usage.output_tokens * share)})
    return output, Answered("", "", usage, reasoning, cited(reasoning))


async def _deliberated(
    served: Served, messages: Sequence[ChatMessage], config: GenerateConfig
) -> tuple[ModelOutput, Answered]:
    assert served.deliberation is not None
    spec, options = served.deliberation

    async def make(thread: list[ChatMessage]) -> ModelOutput:
        return await served.model.generate(thread, config=config)

    made = await deliberate_on(served.model, messages, spec, options, make)
    reasoning = "\n".join(text for text in (made.reasoning, made.aside) if text)
    beside = Answered("", "", made.usage, reasoning, made.cited, made.category, made.second_look)
    return made.output, beside
