"""Readings to measurements: what was found, and what it could be at worst and at best."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from syscard import __version__
from syscard.assess.beside import beside
from syscard.assess.compare import compare
from syscard.assess.family import estimate_family
from syscard.assess.means import How, estimate
from syscard.assess.people import People, owed, read_people
from syscard.assess.runs import settle
from syscard.assess.wins import read_wins
from syscard.errors import EvidenceError
from syscard.files import digest_bytes
from syscard.records import (
    Estimate,
    Group,
    Log,
    Measurement,
    Measurements,
    Metric,
    Outcome,
    Plan,
    Stopping,
)
from syscard.verdict import OUTCOMES, Reading, Row


def measure(
    readings: Sequence[Reading],
    plan: Plan,
    plan_digest: str,
    base: Path = Path(),
    set_aside: Sequence[str] = (),
    unfinished: Sequence[str] = (),
) -> Measurements:
    """Every metric of every log, and post minus pre where both sides have it.

    Logs are named relative to `base`, the folder in which the measurements are kept. What people
    said is read from the files that the plan names.

    Raises:
        EvidenceError: two logs of one task and side that are not two runs of the same; labels
            that are not on the part that was drawn.
        DataError: a file that the plan names is not there, or not what it must be.
    """
    people = read_people(plan)
    kept, repeats = settle(readings, plan.repeated)
    seen: dict[tuple[str, str], Reading] = {(one.task, one.mitigation): one for one in kept}
    ordered = sorted(kept, key=lambda r: (_place(r.task, plan), r.task, r.mitigation != "pre"))
    return Measurements(
        syscard=__version__,
        plan=plan.name,
        plan_digest=plan_digest,
        confidence=plan.confidence,
        measured=tuple(
            _measurement(reading, metric, people, base)
            for reading in ordered
            for metric in reading.info.metrics
        ),
        compared=tuple(compare(ordered, plan.confidence)),
        set_aside=tuple(set_aside),
        incomplete=(*_incomplete(seen, plan), *owed(plan, kept), *unfinished),
        repeats=tuple(_relative(log, base) for log in repeats),
        wins=read_wins(plan),
        trained={one.mitigation: one.trained for one in ordered if one.trained is not None},
    )


def estimate_metric(reading: Reading, name: str, confidence: float) -> Estimate:
    """One metric of one log, as a measurement has it.

    Raises:
        EvidenceError: the log does not give that metric.
    """
    for metric in reading.info.metrics:
        if metric.name == name:
            return estimate_family(reading, metric, None, confidence)
    raise EvidenceError(f"{reading.log.path} gives no {name!r} of {reading.task}.")


def _measurement(reading: Reading, metric: Metric, people: People, base: Path) -> Measurement:
    confidence, corrected = people.confidence, people.corrected(reading, metric)
    asked = [row for row in reading.rows if row.became(metric) is not None]
    entering = [row for row in asked if row.outcome != "stopped"]
    counts = _counts(asked, metric)
    ends = [
        estimate_family(reading, metric, None, confidence)
    ] * 3  # the same, where there is nothing to fill
    if counts["scored"] < len(entering):
        bad = 1.0 if metric.danger == "high" else 0.0
        ends[1:] = (estimate_family(reading, metric, fill, confidence) for fill in (bad, 1 - bad))
    return Measurement(
        task=reading.task,
        task_version=reading.task_version,
        metric=metric,
        mitigation=reading.mitigation,
        model=reading.log.model,
        solver=reading.solver,
        info=reading.info,
        estimate=ends[0],
        worst=ends[1],
        best=ends[2],
        counts=counts,
        clusters=len({row.cluster for row in entering}),
        groups=groups_of(reading, metric, confidence),
        logs=tuple(_relative(log, base) for log in (reading.log, *reading.pooled)),
        samples=_samples_digest(entering),
        content=reading.content,
        settings=reading.settings,
        usage=reading.usage,
        attempts=_attempts(reading),
        weighting=reading.weighting,
        corrected=corrected,
        rewarded_by=people.rewarded_by(reading),
        beside=beside(reading, metric, corrected, confidence),
        stopping=_stopping(
            reading, metric, bool(entering) and None in (end.value for end in ends[1:])
        ),
    )


def _stopping(reading: Reading, metric: Metric, empty: bool) -> Stopping | None:
    """How a run under the rule ended; `empty`: a sequence of this metric contradicts itself."""
    if reading.rule is None:
        return None
    return Stopping(
        rule=reading.rule.rule,
        confidence=reading.rule.confidence,
        bounds=reading.rule.bounds.get(metric.name, ()),
        entered=len({row.cluster for row in reading.rows if row.outcome != "stopped"}),
        planned=len({row.cluster for row in reading.rows}),
        decided=reading.decided,
        empty=empty,
    )


def _relative(log: Log, base: Path) -> Log:
    path = os.path.relpath(Path(log.path).resolve(), base.resolve())
    return log.model_copy(update={"path": Path(path).as_posix()})


def _counts(rows: Sequence[Row], metric: Metric) -> dict[Outcome, int]:
    became = Counter(row.became(metric) for row in rows)
    return {name: became[name] for name in OUTCOMES}


def _samples_digest(rows: Sequence[Row]) -> str:
    return digest_bytes("\n".join(sorted(f"{row.id}\0{row.epoch}" for row in rows)).encode())


def _attempts(reading: Reading) -> dict[str, float]:
    used = [row.attempts for row in reading.rows if row.attempts is not None]
    if not used:
        return {}
    found = {"used": float(sum(used)), "mean": float(np.mean(used))}
    return found | ({"budget": float(reading.budget)} if reading.budget is not None else {})


def groups_of(reading: Reading, metric: Metric, confidence: float) -> tuple[Group, ...]:
    """The metric by the groups that the task names: techniques, languages, kinds of request."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in reading.rows:
        if row.group is not None:
            found[row.group].append(row)
    groups, how = [], How.of(reading, confidence)
    for name, rows in sorted(found.items()):
        became = [(row, row.became(metric)) for row in rows]
        entering = [row for row, outcome in became if outcome not in (None, "stopped")]
        if not entering:
            continue
        groups.append(
            Group(
                name=name,
                estimate=estimate(rows, metric, replace(how, salt=f"{how.salt}\n{name}")),
                clusters=len({row.cluster for row in entering}),
                unscored=sum(outcome not in (None, "scored", "stopped") for _, outcome in became),
            )
        )
    return tuple(groups)


