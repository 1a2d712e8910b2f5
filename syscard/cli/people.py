"""What people sign: advice on levels, answers to gates, facts, and keys that count no more."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syscard.cli.options import FILE, RATING, Command, force_option, plan_option, talk
from syscard.cli.signing import (
    key_option,
    ledger_option,
    now,
    open_key,
    reason_option,
    say_signed,
    sit_down,
)

if TYPE_CHECKING:
    from syscard.assess.sign.advice import Taken
    from syscard.records import Rating

ADVICE = Path("advice.yaml")
rating_option = click.option("--rating", type=FILE, default=RATING, show_default=True)


@click.command(cls=Command)
@click.argument("advice", type=FILE, required=False)
@click.option("--template", is_flag=True, help="Write a file to edit, instead of signing one.")
@click.option("-o", "--out", type=FILE, help=f"Where to write it.  [default: {ADVICE}]")
@click.option("--adopt", multiple=True, help="With --template: CATEGORY=LEVEL, not rated here.")
@click.option("--source", default="", help="With --adopt: where the level was published.")
@click.option("--reason", default="", help="With --adopt: why it is taken over.")
@click.option("--key", type=FILE, help="The key to sign with.")
@ledger_option
@rating_option
@plan_option
@force_option
def advise(advice: Path | None, template: bool, **options: Any) -> None:
    """Sign ADVICE: a level for each category on the rating that its file names.

    With --template, write that file first, every level as it was computed. Sign again to
    correct: an adviser's last word counts.

    Example: syscard advise advice.yaml --key ann.pem --ledger ledger.jsonl
    """
    if template:
        if advice is not None or options["key"] is not None:
            raise click.UsageError("--template writes a file (-o) and signs nothing")
        _write_template(options["out"] or ADVICE, options)
        return
    if advice is None or options["key"] is None:
        raise click.UsageError("name the file to sign and --key, or --template to write one")
    if options["out"] is not None or options["adopt"]:
        raise click.UsageError("-o and --adopt go with --template")
    _sign_advice(advice, options)


@click.command(cls=Command)
@click.argument("gate")
@click.argument("answer", type=click.Choice(["yes", "no"]))
@reason_option
@key_option
@ledger_option
@rating_option
@plan_option
def approve(gate: str, answer: str, reason: str, **options: Any) -> None:
    """Sign the answer to the framework's GATE on this rating; the last word counts.

    Example: syscard approve deploy yes --reason "as advised" --key lea.pem
    """
    from syscard.assess.sign.entries import Approved
    from syscard.errors import DataError

    _check_words(reason)
    desk = sit_down(options["plan_file"], options["ledger"], options["key"])
    gates = [found.name for found in desk.framework.gates]
    if gate not in gates:
        raise DataError(f"{desk.framework.name} has no gate {gate!r}; there are: {_list(gates)}.")
    _, digest = desk.rating(options["rating"])
    body = Approved.model_validate(
        {"rating": digest, "gate": gate, "answer": answer, "reason": reason}
    )
    say_signed(desk.sign([("approved", body)]), desk.key)


@click.command(cls=Command)
@click.argument("what")
@reason_option
@key_option
@ledger_option
@click.option("--no", "denied", is_flag=True, help="It does not hold: takes your word back.")
@click.option("--rating", type=FILE, help="The rating that it is said of.  [default: the plan]")
@plan_option
def attest(what: str, reason: str, denied: bool, **options: Any) -> None:
    """Vouch for WHAT, a fact that the framework demands and no log can show.

    Example: syscard attest "security controls" --reason "audit 7" --key lea.pem
    """
    from syscard.assess.sign.entries import Attested
    from syscard.errors import DataError

    _check_words(reason)
    desk = sit_down(options["plan_file"], options["ledger"], options["key"])
    demands = [demand for gate in desk.framework.gates for demand in gate.demands]
    asked = [demand for demand in demands if demand.attested == what]
    if not asked:
        facts = _list(repr(demand.attested) for demand in demands) or "none"
        raise DataError(f"No gate of {desk.framework.name} demands {what!r}; they demand: {facts}.")
    path = options["rating"]
    if path is None and not denied and all(demand.of_this_rating for demand in asked):
        raise click.UsageError("this fact is demanded of one rating: name it with --rating")
    rating = None if path is None else desk.rating(path)[1]
    body = Attested(what=what, reason=reason, holds=not denied, rating=rating)
    say_signed(desk.sign([("attested", body)]), desk.key)


@click.command(cls=Command)
@click.argument("whose")
@reason_option
@key_option
@ledger_option
def revoke(whose: str, reason: str, key: Path, ledger: Path) -> None:
    """Let a key sign nothing from now on. WHOSE is its public file, or its id.

    What it signed before stands.

    Example: syscard revoke bea.pub.json --reason "stolen" --key lea.pem
    """
    from syscard.assess.sign.entries import Revoked
    from syscard.assess.sign.ledger import append, read
    from syscard.keys import read_public

    _check_words(reason)
    is_id = len(whose) == 64 and not set(whose) - set("0123456789abcdef")
    revoked = whose if is_id else read_public(Path(whose)).id
    read(ledger)  # a revocation begins no ledger
    opened = open_key(key)
    entry = append(ledger, "revoked", Revoked(key=revoked, reason=reason), opened, now())
    say_signed([entry], opened)


def _write_template(out: Path, options: dict[str, Any]) -> None:
    from syscard.assess.sign.advice import check, parse, template
    from syscard.files import check_free, digest_file, write_text
    from syscard.library import read_framework, read_json, read_plan
    from syscard.records import Rating

    check_free(out, options["force"])
    plan, _ = read_plan(options["plan_file"])
    framework, _ = read_framework(plan.framework)
    path = options["rating"]
    rating, digest = read_json(path, Rating), digest_file(path)
    text = template(rating, digest, framework.levels, _adopted(options, rating))
    check(*parse(text, str(out)), rating, digest, framework.levels)
    write_text(out, text)
    talk(f"Wrote {out}. Edit it, then: syscard advise {out} --key YOUR.pem")


def _adopted(options: dict[str, Any], rating: "Rating") -> dict[str, "Taken"]:
    """What --adopt fills in: a level by category, each with the source and the reason given."""
    from syscard.assess.sign.advice import Taken

    if not options["adopt"]:
        return {}
    if not options["source"].strip() or not options["reason"].strip():
        raise click.UsageError("--adopt needs --source and --reason")
    open_ = {c.category for c in rating.categories if c.floor is None}
    found = {}
    for item in options["adopt"]:
        category, sign, level = item.partition("=")
        if not sign or category not in open_:
            rest = _list(sorted(open_)) or "none"
            raise click.UsageError(f"--adopt {item!r}: CATEGORY=LEVEL of one not rated: {rest}")
        found[category] = Taken(level=level, source=options["source"], reason=options["reason"])
    return found


def _sign_advice(path: Path, options: dict[str, Any]) -> None:
    from syscard.assess.sign.advice import check, parse, said
    from syscard.files import digest_file, read_text
    from syscard.library import read_json
    from syscard.records import Rating

    advice, lines = parse(read_text(path), str(path))
    rating, digest = read_json(options["rating"], Rating), digest_file(options["rating"])
    desk = sit_down(options["plan_file"], options["ledger"], options["key"])
    check(advice, lines, rating, digest, desk.framework.levels)
    desk.rating(options["rating"])
    say_signed(desk.sign(said(advice)), desk.key)


def _check_words(reason: str) -> None:
    if not any(c.isalnum() for c in reason):
        raise click.UsageError("--reason is empty: say why")


def _list(words: Any) -> str:
    return ", ".join(dict.fromkeys(words))
