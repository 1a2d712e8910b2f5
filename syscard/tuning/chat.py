"""Examples to tokens: the model's own chat template, and which tokens are learned."""

import random
from collections.abc import Sequence
from typing import Any

from syscard.errors import DataError
from syscard.examples import Example

IGNORED = -100  # the label of what is not learned


def prompt_text(tokenizer: Any, turns: Sequence[dict[str, str]]) -> str:
    """The conversation as the model is served it, up to where the assistant's text begins."""
    text = tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=True)
    return str(text)


def tokenized(
    tokenizer: Any, examples: Sequence[Example], reasoning: bool, max_length: int
) -> list[dict[str, list[int]]]:
    """Token ids, and a mask that is 1 where the assistant speaks: the only part that is learned.

    Prompt and answer are cut into tokens apart, as a server does that reads the one and writes
    the other. The text ends with the token that ends a turn.

    Args:
        tokenizer: the model's.
        examples: what is to be learned.
        reasoning: whether the reasoning stands before the answer.
        max_length: tokens of one example at most.

    Raises:
        DataError: an example is longer; a cut one would teach to stop in the middle.
    """
    rows = []
    for number, example in enumerate(examples, 1):
        prompt = _ids(tokenizer, prompt_text(tokenizer, example.turns))
        said = [*_ids(tokenizer, example.text(reasoning)), tokenizer.eos_token_id]
        if len(prompt) + len(said) > max_length:
            raise DataError(
                f"Example {number} has {len(prompt) + len(said)} tokens, the most is {max_length}: "
                f"{example.prompt[:60]!r}. Raise --max-length, or shorten it."
            )
        rows.append(
            {
                "input_ids": prompt + said,
                "completion_mask": [0] * len(prompt) + [1] * len(said),
            }
        )
    return rows


def hold_out(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Those to train on and those held out, in their order; twins stay on one side.

    Half of a pair in training would tell the other half's answer.
    """
    groups = sorted({_group(number, example) for number, example in enumerate(examples)})
    random.Random(seed).shuffle(groups)
    wanted, held, count = round(share * len(examples)), set(), 0
    sizes: dict[str, int] = {}
    for number, example in enumerate(examples):
        group = _group(number, example)
        sizes[group] = sizes.get(group, 0) + 1
    for group in groups:
        if count >= wanted:
            break
        held.add(group)
        count += sizes[group]
    sides: tuple[list[Example], list[Example]] = ([], [])
    for number, example in enumerate(examples):
        sides[_group(number, example) in held].append(example)
    return sides


def fewer_complying(examples: Sequence[Example], share: float, seed: int) -> list[Example]:
    """The examples in their order, with only this share of those that decide to comply.

    What most examples decide is what a small model decides in doubt.
    """
    complying = [place for place, one in enumerate(examples) if one.decision == "comply"]
    random.Random(seed).shuffle(complying)
    left_out = set(complying[round(share * len(complying)) :])
    return [one for place, one in enumerate(examples) if place not in left_out]


def _group(number: int, example: Example) -> str:
    return f"twins {example.twins}" if example.twins else f"row {number:06}"


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
