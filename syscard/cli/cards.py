"""The card: write it, show it, verify it."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syscard.cli.options import (
    FILE,
    MEASUREMENTS,
    RATING,
    Command,
    date_of,
    force_option,
    json_option,
    plan_option,
    talk,
)

if TYPE_CHECKING:
    from syscard.assess.card.public import Disclosure
    from syscard.assess.card.verify import Verified
    from syscard.assess.card.withhold import Public

WIDE = 400  # characters of a line that nobody reads further


@click.command(cls=Command)
@click.argument("decisions", nargs=-1, type=FILE)
@click.option("--measurements", type=FILE, default=MEASUREMENTS, show_default=True)
@click.option("--rating", type=FILE, default=RATING, show_default=True)
@plan_option
@click.option("--ledger", type=FILE, help="What people signed.  [default: nothing is signed]")
@click.option("-o", "--out", type=FILE, default=Path("card"), show_default=True, help="A folder.")
@click.option("--date", help="The date on the card, ISO 8601.  [default: now]")
@click.option("--key", type=FILE, help="Sign the card with this key, as an in-toto statement.")
@click.option("--public", is_flag=True, help="Withhold what hazardous tasks asked and heard.")
@click.option("--withhold", multiple=True, help="With --public, also TASK or TASK:ID; repeatable.")
@click.option("--salts", type=FILE, help="What you keep of it.  [default: OUT.withheld.jsonl]")
@force_option
def card(decisions: tuple[Path, ...], **options: Any) -> None:
    """Write the card as HTML, Markdown and JSON, with its samples and evidence beside it.

    The folder is a bundle that anybody can check: syscard verify.

    Example: syscard card deploy.json develop.json --plan plan.yaml -o card
    """
    from syscard.assess.card.bundle import write_card
    from syscard.assess.case import Files
    from syscard.cli.signing import open_key

    folder: Path = options["out"]
    if (options["withhold"] or options["salts"]) and not options["public"]:
        raise click.UsageError("--withhold and --salts go with --public")
    salts = options["salts"] or folder.with_name(f"{folder.name}.withheld.jsonl")
    if folder.absolute() in salts.absolute().parents:
        raise click.UsageError("--salts names a file outside of the card's folder")
    created = date_of(options["date"])
    written = write_card(
        folder,
        Files(
            plan=options["plan_file"],
            measurements=options["measurements"],
            rating=options["rating"],
            ledger=options["ledger"],
        ),
        decisions,
        created=created,
        force=options["force"],
        key=None if options["key"] is None else open_key(options["key"]),
        public=_public(options["withhold"], salts) if options["public"] else None,
    )
    if options["public"]:
        _keep(written.withheld, salts)
        talk(f"Keep {salts} to yourself: its lines are what was withheld, with their salts.")
    talk(f"Wrote {folder / 'index.html'}, card.md, card.json, the samples' pages and evidence.")


@click.command(cls=Command)
@click.argument("bundle", type=FILE)
@click.option("--keys", type=FILE, help="Whom you know: a .pub.json file, or a folder of them.")
@click.option("--disclosed", type=FILE, help="Lines that the author disclosed, to check them.")
@click.option("--head", help="The SHA-256 of a line of the ledger that you kept: it must be there.")
@json_option
def verify(
    bundle: Path, keys: Path | None, disclosed: Path | None, head: str | None, as_json: bool
) -> None:
    """Check a card's BUNDLE, a folder, zip or tar: every signature, digest, number and page.

    The answer is the exit code as well: 0 it holds and you know who signed, the card itself
    included; 4 it is intact, and you do not; 6 something was altered. Nothing in it is run.

    Example: syscard verify card --keys trusted
    """
    from syscard.assess.card.unpack import opened
    from syscard.assess.card.verify import verify as verify_all
    from syscard.keys import read_trusted
    from syscard.library import dump

    if head is not None and not re.fullmatch(r"[0-9a-f]{64}", head := head.strip().lower()):
        raise click.UsageError("--head is a SHA-256, 64 hex digits")
    trusted = None if keys is None else read_trusted(keys)
    told = () if disclosed is None else _disclosed(disclosed)
    with opened(bundle) as folder:
        found = verify_all(folder, trusted, told, head)
    if as_json:
        click.echo(dump(found), nl=False)
    else:
        _say(found)
    sys.exit(found.exit_code)


@click.command(cls=Command)
@click.argument("card_file", type=FILE)
def show(card_file: Path) -> None:
    """Print the scorecard and the gates of a card.

    Example: syscard show card/card.json
    """
    from syscard.assess.card.render import render_screen
    from syscard.library import read_json
    from syscard.records import Card

    path = card_file / "card.json" if card_file.is_dir() else card_file
    click.echo(render_screen(read_json(path, Card), str(path.parent / "index.html")), nl=False)


def _say(found: "Verified") -> None:
    """What held, who signed, what was withheld, and what nobody could check."""
    from syscard.assess.card.text import visible

    marks = {"held": "+", "failed": "-", "not checked": "?"}
    lines = [f"{marks[c.state]} {c.text} {c.why}." for c in found.checks]
    for signer in found.signers:
        known = "known to you" if signer.known else "not known to you"
        roles = f" ({', '.join(signer.roles)})" if signer.roles else ""
        lines.append(
            f"signed: {signer.name}{roles}, key {signer.key[:12]}, {known}: {signer.signed}"
        )
    for held in found.withheld:
        lines.append(
            f"withheld: {held.samples} of {held.of} samples of {held.task} ({held.mitigation})"
        )
    lines += [f"not checked: {_short(line)}" for line in found.unchecked]
    lines.append(f"{found.answer}{f': {found.first}' if found.first else ''}")
    for line in lines:
        click.echo(visible(line))


def _short(line: str) -> str:
    """The line without the end of a long list: JSON has all of it."""
    items = line.split("; ")
    if len(items) > 4:
        return f"{'; '.join(items[:3])}; and {len(items) - 3} more (--json)."
    return line if len(line) <= WIDE else f"{line[:WIDE]}... (--json has all of it)"


def _public(withhold: Sequence[str], salts: Path) -> "Public":
    """Salts as they were drawn before, and new ones from the system's randomness."""
    import secrets

    from syscard.assess.card.withhold import Public

    drawn = {
        (item.log, item.id, item.epoch, part): salt
        for item in (_disclosed(salts) if salts.exists() else ())
        for part, salt in (("prompt", item.prompt_salt), ("answer", item.answer_salt))
    }

    def salt(log: str, name: str, epoch: int, part: str) -> str:
        return drawn.setdefault((log, name, epoch, part), secrets.token_hex(32))

    return Public(withhold, salt)


def _disclosed(path: Path) -> list["Disclosure"]:
    from pydantic import ValidationError

    from syscard.assess.card.public import Disclosure
    from syscard.errors import DataError
    from syscard.files import read_text

    lines = [line for line in read_text(path).split("\n") if line.strip()]
    try:
        return [Disclosure.model_validate_json(line) for line in lines]
    except ValidationError as error:
        raise DataError(f"{path} does not hold lines that a public card's author keeps.") from error


def _keep(told: Sequence["Disclosure"], path: Path) -> None:
    """One line a sample, for its author's eyes; lines of other cards stay."""
    import json
    import os
    import tempfile

    from syscard.errors import SetupError

    before = _disclosed(path) if path.exists() else []
    kept = {(item.log, item.id, item.epoch): item for item in (*before, *told)}
    lines = [json.dumps(item.model_dump(mode="json"), sort_keys=True) for item in kept.values()]
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write("".join(f"{line}\n" for line in lines))
        os.replace(temporary, path)
    except OSError as error:
        raise SetupError(
            f"Cannot write {path}: {error.strerror}. Without it nothing can be disclosed: write "
            "the card again, with --salts."
        ) from error
