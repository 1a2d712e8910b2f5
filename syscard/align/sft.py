"""The supervised stage: the model learns to reason over a specification that it no longer sees.

TRL trains, PEFT adapts. On the prompt without the specification, the loss is taken on reasoning
and answer: the context distillation of Guan et al. 2024, arXiv 2412.16339.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from syscard.examples import Example, check_examples, examples_digest
from syscard.record import Record
from syscard.specs import read_spec
from syscard.tuning.base import Base, find_base, load_base, need
from syscard.tuning.chat import IGNORED, fewer_complying, hold_out, tokenized
from syscard.tuning.fit import Fitted, arguments, fit, lean, lora, uncast
from syscard.tuning.order import ByChance
from syscard.tuning.record import Data, TrainingRecord, memory
from syscard.tuning.stage import Learned, Picture, Stage, Talk


class SftOptions(Record):
    """How to train, apart from what on."""

    reasoning: bool = True  # False: the same data, the answer alone: the control of an ablation
    method: Literal["lora", "full"] = "lora"
    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    epochs: float = Field(default=3, gt=0)
    batch: int = Field(default=4, ge=1)  # examples that are computed together on one device
    accumulate: int = Field(default=2, ge=1)  # batches of one step
    checkpointing: bool = False  # less memory, a third more time
    learning_rate: float = Field(default=1e-3, gt=0)
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    warmup: float = Field(default=0.03, ge=0, lt=1)  # share of the steps
    max_length: int = Field(default=512, ge=16)  # tokens of one example
    held_out: float = Field(default=0.1, ge=0, lt=1)  # share of the examples
    share: float = Field(default=1, gt=0, le=1)  # of the examples, for a curve over data size
    complying: float = Field(default=1, gt=0, le=1)  # share of those that comply: fewer, stricter
    save_steps: int = Field(default=50, ge=1)
    seed: int = 1


def sft(
    base: str,
    examples: Sequence[Example],
    out: Path,
    options: SftOptions,
    talk: Talk,
    *,
    spec: str = "default",
    name: str = "examples",
    chosen_by: Sequence[str] = (),
) -> TrainingRecord:
    """Train, and leave an adapter (or a whole model's folder) with its record in `out`.

    Killed at any moment, the same call goes on from the last checkpoint. `chosen_by`: the lineages
    of graders that chose the examples; they never rate what is trained on them.

    Raises:
        DataError: an example cites no rule of the specification, or is too long.
        SetupError: the folder holds another run's work; the loss became no number; memory ran out.
    """
    rules, found = read_spec(spec), find_base(base)
    check_examples(examples, rules)
    train, held = hold_out(examples, options.held_out, options.seed)
    train = fewer_complying(train, options.complying, options.seed)
    train = train[: max(1, round(options.share * len(train)))]
    digest = examples_digest(train)
    data = Data(name=name, digest=digest, examples=len(train), held_out=len(held))
    chosen = tuple(sorted(chosen_by))
    stage = Stage("sft", found, base, rules, data, options, rewarded_by=chosen)

    def trained() -> Learned:
        fitted, tokens = _train(found, train, held, out, options)
        rate = tokens * options.epochs / max(fitted.seconds, 0.1)
        picture = Picture("loss.svg", {"loss": list(fitted.loss)}, "Loss on the assistant's tokens")
        return Learned(fitted, tokens, rate, picture)

    return stage.done(out, trained, talk)


def rehearse(
    base: str, examples: Sequence[Example], options: SftOptions, *, spec: str = "default"
) -> str:
    """Load base, specification, data and trainer, and take one step; nothing is kept.

    For a machine too small for the whole: what a large run would trip over is found here.
    """
    rules, found = read_spec(spec), find_base(base)
    check_examples(examples, rules)
    few = list(examples[: options.batch])
    short = options.model_copy(update={"epochs": 1, "held_out": 0})
    with tempfile.TemporaryDirectory() as folder:
        fitted, tokens = _train(found, few, [], Path(folder), short)
    return (
        f"one step of {len(few)} examples, {tokens} tokens: loss {fitted.loss[0][1]:.2f}, "
        f"{fitted.seconds:.1f} s, {memory()}"
    )


def _train(
    base: Base,
    train: Sequence[Example],
    held: Sequence[Example],
    out: Path,
    options: SftOptions,
) -> tuple[Fitted, int]:
    """The run itself, and the tokens of one epoch."""
    datasets, trl = need("datasets"), need("trl")
    need("transformers").set_seed(options.seed)
    model, tokenizer = load_base(base)
    if options.method == "lora":
        model = lean(model)
    rows, held_rows = (
        tokenized(tokenizer, part, options.reasoning, options.max_length) for part in (train, held)
    )
    lengths = [len(row["input_ids"]) for row in rows]
    order = ByChance(lengths, options.batch * options.accumulate, options.seed)
    trainer = _trainer(trl, order)(
        model=model,
        args=_arguments(trl, out, options),
        train_dataset=datasets.Dataset.from_list(rows),
        eval_dataset=datasets.Dataset.from_list(held_rows) if held_rows else None,
        processing_class=tokenizer,
        peft_config=lora(options.rank, options.alpha) if options.method == "lora" else None,
    )
    smaller = (
        f"batch {options.batch} and length {options.max_length}: try --batch "
        f"{max(1, options.batch // 2)}, or --max-length {max(16, options.max_length // 2)}"
    )
    fitted = fit(trainer, tokenizer, out, smaller, lambda: uncast(trainer.model))
    return fitted, sum(lengths)


def _trainer(trl: Any, order: ByChance) -> Any:
    """TRL's trainer in this order, whose output layer computes only what is learned.

    Prompts and padding are near half of a batch, and the output layer of a small model near a
    third of its work.
    """
    torch = need("torch")

    class Trainer(trl.SFTTrainer):  # type: ignore[misc]
        def _get_train_sampler(self, train_dataset: Any = None) -> ByChance:
            return order

        def compute_loss(
            self,
            model: Any,
            inputs: Any,
            return_outputs: bool = False,
            num_items_in_batch: Any = None,
        ) -> Any:
            wanted = inputs.pop("labels")[:, 1:]
            learned = wanted != IGNORED
            head = self.accelerator.unwrap_model(model).get_output_embeddings()
            hook = head.register_forward_pre_hook(lambda _, hidden: (hidden[0][:, :-1][learned],))
            try:
                outputs = model(**inputs, use_cache=False)
            finally:
                hook.remove()
            loss = torch.nn.functional.cross_entropy(
                outputs.logits.float(), wanted[learned], reduction="sum"
            )
            if num_items_in_batch is None:
                loss = loss / learned.sum()
            else:  # of all processes together, whose gradients are averaged
                loss = loss * self.accelerator.num_processes / num_items_in_batch
            return (loss, outputs) if return_outputs else loss

    return Trainer


def _arguments(trl: Any, out: Path, options: SftOptions) -> Any:
    return trl.SFTConfig(
        **arguments(
            out,
            num_train_epochs=options.epochs,
            per_device_train_batch_size=options.batch,
            per_device_eval_batch_size=options.batch,
            gradient_accumulation_steps=options.accumulate,
            activation_checkpointing=options.checkpointing,
            learning_rate=options.learning_rate,
            lr_scheduler_type=options.schedule,
            warmup_steps=options.warmup,
            save_steps=options.save_steps,
            seed=options.seed,
        ),
        completion_only_loss=True,
        max_length=options.max_length,
        packing=False,
        pad_to_multiple_of=16,  # few shapes: kernels are chosen, and memory cut, once for each
    )
