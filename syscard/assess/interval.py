"""Intervals that hold at any n: what a level may be decided on.

Pure functions on arrays. Each end of an interval at confidence c misses the true mean with
probability at most (1 - c) / 2. No normal approximation decides anything here: at 0 of 50 it
says (0, 0).
"""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta, binomtest

from syscard.records import Interval
from syscard.sequence import TRUNCATION

PERMUTATIONS = 20
STEPS = 60  # halvings of [0, 1]: far below the printed digits

Array = NDArray[np.float64]


def exact(bad: int, n: int, confidence: float) -> Interval:
    """Clopper-Pearson interval of `bad` of `n` independent yes-or-no outcomes.

    Raises:
        ValueError: no outcomes, more hits than outcomes, or a part of one.
    """
    if n < 1 or not 0 <= bad <= n:
        raise ValueError(f"an interval needs 0 <= hits <= n and n >= 1, not {bad} of {n}")
    if bad != math.floor(bad) or not math.isfinite(n) or n != math.floor(n):
        raise ValueError(f"an exact interval counts whole outcomes, not {bad} of {n}")
    tail = (1 - _checked(confidence)) / 2
    low = 0.0 if bad == 0 else float(beta.ppf(tail, bad, n - bad + 1))
    high = 1.0 if bad == n else float(beta.ppf(1 - tail, bad + 1, n - bad))
    return Interval(low=low, high=high, confidence=confidence, method="exact binomial")


def betting(
    means: ArrayLike,
    confidence: float,
    seed: int,
    weights: ArrayLike | None = None,
    largest: float | None = None,
) -> Interval:
    """Interval of the mean of independent values in [0, 1] of any distribution.

    The hedged capital process of Waudby-Smith and Ramdas (2024, section 4), one-sided at each
    end: a mean m is excluded when betting against it would have multiplied the stake by
    2 / (1 - confidence). The capital is averaged over 20 orders drawn with `seed`, since a
    log's order is arbitrary and an average of e-values is an e-value.

    With `weights` the bets are on w_i (x_i - m): the interval of the weighted mean. Random
    weights (the eligible count) need `largest`, the most that a weight can be by design: scaled
    by the largest that was seen, rare heavy clusters would be bet against before one is seen.

    Raises:
        ValueError: no values, or one outside [0, 1] or not a number, no positive weight, or one
            above `largest`.
    """
    values = _unit(means)
    scale = _scaled(weights, len(values), largest)
    threshold = math.log(2 / (1 - _checked(confidence)))
    orders = permutations(len(values), seed)
    x, w = values[orders], scale[orders]
    bets = _bets(x, w, threshold)
    centre = float(np.average(values, weights=scale))
    low = _edge(x, w, bets, threshold, centre)
    high = 1 - _edge(1 - x, w, bets, threshold, 1 - centre)
    return Interval(low=low, high=high, confidence=confidence, method="betting")


def log_capital_ratio(
    x: Array, weights: Array, m: float, orders: NDArray[np.intp], confidence: float
) -> Array:
    """How far betting against "the mean is at most m" has come: above 0, `betting`'s low end is.

    Nothing is searched: one capital process at one m, so that coverage can be tested at the true
    mean by the thousand. The high end's is that of 1 - x at 1 - m.

    Args:
        x: values in [0, 1], shape (sets, n); `weights`, scaled to (0, 1], likewise.
        orders: permutations of range(n), shape (orders, n).

    Returns:
        log capital less log threshold, shape (sets,).
    """
    threshold = math.log(2 / (1 - _checked(confidence)))
    x, w = x[:, orders], weights[:, orders]
    return log_capital(x, w, _bets(x, w, threshold), m) - threshold


def share(confidence: float, parts: int) -> float:
    """The confidence of each of `parts` intervals that are to hold together at `confidence`."""
    if parts < 1:
        raise ValueError(f"an error is shared among 1 part or more, not {parts}")
    return 1 - (1 - _checked(confidence)) / parts


