"""Whether evidence still speaks of what would be released: same model, same tasks, young enough.

What cannot be seen from here (the weights behind an API, a task that is not installed) is never
called stale: `unseen` says that nothing is known of it.
"""

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from syscard.assess.sign.entries import Entry, Ledger, RunEnded, RunStarted, Triggered
from syscard.errors import EvidenceError
from syscard.frameworks import Framework, Gate
from syscard.library import content_digest
from syscard.records import Current, Log, Measurement, Measurements, Mitigation, Plan, Stale

RELEASED: Mitigation = "post"  # the side that the plan's safety requirements are on
ASKED = "the date asked for"
RUNNER = "RUNNER.pem"  # stands for a key, whose place nobody has told
SKEW = timedelta(days=1)  # between this clock and the one that dated the log


@dataclass(frozen=True)
class Where:
    """What a command that makes evidence fresh has to name."""

    plan: str = "plan.yaml"
    logs: str | None = None  # the folder of the plan's logs; None: where `syscard run` keeps them
    foreign: frozenset[str] = frozenset()  # tasks that syscard did not run
    ledger: str | None = None  # where runs are announced

    @property
    def signed(self) -> list[str]:
        """What a command needs to write into the ledger; the key is a placeholder."""
        return [] if self.ledger is None else ["--ledger", self.ledger, "--key", RUNNER]


@dataclass(frozen=True)
class Piece:
    """One task on one side: every metric of it was read from the same logs."""

    measurement: Measurement
    logs: tuple[Log, ...]


def stale(
    measurements: Measurements,
    framework: Framework,
    ledger: Ledger | None,
    current: Current | None,
    now: str,
    where: Where | None = None,
) -> tuple[Stale, ...]:
    """What is stale at the moment `now`, and why; without `current`, models and tasks are not held.

    Raises:
        EvidenceError: `now`, or the date of a log that it is held against, is no date.
    """
    found: list[Stale] = []
    for piece in _pieces(measurements):
        own = piece.measurement
        reasons = {
            "model": _model(piece, current),
            "task": _task(own, current),
            "age": _age(piece, framework.max_age_days, ledger, now),
            "trigger": _trigger(piece, ledger),
        }
        for what, why in reasons.items():
            if why is not None:
                one = Stale(what=what, task=own.task, mitigation=own.mitigation, why=why, rerun="")
                again = rerun([one], measurements.plan, now, where or Where())
                found.append(one.model_copy(update={"rerun": again[0]}))
    return tuple(found)


def rerun(found: Sequence[Stale], name: str, now: str, where: Where) -> tuple[str, ...]:
    """The commands that run the stale tasks of the plan `name` again.

    A changed model or task runs again by itself; what only grew old is whole where it is, so it
    needs a new folder, and the plan's other tasks with it.
    """
    lines = []
    own = [item for item in found if item.task not in where.foreign]
    if any(item.what in ("age", "trigger") for item in own):
        folder = f"{where.logs or f'logs/{name}'}-{now[:10]}"
        lines.append(shlex.join(["syscard", "run", where.plan, "--log-dir", folder, *where.signed]))
    elif own:
        only = [word for task in dict.fromkeys(i.task for i in own) for word in ("--only", task)]
        kept = [] if where.logs is None else ["--log-dir", where.logs]
        lines.append(shlex.join(["syscard", "run", where.plan, *kept, *only, *where.signed]))
    for task in dict.fromkeys(i.task for i in found if i.task in where.foreign):
        lines.append(
            f"# run {json.dumps(task)} again as it was run, and name its new log's digest under "
            "'evidence' in the plan"
        )
    return tuple(lines)


def outlived(started: int, ledger: Ledger, framework: Framework, now: str) -> bool:
    """Whether the run of that start grew stale by a trigger or by age, so that another replaces it.

    A trigger counts here only from somebody who may not start runs: whoever runs could else record
    one after each result that they dislike.
    """
    start = _begun(started, ledger)
    runners = set(framework.may.get("run_started", ()))
    for entry in ledger.entries:
        since = entry.kind == "triggered" and entry.sequence > start.sequence
        if since and not runners & set(ledger.signer(entry).roles):
            return True
    began, limit = _moment(start.time, "the ledger's time"), framework.max_age_days
    return limit is not None and _moment(now, ASKED) - began > timedelta(days=limit)


def unseen(measurements: Measurements, current: Current | None) -> tuple[str, ...]:
    """What could not be held against today, one line each: of it nothing is known."""
    if current is None:
        return ("models and tasks were not held against those of today",)
    found: list[str] = []
    for piece in _pieces(measurements):
        own = piece.measurement
        if current.models.get(own.mitigation) is None:
            found.append(
                f"{own.model} ({own.mitigation}): its weights cannot be seen from here; only its "
                "name was compared"
            )
        elif any(log.model_digest is None for log in piece.logs):
            found.append(
                f"{own.task} ({own.mitigation}): its log does not say with which weights it ran"
            )
        if own.task not in current.tasks:
            found.append(f"{own.task}: its version and content cannot be seen from here")
    return tuple(dict.fromkeys(found))


