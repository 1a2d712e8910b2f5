"""Run a plan."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syscard.cli.options import FILE, Command, json_option, talk

if TYPE_CHECKING:
    from syscard.assess.sign.journal import Journal
    from syscard.jobs import Job
    from syscard.records import Plan


@click.command(cls=Command)
@click.argument("plan_file", type=FILE)
@click.option("--log-dir", type=FILE, help="Where logs are kept.  [default: logs/NAME]")
@click.option("--only", multiple=True, help="Only tasks whose name contains this; repeatable.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many samples a task.")
@click.option("--max-connections", type=click.IntRange(min=1), default=8, show_default=True)
@click.option("--display", default="none", show_default=True, help="Inspect's display.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and stop.")
@click.option("--probe", is_flag=True, help="With --dry-run: time a few calls to the model.")
@click.option("--stop-when-decided", is_flag=True, help="End a task once its levels are certain.")
@click.option("--ledger", type=FILE, help="Announce each start and end in this ledger.")
@click.option("--key", type=FILE, help="With --ledger: the key that signs the entries.")
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
    if (options["ledger"] is None) != (options["key"] is None):
        raise click.UsageError("--ledger and --key go together")
    plan, digest = read_plan(plan_file)
    found = jobs(plan, plan_lines(plan_file), options["limit"], options["stop_when_decided"])
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
            watch=_announcer(plan, digest, options),
        ),
        talk,
        found,
    )
    talk(f"Logs: {manifest.parent}. Next: syscard measure {manifest.parent} --plan {plan_file}")


class Announcer:
    """Writes each job's start and end into the ledger, as the plan's own."""

    def __init__(self, journal: "Journal", plan_digest: str, seed: int) -> None:
        self.journal, self.plan_digest, self.seed = journal, plan_digest, seed

    def started(self, job: "Job", before: Path | None, again: bool) -> int | None:
        from syscard.assess.sign.entries import RunStarted
        from syscard.run import content_of

        body = RunStarted(
            plan=self.plan_digest,
            mitigation=job.mitigation,
            task=job.task,
            model=job.model_digest,
            seed=self.seed,
            content=content_of(job),
        )
        return self.journal.started(body, before, again)

    def ended(self, started: int | None, log: Path) -> None:
        self.journal.ended(started, log)


def _announcer(plan: "Plan", plan_digest: str, options: dict[str, Any]) -> Announcer | None:
    """The announcer, where a ledger is given; refused before anything is spent."""
    if options["ledger"] is None:
        return None
    from syscard.assess.sign.journal import Journal
    from syscard.assess.sign.ledger import read
    from syscard.assess.sign.quorum import check_plan
    from syscard.cli.signing import now, open_key
    from syscard.library import read_framework

    check_plan(read(options["ledger"]), plan_digest, read_framework(plan.framework)[0])
    journal = Journal(options["ledger"], open_key(options["key"]), now)
    return Announcer(journal, plan_digest, plan.seed)


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
