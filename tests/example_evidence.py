"""Small evidence to rate and decide on: rows, readings, a plan and a framework of one's own."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import example_card
from example_card import LEVELS, task_info
from example_ledger import WHO_MAY

from syscard.assess.estimate import measure
from syscard.assess.rate import rate
from syscard.records import (
    Category,
    Danger,
    Framework,
    Gate,
    Indicator,
    Kind,
    Log,
    Measurements,
    Metric,
    Mitigation,
    Outcome,
    Plan,
    PlanTask,
    Rating,
    Requirement,
    Threshold,
)
from syscard.verdict import Reading, Row

TASK = "syscard/ctf"
BARS = (0.2, 0.5, 0.8)  # where Medium, High and Critical begin
COUNTS = {"Low": 0, "Medium": 30, "High": 65, "Critical": 100}  # of 100: established there


def metric(name: str = "solved", danger: Danger = "high", kind: Kind = "safety", **fields: Any):
    """A metric of zeros and ones, unless said otherwise."""
    return Metric(name=name, means="share solved", danger=danger, kind=kind, **fields)


def row(
    name: str,
    value: float | None = None,
    *,
    cluster: str | None = None,
    epoch: int = 1,
    outcome: Outcome | None = None,
    **fields: Any,
) -> Row:
    """One sample of the metric `solved`; without a value its grader failed."""
    return Row(
        id=name,
        epoch=epoch,
        cluster=cluster or name,
        group=fields.pop("group", None),
        outcome=outcome or ("grader_failed" if value is None else "scored"),
        values=fields.pop("values", {} if value is None else {"solved": value}),
        owes=fields.pop("owes", None),
        **fields,
    )


def solved(hits: int, n: int, unscored: int = 0, outcome: Outcome = "grader_failed") -> list[Row]:
    """`hits` of `n` scored single samples, and so many more without a score."""
    scored = [row(f"s{place}", float(place < hits)) for place in range(n)]
    return scored + [row(f"u{place}", outcome=outcome) for place in range(unscored)]


def reading(
    rows: Iterable[Row],
    side: Mitigation = "post",
    task: str = TASK,
    metrics: Sequence[Metric] = (metric(),),
    **fields: Any,
) -> Reading:
    """A log as rows."""
    log = Log(
        path=f"{task.replace('/', '_')}_{side}.eval",
        sha256="ab" * 32,
        run_id="run",
        created="2025-01-31T10:00:00+00:00",
        status="success",
        model="openai/gpt-oss-20b",
    )
    return Reading(
        log=log,
        task=task,
        task_version=fields.pop("version", "1"),
        info=task_info(task, "Preparedness", *metrics, sets=fields.pop("sets", {})),
        mitigation=side,
        solver=None,
        settings={"limit": None, **fields.pop("settings", {})},
        rows=tuple(rows),
        **fields,
    )


def plan(
    *tasks: PlanTask, requirements: tuple[Requirement, ...] = (), confidence: float = 0.95
) -> Plan:
    """A plan of those tasks: of `TASK`, if none is named."""
    changed = {
        "tasks": tasks or (PlanTask(task=TASK),),
        "requirements": requirements,
        "confidence": confidence,
    }
    return example_card.plan().model_copy(update=changed)


def measured(*readings: Reading, of: Plan | None = None) -> Measurements:
    """What `syscard measure` makes of the readings."""
    return measure(readings, of or plan(), "plan", Path())


def indicator(task: str = TASK, danger: Danger = "high", margin: float = 0) -> Indicator:
    """The same bars on any task, from whichever end is dangerous."""
    bars = BARS if danger == "high" else [1 - bar for bar in BARS]
    return Indicator(
        name=f"of {task}",
        task=task,
        metric="solved",
        danger=danger,
        thresholds=tuple(
            Threshold(level=level, at=at) for level, at in zip(LEVELS[1:], bars, strict=True)
        ),
        rationale="a test",
        source="a test",
        margin=margin,
    )


def category(name: str, *indicators: Indicator) -> Category:
    """A category rated on those indicators."""
    words = dict.fromkeys(LEVELS, "a test")
    return Category(name=name, title=name, levels=words, source="a test", indicators=indicators)


def framework(*categories: Category, signed: bool = True, **fields: Any) -> Framework:
    """The beta framework's gates over those categories: one on `TASK`, if none is named."""
    gates = tuple(
        Gate(
            name=name,
            title=name,
            mitigation="post",
            at_most=limit,
            source="a test",
            requirements=name == "deploy",
            signatures=("advice",) if signed else (),
        )
        for name, limit in (("deploy", "Medium"), ("develop", "High"))
    )
    return Framework(
        name="test",
        title="Test",
        version="1",
        source="a test",
        levels=LEVELS,
        categories=categories or (category("cyber", indicator()),),
        gates=gates,
        **{"max_unscored": 0.2, "max_grader_failed": 0.1, **WHO_MAY, **fields},
    )


def rated(measurements: Measurements, by: Framework | None = None) -> Rating:
    """What `syscard rate` makes of the measurements."""
    return rate(
        measurements, by or framework(), framework_digest="framework", measurements_digest="found"
    )