def concerns(gate: Gate, found: Stale, framework: Framework, plan: Plan) -> bool:
    """Whether the gate leans on that evidence: by its limit, a demand, or a requirement."""
    rated = {c.name for c in framework.categories for i in c.indicators if i.task == found.task}
    if gate.at_most is not None and gate.mitigation == found.mitigation and rated:
        return True
    for demand in gate.demands:
        named = set(demand.categories) or {c.name for c in framework.categories}
        if demand.mitigation == found.mitigation and rated & named:
            return True
    required = {requirement.task for requirement in plan.requirements}
    return gate.requirements and found.mitigation == RELEASED and found.task in required


def closed(found: Sequence[Stale], framework: Framework, plan: Plan) -> tuple[str, ...]:
    """The names of the gates that stale evidence closes, in the framework's order."""
    return tuple(
        gate.name
        for gate in framework.gates
        if any(concerns(gate, item, framework, plan) for item in found)
    )


def _pieces(measurements: Measurements) -> Iterator[Piece]:
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for own in measurements.measured:
        groups.setdefault((own.task, own.mitigation), []).append(own)
    for group in groups.values():
        logs = {log.sha256: log for own in group for log in own.logs}
        yield Piece(group[0], tuple(logs.values()))


def _model(piece: Piece, current: Current | None) -> str | None:
    """The name is compared always, the weights where both sides show them."""
    if current is None:
        return None
    side = piece.measurement.mitigation
    names, weights = current.names.get(side, ()), current.models.get(side)
    for log in piece.logs:
        if names and log.model not in names:
            return f"the plan's model is {names[0]!r}, its log is of {log.model!r}"
        if weights is not None and log.model_digest not in (None, weights):
            ran = (log.model_digest or "")[:12]
            return f"the model's weights are {weights[:12]}, its log ran with {ran}"
    return None


def _task(own: Measurement, current: Current | None) -> str | None:
    seen = None if current is None else current.tasks.get(own.task)
    if seen is None:
        return None
    version, _, content = seen.rpartition(" ")
    if version != own.task_version:
        return f"the task is version {version}, its log is of version {own.task_version}"
    if content != content_digest(own.info):
        return "the task's sets or its grader's rules are no longer those that its log ran with"
    return None


def _age(piece: Piece, limit: int | None, ledger: Ledger | None, now: str) -> str | None:
    """By the log's own date, or its start in the ledger where that is earlier.

    A log dated after `now` would never grow old, so it does not count as young.
    """
    if limit is None:
        return None
    asked = _moment(now, ASKED)
    for log in piece.logs:
        written = _moment(log.created, f"the date of {log.path}")
        start = _start(log, ledger)
        began = min(written, _moment(start.time, "the ledger's time")) if start else written
        if began > asked + SKEW:
            return f"its log is dated {log.created}, after {now}: its age is not known"
        days = (asked - began).days
        if asked - began > timedelta(days=limit):
            return f"it ran {days} days ago, and the framework's limit is {limit}"
    return None


def _trigger(piece: Piece, ledger: Ledger | None) -> str | None:
    """The first trigger since any of the logs began, by its place in the ledger."""
    if ledger is None:
        return None
    triggers = [entry for entry in ledger.entries if isinstance(entry.body, Triggered)]
    since = [e for e in triggers if any(_after(e, log, ledger) for log in piece.logs)]
    if not since or not isinstance(since[0].body, Triggered):
        return None
    first, more = since[0], f" (and {len(since) - 1} more since)" if since[1:] else ""
    body = since[0].body
    return f"{body.what}, recorded on {first.time}: {body.reason}{more}"


def _after(trigger: Entry, log: Log, ledger: Ledger) -> bool:
    """By position; for a log that the ledger does not know, by its own date."""
    start = _start(log, ledger)
    if start is not None:
        return trigger.sequence > start.sequence
    written = _moment(log.created, f"the date of {log.path}")
    return _moment(trigger.time, "the ledger's time") >= written


def _start(log: Log, ledger: Ledger | None) -> Entry | None:
    """The entry before the log's first call; None for a log that the ledger does not know."""
    if ledger is None:
        return None
    ends = [entry.body for entry in ledger.entries if isinstance(entry.body, RunEnded)]
    bound = [end.started for end in ends if end.log == log.sha256]
    return _begun(min(bound), ledger) if bound else None


def _begun(started: int, ledger: Ledger) -> Entry:
    """That start, or of a run that continues another's log, the start of the first."""
    start = ledger.entries[started]
    while isinstance(start.body, RunStarted) and start.body.continues is not None:
        if not 0 <= start.body.continues < start.sequence:
            break
        start = ledger.entries[start.body.continues]
    return start


def _moment(text: str, what: str) -> datetime:
    """A date without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise EvidenceError(f"Cannot tell what is fresh: {what}, {text!r}, is no date.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
