"""Rows to one mean over clusters, with the interval that their structure calls for.

The unit of inference is the cluster: all epochs of one sample, all rewrites of one prompt. The
estimand is the mean over the population that the clusters are drawn from, each cluster equal.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from syscard.assess import interval
from syscard.assess.verdict import Reading, Row
from syscard.records import Estimate, Metric


@dataclass(frozen=True)
class Means:
    """One value a cluster, in canonical order, with how many samples stand behind each."""

    names: tuple[str, ...]
    values: tuple[float, ...]
    weights: tuple[int, ...]


def estimate(rows: Sequence[Row], metric: Metric, salt: str, confidence: float) -> Estimate:
    """The mean over clusters of the scored rows, with the interval that its structure calls for."""
    return estimate_means(cluster_means(rows, metric, None, salt), metric, salt, confidence, rows)


def cluster_means(rows: Sequence[Row], metric: Metric, fill: float | None, salt: str) -> Means:
    """Each cluster's mean; unscored samples that may enter count as `fill`, or not at all."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        became = row.became(metric)
        if became == "scored":
            values[row.cluster].append(row.values[metric.name])
        elif became not in (None, "stopped") and fill is not None:
            values[row.cluster].append(fill)
    names = list(values)
    ordered = [names[place] for place in interval.canonical(names, salt)]
    return Means(
        names=tuple(ordered),
        values=tuple(math.fsum(values[name]) / len(values[name]) for name in ordered),
        weights=tuple(len(values[name]) for name in ordered),
    )


def estimate_means(
    means: Means, metric: Metric, salt: str, confidence: float, rows: Sequence[Row]
) -> Estimate:
    """The means' own mean; exact where every cluster is one yes or no by design, else betting."""
    if not means.values:
        return Estimate()
    if metric.denominator == "eligible":
        value = float(np.average(means.values, weights=means.weights))
        found = interval.betting(
            means.values,
            confidence,
            interval.seed_of(salt),
            weights=means.weights,
            largest=_largest(rows, metric),
        )
    elif metric.values == "binary" and _largest(rows, metric) == 1:
        value = float(np.mean(means.values))
        found = interval.exact(round(sum(means.values)), len(means.values), confidence)
    else:
        value = float(np.mean(means.values))
        found = interval.betting(means.values, confidence, interval.seed_of(salt))
    return Estimate(value=value, interval=found)


def _largest(rows: Sequence[Row], metric: Metric) -> int:
    """The most samples that a cluster has by design: scored or not, eligible or not."""
    sizes = Counter(row.cluster for row in rows if row.owed(metric.name))
    return max(sizes.values(), default=0)


def salt_of(reading: Reading) -> str:
    """What fixes the order of clusters: the task, its version and its sets, on either side."""
    sets = [f"{name} {digest}" for name, digest in sorted(reading.info.sets.items())]
    return "\n".join([reading.task, reading.task_version, *sets])
