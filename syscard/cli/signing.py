"""What every command that signs shares: opening a key, and the moment of the signature."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syscard.cli.options import FILE
from syscard.errors import LedgerError, SetupError

if TYPE_CHECKING:
    from syscard.assess.sign.entries import Entry, Ledger
    from syscard.frameworks import EntryKind
    from syscard.keys import Key
    from syscard.records import Framework, Measurements, Plan, Rating, Record

VARIABLE = "SYSCARD_PASSPHRASE"
LEDGER = Path("ledger.jsonl")

key_option = click.option("--key", type=FILE, required=True, help="The key to sign with.")
ledger_option = click.option(
    "--ledger", type=FILE, default=LEDGER, show_default=True, help="Where to sign."
)
reason_option = click.option("--reason", required=True, help="Why, in words.")


@dataclass(frozen=True)
class Desk:
    """Where a person signs: a ledger that was checked to be the plan's, and their key."""

    plan: "Plan"
    plan_digest: str
    framework: "Framework"
    framework_digest: str
    path: Path
    ledger: "Ledger"
    key: "Key"

    def rating(self, path: Path) -> "tuple[Rating, str]":
        """A rating and its digest, which this ledger holds for this framework.

        Raises:
            LedgerError: nobody recorded it, or it was computed by another framework.
        """
        from syscard.assess.sign.entries import Rated
        from syscard.files import digest_file
        from syscard.library import read_json
        from syscard.records import Rating

        rating, digest = read_json(path, Rating), digest_file(path)
        bodies = [e.body for e in self.ledger.entries if isinstance(e.body, Rated)]
        rated = next((body for body in bodies if body.rating == digest), None)
        if rated is None:
            raise LedgerError(
                f"{path}, digest {digest[:12]}, is not recorded as rated in {self.path}. Run: "
                f"syscard rate --force --ledger {self.path} --key RUNNER.pem"
            )
        if rated.framework != self.framework_digest:
            raise LedgerError(f"{path} was computed by another framework. Rate again.")
        return rating, digest

    def sign(self, said: "Sequence[tuple[EntryKind, Record]]") -> "list[Entry]":
        """Sign and append all of it, or nothing."""
        from syscard.assess.sign.ledger import append_all

        return append_all(self.path, said, self.key, now())


def sit_down(plan_file: Path, ledger_file: Path, key_file: Path) -> Desk:
    """Read plan, framework and ledger, check that they are of each other, and open the key."""
    from syscard.assess.sign.ledger import read
    from syscard.assess.sign.quorum import check_plan
    from syscard.library import read_framework, read_plan

    plan, digest = read_plan(plan_file)
    framework, framework_digest = read_framework(plan.framework)
    ledger = read(ledger_file)
    check_plan(ledger, digest, framework)
    key = open_key(key_file)
    return Desk(plan, digest, framework, framework_digest, ledger_file, ledger, key)


def record_rating(desk: Desk, measured: "Measurements", rating: "Rating") -> None:
    """Append the rating's entry, before its file is written; one that is there is not repeated.

    Raises:
        LedgerError: the plan changed since it was measured, or the ledger takes no such entry.
    """
    from syscard.assess.sign.entries import Rated
    from syscard.files import digest_bytes
    from syscard.library import dump

    if measured.plan_digest != desk.plan_digest:
        raise LedgerError("The plan changed since its logs were measured. Measure again.")
    body = Rated(
        rating=digest_bytes(dump(rating).encode()),
        framework=desk.framework_digest,
        plan=desk.plan_digest,
        logs=tuple(sorted({log.sha256 for m in measured.measured for log in m.logs})),
    )
    if any(entry.body == body for entry in desk.ledger.entries):
        return
    say_signed(desk.sign([("rated", body)]), desk.key)


def say_signed(entries: "Sequence[Entry]", key: "Key") -> None:
    """Tell the signer what stands under their name now."""
    for entry in entries:
        click.echo(f"Entry {entry.sequence}, {entry.kind}, signed by {key.owner.name}.", err=True)


def new_passphrase(path: Path) -> str:
    """The passphrase of a key to be made, asked for twice on a terminal.

    Raises:
        SetupError: there is nobody to ask.
    """
    passphrase = os.environ.get(VARIABLE)
    if passphrase is None:
        _check_terminal(path)
        text = f"New passphrase of {path}"
        passphrase = str(click.prompt(text, hide_input=True, confirmation_prompt=True, err=True))
    return passphrase


def open_key(path: Path) -> "Key":
    """The key at `path`, its passphrase from the environment or asked for on a terminal.

    Raises:
        SetupError: there is no key, it does not open, or there is nobody to ask.
    """
    from syscard.keys import load_key

    passphrase = os.environ.get(VARIABLE)
    if passphrase is None:
        passphrase = _ask(path) if _locked(path) else ""
    return load_key(path, passphrase)


def now() -> str:
    """The moment of a signature: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _ask(path: Path) -> str:
    _check_terminal(path)
    answer: str = click.prompt(f"Passphrase of {path}", hide_input=True, err=True)
    return answer


def _check_terminal(path: Path) -> None:
    if not sys.stdin.isatty():
        raise SetupError(
            f"{path} needs its passphrase, and there is no terminal to ask on. Set {VARIABLE}."
        )


def _locked(path: Path) -> bool:
    """Whether the file is an encrypted key; one that cannot be read is for `load_key` to refuse."""
    try:
        return b"ENCRYPTED" in path.read_bytes().split(b"\n", 1)[0]
    except OSError:
        return False
