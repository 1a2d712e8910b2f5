"""Post minus pre: paired where both sides answered the same samples, and said so where not."""

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from syscard.assess import interval
from syscard.assess.means import estimate, salt_of
from syscard.assess.verdict import Reading
from syscard.records import Comparison, Estimate, Interval, Metric


def compare(readings: Sequence[Reading], confidence: float) -> list[Comparison]:
    """Every metric that both sides of a task have."""
    sides = {(reading.task, reading.mitigation): reading for reading in readings}
    found = []
    for (task, mitigation), pre in sides.items():
        post = sides.get((task, "post"))
        if mitigation != "pre" or post is None:
            continue
        both = {metric.name for metric in post.info.metrics}
        for metric in pre.info.metrics:
            if metric.name in both and _scored(pre, metric) and _scored(post, metric):
                found.append(_compare(pre, post, metric, confidence))
    return found


def _compare(pre: Reading, post: Reading, metric: Metric, confidence: float) -> Comparison:
    """Paired over the clusters with a score on both sides; else the two intervals apart."""
    salt = salt_of(pre)
    before, after = _scored(pre, metric), _scored(post, metric)
    common = [key for key in before if key in after]
    if not common or salt != salt_of(post):
        return _unpaired(pre, post, metric, confidence)
    gaps: dict[str, list[float]] = defaultdict(list)
    for key in common:
        gaps[key[0]].append(after[key] - before[key])
    names = list(gaps)
    ordered = [names[place] for place in interval.canonical(names, salt)]
    differences = [math.fsum(gaps[name]) / len(gaps[name]) for name in ordered]
    binary = all(len(gaps[name]) == 1 and gaps[name][0] in (-1, 0, 1) for name in ordered)
    return Comparison(
        task=pre.task,
        metric=metric.name,
        difference=Estimate(
            value=float(np.mean(differences)),
            interval=interval.paired(differences, confidence, interval.seed_of(salt)),
        ),
        clusters=len(ordered),
        left_out=len((_owed(pre, metric) | _owed(post, metric)) - set(ordered)),
        paired=True,
        mcnemar=interval.mcnemar(differences.count(1), differences.count(-1)) if binary else None,
    )


def _scored(reading: Reading, metric: Metric) -> dict[tuple[str, str, int], float]:
    return {
        (row.cluster, row.id, row.epoch): row.values[metric.name]
        for row in reading.rows
        if metric.name in row.values
    }


def _owed(reading: Reading, metric: Metric) -> set[str]:
    """The clusters that the metric is owed, scored or not."""
    return {row.cluster for row in reading.rows if row.became(metric) not in (None, "stopped")}


def _unpaired(pre: Reading, post: Reading, metric: Metric, confidence: float) -> Comparison:
    """The samples differ: each side's interval at half the error, their ends subtracted."""
    half = 1 - (1 - confidence) / 2
    before = estimate(pre.rows, metric, salt_of(pre), half)
    after = estimate(post.rows, metric, salt_of(post), half)
    difference = Estimate()
    if before.interval and after.interval and before.value is not None and after.value is not None:
        difference = Estimate(
            value=after.value - before.value,
            interval=Interval(
                low=after.interval.low - before.interval.high,
                high=after.interval.high - before.interval.low,
                confidence=confidence,
                method="unpaired: two intervals at half the error",
            ),
        )
    clusters = len({row.cluster for row in (*pre.rows, *post.rows)})
    return Comparison(
        task=pre.task,
        metric=metric.name,
        difference=difference,
        clusters=clusters,
        left_out=0,
        paired=False,
    )
