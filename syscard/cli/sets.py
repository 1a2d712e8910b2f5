"""Sets: what there is, and whether it is healthy."""

from pathlib import Path

import click

from syscard.cli.options import FILE, Command, Commands, json_option, number


@click.group(cls=Commands)
def sets() -> None:
    """The prompts that evaluations are made of."""


@sets.command("list")
def sets_list() -> None:
    """Name every packaged set: version, size, licence, what it holds.

    Example: syscard sets list
    """
    from syscard.library import manifest

    for name, info in sorted(manifest().items()):
        click.echo(f"{name} {info.version}  {info.size} rows, {info.licence}\n    {info.describes}")


@sets.command("check")
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...")
@click.option(
    "--against", type=FILE, multiple=True,
    help="A file, JSONL or CSV, that must hold nothing near these sets: training data.",
)  # fmt: skip
@click.option(
    "--threshold", type=click.FloatRange(0.3, 1), default=0.7, show_default=True, callback=number,
    help="From which likeness on two texts are near: the Jaccard of their character 5-grams.",
)  # fmt: skip
@json_option
@click.pass_context
def sets_check(
    ctx: click.Context,
    names: tuple[str, ...],
    against: tuple[Path, ...],
    threshold: float,
    as_json: bool,
) -> None:
    """Look for duplicates, lost canaries, versions that did not rise, lopsided labels.

    Without a NAME, all packaged sets. Exit code 0: nothing found; 3: something.

    Example: syscard sets check --against training.jsonl
    """
    from syscard.library import dump, manifest
    from syscard.sets.report import as_text, check

    report = check(names or tuple(sorted(manifest())), tuple(map(str, against)), threshold)
    click.echo(dump(report) if as_json else as_text(report), nl=not as_json)
    ctx.exit(0 if report.clean else 3)


@sets.command("stamp", cls=Command)
@click.argument("names", nargs=-1, required=True)
def sets_stamp(names: tuple[str, ...]) -> None:
    """Put canary, size, digest and history in order after a packaged set was edited.

    For whoever maintains the package: a changed content gets the next version.

    Example: syscard sets stamp disallowed
    """
    from syscard.sets.report import stamp

    for name in names:
        click.echo(stamp(name))
