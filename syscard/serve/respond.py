"""Answers in OpenAI's form: one object, or a stream of pieces of the finished answer."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from inspect_ai.model import ModelUsage

from syscard.serve.answer import Answered

WORDS = re.compile(r"(?:\s*\S+){1,4}\s*|\s+")  # a piece of a stream


class Head(NamedTuple):
    """What every object of one response says of it."""

    id: str
    created: int  # seconds since 1970
    model: str


def whole(head: Head, answered: Answered) -> dict[str, Any]:
    """The response as one object."""
    message = {"role": "assistant", "content": answered.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answered.finish}
    return {
        **_object(head, "chat.completion"),
        "choices": [choice],
        "usage": usage(answered.usage),
    }


def pieces(head: Head, answered: Answered, with_usage: bool) -> Iterator[str]:
    """The response as server-sent events. Only the answer is cut into pieces: it is finished."""
    more = {"usage": None} if with_usage else {}
    first = {"role": "assistant", "content": ""}
    yield _event(head, more, [_piece(first)])
    for text in WORDS.findall(answered.text):
        yield _event(head, more, [_piece({"content": text})])
    yield _event(head, more, [_piece({}, answered.finish)])
    if with_usage:
        yield _event(head, {"usage": usage(answered.usage)}, [])
    yield "data: [DONE]\n\n"


def usage(used: ModelUsage) -> dict[str, Any]:
    """What all calls of the model used together, hidden ones included."""
    cached = used.input_tokens_cache_read or 0
    prompt = used.input_tokens + cached + (used.input_tokens_cache_write or 0)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": used.output_tokens,
        "total_tokens": prompt + used.output_tokens,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": used.reasoning_tokens or 0},
    }


def _event(head: Head, more: dict[str, Any], choices: list[dict[str, Any]]) -> str:
    data = {**_object(head, "chat.completion.chunk"), "choices": choices, **more}
    return f"data: {json.dumps(data)}\n\n"


def _piece(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _object(head: Head, kind: str) -> dict[str, Any]:
    return {"id": head.id, "object": kind, "created": head.created, "model": head.model}
