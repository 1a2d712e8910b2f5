"""When a difference may be claimed: its p, and the correction for having looked at many."""

import math
from collections.abc import Sequence

import numpy as np

from syscard.assess import interval


def holm(values: Sequence[float]) -> list[float]:
    """Holm's adjusted p of each, in the order given: they hold together, however they depend."""
    adjusted = [0.0] * len(values)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        least = max(least, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = least
    return adjusted


def paired_p(differences: Sequence[float], confidence: float, seed: int) -> float:
    """The p of "no mean difference" that goes with the paired betting interval.

    One over the capital won by betting against 0 difference, for the two directions: at most
    1 - confidence just where the interval excludes 0. The bets stay those of `confidence`, since
    an interval inverted over confidences would choose its bets by their success.
    """
    x = (np.asarray([differences], dtype=float) + 1) / 2
    orders = interval.permutations(x.shape[1], seed)
    ones = np.ones_like(x)
    up, down = (
        float(interval.log_capital_ratio(side, ones, 0.5, orders, confidence)[0])
        for side in (x, 1 - x)
    )
    return min(1.0, (1 - confidence) * math.exp(min(-max(up, down), 700.0)))
