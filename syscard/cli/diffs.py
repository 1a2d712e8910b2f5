"""Two cards held against each other."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from syscard.cli.options import FILE, Command, force_option, json_option, talk

if TYPE_CHECKING:
    from syscard.assess.diff.diff import CardDiff
    from syscard.records import Card

EVIDENCE = "evidence"  # inside a card's folder


@click.command(cls=Command)
@click.argument("card_a", type=FILE)
@click.argument("card_b", type=FILE)
@click.option(
    "--logs", "folders", type=FILE, multiple=True,
    help="A folder of either card's logs; may be repeated.  [default: evidence of each card]",
)  # fmt: skip
@click.option(
    "-o",
    "--out",
    type=FILE,
    help="Also write a page: FILE.html, or a folder for it, not inside a card.",
)
@force_option
@json_option
def diff(
    card_a: Path,
    card_b: Path,
    folders: tuple[Path, ...],
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Compare CARD_B with CARD_A: levels, gates and metrics of two models or two versions.

    Differences are paired where the logs are at hand and hold the same samples, and the row says
    so where not. It is a comparison and no gate: the exit code is 0 whatever differs.

    Example: syscard diff old/card new/card -o new/diff.html
    """
    from syscard.assess.diff.render import render_diff, render_diff_text
    from syscard.files import check_free, write_text
    from syscard.library import dump

    page = None if out is None else out if out.suffix == ".html" else out / "diff.html"
    if page is not None:
        _check_outside(page)
        check_free(page, force)
    found = _compared(card_a, card_b, folders)
    if page is not None:
        write_text(page, render_diff(found))
        talk(f"Wrote {page}.")
    click.echo(dump(found) if as_json else render_diff_text(found), nl=False)


def _check_outside(page: Path) -> None:
    """Nothing may lie in a card's folder but what the card names: it would no longer verify."""
    from syscard.errors import SetupError

    inside = next((f for f in page.absolute().parents if (f / "card.json").exists()), None)
    if inside is not None:
        raise SetupError(f"{inside} is a card: a page inside it would break it. Write beside it.")


def _compared(card_a: Path, card_b: Path, folders: tuple[Path, ...]) -> "CardDiff":
    from syscard.assess.diff.diff import diff as compare
    from syscard.assess.diff.lookup import look_up

    beside = [card / EVIDENCE for card in (card_a, card_b) if (card / EVIDENCE).is_dir()]
    a, b = _read(card_a), _read(card_b)
    return compare(a, b, look_up([a, b], [*folders, *beside]))


def _read(path: Path) -> "Card":
    from syscard.library import read_json
    from syscard.records import Card

    return read_json(path / "card.json" if path.is_dir() else path, Card)
