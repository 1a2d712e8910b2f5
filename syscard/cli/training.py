"""The stages of training, and from an adapter to what can be served."""

import os
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, TypeVar

import click

from syscard.cli.aligning import align
from syscard.cli.options import FILE, Command, force_option, json_option, talk

if TYPE_CHECKING:
    from syscard.examples import Example
    from syscard.record import Record
    from syscard.tuning.record import TrainingRecord

Options = TypeVar("Options", bound="Record")
out_option = click.option("-o", "--out", type=FILE, required=True, help="A folder of its own.")
spec_option = click.option("--spec", default="default", show_default=True, help="Name or path.")
base_option = click.option(
    "--base", default="syscard/smollm2", show_default=True,
    help="The model: a Hugging Face folder, a GGUF file, or the embedded one.",
)  # fmt: skip


@align.command("sft", cls=Command)
@click.argument("data", type=FILE, required=False)
@out_option
@base_option
@spec_option
@click.option("--no-reasoning", is_flag=True, help="The answers alone: the control.")
@click.option("--method", type=click.Choice(["lora", "full"]), default="lora", show_default=True)
@click.option("--rank", type=click.IntRange(min=1))
@click.option("--alpha", type=click.IntRange(min=1))
@click.option("--epochs", type=click.FloatRange(min=0, min_open=True))
@click.option("--batch", type=click.IntRange(min=1), help="Examples that are computed together.")
@click.option("--accumulate", type=click.IntRange(min=1), help="Batches of one step.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True))
@click.option("--schedule", type=click.Choice(["constant", "linear", "cosine"]))
@click.option("--max-length", type=click.IntRange(min=16), help="Tokens of one example.")
@click.option("--held-out", type=click.FloatRange(0, 0.9), help="Share not trained on.")
@click.option("--share", type=click.FloatRange(0, 1, min_open=True), help="Of the data.")
@click.option(
    "--complying", type=click.FloatRange(0, 1, min_open=True),
    help="Share of the examples that comply: fewer make a stricter model.",
)  # fmt: skip
@click.option("--save-steps", type=click.IntRange(min=1))
@click.option("--seed", type=int)
@click.option("--recipe", type=FILE, help="Options from a YAML file; those given here win.")
@click.option("--dry-run", is_flag=True, help="Load everything, train one step, keep nothing.")
@json_option
def sft(data: Path | None, out: Path, **given: Any) -> None:
    """Teach the model to reason before it answers, from DATA (JSON lines of examples).

    Without DATA, the packaged examples. The specification is not in the prompt: the reasoning
    over it is learned. Killed, the same command goes on.

    Example: syscard align sft examples.jsonl -o out/sft
    """
    from syscard.align.sft import SftOptions, rehearse, sft

    given |= {"reasoning": not given.pop("no_reasoning")}
    options = _options(SftOptions, given, "sft")
    examples, name = _examples(data)
    if given["dry_run"]:
        talk(rehearse(given["base"], examples, options, spec=given["spec"]))
        return
    record = sft(
        given["base"], examples, out, options, talk,
        spec=given["spec"], name=name, chosen_by=_chosen_by(data),
    )  # fmt: skip
    _said(record, out, given["as_json"])


@align.command("rl", cls=Command)
@click.argument("data", type=FILE, required=False)
@out_option
@base_option
@spec_option
@click.option("--start", type=FILE, help="The folder of a supervised adapter to go on from.")
@click.option("--judge", help='What rewards: "rules", or an Inspect model. It never rates.')
@click.option("--steps", type=click.IntRange(min=1))
@click.option("--prompts", type=click.IntRange(min=1), help="Different prompts of one step.")
@click.option("--answers", type=click.IntRange(min=2), help="To each prompt of a step.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True))
@click.option("--beta", type=click.FloatRange(min=0), help="Weight of the KL penalty.")
@click.option("--temperature", type=click.FloatRange(min=0, min_open=True))
@click.option("--max-answer", type=click.IntRange(min=16), help="Tokens, reasoning and all.")
@click.option("--sampler", type=click.Choice(["llama.cpp", "transformers"]))
@click.option("--save-steps", type=click.IntRange(min=1))
@click.option("--seed", type=int)
@click.option("--recipe", type=FILE, help="Options from a YAML file; those given here win.")
@click.option("--dry-run", is_flag=True, help="Load everything, take one step, keep nothing.")
@json_option
def rl(data: Path | None, out: Path, start: Path | None, **given: Any) -> None:
    """Reinforce what a judge of the answers rewards, who never sees the reasoning.

    Safety, over-refusal, helpfulness and form are logged apart; alarms tell when the reward is
    gamed. What rewards is recorded, and a plan refuses it as grader of this model.

    Example: syscard align rl --start out/sft -o out/rl
    """
    from syscard.align.rl import RlOptions, rehearse, rl

    options = _options(RlOptions, given, "rl")
    examples, name = _examples(data)
    if given["dry_run"]:
        talk(rehearse(given["base"], examples, options, start=start, spec=given["spec"]))
        return
    record = rl(
        given["base"], examples, out, options, talk, start=start, spec=given["spec"], name=name
    )
    _said(record, out, given["as_json"])


@align.command("export", cls=Command)
@click.argument("folder", type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="The file, or the folder, to write.")
@click.option(
    "--form", type=click.Choice(["adapter", "gguf", "folder"]), default="adapter",
    show_default=True,
    help="A GGUF adapter upon the base; the base's GGUF with it merged in; a merged "
    "Hugging Face folder.",
)  # fmt: skip
@click.option("--base", help="Where the base lies now, if not where it was trained.")
@force_option
def export(folder: Path, out: Path, form: Any, base: str | None, force: bool) -> None:
    """Make of a trained FOLDER what can be evaluated and served.

    Example: syscard align export out/sft -o out/safe.gguf
    """
    from syscard.align.export import export

    path = export(folder, out, form, base=base, force=force)
    talk(f"Wrote {path}")
    if form == "adapter":
        talk(f"Run it: syscard run plan.yaml, with args: {{adapter: {path}}} beside the model")


def _examples(data: Path | None) -> "tuple[tuple[Example, ...], str]":
    from syscard.examples import packaged_examples, read_examples

    if data is None:
        return packaged_examples(), "packaged examples"
    return read_examples(data), data.name


def _chosen_by(data: Path | None) -> tuple[str, ...]:
    """Who chose the examples, by the data card that `align generate` leaves beside them."""
    from syscard.distill.card import chosen_by

    return () if data is None else chosen_by(data.parent)


def _options(kind: "type[Options]", given: dict[str, Any], stage: str) -> "Options":
    """The recipe's options, and over them those that were given."""
    from syscard.tuning.recipe import read_options, read_recipe

    recipe = given["recipe"]
    told = {} if recipe is None else read_recipe(recipe, stage)
    stated = {
        name: value
        for name, value in given.items()
        if name in kind.model_fields and value is not None
    }
    return read_options(kind, told | stated, f"{recipe}, {stage}" if recipe else stage)


def _said(record: "TrainingRecord", out: Path, as_json: bool) -> None:
    """What came of it, told by the first of several processes."""
    if os.environ.get("RANK", "0") != "0":  # as torchrun numbers them
        return
    from syscard.library import dump

    held = "" if record.held_out_loss is None else f", {record.held_out_loss:.2f} on the held out"
    losses = [loss for _, loss in record.loss] or [0.0]
    some = -(-len(losses) // 10)
    talk(
        f"{record.data.examples} examples, {record.steps} steps, {record.seconds:.0f} s: "
        f"loss {fmean(losses[:some]):.2f} in the first tenth, {fmean(losses[-some:]):.2f} in the "
        f"last{held}"
    )
    for alarm in record.alarms:
        talk(f"alarm: {alarm}")
    talk(f"Wrote {out}. Next: syscard align export {out} -o {out}.gguf")
    if as_json:
        click.echo(dump(record), nl=False)
