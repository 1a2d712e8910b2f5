"""Reasoning kept out of answers, and requests kept from looking like reasoning or like turns."""

import re
from collections.abc import Sequence

from inspect_ai.model import (
    ChatMessage,
    Content,
    ContentReasoning,
    ContentText,
    ModelOutput,
)

from syscard.reasoned import cited

RUN = 12  # words in a row that an answer does not share with the reasoning by chance
FEW = 6  # reasoning shorter than so many words says nothing that could be told from an answer

_BLOCK = re.compile(r"<think\b[^>]*>(.*?)(?:</think\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_CLOSE = re.compile(r"</think\s*>", re.IGNORECASE)
_OPEN = re.compile(r"<think\b", re.IGNORECASE)
# What chat templates write for turns, and models for reasoning: its first character is set apart.
_MARKS = re.compile(
    r"<(?=[|｜])|<(?=/?(?:s|bos|eos|pad|unk|think|start_of_turn|end_of_turn)\b[^>]*>)"
    r"|<(?=</?SYS>>)|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])",
    re.IGNORECASE,
)


def neutral(message: ChatMessage) -> ChatMessage:
    """The message with nothing in it that a chat template or a parser would take for its own.

    Marks of turns and of reasoning get a space after their first character, since a server that
    renders prompts as text reads them as what they look like. Reasoning beside the text of an
    earlier turn is left out: whoever sends a conversation could have written it.
    """
    if isinstance(message.content, str):
        return message.model_copy(update={"content": plain(message.content)})
    kept: list[Content] = []
    for part in message.content:
        if isinstance(part, ContentText):
            kept.append(ContentText(text=plain(part.text)))
        elif not isinstance(part, ContentReasoning):
            kept.append(part)
    return message.model_copy(update={"content": kept})


def plain(text: str) -> str:
    """The text with the marks of chat templates broken: `<|im_end|>` is `< |im_end|>`."""
    return _MARKS.sub(lambda mark: f"{mark.group()} ", text)


def hide(text: str) -> tuple[str, str]:
    """The reasoning in a text that a model wrote, and the rest of it.

    Every block counts, wherever it stands: one that nothing closes goes to the end, one that
    nothing opens (the prompt did) begins with the text.
    """
    close, opened = _CLOSE.search(text), _OPEN.search(text)
    head = ""
    if close and (opened is None or close.start() < opened.start()):
        head, text = text[: close.start()], text[close.end() :]
    blocks = [head, *(block.group(1) for block in _BLOCK.finditer(text))]
    found = "\n".join(block.strip() for block in blocks if block.strip())
    rest = _BLOCK.sub("", text)
    return found, rest.lstrip() if rest != text or head else rest


def without_reasoning(output: ModelOutput) -> tuple[ModelOutput, str]:
    """The output with text and nothing of what was reasoned, and what was."""
    if not output.choices:
        return output, ""
    choice = output.choices[0]
    content = choice.message.content
    parts = [ContentText(text=content)] if isinstance(content, str) else content
    reasoned = [part.text for part in parts if isinstance(part, ContentReasoning)]
    found, text = hide("".join(part.text for part in parts if isinstance(part, ContentText)))
    others = [part for part in parts if not isinstance(part, ContentText | ContentReasoning)]
    kept: str | list[Content] = [*others, ContentText(text=text)] if others else text
    message = choice.message.model_copy(update={"content": kept})
    shown = output.model_copy(
        update={
            "choices": [choice.model_copy(update={"message": message}), *output.choices[1:]],
            "completion": text,
        }
    )
    return shown, "\n".join(part for part in (*reasoned, found) if part)


def repeats(answer: str, reasoning: str, asked: Sequence[ChatMessage]) -> bool:
    """Whether an answer gives away reasoning: its conclusion, or a run of its words.

    What the conversation itself says is no secret.
    """
    ends = cited(answer)
    told = " ".join(message.text for message in asked)
    if ends.rule and ends.decision and cited(told) != ends:
        return True
    length = min(RUN, len(_words(reasoning)))
    secret = _runs(reasoning, length) - _runs(told, length) if length >= FEW else set()
    return bool(secret & _runs(answer, length))


def _runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = _words(text)
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
