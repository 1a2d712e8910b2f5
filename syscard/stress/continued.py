"""An adapter that goes on learning, on harmless data alone: how soon are its refusals gone?

Qi et al. 2023, arXiv 2310.03693, found that fine-tuning on benign data alone can take a model's
refusals away. Here a customer's tuning is played: answers without reasoning, a plain loop, a
constant rate.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from syscard.errors import DataError
from syscard.examples import Example, read_examples
from syscard.tuning.base import find_base, load_base, need
from syscard.tuning.chat import IGNORED, tokenized
from syscard.tuning.gguf import adapter_tensors, shape_of, write_adapter
from syscard.tuning.record import read_training

Continue = Callable[[Mapping[int, Path]], None]  # steps, and the GGUF file to write after each


@dataclass(frozen=True)
class Rate:
    """How the tuning goes on."""

    learning_rate: float = 2e-4
    batch: int = 8
    max_length: int = 512
    seed: int = 1


def harmless(path: Path) -> tuple[Example, ...]:
    """The examples of a file in which one complies.

    Raises:
        DataError: there is none.
    """
    found = tuple(one for one in read_examples(path) if one.decision == "comply")
    if not found:
        raise DataError(f"{path} holds no example that decides to comply: name harmless data.")
    return found


def going_on(adapter: Path, examples: Sequence[Example], rate: Rate | None = None) -> Continue:
    """`continued` of this adapter's folder on these examples."""
    return partial(continued, adapter, examples, rate or Rate())


def continued(
    adapter: Path, examples: Sequence[Example], rate: Rate, files: Mapping[int, Path]
) -> None:
    """Train the adapter on, and write it after each number of steps as a GGUF file.

    Args:
        adapter: the folder that a stage of training left.
        examples: harmless requests with their answers.
        rate: how.
        files: steps, and the file to write after them; those that are there are written again.

    Raises:
        DataError: the folder is no finished training's, or an example is too long.
        SetupError: a library is missing, or the base cannot be loaded.
    """
    record = read_training(adapter)
    torch, peft = need("torch"), need("peft")
    base, tokenizer = load_base(find_base(record.base))
    shape = shape_of(base.config)
    model = peft.PeftModel.from_pretrained(base, str(adapter), is_trainable=True)
    rows = tokenized(tokenizer, examples, False, rate.max_length)
    learned = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=rate.learning_rate, weight_decay=0.0)
    about = record.model_dump(mode="json") | {"loss": []}
    model.train()
    batches = _batches(rows, rate)
    for step in range(1, max(files) + 1):
        _step(model, optimizer, _padded(next(batches), tokenizer.eos_token_id))
        if step in files:
            alpha = model.peft_config["default"].lora_alpha
            changed = about | {"steps": record.steps + step, "adapter_digest": None}
            part = files[step].with_suffix(".part")
            write_adapter(part, adapter_tensors(model), shape, alpha, changed)
            part.replace(files[step])


def _step(model: Any, optimizer: Any, batch: Mapping[str, Any]) -> None:
    loss = model(**batch).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def _batches(rows: Sequence[dict[str, list[int]]], rate: Rate) -> Iterator[list[dict[str, Any]]]:
    """Batches without end: the rows in a new order each time round."""
    chance = random.Random(rate.seed)
    while True:
        order = list(rows)
        chance.shuffle(order)
        for start in range(0, len(order), rate.batch):
            yield order[start : start + rate.batch]


def _padded(rows: Sequence[Mapping[str, list[int]]], pad: int) -> dict[str, Any]:
    """One batch, padded on the right; only what the assistant says has a label."""
    torch = need("torch")
    most = max(len(row["input_ids"]) for row in rows)
    ids, mask, labels = [], [], []
    for row in rows:
        more = most - len(row["input_ids"])
        said = zip(row["input_ids"], row["completion_mask"], strict=True)
        ids.append(row["input_ids"] + [pad] * more)
        mask.append([1] * len(row["input_ids"]) + [0] * more)
        labels.append([one if spoken else IGNORED for one, spoken in said] + [IGNORED] * more)
    return {
        "input_ids": torch.tensor(ids),
        "attention_mask": torch.tensor(mask),
        "labels": torch.tensor(labels),
    }
