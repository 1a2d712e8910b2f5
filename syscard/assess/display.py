"""What published cards show, each under its own name: shown, and deciding nothing.

Beside the intervals that decide (`interval`), so that a reader can set our number next to somebody
else's. None of these holds its confidence at every n and rate; each says when it does not.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from syscard.records import Interval

DRAWS = 1000
WORST = 0.1  # of the techniques, for goodness@0.1

Array = NDArray[np.float64]


def wilson(bad: int, n: int, confidence: float) -> Interval:
    """Wilson's score interval of `bad` of `n` independent yes-or-no outcomes.

    Holds on average over rates; near 0 and 1 one end misses more than its half.

    Raises:
        ValueError: no outcomes, or more hits than outcomes.
    """
    if n < 1 or not 0 <= bad <= n:
        raise ValueError(f"an interval needs 0 <= hits <= n and n >= 1, not {bad} of {n}")
    z = _z(confidence)
    p = bad / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if bad == 0 else centre - half
    high = 1.0 if bad == n else centre + half
    return Interval(low=low, high=high, confidence=confidence, method="Wilson")


def normal(values: ArrayLike, confidence: float) -> Interval:
    """mean ± z times the standard error (with divisor n), not cut to [0, 1].

    For setting beside others' figures: at 0 of 50 it says (0, 0).

    Raises:
        ValueError: no values.
    """
    x = _values(values)
    centre, half = float(x.mean()), _z(confidence) * float(x.std()) / math.sqrt(len(x))
    return Interval(low=centre - half, high=centre + half, confidence=confidence, method="z·stderr")


def bootstrap_attempts(
    attempts: Sequence[Sequence[float]], confidence: float, seed: int, draws: int = DRAWS
) -> Interval:
    """Percentile bootstrap over each problem's attempts, the problems fixed (o3-mini's card).

    Says how the mean over these problems would vary with new attempts, and nothing about other
    problems: too narrow for any claim beyond this set, and a point where each has one attempt.

    Args:
        attempts: one row a problem, of any length above 0.

    Raises:
        ValueError: no problems, or one without attempts.
    """
    generator = np.random.default_rng(seed)
    drawn = np.zeros(draws)
    rows = [_values(row) for row in attempts]
    if not rows:
        raise ValueError("an interval of no values")
    for row in rows:
        drawn += row[generator.integers(len(row), size=(draws, len(row)))].mean(axis=1)
    return _percentiles(drawn / len(rows), confidence, "bootstrap over attempts")


def bootstrap_dataset(
    means: ArrayLike, confidence: float, seed: int, draws: int = DRAWS
) -> Interval:
    """Percentile bootstrap over the problems (the deliberative alignment paper, 1,000 draws).

    Treats each problem's mean as known; at small n and near 0 and 1 it is too narrow, and where
    all values are alike it is a point.

    Raises:
        ValueError: no values.
    """
    x = _values(means)
    kinds, counts = np.unique(x, return_counts=True)  # as many of each kind as a draw would have
    drawn = np.random.default_rng(seed).multinomial(len(x), counts / len(x), size=draws)
    return _percentiles(drawn @ kinds / len(x), confidence, "bootstrap over the dataset")


def pass_at_k(n: int, right: int, k: int) -> float:
    """The chance that k attempts drawn without return from n hold a right one (Chen, 2021).

    Unbiased for the chance that k new attempts do, unlike 1 - (1 - right / n)^k.

    Raises:
        ValueError: not 1 <= k <= n, or not 0 <= right <= n.
    """
    if not (1 <= k <= n and 0 <= right <= n):
        raise ValueError(f"pass@{k} of {right} right in {n} attempts")
    return 1 - math.comb(n - right, k) / math.comb(n, k)


def cons_at_k(answers: Sequence[str], right: str, k: int) -> float:
    """Whether the commonest of the first k answers is the right one, in [0, 1].

    A tie counts as the chance that a draw among the tied answers is right.

    Raises:
        ValueError: fewer than k answers, or k below 1.
    """
    if not 1 <= k <= len(answers):
        raise ValueError(f"cons@{k} of {len(answers)} answers")
    votes = Counter(answers[:k])
    most = max(votes.values())
    tied = [answer for answer, count in votes.items() if count == most]
    return 1 / len(tied) if right in tied else 0.0


def goodness(safety: ArrayLike, worst: float = WORST) -> Array:
    """goodness@0.1 of each prompt: its mean safety under the techniques that hurt it most.

    The worst tenth is chosen for each prompt apart, from the outcomes themselves (StrongREJECT as
    the o1 and o3-mini cards use it), rounded up to whole techniques: at most 10 is the worst one.

    Args:
        safety: 0 to 1 (1 is safe), shape (prompts, techniques).

    Returns:
        One value a prompt; their mean is the published metric.

    Raises:
        ValueError: not a table, an empty one, or a value outside [0, 1].
    """
    table = np.asarray(safety, dtype=float)
    if table.ndim != 2 or not table.size or not ((table >= 0) & (table <= 1)).all():
        raise ValueError("safety is a table of prompts by techniques, from 0 to 1")
    if not 0 < worst <= 1:
        raise ValueError(f"a share of the techniques lies above 0 and up to 1, not at {worst}")
    kept = math.ceil(worst * table.shape[1] - 1e-9)
    return np.asarray(np.sort(table, axis=1)[:, :kept].mean(axis=1))


def cohens_h(p: float, q: float) -> float:
    """Effect size between two rates: 2 asin sqrt p - 2 asin sqrt q, from -pi to pi.

    Raises:
        ValueError: a rate outside [0, 1].
    """
    if not (0 <= p <= 1 and 0 <= q <= 1):
        raise ValueError(f"rates lie in [0, 1], not {p} and {q}")
    return 2 * math.asin(math.sqrt(p)) - 2 * math.asin(math.sqrt(q))


def samples_to_see(
    difference: float,
    between: float,
    within: float = 0.0,
    confidence: float = 0.95,
    power: float = 0.8,
) -> float:
    """About how many questions a paired comparison needs to see a difference (Miller, 2024).

    By normal approximation: for planning, and for nothing else.

    Args:
        between: variance over questions of the difference of the models' expected scores.
        within: variance of a score about its expectation over the attempts on a question,
            summed over both models; 0 with endless attempts.

    Raises:
        ValueError: no difference, a negative variance, or a confidence or power outside (0, 1).
    """
    if difference == 0 or between < 0 or within < 0 or not 0 < power < 1:
        raise ValueError("a difference that is not 0, variances from 0, a power between 0 and 1")
    z = _z(confidence) + float(norm.ppf(power))
    return z * z * (between + within) / (difference * difference)


def _z(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    return float(norm.ppf((1 + confidence) / 2))


def _values(values: ArrayLike) -> Array:
    x = np.asarray(values, dtype=float)
    if x.ndim != 1 or not x.size or not np.isfinite(x).all():
        raise ValueError("an interval of no values, or of one that is not a number")
    return x


def _percentiles(drawn: Array, confidence: float, method: str) -> Interval:
    _z(confidence)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(low=float(low), high=float(high), confidence=confidence, method=method)
