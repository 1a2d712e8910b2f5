"""Keys and the ledger they sign in: make one, look at it, check it."""

import json
import sys
from pathlib import Path

import click

from syscard.cli.options import FILE, Commands, json_option, talk
from syscard.cli.signing import LEDGER, key_option, new_passphrase, now, open_key


@click.group(cls=Commands)
def key() -> None:
    """Keys that people sign with: a private file for its holder, a public one for everybody."""


@key.command("new")
@click.argument("file", type=FILE)
@click.option("--name", required=True, help="The person who holds it, as every reader sees it.")
@click.option("--demo", is_flag=True, help="Without a passphrase, and marked so in the name.")
def key_new(file: Path, name: str, demo: bool) -> None:
    """Make a key: FILE is private, FILE with .pub.json is for everybody.

    The passphrase is asked for, or read from SYSCARD_PASSPHRASE.

    Example: syscard key new ann.pem --name "Ann Archer"
    """
    from syscard.files import check_free
    from syscard.keys import make_key, public_path

    for path in (file, public_path(file)):
        check_free(path, force=False)
    owner = make_key(file, name, "" if demo else new_passphrase(file), demo)
    talk(f"Wrote {file}, which stays with {owner.name}, and {public_path(file)}.")


@key.command("show")
@click.argument("file", type=FILE)
@json_option
def key_show(file: Path, as_json: bool) -> None:
    """Say whose key FILE is, private or public; a private one must be its holder's alone to read.

    Example: syscard key show ann.pub.json
    """
    from syscard.assess.card.text import visible
    from syscard.keys import holder

    owner = holder(file)
    if as_json:
        content = {"name": owner.name, "key": owner.id, "public": owner.public}
        click.echo(json.dumps(content, indent=1))
        return
    for label, value in (("name", owner.name), ("key", owner.id), ("public", owner.public)):
        click.echo(f"{label:7} {visible(value)}")


@click.group(cls=Commands)
def ledger() -> None:
    """The record of who ran, rated, advised and decided: one signed line an entry."""


@ledger.command("open")
@click.argument("plan_file", metavar="PLAN", type=FILE)
@click.option(
    "--signer", "signers", multiple=True, required=True, metavar="PUBLIC=ROLE[,ROLE]",
    help="A public key file and the roles it speaks in; once for each signer.",
)  # fmt: skip
@key_option
@click.option("-o", "--out", type=FILE, default=LEDGER, show_default=True)
def ledger_open(plan_file: Path, signers: tuple[str, ...], key: Path, out: Path) -> None:
    """Begin the ledger of PLAN: who may sign in it, which nobody can change later.

    Example: syscard ledger open plan.yaml --signer lea.pub.json=leader ... --key lea.pem
    """
    from syscard.assess.sign.ledger import append
    from syscard.assess.sign.opening import opening, silent
    from syscard.errors import DataError, SetupError
    from syscard.keys import read_public
    from syscard.library import read_framework, read_plan

    if out.exists():
        raise SetupError(f"{out} exists, and no ledger is written over. Name another file with -o.")
    plan, digest = read_plan(plan_file)
    framework, _ = read_framework(plan.framework)
    named = [_signer(text) for text in signers]
    body = opening(
        plan.name, digest, framework, [(read_public(path), roles) for path, roles in named]
    )
    opener = open_key(key)
    if opener.owner.id not in {signer.key for signer in body.signers}:
        raise DataError(f"{key} is not the key of one of the signers that are listed.")
    append(out, "opened", body, opener, now())
    talk(f"Wrote {out} for plan {plan.name}: {len(body.signers)} signers.")
    for kind in silent(body):
        talk(f"Nobody listed may write {kind!r}: it needs {' or '.join(body.may[kind])}.")


@ledger.command("show")
@click.argument("file", type=FILE, default=LEDGER)
@json_option
def ledger_show(file: Path, as_json: bool) -> None:
    """Print every entry of a ledger that holds, one line each.

    Example: syscard ledger show ledger.jsonl
    """
    from syscard.assess.sign.entries import head
    from syscard.assess.sign.ledger import read
    from syscard.assess.sign.minutes import minutes

    found = read(file)
    if as_json:
        content = {
            "head": head(found),
            "entries": [e.model_dump(mode="json") for e in found.entries],
        }
        click.echo(json.dumps(content, indent=1, sort_keys=True))
        return
    for line in minutes(found):
        click.echo(line)
    talk(f"Head: {head(found)}")


@ledger.command("check")
@click.argument("file", type=FILE, default=LEDGER)
@click.option("--head", "kept", help="A head that you kept: one line must have this digest.")
@click.option(
    "--keys", type=FILE, multiple=True,
    help="Keys that you trust: public key files, a folder of them, or a JSON list.",
)  # fmt: skip
def ledger_check(file: Path, kept: str | None, keys: tuple[Path, ...]) -> None:
    """Check the whole chain: every line, signature, role, revocation and time.

    Exit codes: 0 it holds, 4 intact and a signer is none of your keys, 6 it does not hold.

    Example: syscard ledger check ledger.jsonl --keys trusted.json
    """
    from syscard.assess.card.text import visible
    from syscard.assess.sign.entries import head
    from syscard.assess.sign.ledger import read
    from syscard.assess.sign.trust import check_head, strangers
    from syscard.keys import read_trusted

    if kept is not None:
        kept = _digest(kept)
    trusted = {owner.id: owner for path in keys for owner in read_trusted(path).values()}
    found = read(file)
    if kept is not None:
        after = check_head(found, kept)
        click.echo(f"holds the head that you kept, and {after} entries after it")
    unknown = strangers(found, trusted) if keys else []
    for line in unknown:
        click.echo(visible(line))
    who = "signer unknown" if unknown else "every signer is one of your keys"
    if not keys:
        who = "its signers were not compared with keys of yours (--keys)"
    click.echo(f"intact, {who}: {len(found.entries)} entries, head {head(found)}")
    sys.exit(4 if unknown else 0)


def _signer(text: str) -> tuple[Path, tuple[str, ...]]:
    path, _, roles = text.rpartition("=")
    named = tuple(dict.fromkeys(role.strip() for role in roles.split(",") if role.strip()))
    if not path or not named:
        raise click.UsageError(f"--signer is a public key file and roles, FILE=ROLE: not {text!r}")
    return Path(path), named


def _digest(text: str) -> str:
    found = text.strip().lower()
    if len(found) != 64 or set(found) - set("0123456789abcdef"):
        raise click.UsageError(f"--head is the 64 hex digits of a line's digest, not {text!r}")
    return found
