"""How often each interval misses the true mean, at each end, and how wide it is.

    python benchmarks/coverage.py [--simulations 10000] [--widths 200]

Yes-or-no outcomes by enumeration; the rest by simulation with fixed seeds. The betting interval
and sequence are tested at the true mean, by one capital process at each end and no search; their
widths are those of found intervals. The bootstrap and the rectifier search in every set, so they
have only `--widths` sets. Nominal 95 %: an end of a method that rates may miss 2.5 %, and three
standard errors of the simulation; the last lines say whether any did, and the exit code does (1).
"""

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom

from syscard.assess import display, interval
from syscard.assess.correct import Known, box, rectified, rogan_gladen
from syscard.assess.strata import combine
from syscard.records import Estimate, Interval
from syscard.sequence import log_capitals

CONFIDENCE = 0.95
Z = 1.959963984540054
TAIL = 0.025
SIZES = (10, 30, 100, 300)
RATES = (0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 1.0)
CLUSTER_RATES = (0.0, 0.02, 0.2, 0.5, 0.9, 1.0)
ICC = (0.0, 0.3, 0.9)
MOST = 10  # samples in the largest cluster of unequal ones; the least has 1
EQUAL = 5
ALONE, MEANS = "yes or no, one a cluster", "means"
AT_ONCE = 1_500_000  # numbers held in one array
RATING = ("betting", "betting, weighted", "sequence", "exact", "box", "rectified", "strata")

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Draw = Callable[[np.random.Generator, int, int], tuple[Array, Array]]  # values, sizes


@dataclass(frozen=True)
class Miss:
    """One cell of one method: how often each end missed, in how many sets (0: enumerated)."""

    family: str
    method: str
    n: int
    cell: str
    low: float
    high: float
    width: float
    sets: int

    def broken(self) -> bool:
        error = 3 * math.sqrt(TAIL * (1 - TAIL) / self.sets) if self.sets else 1e-12
        return self.method in RATING and max(self.low, self.high) > TAIL + error


def enumerated(n: int) -> Iterator[Miss]:
    """Every count of n, at a thousand rates and the ends."""
    counts = np.arange(n + 1)
    half = Z * np.sqrt(counts / n * (1 - counts / n) / n)
    low, high = (binom.ppf(tail, n, counts / n) / n for tail in (TAIL, 1 - TAIL))
    methods = {
        "exact": _ends(interval.exact(k, n, CONFIDENCE) for k in range(n + 1)),
        "Wilson": _ends(display.wilson(k, n, CONFIDENCE) for k in range(n + 1)),
        "bootstrap": (low, high),  # as with endless draws
        "z·stderr": (counts / n - half, counts / n + half),
    }
    for p in np.concatenate([[0, 1e-4], np.linspace(0.001, 0.999, 999), [1 - 1e-4, 1]]):
        chance = binom.pmf(counts, n, p)
        for method, (low, high) in methods.items():
            above, below = float(chance @ (low > p)), float(chance @ (high < p))
            width = float(chance @ (high - low))
            yield Miss("yes or no, enumerated", method, n, f"p={p:.4f}", above, below, width, 0)


def two_point(p: float, low: float = 0.0, high: float = 1.0) -> Draw:
    return lambda rng, sets, n: (np.where(rng.random((sets, n)) < p, high, low), np.ones((sets, n)))


def skewed(a: float, b: float) -> Draw:
    return lambda rng, sets, n: (rng.beta(a, b, (sets, n)), np.ones((sets, n)))


def clustered(p: float, icc: float, equal: bool) -> Draw:
    """Beta-binomial clusters; of unequal size, the large are those with the higher rates."""

    def draw(rng: np.random.Generator, sets: int, n: int) -> tuple[Array, Array]:
        rates = np.full((sets, n), p)
        if icc > 0 and 0 < p < 1:
            rates = rng.beta(p * (1 - icc) / icc, (1 - p) * (1 - icc) / icc, (sets, n))
        sizes = np.full((sets, n), EQUAL)
        if not equal:
            sizes = np.where(rng.random((sets, n)) < rates, MOST, 1)
        return rng.binomial(sizes, rates) / sizes, sizes.astype(float)

    return draw


@dataclass(frozen=True)
class Cell:
    """How sets are drawn, and their true mean: over clusters, or `by_sample` over samples."""

    family: str
    name: str
    draw: Draw
    mean: float
    by_sample: bool = False

    def betting(self) -> str:
        return "betting, weighted" if self.by_sample else "betting"

    def weights(self, sizes: Array) -> Array:
        return sizes / MOST if self.by_sample else np.ones_like(sizes)


