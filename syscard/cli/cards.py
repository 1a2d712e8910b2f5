"""The card: write it, show it."""

from pathlib import Path
from typing import Any

import click

from syscard.cli.options import (
    FILE,
    MEASUREMENTS,
    RATING,
    Command,
    date_of,
    force_option,
    plan_option,
    talk,
)


@click.command(cls=Command)
@click.argument("decisions", nargs=-1, type=FILE)
@click.option("--measurements", type=FILE, default=MEASUREMENTS, show_default=True)
@click.option("--rating", type=FILE, default=RATING, show_default=True)
@plan_option
@click.option("-o", "--out", type=FILE, default=Path("card"), show_default=True, help="A folder.")
@click.option("--date", help="The date on the card, ISO 8601.  [default: now]")
@force_option
def card(
    decisions: tuple[Path, ...], measurements: Path, rating: Path, plan_file: Path, **options: Any
) -> None:
    """Write the card as HTML, Markdown and JSON, with a page of samples beside it for each task.

    Example: syscard card deploy.json develop.json --plan plan.yaml -o card
    """
    from syscard.assess.bundle import write_card

    folder: Path = options["out"]
    created = date_of(options["date"])
    write_card(
        folder,
        plan_file=plan_file,
        measurements_file=measurements,
        rating_file=rating,
        decision_files=decisions,
        created=created,
        force=options["force"],
    )
    talk(f"Wrote {folder / 'index.html'}, card.md, card.json and the samples' pages.")


@click.command(cls=Command)
@click.argument("card_file", type=FILE)
def show(card_file: Path) -> None:
    """Print the scorecard and the gates of a card.

    Example: syscard show card/card.json
    """
    from syscard.assess.render import render_screen
    from syscard.library import read_json
    from syscard.records import Card

    path = card_file / "card.json" if card_file.is_dir() else card_file
    click.echo(render_screen(read_json(path, Card), str(path.parent / "index.html")), nl=False)
