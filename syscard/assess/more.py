"""About how many more samples would settle a level, and about what they would cost."""

import math

from scipy.stats import beta

from syscard.assess.interval import more_samples
from syscard.records import Interval, Measurement

STEPS = 50


def more_clusters(measurement: Measurement, threshold: float) -> int | None:
    """About how many more samples at this rate would clear the threshold.

    Reckoned in clusters, as the exact binomial would need them, times the samples of one: where
    the interval is wider or narrower than the exact one of as many, that many more or fewer.
    None where a hundred thousand would not do.
    """
    value, found = measurement.estimate.value, measurement.estimate.interval
    if value is None or found is None or not measurement.clusters:
        return None
    worth = effective(value, found) / measurement.clusters
    if found.method == "exact binomial":
        worth = 1.0
    size = max(round(measurement.clusters * worth), 1)
    more = more_samples(value, size, threshold, found.confidence)
    if more is None:
        return None
    return max(math.ceil(more / worth * _samples(measurement) / measurement.clusters), 1)


def price(measurement: Measurement, samples: int) -> int | None:
    """About how many tokens so many samples take, in and out, the grader's among them."""
    spent, ran = sum(measurement.usage.values()), _samples(measurement)
    return round(samples * spent / ran) if spent and ran else None


def effective(value: float, found: Interval) -> float:
    """Of how many yes-or-no clusters the exact interval at this rate is as wide."""
    low, high = 0.1, 1e7
    for _ in range(STEPS):
        n = math.sqrt(low * high)
        if _width(value, n, found.confidence) > found.high - found.low:
            low = n
        else:
            high = n
    return high


def _width(value: float, n: float, confidence: float) -> float:
    tail, bad = (1 - confidence) / 2, value * n
    low = 0.0 if bad == 0 else float(beta.ppf(tail, bad, n - bad + 1))
    high = 1.0 if bad == n else float(beta.ppf(1 - tail, bad + 1, n - bad))
    return high - low


def _samples(measurement: Measurement) -> int:
    """That ran for this metric."""
    return sum(n for outcome, n in measurement.counts.items() if outcome != "stopped")