def cells() -> Iterator[Cell]:
    for p in RATES:
        yield Cell(ALONE, f"p={p}", two_point(p), p)
    yield Cell(MEANS, "two-point .1/.9", two_point(0.3, 0.1, 0.9), 0.34)
    yield Cell(MEANS, "two-point .02/1, rare", two_point(0.03, 0.02, 1.0), 0.0494)
    yield Cell(MEANS, "two-point 0/.6, common", two_point(0.97, 0.0, 0.6), 0.582)
    yield Cell(MEANS, "beta(.2, 1.8)", skewed(0.2, 1.8), 0.1)
    yield Cell(MEANS, "beta(.02, .98)", skewed(0.02, 0.98), 0.02)
    yield Cell(MEANS, "beta(9, .5)", skewed(9, 0.5), 9 / 9.5)
    yield Cell(MEANS, "paired, few change", two_point(0.06, 0.5, 1.0), 0.53)
    for p in CLUSTER_RATES:
        for icc in ICC:
            name, unequal = f"p={p}, icc={icc}", clustered(p, icc, False)
            square = p * p + icc * p * (1 - p)  # the mean of a cluster's rate, squared
            mean = (p + (MOST - 1) * square) / (1 + (MOST - 1) * p)
            yield Cell("clusters of 5", name, clustered(p, icc, True), p)
            yield Cell("unequal clusters, each equal", name, unequal, p)
            yield Cell("unequal clusters, by sample", name, unequal, mean, True)


