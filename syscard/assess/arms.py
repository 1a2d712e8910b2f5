"""What each arm of an ablation does, paired with the base on the same samples, seeds pooled."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from syscard.assess import interval
from syscard.assess.compare import gaps
from syscard.assess.estimate import estimate_metric, groups_of
from syscard.assess.means import salt_of
from syscard.record import Record
from syscard.records import Danger, Estimate, Metric, SampleView
from syscard.verdict import Reading

Seeds = Mapping[int, Mapping[str, Reading]]  # seed: task: what the arm's log says
LENGTHS = (0, 12, 24, 48)  # words of reasoning at which a group begins


class Cell(Record):
    """One metric of one arm: its value, and what it is more than another's."""

    task: str
    metric: str
    danger: Danger  # which end of it is bad
    values: dict[int, Estimate]  # by seed
    mean: float | None  # over the seeds
    scored: int  # clusters, of the seed that has the fewest
    over: str  # the arm that it is compared with
    difference: Estimate  # paired by sample, averaged over the seeds within each cluster
    clusters: int


class ArmTable(Record):
    """One arm's cells; an arm that was not run has none."""

    arm: str
    means: str
    seeds: tuple[int, ...]
    run: tuple[int, ...]  # the seeds that were
    cells: tuple[Cell, ...]


class Length(Record):
    """What became of the answers after reasoning of such a length."""

    arm: str
    task: str
    metric: str
    words: str
    clusters: int
    estimate: Estimate


class Breakdown(Record):
    """One metric of one arm by the groups of its task, the arm's seeds apart."""

    arm: str
    task: str
    metric: str
    groups: dict[str, tuple[Estimate, ...]]  # by group, one for each seed


class Ablated(Record):
    """The whole table, and the arms against each other."""

    name: str
    digest: str
    confidence: float
    arms: tuple[ArmTable, ...]
    contrasts: tuple[tuple[str, ArmTable], ...]  # title, and the one arm against the other
    breakdowns: tuple[Breakdown, ...]
    lengths: tuple[Length, ...]


def arm_table(
    about: tuple[str, str, tuple[int, ...]],
    seeds: Seeds,
    over: tuple[str, Seeds],
    confidence: float,
) -> ArmTable:
    """An arm against another; seed by seed where that has seeds of its own.

    Args:
        about: the arm's name, what it means, its seeds.
        seeds: its readings.
        over: the other's name, and its readings; one alone stands against every seed.
        confidence: of the intervals.
    """
    name, means, planned = about
    tasks = list(dict.fromkeys(task for readings in seeds.values() for task in readings))
    cells = [
        cell
        for task in tasks
        for metric in _metrics(seeds, task)
        if (cell := _cell(task, metric, seeds, over, confidence)) is not None
    ]
    return ArmTable(arm=name, means=means, seeds=planned, run=tuple(seeds), cells=tuple(cells))


def breakdowns(arm: str, seeds: Seeds, confidence: float) -> list[Breakdown]:
    """Each metric by technique, language or kind of request, where a task has several of them."""
    found = []
    for task in dict.fromkeys(task for readings in seeds.values() for task in readings):
        for metric in _metrics(seeds, task):
            groups: dict[str, tuple[Estimate, ...]] = {}
            for readings in seeds.values():
                parts = groups_of(readings[task], metric, confidence) if task in readings else ()
                for part in parts:
                    groups[part.name] = (*groups.get(part.name, ()), part.estimate)
            if len(groups) > 1:
                found.append(Breakdown(arm=arm, task=task, metric=metric.name, groups=groups))
    return found


def lengths(
    arm: str, reading: Reading, views: Sequence[SampleView], confidence: float
) -> list[Length]:
    """Each metric after short and long reasoning: who thinks longer is not who would have to.

    Groups are by what the model did, so a difference between them is no effect of length.
    """
    found = []
    clusters = {row.id: row.cluster for row in reading.rows}
    for metric in reading.info.metrics:
        groups: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for view in views:
            value = view.values.get(metric.name)
            if value is not None:
                words = len((view.reasoning or "").split())
                start = max(start for start in LENGTHS if start <= words)
                groups[start][clusters.get(view.id, view.id)].append(value)
        for start in LENGTHS:
            values = [fmean(told) for told in groups[start].values()]
            if values:
                found.append(
                    Length(
                        arm=arm,
                        task=reading.task,
                        metric=metric.name,
                        words=_group(start),
                        clusters=len(values),
                        estimate=_of(values, f"{salt_of(reading)}\n{start}", confidence),
                    )
                )
    return found


def _cell(
    task: str, metric: Metric, seeds: Seeds, over: tuple[str, Seeds], confidence: float
) -> Cell | None:
    name, others = over
    values: dict[int, Estimate] = {}
    found: dict[str, list[float]] = defaultdict(list)
    salt, scored = "", []
    for seed, readings in seeds.items():
        reading = readings.get(task)
        other = others.get(seed, next(iter(others.values()), {})).get(task)
        if reading is None:
            continue
        values[seed] = estimate_metric(reading, metric.name, confidence)
        if values[seed].value is not None:
            there = {row.cluster for row in reading.rows if metric.name in row.values}
            scored.append(len(there))
        if other is not None:
            salt = salt_of(reading)
            for cluster, gap in gaps(other, reading, metric).items():
                found[cluster].append(math.fsum(gap) / len(gap))
    if not values:
        return None
    told = [one.value for one in values.values() if one.value is not None]
    return Cell(
        task=task,
        metric=metric.name,
        danger=metric.danger,
        values=values,
        mean=fmean(told) if told else None,
        scored=min(scored, default=0),
        over=name,
        difference=_difference(found, salt, confidence),
        clusters=len(found),
    )


def _difference(found: Mapping[str, Sequence[float]], salt: str, confidence: float) -> Estimate:
    """Seeds share their samples, so they are averaged within a cluster and add none."""
    if not found:
        return Estimate()
    names = list(found)
    ordered = [names[place] for place in interval.canonical(names, salt)]
    values = [fmean(found[name]) for name in ordered]
    return Estimate(
        value=fmean(values), interval=interval.paired(values, confidence, interval.seed_of(salt))
    )


def _of(values: Sequence[float], salt: str, confidence: float) -> Estimate:
    return Estimate(
        value=fmean(values), interval=interval.betting(values, confidence, interval.seed_of(salt))
    )


def _metrics(seeds: Seeds, task: str) -> tuple[Metric, ...]:
    reading = next(readings[task] for readings in seeds.values() if task in readings)
    return reading.info.metrics


def _group(start: int) -> str:
    place = LENGTHS.index(start)
    if start == 0:
        return f"under {LENGTHS[1]} words"
    if place == len(LENGTHS) - 1:
        return f"{start} words or more"
    return f"{start} to {LENGTHS[place + 1] - 1} words"
