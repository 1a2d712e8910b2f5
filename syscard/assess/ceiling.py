"""How well people agree among themselves, as the ceiling of what a grader can be shown to do.

The intervals are percentiles of a cluster bootstrap, named as such: they decide nothing.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from krippendorff import alpha
from numpy.typing import NDArray

from syscard.agreements import Ceiling, Held
from syscard.assess.interval import seed_of
from syscard.records import Estimate, Interval

DRAWS = 1000
BOOTSTRAP = "cluster bootstrap (decides nothing)"
Array = NDArray[np.float64]
Pair = tuple[str, int, int]  # prompt, one's label, the other's


def ceiling(held: Sequence[Held], good: frozenset[str], confidence: float) -> Ceiling | None:
    """Agreement among the raters of these answers; None where none has two."""
    rated = [one for one in held if len(one.raters) > 1]
    if not rated:
        return None
    raters = max(len(one.raters) for one in rated)
    words = sorted({word for one in rated for word in one.raters})
    both = all(len(one.raters) == 2 for one in rated)
    binary = [_pair(one, lambda word: int(word in good)) for one in rated] if both else []
    many = [_pair(one, words.index) for one in rated] if both and len(words) > 2 else []
    return Ceiling(
        answers=len(rated),
        raters=raters,
        alpha=_alpha(rated, good, confidence),
        kappa=resampled(binary, 2, square_kappa, confidence),
        many_way_kappa=resampled(many, len(words), square_kappa, confidence),
    )


def square_kappa(table: Array) -> float:
    """Cohen's kappa of a square table of counts; not a number where it is undefined."""
    n = table.sum()
    chance = float((table.sum(axis=0) * table.sum(axis=1)).sum() / n**2)
    return math.nan if chance == 1 else float((np.trace(table) / n - chance) / (1 - chance))


def resampled(
    pairs: Sequence[Pair], kinds: int, statistic: Callable[[Array], float], confidence: float
) -> Estimate:
    """A statistic of the table of two raters' labels, with prompts drawn again and again."""
    if not pairs:
        return Estimate()
    names = sorted({name for name, _, _ in pairs})
    tables = np.zeros((len(names), kinds, kinds))
    place = {name: number for number, name in enumerate(names)}
    for name, one, other in pairs:
        tables[place[name], one, other] += 1
    return _bootstrap(tables, statistic, confidence)


def nominal_alpha(counts: Array) -> float:
    """Krippendorff's alpha of counts, shape (answers, labels); not a number where undefined."""
    rated = counts[counts.sum(axis=1) > 1]
    if np.count_nonzero(rated.sum(axis=0)) < 2:
        return math.nan
    return float(alpha(value_counts=rated, level_of_measurement="nominal"))


def _alpha(rated: Sequence[Held], good: frozenset[str], confidence: float) -> Estimate:
    """Of the construct's yes or no, answers with their prompts."""
    ordered = sorted(rated, key=lambda one: (one.prompt, one.id))
    counts = np.array([_votes(one, good) for one in ordered], dtype=float)
    names = [one.prompt for one in ordered]
    starts = [i for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    groups = np.split(np.arange(len(names)), starts[1:])

    def statistic(drawn: NDArray[np.intp]) -> float:
        return nominal_alpha(counts[np.concatenate([groups[i] for i in drawn])])

    return _percentiles(statistic, len(groups), confidence)


def _bootstrap(tables: Array, statistic: Callable[[Array], float], confidence: float) -> Estimate:
    return _percentiles(lambda drawn: statistic(tables[drawn].sum(axis=0)), len(tables), confidence)


def _percentiles(
    statistic: Callable[[NDArray[np.intp]], float], clusters: int, confidence: float
) -> Estimate:
    """The value, and percentiles of it over clusters drawn again; nothing where undefined."""
    value = statistic(np.arange(clusters))
    if math.isnan(value):
        return Estimate()
    generator = np.random.default_rng(seed_of(f"{clusters} clusters"))
    drawn = [statistic(generator.integers(0, clusters, clusters)) for _ in range(DRAWS)]
    tail = 50 * (1 - confidence)
    low, high = np.nanpercentile(drawn, [tail, 100 - tail])
    found = Interval(
        low=min(float(low), value),
        high=max(float(high), value),
        confidence=confidence,
        method=BOOTSTRAP,
    )
    return Estimate(value=value, interval=found)


def _votes(one: Held, good: frozenset[str]) -> tuple[int, int]:
    passed = sum(word in good for word in one.raters)
    return len(one.raters) - passed, passed


def _pair(one: Held, code: Callable[[str], int]) -> Pair:
    first, second = one.raters
    return one.prompt, code(first), code(second)
