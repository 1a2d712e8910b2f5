"""The arms of an ablation, read from the logs in its folder."""

from collections.abc import Mapping
from pathlib import Path

from syscard.ablation import Where
from syscard.assess.arms import Ablated, Length, Seeds, arm_table, breakdowns, lengths
from syscard.assess.evidence import collect
from syscard.assess.measure import read_log, read_views
from syscard.errors import EvidenceError
from syscard.records import Plan
from syscard.verdict import Reading


def read_arms(where: Where) -> Ablated:
    """Every arm paired with the base, and the arms that the ablation sets against each other.

    Raises:
        EvidenceError: the base was not run, or a log is not what it must be.
    """
    plan, ablation = where.plan, where.ablation
    if not where.done():
        raise EvidenceError(f"{where.folder} has no base. Run: syscard align ablate, first.")
    base = {0: _readings(where.logs(), plan)}
    arms: dict[str, Seeds] = {arm.name: {} for arm in ablation.arms}
    for one in ablation.runs:
        if where.done(one):
            found = _readings(where.logs(one), where.plan_of(one))
            arms[one.arm.name] = {**arms[one.arm.name], one.seed: found}
    about = {arm.name: (arm.name, arm.means, arm.seeds) for arm in ablation.arms}
    level = plan.confidence
    own = arm_table(("base", "as it is", (0,)), base, ("", {}), level)
    tables = [arm_table(about[name], arms[name], ("base", base), level) for name in arms]
    contrasts = tuple(
        (one.means, arm_table(about[one.arm], arms[one.arm], (one.over, arms[one.over]), level))
        for one in ablation.contrasts
    )
    return Ablated(
        name=ablation.name,
        digest=ablation.digest,
        confidence=level,
        arms=(own, *tables),
        contrasts=contrasts,
        breakdowns=tuple(
            part
            for name, seeds in {"base": base, **arms}.items()
            for part in breakdowns(name, seeds, level)
        ),
        lengths=tuple(_lengths(where)),
    )


def _readings(folder: Path, plan: Plan) -> Mapping[str, Reading]:
    """By task."""
    readings = [read_log(path, plan) for path in collect([folder], plan).logs]
    return {reading.task: reading for reading in readings}


def _lengths(where: Where) -> list[Length]:
    """Of arms whose answers carry reasoning, the first seed that was run."""
    found: list[Length] = []
    seen: set[str] = set()
    for one in where.ablation.runs:
        folder, plan = where.logs(one), where.plan_of(one)
        if one.arm.name in seen or not where.done(one):
            continue
        seen.add(one.arm.name)
        for path in collect([folder], plan).logs:
            reading = read_log(path, plan)
            views = read_views(reading, path)
            if any(view.reasoning for view in views):
                found += lengths(one.arm.name, reading, views, plan.confidence)
    return found
