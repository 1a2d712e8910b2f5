"""Status: what is stale and why, which gates that closes, what to run, whose review is overdue."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from syscard.assess.exits import INCONCLUSIVE, YES
from syscard.assess.fresh import RUNNER, Where, closed, rerun, stale, unseen
from syscard.assess.sign.entries import Ledger
from syscard.errors import DataError
from syscard.frameworks import Framework
from syscard.records import Current, Measurements, Mitigation, Plan, Record, Stale
from syscard.watch import Watch, WatchItem, overdue, still_open

NO_LEDGER = "triggers: no ledger was given"
NO_WATCH = "limits and incidents: no watch list was given"


class Watched(Record):
    """What of the watch list is open, and of that, what should have been looked at again."""

    open: tuple[WatchItem, ...] = ()
    overdue: tuple[WatchItem, ...] = ()


class Status(Record):
    """What a nightly job reads. `fresh` is of the evidence; the exit code counts reviews too."""

    asked: str
    plan: str
    fresh: bool
    exit_code: int
    models: dict[Mitigation, str]
    stale: tuple[Stale, ...]
    plan_changed: bool  # since its logs were measured: every gate refuses them
    missing: tuple[str, ...]  # planned, and not measured
    closes: tuple[str, ...]  # gates, by what is stale, changed or missing
    rerun: tuple[str, ...]
    watch: Watched
    not_seen: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """All that a status is made of; paths as its commands are to name them."""

    plan: Plan
    plan_digest: str
    plan_file: Path
    framework: Framework
    measurements: Measurements
    measurements_file: Path
    ledger: Ledger | None
    current: Current
    notes: tuple[str, ...]
    watch: Watch | None
    now: str
    ledger_file: Path | None = None


def status(asked: Asked) -> Status:
    """The status at the moment `now`."""
    found, where = asked.measurements, _where(asked)
    old = stale(found, asked.framework, asked.ledger, asked.current, asked.now, where)
    changed = found.plan_digest != asked.plan_digest
    fresh = not (old or changed or found.incomplete)
    watched = _watched(asked)
    blocked = changed or bool(found.incomplete)
    gates = tuple(gate.name for gate in asked.framework.gates)
    closes = gates if blocked else closed(old, asked.framework, asked.plan)
    return Status(
        asked=asked.now,
        plan=asked.plan.name,
        fresh=fresh,
        exit_code=YES if fresh and not watched.overdue else INCONCLUSIVE,
        models={"pre": asked.plan.pre.model, "post": asked.plan.post.model},
        stale=old,
        plan_changed=changed,
        missing=found.incomplete,
        closes=closes,
        rerun=() if fresh else (*_commands(asked, where, old, blocked), *_gate(asked, closes)),
        watch=watched,
        not_seen=_not_seen(asked),
    )


def _watched(asked: Asked) -> Watched:
    if asked.watch is None:
        return Watched()
    today = datetime.fromisoformat(asked.now).date()
    items = asked.watch.items
    return Watched(open=still_open(items, today), overdue=overdue(items, today))


def _not_seen(asked: Asked) -> tuple[str, ...]:
    lines = [*asked.notes, *unseen(asked.measurements, asked.current)]
    lines += [] if asked.ledger else [NO_LEDGER]
    return tuple(lines if asked.watch is not None else [*lines, NO_WATCH])


def _where(asked: Asked) -> Where:
    """The plan, its log folder as its logs' paths tell it, and what it did not run."""
    planned = {item.task for item in asked.plan.tasks}
    measured = {(m.task, m.mitigation): m for m in asked.measurements.measured}
    folders = set()
    for (task, side), own in measured.items():
        for log in own.logs if task in planned else ():
            parents = PurePosixPath(log.path).parents
            if len(parents) > 2 and parents[1].name == side:
                folders.add(str(asked.measurements_file.parent / parents[2]))
    return Where(
        plan=str(asked.plan_file),
        logs=folders.pop() if len(folders) == 1 else None,
        foreign=frozenset(task for task, _ in measured if task not in planned),
        ledger=None if asked.ledger_file is None else str(asked.ledger_file),
    )


def _commands(
    asked: Asked, where: Where, old: Sequence[Stale], everything: bool
) -> tuple[str, ...]:
    """Run, measure and rate again, in this order."""
    name = asked.measurements.plan
    logs = where.logs or f"logs/{name}"
    aged = any(i.what in ("age", "trigger") and i.task not in where.foreign for i in old)
    if aged:
        logs = f"{logs}-{asked.now[:10]}"
    if everything and not aged:
        old = [item for item in old if item.task in where.foreign]
        lines = [shlex.join(["syscard", "run", where.plan, "--log-dir", logs, *where.signed])]
    else:
        lines = []
    if where.ledger is not None:
        lines.insert(0, f"# {RUNNER} is a placeholder: write the key of who runs and rates")
    lines += rerun(old, name, asked.now, where)
    plan, found = ["--plan", where.plan], str(asked.measurements_file)
    return (
        *lines,
        shlex.join(["syscard", "measure", logs, *plan, "-o", found, "--force"]),
        shlex.join(["syscard", "rate", found, *plan, *where.signed, "--force"]),
    )


def _gate(asked: Asked, names: Sequence[str]) -> list[str]:
    """Each closed gate asked again; signatures are of one rating, so a new one needs new ones."""
    plan, found = str(asked.plan_file), str(asked.measurements_file)
    told = ["--plan", plan, "--measurements", found]
    lines = []
    if asked.ledger_file is not None:
        told += ["--ledger", str(asked.ledger_file)]
        lines = ["# whoever advised on or approved the old rating signs again, of the new one"]
    asks = [shlex.join(["syscard", "gate", name, *told, "--force"]) for name in names]
    return [*lines, *asks] if asks else []


def trigger_of(framework: Framework, what: str) -> str:
    """The framework's own name of a trigger, however it is capitalised or spaced.

    Raises:
        DataError: the framework knows no such trigger.
    """
    known = {_plain(name): name for name in framework.triggers}
    if _plain(what) not in known:
        names = ", ".join(repr(name) for name in framework.triggers) or "none"
        raise DataError(f"{framework.name} has no trigger {what!r}; it has: {names}.")
    return known[_plain(what)]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
