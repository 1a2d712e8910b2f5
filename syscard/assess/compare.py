"""Post minus pre: paired where both sides answered the same samples, and said so where not."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from syscard.assess import interval
from syscard.assess.family import estimate_family, grouped
from syscard.assess.means import How, order, running, salt_of
from syscard.assess.strata import combine
from syscard.records import Comparison, Estimate, Interval, Metric
from syscard.verdict import Reading, cluster_value

Key = tuple[str, str, int]  # cluster, sample, epoch


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
    leader, found = _leader(pre, post), gaps(pre, post, metric)
    if not found or leader is None:
        return _unpaired(pre, post, metric, confidence)
    by_cluster = {name: math.fsum(gap) / len(gap) for name, gap in found.items()}
    differences = list(by_cluster.values())
    single = all(len(gap) == 1 and gap[0] in (-1, 0, 1) for gap in found.values())
    tested = single and leader.rule is None  # its p is for a number of pairs fixed beforehand
    return Comparison(
        task=pre.task,
        metric=metric.name,
        difference=_family(by_cluster, leader, metric, confidence),
        clusters=len(found),
        left_out=len((_owed(pre, metric) | _owed(post, metric)) - set(found)),
        paired=True,
        mcnemar=interval.mcnemar(differences.count(1), differences.count(-1)) if tested else None,
    )


def gaps(pre: Reading, post: Reading, metric: Metric) -> dict[str, list[float]]:
    """Post less pre of every sample scored on both sides, by cluster, in the clusters' order.

    One difference a cluster where its worst samples make its value.

    Nothing where the sides did not answer the same samples in one order.
    """
    leader = _leader(pre, post)
    if leader is None:
        return {}
    before, after = _scored(pre, metric), _scored(post, metric)
    found: dict[str, list[float]] = defaultdict(list)
    both = [key for key in before if key in after]
    for key in both:
        found[key[0]].append(after[key] - before[key])
    if metric.of_cluster == "worst tenth":
        found = defaultdict(list, _worst(before, after, both, metric))
    return {name: found[name] for name in order(leader, list(found))}


def _worst(
    before: dict[Key, float], after: dict[Key, float], both: Sequence[Key], metric: Metric
) -> dict[str, list[float]]:
    """One difference a cluster: of its value on either side, over the samples that both scored."""
    sides: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for key in both:
        sides[key[0]][0].append(before[key])
        sides[key[0]][1].append(after[key])
    return {
        name: [cluster_value(late, metric) - cluster_value(early, metric)]
        for name, (early, late) in sides.items()
    }


def _leader(pre: Reading, post: Reading) -> Reading | None:
    """The side in whose order both sides' clusters enter; None where they share none.

    Where either might stop, that one: the common clusters are a prefix of its order. Two rules
    of one seed have one order.
    """
    ruled = [side for side in (pre, post) if side.rule is not None]
    seeds = {side.rule.seed for side in ruled if side.rule is not None}
    if salt_of(pre) != salt_of(post) or len(seeds) > 1:
        return None
    return ruled[0] if ruled else pre


def _family(
    by_cluster: dict[str, float], leader: Reading, metric: Metric, confidence: float
) -> Estimate:
    """The mean difference, every cluster equal, or every group where the plan says so."""
    how = How.of(leader, confidence)
    if leader.weighting == "prompts":
        return _difference(list(by_cluster.values()), how)
    groups = grouped(leader, metric)
    part = replace(how, confidence=interval.share(confidence, len(groups)))
    found = []
    for name, rows in groups.items():
        inside = dict.fromkeys(row.cluster for row in rows if row.cluster in by_cluster)
        if not inside:
            return Estimate()
        gaps = [by_cluster[cluster] for cluster in by_cluster if cluster in inside]
        found.append(_difference(gaps, replace(part, salt=f"{how.salt}\n{name}")))
    return combine(found, [1.0] * len(found), confidence)


def _difference(differences: Sequence[float], how: How) -> Estimate:
    """Their mean; of a run that might stop, by the sequence, and nothing where that is empty."""
    value = float(np.mean(differences))
    if how.rule is None:
        seed = interval.seed_of(how.salt)
        return Estimate(value=value, interval=interval.paired(differences, how.confidence, seed))
    unit = running([(d + 1) / 2 for d in differences], how.confidence)
    if unit is None:
        return Estimate()
    ends = {"low": 2 * unit.low - 1, "high": 2 * unit.high - 1}
    return Estimate(value=value, interval=unit.model_copy(update=ends))


def _scored(reading: Reading, metric: Metric) -> dict[Key, float]:
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
    before, after = (estimate_family(s, metric, None, half) for s in (pre, post))
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
    ran = [row for row in (*pre.rows, *post.rows) if row.outcome != "stopped"]
    clusters = len({row.cluster for row in ran})
    return Comparison(
        task=pre.task,
        metric=metric.name,
        difference=difference,
        clusters=clusters,
        left_out=0,
        paired=False,
    )
