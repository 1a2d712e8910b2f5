"""The commands: each reads files, calls one function, and writes files.

Standard output is data, standard error is talk. Heavy imports stand inside the command that
needs them, so that `--help` answers at once.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syscard import __version__
from syscard.errors import SyscardError

if TYPE_CHECKING:
    from syscard.records import Plan

FILE = click.Path(path_type=Path)
MEASUREMENTS, RATING = Path("measurements.json"), Path("rating.json")


class Command(click.Command):
    """A command whose help ends with the line of its docstring that begins with "Example:"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        text, _, example = (kwargs.get("help") or "").rpartition("Example:")
        if example:
            kwargs |= {"help": text, "epilog": f"Example: {example.strip()}"}
        super().__init__(*args, **kwargs)


class Commands(Command, click.Group):
    """Turns what a reader can mend into one line and an exit code."""

    command_class = Command
    group_class = type

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SyscardError as error:
            click.echo(f"Error: {' '.join(str(error).split())}", err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """From a language model to a system card whose every number can be recomputed.

    \b
    plan -> run -> measure -> rate -> gate -> card

    \b
    Exit codes: 0 yes, 1 error, 2 usage, 3 no, 4 inconclusive, 5 awaits signatures,
    6 integrity broken, 7 run incomplete.

    Example: syscard init openai/gpt-4o-mini
    """


def talk(line: str) -> None:
    """Say something to the person, not to the pipe."""
    click.echo(line, err=True)


plan_option = click.option(
    "--plan", "plan_file", type=FILE, default=Path("plan.yaml"), show_default=True,
    help="The plan that the evidence is for.",
)  # fmt: skip
force_option = click.option("--force", is_flag=True, help="Write over what is there.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the record on stdout.")


@main.command()
@click.argument("model")
@click.option("-o", "--out", type=FILE, default=Path("plan.yaml"), show_default=True)
@force_option
def init(model: str, out: Path, force: bool) -> None:
    """Write a commented plan for MODEL, an Inspect model name.

    Example: syscard init openai/gpt-4o-mini -o plan.yaml
    """
    from syscard.files import check_free, write_text
    from syscard.library import new_plan

    check_free(out, force)
    write_text(out, new_plan(model))
    talk(f"Wrote {out}. Read it, fill in what is yours to say, then: syscard plan check {out}")


@main.group()
def plan() -> None:
    """Look at a plan before anything is spent."""


@plan.command("check")
@click.argument("plan_file", type=FILE)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many samples a task.")
@json_option
def plan_check(plan_file: Path, limit: int | None, as_json: bool) -> None:
    """Say what would run, or the first thing wrong with its line.

    Example: syscard plan check plan.yaml
    """
    from syscard.cost import expect
    from syscard.jobs import jobs, unrated
    from syscard.library import plan_lines, read_plan

    plan, _ = read_plan(plan_file)
    found = jobs(plan, plan_lines(plan_file), limit)
    expected = expect(found, None)
    if as_json:
        click.echo(expected.as_json())
        return
    click.echo(expected.as_text())
    for line in unrated(plan):
        click.echo(f"not in the plan, so its category will not be fully rated: {line}")


@plan.command("copy")
@click.argument("name")
@click.option("-o", "--out", type=FILE, default=Path("plan.yaml"), show_default=True)
@force_option
def plan_copy(name: str, out: Path, force: bool) -> None:
    """Copy a packaged plan by NAME (or a plan by path), to read it and to change it.

    Example: syscard plan copy demo -o plan.yaml
    """
    from syscard.files import check_free, read_text, write_text
    from syscard.library import data_path

    check_free(out, force)
    write_text(out, read_text(data_path("plans", name)))
    talk(f"Wrote {out}.")


@main.command()
@click.argument("plan_file", type=FILE)
@click.option("--log-dir", type=FILE, help="Where logs are kept.  [default: logs/NAME]")
@click.option("--only", multiple=True, help="Only tasks whose name contains this; repeatable.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many samples a task.")
@click.option("--max-connections", type=click.IntRange(min=1), default=8, show_default=True)
@click.option("--display", default="none", show_default=True, help="Inspect's display.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and stop.")
@click.option("--probe", is_flag=True, help="With --dry-run: time a few calls to the model.")
@click.option("--retry-failed", is_flag=True, help="Run samples again that ended in an error.")
@json_option
@click.argument("passed", nargs=-1)
def run(plan_file: Path, passed: tuple[str, ...], **options: Any) -> None:
    """Run the plan on both sides; what has run already is not run again.

    After -- any name=value that Inspect's eval_set takes.

    Example: syscard run plan.yaml --limit 10 -- log_level=info
    """
    from syscard.jobs import jobs
    from syscard.library import plan_lines, read_plan

    if not options["dry_run"] and (options["probe"] or options["as_json"]):
        raise click.UsageError("--probe and --json go with --dry-run")
    plan, _ = read_plan(plan_file)
    found = jobs(plan, plan_lines(plan_file), options["limit"])
    chosen = [job for job in found if _wanted(job.task, options["only"])]
    if not chosen:
        raise click.UsageError(f"--only matches none of: {', '.join(t.task for t in plan.tasks)}")
    folder = options["log_dir"] or Path("logs") / plan.name
    if options["dry_run"]:
        _dry_run(plan, chosen, folder, options)
        return
    from syscard.run import Options, check_writable
    from syscard.run import run as run_plan

    check_writable(folder)
    manifest = run_plan(
        plan,
        chosen,
        Options(
            log_dir=folder,
            max_connections=options["max_connections"],
            display=options["display"],
            retry_failed=options["retry_failed"],
            passed=_pairs(passed),
        ),
        talk,
        found,
    )
    talk(f"Logs: {manifest.parent}. Next: syscard measure {manifest.parent} --plan {plan_file}")


def _dry_run(plan: "Plan", chosen: list[Any], folder: Path, options: dict[str, Any]) -> None:
    from syscard.cost import expect, probe, speed_from_logs

    speed = speed_from_logs(folder, chosen)
    if speed is None and options["probe"]:
        speed = probe(plan, options["max_connections"])
    expected = expect(chosen, speed)
    click.echo(expected.as_json() if options["as_json"] else expected.as_text())


def _wanted(task: str, only: tuple[str, ...]) -> bool:
    return not only or any(part in task for part in only)


def _pairs(passed: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    pairs = {}
    for item in passed:
        name, sign, value = item.partition("=")
        if not sign or not name:
            raise click.UsageError(f"after -- stands name=value, not {item!r}")
        pairs[name] = yaml.safe_load(value)
    return pairs


@main.command()
@click.argument("logs", nargs=-1, required=True, type=FILE)
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


@main.command()
@click.argument("measurements", type=FILE, default=MEASUREMENTS)
@plan_option
@click.option("-o", "--out", type=FILE, default=RATING, show_default=True)
@force_option
@json_option
def rate(measurements: Path, plan_file: Path, out: Path, force: bool, as_json: bool) -> None:
    """Turn MEASUREMENTS into a level for each category, before and after mitigation.

    Example: syscard rate measurements.json --plan plan.yaml
    """
    from syscard.assess.rate import rate as rate_all
    from syscard.files import check_free, digest_file, write_text
    from syscard.library import dump, read_framework, read_json, read_plan
    from syscard.records import Measurements

    check_free(out, force)
    plan, _ = read_plan(plan_file)
    framework, digest = read_framework(plan.framework)
    rating = rate_all(
        read_json(measurements, Measurements),
        framework,
        framework_digest=digest,
        measurements_digest=digest_file(measurements),
    )
    write_text(out, dump(rating))
    if as_json:
        click.echo(dump(rating), nl=False)
    for overall in rating.overall:
        talk(f"{overall.mitigation:4}  overall: {overall.reads}")
    talk(f"Wrote {out}.")


@main.command()
@click.argument("name")
@click.option("--measurements", type=FILE, default=MEASUREMENTS, show_default=True)
@click.option("--rating", type=FILE, default=RATING, show_default=True)
@plan_option
@click.option("-o", "--out", type=FILE, help="Where to write the decision.  [default: NAME.json]")
@force_option
@json_option
def gate(name: str, measurements: Path, rating: Path, plan_file: Path, **options: Any) -> None:
    """Say whether the gate NAME of the framework opens; the answer is the exit code as well.

    Example: syscard gate deploy --plan plan.yaml
    """
    from syscard.assess.gate import decide
    from syscard.assess.rate import check_same
    from syscard.files import check_free, digest_file, write_text
    from syscard.library import dump, read_framework, read_json, read_plan
    from syscard.records import Measurements, Rating

    out = options["out"] or Path(f"{name}.json")
    check_free(out, options["force"])
    plan, plan_digest = read_plan(plan_file)
    framework, digest = read_framework(plan.framework)
    measured, rated = read_json(measurements, Measurements), read_json(rating, Rating)
    check_same(rated, measured, framework, digest, digest_file(measurements), plan_digest)
    decision = decide(name, rated, measured, plan, framework, digest_file(rating))
    write_text(out, dump(decision))
    if options["as_json"]:
        click.echo(dump(decision), nl=False)
    talk(f"{decision.title}: {decision.answer}")
    for condition in decision.conditions:
        talk(f"  {condition.state:8} {condition.text}: {condition.why}")
    sys.exit(decision.exit_code)


@main.command()
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
    created = _date(options["date"])
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


def _date(stated: str | None) -> str:
    """The clock's word, or the one that was given."""
    if stated is None:
        return datetime.now(UTC).isoformat(timespec="seconds")
    try:
        return datetime.fromisoformat(stated).isoformat()
    except ValueError as error:
        raise click.UsageError(f"--date is an ISO 8601 date, not {stated!r}") from error


@main.command()
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


if __name__ == "__main__":
    main(prog_name="syscard")