def simulated(n: int, simulations: int, widths: int) -> Iterator[Miss]:
    """All methods on the same sets, cell by cell."""
    for place, cell in enumerate(cells()):
        rng = np.random.default_rng([20250131, n, place])
        orders = interval.permutations(n, int(rng.integers(2**32)))
        missed: dict[str, list[Flags]] = defaultdict(list)
        block = max(1, AT_ONCE // orders.size)
        for start in range(0, simulations, block):
            x, sizes = cell.draw(rng, min(block, simulations - start), n)
            for method, pair in _missed(cell, x, sizes, orders).items():
                missed[method].append(pair)
        x, sizes = cell.draw(rng, widths, n)
        for method, (low, high) in _found(cell, x, sizes).items():
            ends, sets = np.stack([low > cell.mean, high < cell.mean]), widths
            if method in missed:
                ends, sets = np.concatenate(missed[method], axis=1), simulations
            above, below = (float(share) for share in ends.mean(axis=1))
            width = float((high - low).mean())
            yield Miss(cell.family, method, n, cell.name, above, below, width, sets)


def _missed(cell: Cell, x: Array, sizes: Array, orders: NDArray[np.intp]) -> dict[str, Flags]:
    """Whether each end missed, shape (2, sets), of every method that needs no search."""
    w, sides = cell.weights(sizes), ((x, cell.mean), (1 - x, 1 - cell.mean))
    tested = [interval.log_capital_ratio(y, w, m, orders, CONFIDENCE) for y, m in sides]
    found = {cell.betting(): np.stack(tested) >= 0}
    if not cell.by_sample:
        ends = [log_capitals(y, m, CONFIDENCE).max(axis=1) for y, m in sides]
        found["sequence"] = np.stack(ends) >= 0
    for method, (low, high) in _closed(cell, x, sizes).items():
        found[method] = np.stack([low > cell.mean, high < cell.mean])
    return found


def _closed(cell: Cell, x: Array, sizes: Array) -> dict[str, tuple[Array, Array]]:
    """Clopper-Pearson as if samples were independent, and mean ± z times the stderr."""
    bad, total = np.round(x * sizes).sum(axis=1), sizes.sum(axis=1)
    w = sizes / sizes.mean(axis=1, keepdims=True) if cell.by_sample else np.ones_like(x)
    centre = (w * x).mean(axis=1)
    half = Z * (w * (x - centre[:, None])).std(axis=1) / math.sqrt(x.shape[1])
    found = {"z·stderr": (centre - half, centre + half)}
    if cell.family != MEANS:
        low = np.where(bad == 0, 0, beta.ppf(TAIL, np.maximum(bad, 1), total - bad + 1))
        high = beta.ppf(1 - TAIL, bad + 1, np.maximum(total - bad, 1))
        name = "exact" if cell.family == ALONE else "exact on pooled samples"
        found[name] = (low, np.where(bad == total, 1, high))
    return found


def _found(cell: Cell, x: Array, sizes: Array) -> dict[str, tuple[Array, Array]]:
    """The ends of every method, for widths."""
    found = _closed(cell, x, sizes)
    pairs = enumerate(zip(x, cell.weights(sizes), strict=True))
    bets = [interval.betting(row, CONFIDENCE, at, w, 1) for at, (row, w) in pairs]
    found[cell.betting()] = _ends(bets)
    if not cell.by_sample:
        found["sequence"] = (_running(x), 1 - _running(1 - x))
        drawn = [display.bootstrap_dataset(row, CONFIDENCE, at) for at, row in enumerate(x)]
        found["bootstrap"] = _ends(drawn)
    return found


def _ends(intervals: Iterable[Interval | None]) -> tuple[Array, Array]:
    low, high = np.array([(one.low, one.high) for one in intervals if one is not None]).T
    return low, high


def _running(x: Array) -> Array:
    """The low ends of the sequences of all rows at their ends."""
    low, high = np.zeros(len(x)), np.ones(len(x))
    for _ in range(30):
        middle = (low + high) / 2
        pairs = zip(x, middle, strict=True)
        out = np.array([log_capitals(row, m, CONFIDENCE).max() >= 0 for row, m in pairs])
        low, high = np.where(out, middle, low), np.where(out, high, middle)
    return low


def graded(n: int, simulations: int, widths: int) -> Iterator[Miss]:
    """The methods for a grader's error (90 % and 85 % right), and strata, on yes-or-no outcomes."""
    for place, p in enumerate((0.0, 0.05, 0.3, 0.7, 1.0)):
        rng, cell = np.random.default_rng([7, n, place]), f"p={p}"
        pairs = np.array([_corrected(rng, n, p) for _ in range(simulations)])
        yield _counted("grader's error", "box", n, cell, pairs[:, 0].T, p)
        yield _counted("grader's error", "Lang-Reiczigel", n, cell, pairs[:, 1].T, p)
        found = _ends(_rectified(rng, n, p, seed) for seed in range(widths))
        yield _counted("grader's error, half labelled", "rectified", n, cell, found, p)
        rates, weights = np.array([p, p * p, math.sqrt(p)]), np.array([0.5, 0.3, 0.2])
        strata = ([_third(k, n) for k in rng.binomial(n, rates)] for _ in range(simulations))
        found = _ends(combine(three, list(weights), CONFIDENCE).interval for three in strata)
        yield _counted("three strata of n", "strata", n, cell, found, float(weights @ rates))


@cache
def _third(bad: int, n: int) -> Estimate:
    """A rate with its exact interval at a third of the error: of a box, or of three strata."""
    found = interval.exact(int(bad), n, interval.share(CONFIDENCE, 3))
    return Estimate(value=bad / n, interval=found)


def _corrected(rng: np.random.Generator, n: int, p: float) -> list[tuple[float, float]]:
    """The box's ends, and Lang and Reiczigel's."""
    bad = int(rng.binomial(n, p * 0.9 + (1 - p) * 0.15))
    known = Known(int(rng.binomial(80, 0.9)), 80), Known(int(rng.binomial(80, 0.85)), 80)
    found = box(_third(bad, n), *known, CONFIDENCE), rogan_gladen(bad, n, *known, CONFIDENCE)
    ends = [one.estimate.interval for one in found]
    return [(i.low, i.high) for i in ends if i is not None]


def _rectified(rng: np.random.Generator, n: int, p: float, seed: int) -> Interval | None:
    truth = rng.random(n) < p
    said = np.where(truth, rng.random(n) < 0.9, rng.random(n) < 0.15).astype(float)
    part = rng.choice(n, n // 2, replace=False)
    return rectified(said, truth[part] - said[part], CONFIDENCE, seed).interval


def _counted(
    family: str, method: str, n: int, cell: str, ends: tuple[Array, Array] | Array, mean: float
) -> Miss:
    low, high = ends
    slack = 1e-12  # a weighted sum of exact ends rounds
    above, below = float((low > mean + slack).mean()), float((high < mean - slack).mean())
    return Miss(family, method, n, cell, above, below, float((high - low).mean()), len(low))


def show(rows: list[Miss]) -> None:
    """One line a family, method and size: its worst cells, and its mean width."""
    groups: dict[tuple[str, str, int], list[Miss]] = defaultdict(list)
    for row in rows:
        groups[row.family, row.method, row.n].append(row)
    head = f"{'low end':>8} {'high end':>8} {'coverage':>8} {'width':>6}  worst cell"
    print(f"{'missed by each end, at most':34} {'method':24} {'n':>4} {head}")
    for (family, method, n), group in sorted(groups.items()):
        low, high = max(row.low for row in group), max(row.high for row in group)
        worst = min(group, key=lambda row: 1 - row.low - row.high)
        cover, width = 1 - worst.low - worst.high, np.mean([row.width for row in group])
        ends = f"{100 * low:7.2f}% {100 * high:7.2f}% {100 * cover:7.2f}% {width:6.3f}"
        print(f"{family:34} {method:24} {n:4} {ends}  {worst.cell}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=10_000)
    parser.add_argument("--widths", type=int, default=200)
    sets = vars(parser.parse_args()).values()  # simulations, widths
    drawn = (part(n, *sets) for n in SIZES for part in (simulated, graded))
    rows = [row for part in (*map(enumerated, SIZES), *drawn) for row in part]
    show(rows)
    broken = [row for row in rows if row.broken()]
    last = f"{len(broken)} cells of methods that rate miss more than 2.5 % at an end."
    print(*broken, last, sep="\n")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
