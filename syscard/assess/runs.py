"""No choosing among runs: the first counts, or all are pooled, as the plan said beforehand."""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

from syscard.errors import EvidenceError
from syscard.files import digest_bytes
from syscard.records import Log
from syscard.verdict import Reading, Row

SEEDS = ("seed", "order_seed")  # what a second run of a task may have otherwise


def settle(
    readings: Sequence[Reading], repeated: Literal["first", "pooled"]
) -> tuple[list[Reading], list[Log]]:
    """One reading for each task and side, and the logs of later runs that do not count.

    Raises:
        EvidenceError: one run is there twice, or two runs of a task are not of the same thing.
    """
    runs: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for reading in readings:
        runs[reading.task, reading.mitigation].append(reading)
    kept, repeats = [], []
    for same in runs.values():
        first, *later = sorted(same, key=lambda one: (one.log.created, one.log.sha256))
        for at, other in enumerate(later):
            _check_same(first, other)
            _check_twice(other, [first, *later[:at]])
        if repeated == "pooled" and later:
            kept.append(pool([first, *later]))
        else:
            kept.append(first)
            repeats += [one.log for one in later]
    return kept, repeats


def pool(runs: Sequence[Reading]) -> Reading:
    """The runs as one: later ones' epochs go on where the earlier ones' end.

    A cluster keeps its name in every run, so a sample that ran twice is still one cluster.

    Raises:
        EvidenceError: a run that might stop when it was decided: its order cannot be pooled.
    """
    rows: list[Row] = []
    for run in runs:
        if run.rule is not None:
            raise EvidenceError(
                f"{run.log.path} ran under a stopping rule and cannot be pooled with another run. "
                "Write 'repeated: first' in the plan, before anything is run."
            )
        past = max((row.epoch for row in rows), default=0)
        rows += [dataclasses.replace(row, epoch=row.epoch + past) for row in run.rows]
    first = runs[0]
    tokens = {name: sum(run.usage.get(name, 0) for run in runs) for name in first.usage}
    epochs = sum(run.settings.get("epochs", 1) for run in runs)
    contents = [run.content for run in runs if run.content is not None]
    whole = digest_bytes("\n".join(contents).encode()) if len(contents) == len(runs) else None
    return dataclasses.replace(
        first,
        rows=tuple(rows),
        usage=tokens,
        settings={**first.settings, "epochs": epochs, "runs": len(runs)},
        content=whole,
        pooled=tuple(run.log for run in runs[1:]),
    )


def _check_twice(reading: Reading, others: Sequence[Reading]) -> None:
    for other in others:
        log, known = reading.log, other.log
        if log.sha256 == known.sha256 or (log.run_id, log.created) == (known.run_id, known.created):
            raise EvidenceError(
                f"Two logs of {reading.task} ({reading.mitigation}) are of one run: {known.path} "
                f"and {log.path}. Take one out."
            )


def _check_same(first: Reading, other: Reading) -> None:
    """Two runs of one task and side differ in their seeds only."""
    for name, before, after in (
        ("task version", first.task_version, other.task_version),
        ("sets", first.info.sets, other.info.sets),
        ("metrics", first.info.metrics, other.info.metrics),
        ("grader", first.info.grader, other.info.grader),
        ("model", first.log.model_digest, other.log.model_digest),
        ("model's name", first.log.model, other.log.model),
        ("solver", first.solver, other.solver),
        ("settings", _settings(first), _settings(other)),
    ):
        if before != after:
            raise EvidenceError(
                f"Two logs of {first.task} ({first.mitigation}) differ in {name}: "
                f"{first.log.path} and {other.log.path}. None may be chosen among runs: take out "
                "the one that is not the plan's, and say why."
            )


def _settings(reading: Reading) -> dict[str, Any]:
    return {name: value for name, value in reading.settings.items() if name not in SEEDS}
