"""Completions as llama.cpp's server streams them, and as Inspect knows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    Content,
    ContentReasoning,
    ContentText,
    Logprob,
    Logprobs,
    ModelUsage,
    StopReason,
)

from syscard.reasoned import split_reasoning


@dataclass
class Draft:
    """One completion, as the server's events add up to it."""

    text: str = ""
    logprobs: list[Logprob] = field(default_factory=list)
    stop: StopReason = "unknown"
    input_tokens: int = 0
    output_tokens: int = 0


def read_drafts(events: Sequence[Mapping[str, Any]], max_tokens: int) -> list[Draft]:
    """The completions in order. Cut short of `max_tokens`, a text has filled its context."""
    drafts: dict[int, Draft] = {}
    for event in events:
        choice = event["choices"][0]
        draft = drafts.setdefault(choice["index"], Draft())
        draft.text += choice["text"]
        tokens = (choice["logprobs"] or {}).get("content", [])
        draft.logprobs += [Logprob.model_validate(token) for token in tokens]
        if choice["finish_reason"]:
            draft.input_tokens = event["usage"]["prompt_tokens"]
            draft.output_tokens = event["usage"]["completion_tokens"]
            full = draft.output_tokens >= max_tokens
            cut: StopReason = "max_tokens" if full else "model_length"
            draft.stop = cut if choice["finish_reason"] == "length" else "stop"
    return [drafts[index] for index in sorted(drafts)]


def choice_of(model: str, draft: Draft, opened: bool) -> ChatCompletionChoice:
    """The draft as Inspect's choice; `opened`: the prompt ended inside a block of reasoning."""
    reasoning, answer = split_reasoning(draft.text, opened)
    content: str | list[Content] = answer
    if reasoning:
        content = [ContentReasoning(reasoning=reasoning), ContentText(text=answer)]
    return ChatCompletionChoice(
        message=ChatMessageAssistant(content=content, model=model, source="generate"),
        stop_reason=draft.stop,
        logprobs=Logprobs(content=draft.logprobs) if draft.logprobs else None,
    )


def usage_of(drafts: Sequence[Draft], input_tokens: int) -> ModelUsage:
    """What all of them took, the prompt once."""
    output = sum(draft.output_tokens for draft in drafts)
    return ModelUsage(
        input_tokens=input_tokens, output_tokens=output, total_tokens=input_tokens + output
    )
