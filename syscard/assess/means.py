"""Rows to one mean over clusters, with the interval that their structure calls for.

The unit of inference is the cluster: all epochs of one sample, all rewrites of one prompt. The
estimand is the mean over the population that the clusters are drawn from, each cluster equal.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from syscard.assess import interval
from syscard.records import Estimate, Interval, Metric, StoppingRule
from syscard.sequence import sequence
from syscard.stopping import ordered, weight
from syscard.verdict import Reading, Row, cluster_value, filled

SEQUENCE = "betting sequence"


@dataclass(frozen=True)
class Means:
    """One value a cluster, in canonical order, with how many samples stand behind each."""

    names: tuple[str, ...]
    values: tuple[float, ...]
    weights: tuple[int, ...]


@dataclass(frozen=True)
class How:
    """How the clusters of a reading are ordered, and their interval taken."""

    salt: str
    confidence: float
    rule: StoppingRule | None = None  # of a run that might stop: its order, and its sequence

    @classmethod
    def of(cls, reading: Reading, confidence: float) -> "How":
        """The reading's own way."""
        return cls(salt_of(reading), confidence, reading.rule)


def estimate(rows: Sequence[Row], metric: Metric, how: How) -> Estimate:
    """The mean over clusters of the scored rows, with the interval that its structure calls for."""
    return estimate_means(cluster_means(rows, metric, None, how), metric, how, rows)


def estimate_filled(
    reading: Reading, metric: Metric, fill: float | None, confidence: float
) -> Estimate:
    """One reading's mean with its unscored samples filled, or left out."""
    how = How.of(reading, confidence)
    return estimate_means(cluster_means(reading.rows, metric, fill, how), metric, how, reading.rows)


def cluster_means(rows: Sequence[Row], metric: Metric, fill: float | None, how: How) -> Means:
    """Each cluster's mean, or its worst; unscored samples count as `fill`, or not at all.

    No value where the worst tenth is asked of clusters of different sizes: the worst of few samples
    is milder than of many, so a limit that cut one would flatter it.
    """
    sizes = Counter(row.cluster for row in rows if row.owed(metric.name))
    if metric.of_cluster == "worst tenth" and len(set(sizes.values())) > 1:
        return Means(names=(), values=(), weights=())
    clusters: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        clusters[row.cluster].append(row)
    values = {
        name: found for name, inside in clusters.items() if (found := filled(inside, metric, fill))
    }
    names = _order(list(values), how.salt, how.rule)
    return Means(
        names=tuple(names),
        values=tuple(cluster_value(values[name], metric) for name in names),
        weights=tuple(len(values[name]) for name in names),
    )


def estimate_means(means: Means, metric: Metric, how: How, rows: Sequence[Row]) -> Estimate:
    """The means' own mean; exact where every cluster is one yes or no by design, else betting.

    Of a run that might stop, the running intersection of its sequence: nothing where that is
    empty, since then it says of no value that it is likely.
    """
    if not means.values:
        return Estimate()
    eligible = metric.denominator == "eligible"
    value = float(np.average(means.values, weights=means.weights if eligible else None))
    if how.rule is not None:
        weights = [weight(how.rule, metric, size) for size in means.weights]
        found = running(means.values, how.confidence, weights)
        return Estimate() if found is None else Estimate(value=value, interval=found)
    if eligible:
        found = interval.betting(
            means.values,
            how.confidence,
            interval.seed_of(how.salt),
            weights=means.weights,
            largest=_largest(rows, metric),
        )
    elif metric.values == "binary" and _largest(rows, metric) == 1:
        found = interval.exact(round(sum(means.values)), len(means.values), how.confidence)
    else:
        found = interval.betting(means.values, how.confidence, interval.seed_of(how.salt))
    return Estimate(value=value, interval=found)


def running(
    values: Sequence[float], confidence: float, weights: Sequence[float] | None = None
) -> Interval | None:
    """What the sequence of the values says at their end; None where it contradicts itself."""
    lows, highs = sequence(values, confidence, weights)
    if lows[-1] > highs[-1]:
        return None
    return Interval(
        low=float(lows[-1]), high=float(highs[-1]), confidence=confidence, method=SEQUENCE
    )


def _largest(rows: Sequence[Row], metric: Metric) -> int:
    """The most samples that a cluster has by design: scored or not, eligible or not."""
    sizes = Counter(row.cluster for row in rows if row.owed(metric.name))
    return max(sizes.values(), default=0)


def order(reading: Reading, names: Sequence[str]) -> list[str]:
    """The reading's clusters as they enter, whatever the order of the file."""
    return _order(names, salt_of(reading), reading.rule)


def _order(names: Sequence[str], salt: str, rule: StoppingRule | None) -> list[str]:
    if rule is not None:
        return ordered(names, rule.seed)
    return [names[place] for place in interval.canonical(names, salt)]


def salt_of(reading: Reading) -> str:
    """What fixes the order of clusters: the task, its version and its sets, on either side."""
    sets = [f"{name} {digest}" for name, digest in sorted(reading.info.sets.items())]
    return "\n".join([reading.task, reading.task_version, *sets])
