"""Weighted families of strata: one interval from one a stratum."""

import math
from collections.abc import Sequence

from syscard.assess.interval import share
from syscard.records import Estimate, Interval


def combine(strata: Sequence[Estimate], weights: Sequence[float], confidence: float) -> Estimate:
    """The weighted mean of the strata's values, and its interval.

    The strata's intervals are at 1 - alpha / K (`interval.share`), so that all K hold together and
    so do their weighted ends; asked for weaker ones, this refuses rather than widens. Wider than a
    normal approximation over the strata would be, and it needs no such thing.

    Args:
        weights: one a stratum, in any unit, none negative; fixed before the data.

    Raises:
        ValueError: no strata, a weight too few or negative, none above 0, a stratum without an
            interval, or an interval at less confidence than 1 - alpha / K.
    """
    if not strata or len(strata) != len(weights):
        raise ValueError(f"{len(strata)} strata with {len(weights)} weights")
    total = math.fsum(weights)
    if not (min(weights) >= 0 and 0 < total < math.inf):
        raise ValueError("weights are numbers, none negative, one above 0")
    needed = share(confidence, len(strata))
    values, lows, highs = [], [], []
    for stratum in strata:
        if stratum.value is None or stratum.interval is None:
            raise ValueError("a stratum without an interval")
        if stratum.interval.confidence < needed - 1e-12:
            raise ValueError(f"a stratum's interval at {stratum.interval.confidence} < {needed}")
        values.append(stratum.value)
        lows.append(stratum.interval.low)
        highs.append(stratum.interval.high)
    low, high = (_weighted(ends, weights, total) for ends in (lows, highs))
    return Estimate(
        value=_weighted(values, weights, total),
        interval=Interval(low=low, high=high, confidence=confidence, method="strata"),
    )


def _weighted(values: Sequence[float], weights: Sequence[float], total: float) -> float:
    return math.fsum(v * w for v, w in zip(values, weights, strict=True)) / total
