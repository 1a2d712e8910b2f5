"""A fast slice of benchmarks/coverage.py: its methods hold, and it sees those that do not."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from syscard.assess.interval import betting, log_capital_ratio, permutations, share

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "coverage.py"


@pytest.fixture(scope="module")
def coverage():
    spec = importlib.util.spec_from_file_location("coverage_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_no_end_of_a_method_that_rates_misses_more_than_half_the_error(coverage):
    rows = [*coverage.simulated(30, 400, 2), *coverage.graded(30, 400, 20)]

    assert {row.method for row in rows} >= set(coverage.RATING)
    assert [row for row in rows if row.broken()] == []


def test_enumeration_clears_the_exact_interval_and_convicts_the_others(coverage):
    rows = list(coverage.enumerated(30))

    most = {
        method: max(max(row.low, row.high) for row in rows if row.method == method)
        for method in ("exact", "Wilson", "bootstrap", "z·stderr")
    }
    assert [row for row in rows if row.broken()] == []
    assert most["exact"] <= 0.025 + 1e-12 < 0.1 < most["Wilson"]
    assert min(most["bootstrap"], most["z·stderr"]) > 0.9


def test_a_method_that_misses_is_called_broken(coverage):
    row = coverage.Miss("family", "betting", 30, "cell", 0.05, 0.0, 0.1, 2000)

    assert row.broken()


def test_the_drawn_clusters_have_the_mean_and_correlation_that_they_are_named_for(coverage):
    for equal in (True, False):
        x, sizes = coverage.clustered(0.2, 0.3, equal)(np.random.default_rng(1), 400, 500)
        cell = next(
            cell for cell in coverage.cells() if cell.by_sample and cell.name == "p=0.2, icc=0.3"
        )
        assert x.mean() == pytest.approx(0.2, abs=0.003)
        if equal:  # variance of a mean of five: p(1 - p)(1 + 4 icc) / 5
            assert x.var() == pytest.approx(0.16 * (1 + 4 * 0.3) / 5, rel=0.02)
        else:
            assert (x * sizes).sum() / sizes.sum() == pytest.approx(cell.mean, abs=0.004)


def test_the_capital_at_one_mean_says_what_the_betting_interval_says():
    rng, n, seed = np.random.default_rng(4), 20, 11
    orders = permutations(n, seed)

    for _ in range(20):
        x, w, m = rng.beta(0.5, 1.5, n), rng.random(n), rng.uniform(0.02, 0.6)
        found = betting(x, 0.95, seed, w, 1)
        pairs = ((x, m), (1 - x, 1 - m))
        low, high = (log_capital_ratio(y[None], w[None], q, orders, 0.95)[0] for y, q in pairs)
        assert (low >= 0) == (found.low >= m)
        assert (high >= 0) == (found.high <= m)


@pytest.mark.parametrize(("parts", "expected"), [(1, 0.95), (2, 0.975), (5, 0.99)])
def test_an_error_is_shared_equally(parts, expected):
    assert share(0.95, parts) == pytest.approx(expected)


def test_an_error_shared_among_none_is_refused():
    with pytest.raises(ValueError):
        share(0.95, 0)
