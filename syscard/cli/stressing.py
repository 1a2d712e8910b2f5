"""Stress: press a model and its weights, and see what of its mitigation is left."""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syscard.cli.options import FILE, Command, json_option, talk

if TYPE_CHECKING:
    from syscard.stress.stress import How
    from syscard.stress.variants import Subject, Wanted

COUNT = click.IntRange(min=1)


@click.command(cls=Command)
@click.argument("model")
@click.option("-o", "--out", type=FILE, required=True, help="A folder for logs and results.")
@click.option("-M", "model_args", multiple=True, metavar="KEY=VALUE",
              help="An argument of the model, adapter among them; repeatable.")  # fmt: skip
@click.option("--model-base-url", help="Where the model is served.")
@click.option("--solver", help="What stands in front of the model, as syscard/deliberate.")
@click.option("-S", "solver_args", multiple=True, metavar="KEY=VALUE", help="Of the solver.")
@click.option("--grader", help="Inspect model that judges the answers, or \"classifier\", which "
              "may rate what the rules rewarded.  [default: offline rules]")  # fmt: skip
@click.option("--spec", help="The specification that reasoning cites: a name or path.")
@click.option("--only", multiple=True, help="Only tests whose name contains this; repeatable.")
@click.option("--weights", multiple=True, metavar="FAMILY",
              type=click.Choice(["noise", "strength", "storage", "fine-tuning", "none"]),
              help="Of the weights' tests, these; repeatable.  [default: all]")  # fmt: skip
@click.option("--tuned", type=FILE, help="The folder of the adapter's training, to go on from.")
@click.option("--harmless", type=FILE, help="With --tuned: examples to go on with (JSON lines).")
@click.option(
    "--steps", type=COUNT, multiple=True, help="Of that tuning.  [default: 5, 10, 20, 40]"
)
@click.option("--harmful", type=COUNT, help="Harmful requests a test.  [default: the test's own]")
@click.option("--benign", type=COUNT, help="Benign requests a test.  [default: the test's own]")
@click.option("--seed", type=COUNT, default=1, show_default=True, help="Of draws and of noise.")
@click.option("--max-tokens", type=COUNT, default=256, show_default=True, help="Of an answer.")
@click.option("--max-connections", type=COUNT, default=8, show_default=True)
@click.option("--display", default="none", show_default=True, help="Inspect's display.")
@click.option("--plan", "as_plan", is_flag=True, help="Print these tests as a plan, and stop.")
@click.option("--dry-run", is_flag=True, help="Say what would run, and stop.")
@json_option
def stress(model: str, out: Path, **options: Any) -> None:
    """Put MODEL under stress: prefills, forged messages, long contexts, jailbreaks, sampling.

    Then its weights, where they are on this machine: noise in the adapter, less of it, other
    quantisations, more training on harmless data. What has run is not run again. Each test is an
    Inspect task that a plan can hold and require; --plan prints them, with the changed weights
    that an earlier call made in the folder.

    Exit code 7: something did not finish; the same command goes on.

    Example: syscard stress syscard/smollm2 -M adapter=adapter.gguf -o stress
    """
    from syscard.stress.found import as_text
    from syscard.stress.stress import PRESSED, already_made, plan_text, planned
    from syscard.stress.stress import stress as run_all

    tests = [name for name in PRESSED if _wanted(name, options["only"])]
    if not tests:
        raise click.UsageError(f"--only matches none of: {', '.join(PRESSED)}")
    subject, wanted, how = _subject(model, options), _families(options), _how(options)
    if options["as_plan"]:
        made = already_made(subject, out, wanted)
        click.echo(plan_text(subject, tests, made, how), nl=False)
        return
    if options["dry_run"]:
        for line in planned(subject, out, tests, wanted):
            click.echo(line)
        return
    from syscard.library import dump
    from syscard.run import check_writable

    check_writable(out)
    with contextlib.redirect_stdout(sys.stderr):  # Inspect greets there
        found = run_all(subject, out, tests, wanted, how, talk)
    click.echo(dump(found) if options["as_json"] else as_text(found), nl=False)
    talk(f"Wrote {out / 'stress.json'}, {out / 'stress.md'} and the logs beside them.")


def _subject(model: str, options: dict[str, Any]) -> "Subject":
    from syscard.stress.variants import Subject

    return Subject(
        model=model,
        args=_pairs(options["model_args"], "-M"),
        base_url=options["model_base_url"],
        solver=options["solver"],
        solver_args=_pairs(options["solver_args"], "-S"),
    )


def _families(options: dict[str, Any]) -> "Wanted":
    from syscard.stress.variants import FAMILIES, STEPS, Wanted

    if (options["tuned"] is None) != (options["harmless"] is None):
        raise click.UsageError("--tuned and --harmless go together")
    chosen, tuning = options["weights"] or FAMILIES, None
    if options["tuned"] is not None:
        from syscard.stress.continued import going_on, harmless

        tuning = going_on(options["tuned"], harmless(options["harmless"]))
    return Wanted(
        families=tuple(name for name in FAMILIES if name in chosen),
        seed=options["seed"],
        steps=options["steps"] or STEPS,
        tuning=tuning,
    )


def _how(options: dict[str, Any]) -> "How":
    from syscard.stress.stress import How

    names = (
        "harmful",
        "benign",
        "spec",
        "seed",
        "max_tokens",
        "max_connections",
        "display",
        "grader",
    )
    return How(**{name: options[name] for name in names})


def _wanted(name: str, only: tuple[str, ...]) -> bool:
    return not only or any(part in name for part in only)


def _pairs(given: tuple[str, ...], option: str) -> dict[str, Any]:
    import yaml

    pairs = {}
    for item in given:
        name, sign, value = item.partition("=")
        if not sign or not name:
            raise click.UsageError(f"{option} takes KEY=VALUE, not {item!r}")
        pairs[name] = yaml.safe_load(value)
    return pairs
