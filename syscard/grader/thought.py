"""What a model thought and what it answered, however its provider hands them over."""

from typing import NamedTuple

from inspect_ai.model import ContentReasoning, ModelOutput

from syscard.reasoned import split_reasoning


class Said(NamedTuple):
    """The reasoning, None where there is none, and the answer after it."""

    reasoning: str | None
    answer: str


def said(output: ModelOutput, prefill: str = "") -> Said:
    """Reasoning and answer of an output: from its reasoning content, or the block in its text.

    Args:
        output: the model's; what it wrote, not what was written for it.
        prefill: an opening that the model was given, left out where its provider repeats it.
    """
    text = output.completion
    opening = prefill.strip()
    if opening and text.lstrip().startswith(opening):
        text = text.lstrip().removeprefix(opening)
    content = output.choices[0].message.content if output.choices else ""
    if not isinstance(content, str):
        parts = [part.reasoning for part in content if isinstance(part, ContentReasoning)]
        if any(part.strip() for part in parts):
            return Said("\n".join(parts).strip(), text)
    reasoning, answer = split_reasoning(text)
    return Said(reasoning, answer)
