"""What other methods say of the same samples, each under its own name: it decides nothing."""

from collections import defaultdict
from collections.abc import Sequence

from syscard.assess import display
from syscard.assess.correct import Known, rogan_gladen
from syscard.assess.correction import turned
from syscard.assess.interval import seed_of
from syscard.assess.means import salt_of
from syscard.assess.shown import shown
from syscard.records import Correction, Estimate, Metric
from syscard.verdict import Reading


def beside(
    reading: Reading, metric: Metric, corrected: Sequence[Correction], confidence: float
) -> dict[str, Estimate]:
    """Estimates of the scored samples by the methods that published cards use, by name.

    Wilson and Rogan-Gladen where each cluster is one yes or no; the bootstrap over attempts where
    clusters have several. None for a random denominator, for which none of them is made, nor for
    a run that might stop, since each takes the number of samples as given. What a task's first
    metric has of its own, a calibration error or a mixed model's coefficients, comes after them.
    """
    if metric.denominator == "eligible" or reading.rule is not None:
        return {}
    if reading.weighting == "groups" or metric.of_cluster != "mean":
        return {}
    return _others(reading, metric, corrected, confidence) | shown(reading, metric, confidence)


def _others(
    reading: Reading, metric: Metric, corrected: Sequence[Correction], confidence: float
) -> dict[str, Estimate]:
    attempts = _attempts(reading, metric)
    if not attempts:
        return {}
    means = [sum(row) / len(row) for row in attempts]
    seed = seed_of(salt_of(reading))
    single = all(len(row) == 1 for row in attempts)
    found = [display.bootstrap_dataset(means, confidence, seed)]
    if single and metric.values == "binary":
        found.append(display.wilson(round(sum(means)), len(means), confidence))
    if not single:
        found.append(display.bootstrap_attempts(attempts, confidence, seed))
    value = sum(means) / len(means)
    estimates = {one.method: Estimate(value=value, interval=one) for one in found}
    if single and metric.values == "binary":
        estimates |= _rogan_gladen(means, metric, corrected, confidence)
    return estimates


def _rogan_gladen(
    means: Sequence[float], metric: Metric, corrected: Sequence[Correction], confidence: float
) -> dict[str, Estimate]:
    """One for each validation that corrected the rate, named with its set."""
    estimates = {}
    bad = round(sum(means) if metric.danger == "high" else len(means) - sum(means))
    for one in corrected:
        known = one.validation
        if known is None or one.filled is None:
            continue
        found = rogan_gladen(
            bad,
            len(means),
            Known(known.bad_right, known.bad_n),
            Known(known.good_right, known.good_n),
            confidence,
        ).estimate
        if found.interval is not None:
            name = f"{found.interval.method}: {known.set}"
            estimates[name] = found if metric.danger == "high" else turned(found)
    return estimates


def _attempts(reading: Reading, metric: Metric) -> list[list[float]]:
    """The scored values of each cluster, both in an order that no file decides."""
    clusters: dict[str, list[tuple[str, int, float]]] = defaultdict(list)
    for row in reading.rows:
        if row.became(metric) == "scored":
            clusters[row.cluster].append((row.id, row.epoch, row.values[metric.name]))
    return [[value for _, _, value in sorted(clusters[name])] for name in sorted(clusters)]
