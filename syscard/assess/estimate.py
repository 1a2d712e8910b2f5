"""Readings to measurements: what was found, and what it could be at worst and at best."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from syscard import __version__
from syscard.assess.compare import compare
from syscard.assess.means import cluster_means, estimate, estimate_means, salt_of
from syscard.assess.verdict import OUTCOMES, Reading, Row
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
)


def measure(
    readings: Sequence[Reading],
    plan: Plan,
    plan_digest: str,
    base: Path = Path(),
    set_aside: Sequence[str] = (),
    unfinished: Sequence[str] = (),
) -> Measurements:
    """Every metric of every log, and post minus pre where both sides have it.

    Logs are named relative to `base`, the folder in which the measurements are kept.

    Raises:
        EvidenceError: two logs of one task and side: none may be chosen among them.
    """
    seen: dict[tuple[str, str], Reading] = {}
    for reading in readings:
        key = (reading.task, reading.mitigation)
        if key in seen:
            raise EvidenceError(
                f"Two logs of {reading.task} ({reading.mitigation}): {seen[key].log.path} and "
                f"{reading.log.path}. None may be chosen among runs: take one out, and say why."
            )
        seen[key] = reading
    ordered = sorted(readings, key=lambda r: (_place(r.task, plan), r.task, r.mitigation != "pre"))
    return Measurements(
        syscard=__version__,
        plan=plan.name,
        plan_digest=plan_digest,
        confidence=plan.confidence,
        measured=tuple(
            _measurement(reading, metric, plan.confidence, base)
            for reading in ordered
            for metric in reading.info.metrics
        ),
        compared=tuple(compare(ordered, plan.confidence)),
        set_aside=tuple(set_aside),
        incomplete=(*_incomplete(seen, plan), *unfinished),
    )


def estimate_metric(reading: Reading, name: str, confidence: float) -> Estimate:
    """One metric of one log, as a measurement has it.

    Raises:
        EvidenceError: the log does not give that metric.
    """
    for metric in reading.info.metrics:
        if metric.name == name:
            return estimate(reading.rows, metric, salt_of(reading), confidence)
    raise EvidenceError(f"{reading.log.path} gives no {name!r} of {reading.task}.")


def _measurement(reading: Reading, metric: Metric, confidence: float, base: Path) -> Measurement:
    rows, salt = reading.rows, salt_of(reading)
    bad = 1.0 if metric.danger == "high" else 0.0
    worst = cluster_means(rows, metric, bad, salt)
    best = cluster_means(rows, metric, 1 - bad, salt)
    entering = [row for row in rows if row.became(metric) is not None]
    return Measurement(
        task=reading.task,
        task_version=reading.task_version,
        metric=metric,
        mitigation=reading.mitigation,
        model=reading.log.model,
        solver=reading.solver,
        info=reading.info,
        estimate=estimate(rows, metric, salt, confidence),
        worst=estimate_means(worst, metric, salt, confidence, rows),
        best=estimate_means(best, metric, salt, confidence, rows),
        counts=_counts(entering, metric),
        clusters=len(worst.names),
        groups=_groups(reading, metric, confidence),
        logs=(_relative(reading.log, base),),
        samples=_samples_digest(entering),
        content=reading.content,
        settings=reading.settings,
        usage=reading.usage,
        attempts=_attempts(reading),
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


def _groups(reading: Reading, metric: Metric, confidence: float) -> tuple[Group, ...]:
    names = sorted({row.group for row in reading.rows if row.group is not None})
    groups = []
    for name in names:
        rows = [row for row in reading.rows if row.group == name]
        became = [(row, row.became(metric)) for row in rows]
        entering = [row for row, outcome in became if outcome not in (None, "stopped")]
        if not entering:
            continue
        groups.append(
            Group(
                name=name,
                estimate=estimate(rows, metric, f"{salt_of(reading)}\n{name}", confidence),
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
    return found
