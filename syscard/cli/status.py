"""Is the evidence fresh: what a nightly job asks, and what makes it stale by a person's word."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syscard.cli.options import (
    FILE,
    MEASUREMENTS,
    Command,
    Commands,
    date_of,
    force_option,
    json_option,
    plan_option,
    talk,
)

if TYPE_CHECKING:
    from syscard.assess.status import Status
    from syscard.records import Stale
    from syscard.watch import WatchItem


@click.command(cls=Command)
@click.argument("plan_file", metavar="[PLAN]", type=FILE, default=Path("plan.yaml"))
@click.option("--measurements", type=FILE, default=MEASUREMENTS, show_default=True)
@click.option("--ledger", type=FILE, help="Where triggers are recorded.  [default: not seen]")
@click.option("--watch", type=FILE, help="The watch list.  [default: not seen]")
@click.option("--date", help="The moment to judge by, ISO 8601.  [default: now]")
@json_option
def status(plan_file: Path, **options: Any) -> None:
    """Say what of PLAN's evidence is stale and why, which gates that closes, and what to run.

    Exit codes: 0 all fresh, 4 something is stale or a review of the watch list is overdue, 6 the
    ledger is broken or of another plan, 1 or 2 an error.

    Example: syscard status plan.yaml --ledger ledger.jsonl --watch watch.yaml
    """
    from syscard.library import dump

    found = _status(plan_file, options)
    click.echo(dump(found), nl=False) if options["as_json"] else _show(found)
    sys.exit(found.exit_code)


@click.command(cls=Command)
@click.argument("what")
@click.option("--reason", required=True, help="What happened, in words.")
@click.option("--key", type=FILE, required=True, help="The key to sign with.")
@click.option("--ledger", type=FILE, required=True, help="Where to record it.")
@plan_option
def trigger(what: str, reason: str, key: Path, ledger: Path, plan_file: Path) -> None:
    """Record that WHAT, one of the framework's triggers, happened: earlier evidence is stale.

    Example: syscard trigger "new surface" --reason "voice" --key ann.pem --ledger ledger.jsonl
    """
    from syscard.assess.sign.entries import Triggered
    from syscard.assess.sign.ledger import append, read
    from syscard.assess.sign.quorum import check_plan
    from syscard.assess.status import trigger_of
    from syscard.cli.signing import now, open_key
    from syscard.library import read_framework, read_plan

    if not reason.strip():
        raise click.UsageError("--reason is empty: say what happened")
    plan, digest = read_plan(plan_file)
    framework, _ = read_framework(plan.framework)
    body = Triggered(what=trigger_of(framework, what), reason=reason)
    check_plan(read(ledger), digest, framework)
    entry = append(ledger, "triggered", body, open_key(key), now())
    talk(f"Recorded as entry {entry.sequence}: {body.what}. What ran before it is stale.")


@click.group(cls=Commands)
def watch() -> None:
    """Known limits and incidents, each with who looks at it again, and when."""


@watch.command("new")
@click.option("-o", "--out", type=FILE, default=Path("watch.yaml"), show_default=True)
@force_option
def watch_new(out: Path, force: bool) -> None:
    """Write an empty watch list with comments that say how it is filled.

    Example: syscard watch new -o watch.yaml
    """
    from syscard.files import check_free, read_text, write_text
    from syscard.library import data_path

    check_free(out, force)
    write_text(out, read_text(data_path("templates", "watch")))
    talk(f"Wrote {out}. Fill it in, then: syscard status --watch {out}")


def _status(plan_file: Path, options: dict[str, Any]) -> "Status":
    from syscard.assess.sign.ledger import read
    from syscard.assess.sign.quorum import check_plan
    from syscard.assess.status import Asked
    from syscard.assess.status import status as status_of
    from syscard.current import look
    from syscard.library import read_framework, read_json, read_plan
    from syscard.records import Measurements
    from syscard.watch import read_watch

    plan, digest = read_plan(plan_file)
    framework, _ = read_framework(plan.framework)
    ledger = None if options["ledger"] is None else read(options["ledger"])
    if ledger is not None:
        check_plan(ledger, digest, framework)
    seen = look(plan)
    asked = Asked(
        plan=plan,
        plan_digest=digest,
        plan_file=plan_file,
        framework=framework,
        measurements=read_json(options["measurements"], Measurements),
        measurements_file=options["measurements"],
        ledger=ledger,
        current=seen.current,
        notes=seen.notes,
        watch=None if options["watch"] is None else read_watch(options["watch"]),
        now=date_of(options["date"]),
        ledger_file=options["ledger"],
    )
    return status_of(asked)


def _show(found: "Status") -> None:
    """One block a question; a block with nothing to say is left out."""
    for side, model in found.models.items():
        old = [item for item in found.stale if item.mitigation == side]
        _say(f"{side:4}  {model}: {'stale' if old else 'nothing is stale'}")
        for line in _reasons(old):
            _say(f"      {line}")
    if found.plan_changed:
        _say("The plan changed since its logs were measured.")
    _block("Planned, and not measured:", found.missing)
    _block("Gates that this closes:", [", ".join(found.closes)] if found.closes else [])
    _block("To run:", found.rerun)
    late = set(found.watch.overdue)
    _block("Watch list:", [_item(item, item in late) for item in found.watch.open])
    _block("Not seen:", found.not_seen)


def _reasons(found: Sequence["Stale"]) -> list[str]:
    """A reason once, whatever the number of tasks that it makes stale."""
    tasks: dict[tuple[str, str], list[str]] = {}
    for item in found:
        tasks.setdefault((item.what, item.why), []).append(item.task)
    return [f"{', '.join(names)}: {why} ({what})" for (what, why), names in tasks.items()]


def _item(item: "WatchItem", late: bool) -> str:
    when = f"review {'OVERDUE since' if late else 'by'} {item.review}"
    link = f"; {item.link}" if item.link else ""
    return f"{item.kind}: {item.what} (since {item.since}; {item.owner}; {when}{link})"


def _block(title: str, lines: Any) -> None:
    if lines:
        _say(title)
        for line in lines:
            _say(f"  {line}")


def _say(line: str) -> None:
    """Words of others reach a terminal with nothing hidden in them, and on one line."""
    from syscard.assess.card.text import visible

    click.echo(visible(" ".join(line.splitlines())))
