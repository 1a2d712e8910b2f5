"""An ablation: make the arms, and say what they do."""

from pathlib import Path

import click

from syscard.cli.aligning import align
from syscard.cli.options import FILE, Command, force_option, json_option, talk

folder_option = click.option(
    "-o", "--out", type=FILE, required=True, help="The folder in which the arms lie."
)


@align.command("ablate", cls=Command)
@click.argument("ablation", type=FILE)
@folder_option
@click.option("--only", multiple=True, help="Only arms whose name contains this; repeatable.")
@click.option("--max-connections", type=click.IntRange(min=1), default=8, show_default=True)
@click.option("--dry-run", is_flag=True, help="Say which arms are missing, and stop.")
def ablate(
    ablation: Path, out: Path, only: tuple[str, ...], max_connections: int, dry_run: bool
) -> None:
    """Train, export and evaluate every arm of ABLATION (YAML) that is not there yet.

    Killed, the same command goes on.

    Example: syscard align ablate ablation.yaml -o out/ablation --only supervised
    """
    from syscard.ablate import ablate, missing
    from syscard.ablation import Where, read_ablation

    where = Where(read_ablation(ablation), out, max_connections)
    if dry_run:
        for name in missing(where):
            click.echo(name)
        return
    ablate(where, talk, only)
    talk(f"Next: syscard align report {ablation} -o {out}")


@align.command("report", cls=Command)
@click.argument("ablation", type=FILE)
@folder_option
@click.option(
    "--to", type=FILE, help="Where to write the table.  [default: in OUT, by the ablation's name]"
)
@force_option
@json_option
def report(ablation: Path, out: Path, to: Path | None, force: bool, as_json: bool) -> None:
    """What each arm of ABLATION changed, paired with the base; what was not run says so.

    Example: syscard align report ablation.yaml -o out/ablation
    """
    from syscard.ablation import Where, read_ablation
    from syscard.assess.armlogs import read_arms
    from syscard.assess.armtext import as_markdown
    from syscard.files import check_free, write_text
    from syscard.library import dump

    path = to or out / f"{ablation.stem}.md"
    check_free(path, force)
    found = read_arms(Where(read_ablation(ablation), out))
    write_text(path, as_markdown(found))
    click.echo(dump(found) if as_json else as_markdown(found), nl=False)
    talk(f"Wrote {path}")
