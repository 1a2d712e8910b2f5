"""Deliberative alignment: the data, the training, and what it did."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syscard.cli.options import FILE, Command, Commands, json_option, number, talk

if TYPE_CHECKING:
    from syscard.distill.card import DataCard


@click.group(cls=Commands)
def align() -> None:
    """Make a model that reasons over a safety specification before it answers."""


@align.command("generate", cls=Command)
@click.argument("prompts", type=FILE, required=False)
@click.option("-o", "--out", type=FILE, required=True, help="A folder of its own for this data.")
@click.option("--teacher", help="Inspect model that reasons over the specification and answers.")
@click.option("--judge", help="Inspect model that scores each answer against the specification.")
@click.option("--judge-family", help="Family of the judge: nothing of it may rate the model.")
@click.option("--spec", default="default", show_default=True, help="Name or path.")
@click.option("--votes", type=click.IntRange(min=1), default=4, show_default=True,
              help="How often the judge scores an answer; the lowest score counts.")  # fmt: skip
@click.option("--threshold", type=click.IntRange(1, 10), default=8, show_default=True,
              help="The least score of 10 with which an answer is kept.")  # fmt: skip
@click.option("--hints", is_flag=True, help="Tell the judge what the rules for refusals say.")
@click.option("--against", multiple=True,
              help="File or set to stay clear of, beside all packaged sets.")  # fmt: skip
@click.option("--mix", type=FILE, multiple=True, help="Examples mixed in: everyday requests.")
@click.option("--share", type=click.FloatRange(0, 0.9), default=0.2, show_default=True,
              callback=number, help="With --mix: their part of the whole.")  # fmt: skip
@click.option("--seeds", is_flag=True, help="The packaged examples, without teacher or judge.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many prompts.")
@click.option("--budget", type=click.IntRange(min=1), default=4000, show_default=True,
              help="Tokens that the specification may take up in a prompt, about.")  # fmt: skip
@click.option("--max-tokens", type=click.IntRange(min=1), default=2048, show_default=True,
              help="Of the teacher's reasoning and answer.")  # fmt: skip
@click.option("--max-connections", type=click.IntRange(min=1), default=8, show_default=True)
@click.option("--display", default="none", show_default=True, help="Inspect's display.")
@json_option
def generate(prompts: Path | None, **options: Any) -> None:
    """Training examples from PROMPTS (JSON lines: prompt, category, and earlier turns if any).

    A teacher answers with the specification in context; what is malformed, cites the wrong rule,
    does not do what it decided, was not judged or scored too low, or stands near an evaluation
    prompt is dropped, and the data card counts it. Killed, the same command goes on.

    Exit code 7: the endpoint failed on some prompts; the same command asks those again.

    Example: syscard align generate prompts.jsonl -o data --teacher openai/o3 --judge openai/gpt-4o
    """
    from syscard.align.generate import Wanted, gather, generate
    from syscard.distill.ask import Models
    from syscard.library import dump

    if options["seeds"] == (prompts is not None):
        raise click.UsageError("give PROMPTS, or --seeds for the packaged examples")
    if prompts is not None and not (options["teacher"] and options["judge"]):
        raise click.UsageError("PROMPTS need a --teacher and a --judge")
    if options["seeds"] and any(options[name] for name in ("teacher", "judge", "limit", "hints")):
        raise click.UsageError("--seeds ask no model, and are taken whole")
    out = options["out"]
    wanted = Wanted(
        **{name: options[name] for name in ("spec", "votes", "threshold", "hints", "seed")},
        **{name: options[name] for name in ("against", "mix", "share", "limit", "max_tokens")},
        tokens=options["budget"],
    )
    if prompts is None:
        card = gather(out, wanted)
    else:
        models = Models(
            teacher=options["teacher"],
            judge=options["judge"],
            max_connections=options["max_connections"],
            display=options["display"],
            family=options["judge_family"],
        )
        card = generate(prompts, out, wanted, models, talk)
    for line in _said(card):
        talk(line)
    talk(f"Wrote {out / 'examples.jsonl'}. What was dropped and why: {out / 'datacard.md'}")
    if options["as_json"]:
        click.echo(dump(card), nl=False)


def _said(card: "DataCard") -> list[str]:
    """What was dropped on the way, and what is left."""
    lines = [f"  {one.dropped:5}  {one.name}" for one in card.filters if one.dropped]
    if card.mixed is not None:
        lines.append(f"  {card.mixed.rows:5}  mixed in, {card.mixed.share:.0%} of the whole")
    return [*lines, f"  {card.rows:5}  examples"]
