"""Safety specifications: read one, and look for what is wrong with it."""

from typing import TYPE_CHECKING

import click

from syscard.cli.options import Command, Commands, json_option, number

if TYPE_CHECKING:
    from syscard.spec_check import SpecReport
    from syscard.specs import Spec


@click.group(cls=Commands)
def spec() -> None:
    """The safety specification that a model reasons over."""


@spec.command("check", cls=Command)
@click.argument("name", default="default", metavar="[NAME|PATH]")
@click.option("--budget", type=click.IntRange(min=1), default=1024, show_default=True,
              help="Tokens, about, that the overview and one category may take up.")  # fmt: skip
@click.option("--model", help="Inspect model that decides the worked decisions again.")
@click.option("--confidence", type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
              default=0.95, show_default=True, callback=number)  # fmt: skip
@json_option
@click.pass_context
def check(
    ctx: click.Context, name: str, budget: int, model: str | None, confidence: float, as_json: bool
) -> None:
    """Look for cases that two rules claim, kinds of answer without a rule, names nobody can cite.

    With --model, a model decides each worked decision from the rules alone, and every one that it
    decides otherwise is shown: is the text to blame, or the model? That alone is no fault.

    Exit code 0: no fault; 3: there are some.

    Example: syscard spec check my-spec.yaml --model openai/gpt-4o
    """
    from syscard.spec_check import as_text, check_spec
    from syscard.specs import read_spec

    rules = read_spec(name)
    report = check_spec(rules, budget)
    if not as_json:
        click.echo(as_text(report))
    if as_json or model is not None:
        _agreement(rules, report, model, confidence, as_json)
    ctx.exit(0 if report.clean else 3)


def _agreement(
    rules: "Spec", report: "SpecReport", model: str | None, confidence: float, as_json: bool
) -> None:
    """What a model decides, where one is given; with all that was found, as a record."""
    import anyio
    from inspect_ai.model import get_model

    from syscard.library import dump
    from syscard.spec_agree import Checked, agree_with, as_text

    found = None
    if model is not None:
        found = anyio.run(agree_with, rules, get_model(model), confidence)
    if as_json:
        click.echo(dump(Checked(report=report, agreement=found)), nl=False)
    elif found is not None:
        click.echo(as_text(found))


@spec.command("show", cls=Command)
@click.argument("name", default="default", metavar="[NAME|PATH]")
@click.option("--category", help="Its detail beside the overview; without it, the overview alone.")
@click.option("--budget", type=click.IntRange(min=1), help="Tokens that it may take up, about.")
def show(name: str, category: str | None, budget: int | None) -> None:
    """Print what a model is given: the overview of all, and the detail of one category.

    Example: syscard spec show --category self-harm
    """
    from syscard.specs import Budget, about_tokens, read_spec, spec_text

    limit = None if budget is None else Budget(budget, about_tokens)
    click.echo(spec_text(read_spec(name), category, limit))
