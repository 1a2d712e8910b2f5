"""A confidence sequence: an interval that may be looked at after every cluster.

What a run that stops early is decided on, and what its log is measured by. All ends of a sequence
hold at once: each misses the true mean, at any time, with probability at most (1 - c) / 2.
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

TRUNCATION = 0.75  # of the largest bet that cannot go bankrupt
STEPS = 40  # halvings of [0, 1]: far below the printed digits
FRACTIONS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)  # of the stake that could go bankrupt

Array = NDArray[np.float64]


class ConfidenceSequence:
    """The betting sequence of Waudby-Smith and Ramdas (2024, section 4), one cluster at a time.

    The order is part of it: no permutations are averaged, since one that is to come cannot be
    permuted; whoever adds the values fixes their order before the first is known. The bets know
    no n. Half the stake follows their predictable plug-in, sqrt(2 log(2/alpha) / (variance so far
    * t * log(t + 1))), which is good where clusters differ little; half is spread over constant
    fractions (their grid Kelly), which decide a rate near a threshold with up to half the calls.

    The ends are found by halving on the stored history and not on a grid of means, so that an end
    does not depend on a grid. A step whose capital excludes nothing new costs one pass over the
    history for each end; one that moves an end costs 40 (over 1,000 clusters 1 ms each on
    average). For differences in [-1, 1], add (d + 1) / 2.
    """

    def __init__(self, confidence: float) -> None:
        if not 0 < confidence < 1:
            raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
        self.threshold = math.log(2 / (1 - confidence))
        self.low, self.high = 0.0, 1.0
        self._count = 0
        self._history = np.zeros((3, 64))  # value, weight, bet
        self._sums = np.zeros(3)  # weights, weighted values, weighted squared deviations

    def add(self, value: float, weight: float = 1.0) -> tuple[float, float]:
        """The running intersection after one more cluster.

        `low` above `high` says that the assumptions do not hold (a mean that drifts along the
        order): it stays so, and is inconclusive. For the mean of weighted values, the weight is
        over the largest that a cluster can have by design; 0 changes nothing.

        Raises:
            ValueError: a value or a weight outside [0, 1], or not a number.
        """
        if not (0 <= value <= 1 and 0 <= weight <= 1):
            raise ValueError(f"a value or a weight outside [0, 1]: {value}, {weight}")
        if weight == 0:
            return self.low, self.high
        if self._count == self._history.shape[1]:
            self._history = np.hstack([self._history, np.zeros_like(self._history)])
        self._history[:, self._count] = value, weight, self._bet()
        self._count += 1
        self._sums[:2] += weight, weight * value
        centre = (0.5 + self._sums[1]) / (1 + self._sums[0])
        self._sums[2] += (weight * (value - centre)) ** 2
        x, w, bets = self._history[:, : self._count]
        self.low = self._edge(x, w, bets, self.low)
        self.high = 1 - self._edge(1 - x, w, bets, 1 - self.high)
        return self.low, self.high

    def _bet(self) -> float:
        """What to stake on the next value, from those before it only."""
        step = self._count + 1
        variance = (0.25 + self._sums[2]) / step
        return math.sqrt(2 * self.threshold / (variance * step * math.log(step + 1)))

    def _edge(self, x: Array, w: Array, bets: Array, known: float) -> float:
        """The largest m found that the capital excludes, never below what is excluded already.

        Each factor falls as m grows, so what is below an excluded m is excluded too.
        """
        if self._capital(x, w, bets, known) < self.threshold:
            return known
        low, high = known, 1.0
        for _ in range(STEPS):
            m = (low + high) / 2
            if self._capital(x, w, bets, m) >= self.threshold:
                low = m
            else:
                high = m
        return low

    @staticmethod
    def _capital(x: Array, w: Array, bets: Array, m: float) -> float:
        if m <= 0:
            return math.inf if (w * x).any() else 0.0
        return float(_pooled(np.log1p(_gains(w * (x - m), bets, m)).sum(axis=-1)))


def sequence(
    values: Iterable[float], confidence: float, weights: Iterable[float] | None = None
) -> tuple[Array, Array]:
    """(low, high) after each value, in the given order: what adding one at a time gives.

    Raises:
        ValueError: a value or a weight outside [0, 1], or not as many weights as values.
    """
    given = list(values)
    scale = [1.0] * len(given) if weights is None else list(weights)
    running = ConfidenceSequence(confidence)
    ends = [running.add(x, w) for x, w in zip(given, scale, strict=True)]
    low, high = np.array(ends).reshape(-1, 2).T
    return low, high


def decided(low: float, high: float, bounds: Iterable[float]) -> bool:
    """Whether the interval lies wholly between two neighbouring bounds, or beyond the outermost.

    Strictly: an interval that touches a bound is not decided, whichever side reaches it. Without
    bounds there is no question, and nothing that could stop a run; an empty interval decides
    nothing.
    """
    marks = list(bounds)
    return low <= high and bool(marks) and all(low > mark or high < mark for mark in marks)


def log_capitals(x: ArrayLike, m: float, confidence: float) -> Array:
    """Log capital less log threshold of betting on "the mean is above m", after each value.

    The sequence at one m only, for a test of coverage at the true mean: where it has once been
    above 0, the low end is above m from there on. The high end's is that of 1 - x at 1 - m.

    Args:
        x: values in [0, 1], shape (..., n), each row in its order.
    """
    values = np.asarray(x, dtype=float)
    threshold = math.log(2 / (1 - confidence))
    steps = np.arange(1, values.shape[-1] + 1)
    centre = (0.5 + np.cumsum(values, axis=-1)) / (1 + steps)
    squares = np.cumsum((values - centre) ** 2, axis=-1)
    before = np.concatenate([np.zeros((*values.shape[:-1], 1)), squares[..., :-1]], axis=-1)
    bets = np.sqrt(2 * threshold / ((0.25 + before) * np.log(steps + 1)))
    if m <= 0:
        return np.where(np.maximum.accumulate(values, axis=-1) > 0, math.inf, -threshold)
    logs = np.cumsum(np.log1p(_gains(values - m, bets, m)), axis=-1)
    return _pooled(logs) - threshold


def _gains(over: Array, bets: Array, m: float) -> Array:
    """What each way of betting gains at each step, as a part of what it holds: above -1."""
    shape = (len(FRACTIONS), *[1] * over.ndim)
    constant = np.reshape(FRACTIONS, shape) / m * over
    return np.concatenate([np.minimum(bets, TRUNCATION / m)[None] * over, constant])


def _pooled(logs: Array) -> Array:
    """Log of half the first capital and half the mean of the others: an average is a capital."""
    rest = np.logaddexp.reduce(logs[1:]) - math.log(len(FRACTIONS))
    return np.asarray(np.logaddexp(logs[0], rest) - math.log(2))