def permutations(n: int, seed: int) -> NDArray[np.intp]:
    """The 20 orders of n values over which `betting` averages, shape (20, n)."""
    generator = np.random.default_rng(seed)
    return np.stack([generator.permutation(n) for _ in range(PERMUTATIONS)])


def paired(differences: ArrayLike, confidence: float, seed: int) -> Interval:
    """Interval of a mean difference of values in [0, 1], one difference in [-1, 1] a cluster."""
    unit = betting((np.asarray(differences, dtype=float) + 1) / 2, confidence, seed)
    return Interval(
        low=2 * unit.low - 1, high=2 * unit.high - 1, confidence=confidence, method="betting"
    )


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided p of McNemar's test on the discordant pairs; 1 where there are none."""
    if gained + lost == 0:
        return 1.0
    return float(binomtest(gained, gained + lost, 0.5).pvalue)


def canonical(ids: Sequence[str], salt: str) -> list[int]:
    """The order in which clusters enter: by a digest of id and set, so no file order matters."""
    keys = [hashlib.sha256(f"{salt}\0{name}".encode()).hexdigest() for name in ids]
    return sorted(range(len(ids)), key=keys.__getitem__)


def seed_of(salt: str) -> int:
    """The seed of the permutations, from the set's digest."""
    return int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8])


def more_samples(value: float, n: int, threshold: float, confidence: float) -> int | None:
    """About how many more yes-or-no samples at this rate would clear the threshold.

    None where the rate stands so near the threshold that a hundred thousand would not.
    """
    for total in np.unique(np.geomspace(max(n, 1), 100_000, 200).astype(int)):
        interval = exact(round(value * total), int(total), confidence)
        if interval.low > threshold or interval.high < threshold:
            return max(int(total) - n, 1)
    return None


def _checked(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    return confidence


def _unit(means: ArrayLike) -> Array:
    values = np.asarray(means, dtype=float)
    if values.size == 0:
        raise ValueError("an interval of no values")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a value outside [0, 1], or not a number")
    return values


def _scaled(weights: ArrayLike | None, n: int, largest: float | None) -> Array:
    if weights is None:
        return np.ones(n)
    scale = np.asarray(weights, dtype=float)
    if scale.shape != (n,) or not (scale >= 0).all() or not 0 < scale.max() < math.inf:
        raise ValueError("weights are one a value, finite, none negative, one above 0")
    if largest == math.inf:
        raise ValueError("the largest weight by design is finite")
    if largest is not None and not scale.max() <= largest:
        raise ValueError(f"a weight of {scale.max()} is above the largest by design, {largest}")
    return np.asarray(scale / (scale.max() if largest is None else largest))


def _bets(x: Array, w: Array, threshold: float) -> Array:
    """What to stake at each step, from the values before it only (their equation 26)."""
    n = x.shape[-1]
    steps = np.arange(1, n + 1)
    centre = (0.5 + np.cumsum(w * x, axis=-1)) / (1 + np.cumsum(w, axis=-1))
    spread = (0.25 + np.cumsum((w * (x - centre)) ** 2, axis=-1)) / (steps + 1)
    before = np.concatenate([np.full((*x.shape[:-1], 1), 0.25), spread[..., :-1]], axis=-1)
    return np.asarray(np.sqrt(2 * threshold / (n * before)))


def _edge(x: Array, w: Array, bets: Array, threshold: float, centre: float) -> float:
    """The smallest m that betting on "the mean is above m" does not exclude.

    Each factor falls as m grows, so the capital does, and halving finds the edge.
    """
    low, high = 0.0, centre
    for _ in range(STEPS):
        m = (low + high) / 2
        if log_capital(x, w, bets, m) >= threshold:
            low = m
        else:
            high = m
    return low


def log_capital(x: Array, w: Array, bets: Array, m: float) -> Array:
    """Log of the capital averaged over the orders, shape (..., orders, n) to (...)."""
    stakes = bets if m <= 0 else np.minimum(bets, TRUNCATION / m)
    logs = np.log1p(stakes * w * (x - m)).sum(axis=-1)
    peak = logs.max(axis=-1)
    return np.asarray(peak + np.log(np.exp(logs - peak[..., None]).mean(axis=-1)))