def _place(task: str, plan: Plan) -> int:
    names = [item.task for item in plan.tasks]
    return names.index(task) if task in names else len(names)


def _incomplete(seen: dict[tuple[str, str], Reading], plan: Plan) -> list[str]:
    """Planned tasks without a log, or with one of fewer samples than planned."""
    found = []
    for mitigation in ("pre", "post"):
        for item in plan.tasks:
            reading = seen.get((item.task, mitigation))
            if reading is None:
                found.append(f"{item.task} ({mitigation}) has no finished log")
                continue
            ran = reading.settings.get("limit")
            if ran is not None and (item.limit is None or ran < item.limit):
                planned = item.limit or "all"
                found.append(f"{item.task} ({mitigation}) ran {ran} samples of {planned} planned")
            epochs, wanted = reading.settings.get("epochs", 1), item.epochs or plan.epochs
            if epochs < wanted:
                found.append(f"{item.task} ({mitigation}) ran {epochs} epochs of {wanted} planned")
            if reading.rule is not None and not reading.decided:
                found += _short(reading)
    return found


def _short(reading: Reading) -> list[str]:
    """A run under the rule that ended before it was decided, and not for want of clusters."""
    planned = {row.cluster for row in reading.rows}
    left = len(planned - {row.cluster for row in reading.rows if row.outcome != "stopped"})
    if left == 0:
        return []
    return [
        f"{reading.task} ({reading.mitigation}) is not decided, and {left} of {len(planned)} "
        "clusters planned did not run whole"
    ]
