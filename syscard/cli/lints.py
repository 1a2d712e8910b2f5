"""What does not add up in a card given as data."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syscard.cli.options import FILE, Command, json_option, talk

if TYPE_CHECKING:
    from syscard.assess.lint.finding import Sheet
    from syscard.records import Card

NO = 3
WANTED = "a card folder, its card.json, or reported tables (YAML)"


@click.command(cls=Command)
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
@json_option
def lint(files: tuple[Path, ...], as_json: bool) -> None:
    """Say what does not add up in a card: tables typed from a publication, or a card.json.

    Each FILE is a YAML file of reported tables, a card.json or its folder. Several are held
    against one another too. What a table repeats is one line, and --json has each finding by
    itself. The exit code is 0 for none and 3 for any.

    Example: syscard lint examples/o3-mini/reported.yaml examples/o3-mini/alignment-paper.yaml
    """
    import json

    from syscard.assess.card.text import visible
    from syscard.assess.lint.lint import lint as look
    from syscard.assess.lint.listed import listed

    sheets: list[Sheet] = []
    cards: list[tuple[str, Card]] = []
    for path in files:
        _read(path, sheets, cards)
    found = look(sheets, cards)
    if as_json:
        click.echo(json.dumps([f.model_dump(mode="json") for f in found], indent=1))
    else:
        for line in listed(found):
            click.echo(visible(" ".join(line.split())))
    talk(f"{len(found)} findings." if len(found) != 1 else "1 finding.")
    sys.exit(NO if found else 0)


def _read(path: Path, sheets: "list[Sheet]", cards: "list[tuple[str, Card]]") -> None:
    """A card with the tables that it shows, or a file of tables: told by its name."""
    from syscard.assess.lint.finding import Sheet
    from syscard.errors import DataError
    from syscard.library import read_json
    from syscard.records import Card
    from syscard.reported import read_reported

    file = path / "card.json" if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise DataError(f"{path} holds no card.json; name {WANTED}.")
    if file.suffix != ".json":
        sheets.append(Sheet(str(path), read_reported(file)[0]))
        return
    try:
        card = read_json(file, Card)
    except DataError as error:
        if file.name == "card.json" or not file.exists():
            raise
        raise DataError(f"{path} is no card; name {WANTED}.") from error
    cards.append((str(path), card))
    sheets.extend(Sheet(str(path), publication) for publication in card.reported)
