"""Plans: write one, check one, copy one."""

from pathlib import Path

import click

from syscard.cli.options import FILE, Command, Commands, force_option, json_option, talk


@click.command(cls=Command)
@click.argument("model")
@click.option("-o", "--out", type=FILE, default=Path("plan.yaml"), show_default=True)
@force_option
def init(model: str, out: Path, force: bool) -> None:
    """Write a commented plan for MODEL, an Inspect model name.

    Example: syscard init openai/gpt-4o-mini -o plan.yaml
    """
    from syscard.files import check_free, write_text
    from syscard.library import new_plan

    check_free(out, force)
    write_text(out, new_plan(model))
    talk(f"Wrote {out}. Read it, fill in what is yours to say, then: syscard plan check {out}")


@click.group(cls=Commands)
def plan() -> None:
    """Look at a plan before anything is spent."""


@plan.command("check")
@click.argument("plan_file", type=FILE)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many samples a task.")
@json_option
def plan_check(plan_file: Path, limit: int | None, as_json: bool) -> None:
    """Say what would run, or the first thing wrong with its line.

    Example: syscard plan check plan.yaml
    """
    from syscard.cost import expect
    from syscard.jobs import jobs, unrated
    from syscard.library import one_sided, plan_lines, read_plan

    plan, _ = read_plan(plan_file)
    found = jobs(plan, plan_lines(plan_file), limit)
    expected = expect(found, None)
    if as_json:
        click.echo(expected.as_json())
        return
    click.echo(expected.as_text())
    if (forgotten := one_sided(plan)) is not None:
        click.echo(f"{forgotten} Require not_overrefuse as well.")
    for line in unrated(plan):
        click.echo(f"not in the plan, so its category will not be fully rated: {line}")


@plan.command("copy")
@click.argument("name")
@click.option("-o", "--out", type=FILE, default=Path("plan.yaml"), show_default=True)
@force_option
def plan_copy(name: str, out: Path, force: bool) -> None:
    """Copy a packaged plan by NAME (or a plan by path), to read it and to change it.

    Example: syscard plan copy demo -o plan.yaml
    """
    from syscard.files import check_free, read_text, write_text
    from syscard.library import data_path

    check_free(out, force)
    write_text(out, read_text(data_path("plans", name)))
    talk(f"Wrote {out}.")
