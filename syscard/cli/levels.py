"""Logs to measurements, measurements to levels, levels to decisions."""

import sys
from dataclasses import replace
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
    json_option,
    plan_option,
    talk,
)
from syscard.cli.signing import record_rating, sit_down


@click.command(cls=Command)
@click.argument("logs", nargs=-1, type=FILE)
@plan_option
@click.option("-o", "--out", type=FILE, default=MEASUREMENTS, show_default=True)
@click.option("--digests", is_flag=True, help="Digest every sample's text and verdict as well.")
@force_option
@json_option
def measure(
    logs: tuple[Path, ...], plan_file: Path, out: Path, digests: bool, force: bool, as_json: bool
) -> None:
    """Measure LOGS: files, or folders of them.

    A folder that `syscard run` wrote holds the plan's evidence; what else lies in it is set aside.

    Example: syscard measure logs/my-model --plan plan.yaml
    """
    from syscard.assess.estimate import measure as measure_all
    from syscard.assess.evidence import collect
    from syscard.assess.measure import read_log
    from syscard.files import check_free, write_text
    from syscard.library import dump, read_plan

    check_free(out, force)
    plan, digest = read_plan(plan_file)
    if not logs and plan.tasks:
        raise click.UsageError("name the logs, or the folder that `syscard run` wrote")
    found = collect(logs, plan)
    readings = [read_log(path, plan, content=digests) for path in found.logs]
    measured = measure_all(readings, plan, digest, out.parent, found.set_aside, found.unfinished)
    write_text(out, dump(measured))
    if as_json:
        click.echo(dump(measured), nl=False)
    talk(f"Wrote {out}: {len(measured.measured)} measurements from {len(readings)} logs.")
    for line in measured.incomplete:
        talk(f"Incomplete: {line}")
    if measured.incomplete:
        sys.exit(7)


@click.command(cls=Command)
@click.argument("measurements", type=FILE, default=MEASUREMENTS)
@plan_option
@click.option("-o", "--out", type=FILE, default=RATING, show_default=True)
@click.option("--ledger", type=FILE, help="Record the rating there.  [default: nowhere]")
@click.option("--key", type=FILE, help="The key to sign that record with.")
@force_option
@json_option
def rate(measurements: Path, plan_file: Path, out: Path, **options: Any) -> None:
    """Turn MEASUREMENTS into a level for each category, before and after mitigation.

    With --ledger the rating is recorded there, signed, before its file is written.

    Example: syscard rate measurements.json --plan plan.yaml
    """
    from syscard.assess.rate import rate as rate_all
    from syscard.files import check_free, digest_file, write_text
    from syscard.library import dump, read_framework, read_json, read_plan
    from syscard.records import Measurements

    if (options["ledger"] is None) != (options["key"] is None):
        raise click.UsageError("--ledger and --key go together: who records, and where")
    check_free(out, options["force"])
    plan, _ = read_plan(plan_file)
    framework, digest = read_framework(plan.framework)
    measured = read_json(measurements, Measurements)
    rating = rate_all(
        measured,
        framework,
        framework_digest=digest,
        measurements_digest=digest_file(measurements),
    )
    if options["ledger"] is not None:
        record_rating(sit_down(plan_file, options["ledger"], options["key"]), measured, rating)
    write_text(out, dump(rating))
    if options["as_json"]:
        click.echo(dump(rating), nl=False)
    for overall in rating.overall:
        talk(f"{overall.mitigation:4}  overall: {overall.reads}")
    talk(f"Wrote {out}.")


@click.command(cls=Command)
@click.argument("name")
@click.option("--measurements", type=FILE, default=MEASUREMENTS, show_default=True)
@click.option("--rating", type=FILE, default=RATING, show_default=True)
@plan_option
@click.option("--ledger", type=FILE, help="What people signed.  [default: nothing is signed]")
@click.option("-o", "--out", type=FILE, help="Where to write the decision.  [default: NAME.json]")
@click.option("--date", help="The moment to judge by, ISO 8601.  [default: now]")
@force_option
@json_option
def gate(name: str, **options: Any) -> None:
    """Say whether the gate NAME of the framework opens; the answer is the exit code as well.

    Example: syscard gate deploy --plan plan.yaml --ledger ledger.jsonl
    """
    from syscard.assess.case import Files, open_case
    from syscard.assess.gate import decide
    from syscard.assess.intact import missing
    from syscard.current import current
    from syscard.files import check_free, write_text
    from syscard.library import dump, read_plan

    out = options["out"] or Path(f"{name}.json")
    check_free(out, options["force"])
    files = Files(
        plan=options["plan_file"],
        measurements=options["measurements"],
        rating=options["rating"],
        ledger=options["ledger"],
    )
    now = current(read_plan(files.plan)[0])
    case = open_case(files, date_of(options["date"]), now)
    decision = decide(name, replace(case, absent=missing(case, files)))
    write_text(out, dump(decision))
    if options["as_json"]:
        click.echo(dump(decision), nl=False)
    talk(f"{decision.title}: {decision.answer} (as of {decision.asked})")
    for condition in decision.conditions:
        talk(f"  {condition.state:8} {condition.text}: {condition.why}")
    sys.exit(decision.exit_code)
