"""Intervals that a level is decided on: their coverage at each end, and what they refuse."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from syscard.assess.interval import betting, canonical, exact, mcnemar, more_samples, paired

RUNS = 300
MOST_MISSED = 0.025 + 3 * math.sqrt(0.025 * 0.975 / RUNS)  # three standard errors of simulation
Draw = Callable[[np.random.Generator, int], np.ndarray]

UNIT = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def two_point(p: float) -> Draw:
    return lambda rng, n: (rng.random(n) < p).astype(float)


def skewed(a: float, b: float) -> Draw:
    return lambda rng, n: rng.beta(a, b, n)


def clustered(a: float, b: float, size: int) -> Draw:
    return lambda rng, n: rng.binomial(size, rng.beta(a, b, n)) / size


POPULATIONS = [
    pytest.param(two_point(0.5), 0.5, id="even"),
    pytest.param(two_point(0.02), 0.02, id="near 0"),
    pytest.param(two_point(0.98), 0.98, id="near 1"),
    pytest.param(skewed(0.2, 1.8), 0.1, id="skewed"),
    pytest.param(skewed(9.0, 0.5), 9 / 9.5, id="skewed to 1"),
    pytest.param(clustered(0.3, 0.9, 5), 0.25, id="clusters of five"),
]


@pytest.mark.parametrize(
    ("bad", "n", "confidence"),
    [(0, 1, 0.95), (0, 50, 0.95), (50, 50, 0.95), (1, 1, 0.9), (3, 10, 0.95), (28, 30, 0.99)],
)
def test_the_exact_interval_is_scipys(bad, n, confidence):
    expected = binomtest(bad, n).proportion_ci(confidence, method="exact")

    found = exact(bad, n, confidence)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert found.confidence == confidence


def test_none_of_n_and_all_of_n_follow_the_closed_form():
    edge = 0.025 ** (1 / 50)

    none, every = exact(0, 50, 0.95), exact(50, 50, 0.95)

    assert (none.low, every.high) == (0, 1)
    assert none.high == pytest.approx(1 - edge)
    assert every.low == pytest.approx(edge)


@pytest.mark.parametrize("p", [0.0, 0.01, 0.05, 0.3, 0.5, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("n", [1, 10, 30, 300])
def test_neither_end_of_the_exact_interval_misses_more_than_half_the_error(n, p):
    chances = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]

    intervals = [exact(k, n, 0.95) for k in range(n + 1)]

    above = sum(c for c, i in zip(chances, intervals, strict=True) if i.low > p)
    below = sum(c for c, i in zip(chances, intervals, strict=True) if i.high < p)
    assert max(above, below) <= 0.025 + 1e-12


@pytest.mark.parametrize(
    ("bad", "n", "confidence"),
    [
        (0, 0, 0.95),
        (-1, 5, 0.95),
        (6, 5, 0.95),
        (1, 5, 1.0),
        (1, 5, 0.0),
        (1, 5, math.nan),
        (1.5, 3, 0.95),
        (1, 3.5, 0.95),
        (1, math.inf, 0.95),
    ],
)
def test_the_exact_interval_refuses_what_has_no_meaning(bad, n, confidence):
    with pytest.raises(ValueError):
        exact(bad, n, confidence)


@pytest.mark.parametrize("n", [10, 30, 100])
@pytest.mark.parametrize(("draw", "mean"), POPULATIONS)
def test_neither_end_of_the_betting_interval_misses_more_than_half_the_error(draw, mean, n):
    rng = np.random.default_rng(20250131 + n)

    found = [betting(draw(rng, n), 0.95, seed) for seed in range(RUNS)]

    assert np.mean([i.low > mean for i in found]) <= MOST_MISSED
    assert np.mean([i.high < mean for i in found]) <= MOST_MISSED


@pytest.mark.parametrize("n", [10, 30, 100])
@pytest.mark.parametrize(
    ("share", "eligible", "bad", "size"),
    [
        pytest.param(0.3, (0.9, 0.2), (0.8, 0.1), 4, id="the biased answer more"),
        pytest.param(0.3, (0.2, 0.9), (0.8, 0.1), 4, id="the biased answer less"),
        pytest.param(0.03, (1.0, 0.1), (1.0, 0.0), 10, id="few answer, all of them biased"),
    ],
)
def test_a_random_denominator_that_goes_with_the_outcome_keeps_the_coverage(
    share, eligible, bad, size, n
):
    rng = np.random.default_rng(7 + n)
    odds, rates = np.array([share, 1 - share]) * eligible, np.array(bad)
    mean = float(odds @ rates / odds.sum())
    found = []

    for seed in range(RUNS):
        kind = (rng.random(n) >= share).astype(int)
        counts = rng.binomial(size, np.array(eligible)[kind])
        hits = rng.binomial(counts, rates[kind])
        entered = counts > 0
        if entered.any():
            means, weights = hits[entered] / counts[entered], counts[entered]
            found.append(betting(means, 0.95, seed, weights=weights, largest=size))

    assert sum(i.low > mean for i in found) <= MOST_MISSED * RUNS
    assert sum(i.high < mean for i in found) <= MOST_MISSED * RUNS


def stake_won(values, weights, m, confidence, seed):
    """Waudby-Smith and Ramdas (2024), equation 26 and section 4, one step after the other."""
    orders, won = np.random.default_rng(seed), []
    for _ in range(20):
        capital, total, mass, squares, spread = 1.0, 0.5, 1.0, 0.25, 0.25
        for step, place in enumerate(orders.permutation(len(values)), start=1):
            x, w = values[place], weights[place]
            bet = math.sqrt(2 * math.log(2 / (1 - confidence)) / (len(values) * spread))
            capital *= 1 + min(bet, 0.75 / m) * w * (x - m)
            total, mass = total + w * x, mass + w
            squares += (w * (x - total / mass)) ** 2
            spread = squares / (step + 1)
        won.append(capital)
    return math.fsum(won) / len(won)


@pytest.mark.parametrize("weights", [np.ones(25), np.arange(1, 26) / 25])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_each_end_is_where_betting_has_multiplied_the_stake_by_two_over_alpha(confidence, weights):
    values = np.random.default_rng(3).beta(2, 3, 25)

    found = betting(values, confidence, 11, weights=weights, largest=1)

    won = [
        stake_won(values, weights, found.low, confidence, 11),
        stake_won(1 - values, weights, 1 - found.high, confidence, 11),
    ]
    assert won == pytest.approx([2 / (1 - confidence)] * 2, rel=1e-6)


@pytest.mark.parametrize("p", [0.05, 0.5, 0.95])
def test_the_betting_interval_is_of_use_and_not_only_valid(p):
    values = np.arange(200) < 200 * p

    found, best = betting(values, 0.95, 1), exact(round(200 * p), 200, 0.95)

    assert found.high - found.low < 1.5 * (best.high - best.low)


@pytest.mark.parametrize("hits", [0, 50])
def test_fifty_alike_are_no_certainty(hits):
    values = [float(hits > 0)] * 50

    found = betting(values, 0.95, 1)

    assert found.low <= values[0] <= found.high
    assert 0.03 < found.high - found.low < 0.15


def test_one_value_tells_next_to_nothing():
    found = betting([1.0], 0.95, 1)

    assert (found.low, found.high) == (0, 1)


@settings(deadline=None, max_examples=60)
@given(UNIT, st.integers(0, 2**64 - 1))
def test_the_interval_holds_its_own_mean_and_stays_within_bounds(values, seed):
    found = betting(values, 0.95, seed)

    assert 0 <= found.low <= np.mean(values) + 1e-9
    assert np.mean(values) - 1e-9 <= found.high <= 1


@settings(deadline=None, max_examples=60)
@given(UNIT, st.floats(0.5, 0.98), st.floats(0.001, 0.019))
def test_more_confidence_never_narrows_the_interval(values, confidence, step):
    narrow = betting(values, confidence, 1)

    wide = betting(values, confidence + step, 1)

    assert wide.low <= narrow.low + 1e-9
    assert wide.high >= narrow.high - 1e-9


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.randoms())
def test_in_canonical_order_the_given_order_changes_no_digit(values, random):
    samples = [(f"s{place}", value) for place, value in enumerate(values)]
    shuffled = random.sample(samples, len(samples))

    found = [
        betting([given[place][1] for place in canonical([n for n, _ in given], "set")], 0.95, 1)
        for given in (samples, shuffled)
    ]

    assert found[0] == found[1]


def test_another_set_draws_another_order():
    ids = [f"s{place}" for place in range(20)]

    orders = [canonical(ids, salt) for salt in ("one", "another")]

    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(20))


def test_equal_weights_are_no_weights():
    values = np.linspace(0, 1, 30)

    found = betting(values, 0.95, 1, weights=np.full(30, 7))

    assert found == betting(values, 0.95, 1)


def test_a_heavier_cluster_pulls_the_interval_its_way():
    values, ones = [1.0] * 10 + [0.0] * 30, [1] * 40

    light = betting(values, 0.95, 1, weights=ones, largest=4)
    heavy = betting(values, 0.95, 1, weights=[4] * 10 + [1] * 30, largest=4)

    assert heavy.low > light.low
    assert heavy.high > light.high


@pytest.mark.parametrize(
    ("values", "options"),
    [
        pytest.param([], {}, id="empty"),
        pytest.param([0.5, math.nan], {}, id="not a number"),
        pytest.param([1.0000001], {}, id="above 1"),
        pytest.param([-0.1], {}, id="below 0"),
        pytest.param([0.5, 0.5], {"weights": [1, -1]}, id="negative weight"),
        pytest.param([0.5, 0.5], {"weights": [0, 0]}, id="no positive weight"),
        pytest.param([0.5, 0.5], {"weights": [1, math.nan]}, id="weight not a number"),
        pytest.param([0.5, 0.5], {"weights": [1, math.inf]}, id="endless weight"),
        pytest.param([0.5], {"weights": [1], "largest": math.inf}, id="endless by design"),
        pytest.param([0.5, 0.5], {"weights": [1]}, id="a weight too few"),
        pytest.param([0.5, 0.5], {"weights": [1, 3], "largest": 2}, id="above the largest"),
        pytest.param([0.5], {"confidence": 1.0}, id="certainty"),
    ],
)
def test_the_betting_interval_refuses_what_has_no_meaning(values, options):
    with pytest.raises(ValueError):
        betting(values, seed=1, **{"confidence": 0.95, **options})


@pytest.mark.parametrize(
    ("differences", "sign"),
    [([1.0] * 30, 1), ([0.4] * 40, 1), ([-0.4] * 40, -1), ([0.0] * 40, 0), ([1, -1] * 20, 0)],
)
def test_a_paired_interval_has_the_sign_of_the_change(differences, sign):
    found = paired(differences, 0.95, 1)

    assert -1 <= found.low <= found.high <= 1
    assert (found.low > 0) - (found.high < 0) == sign


def test_swapping_the_sides_mirrors_the_paired_interval():
    differences = np.linspace(-0.5, 1, 25)

    there, back = paired(differences, 0.95, 1), paired(-differences, 0.95, 1)

    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


def test_a_difference_beyond_1_is_refused():
    with pytest.raises(ValueError):
        paired([0.5, 1.5], 0.95, 1)


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [
        (0, 0, 1.0),
        (5, 0, 2 / 2**5),
        (8, 2, 2 * (1 + 10 + 45) / 2**10),
        (3, 3, 1.0),
        (1, 12, binomtest(1, 13).pvalue),
    ],
)
def test_mcnemar_is_the_exact_two_sided_test(gained, lost, p):
    assert mcnemar(gained, lost) == pytest.approx(p)
    assert mcnemar(lost, gained) == pytest.approx(p)


@pytest.mark.parametrize(
    ("value", "n", "threshold"), [(0.1, 20, 0.2), (0.3, 40, 0.2), (0.0, 5, 0.5), (1.0, 3, 0.9)]
)
def test_so_many_more_samples_at_this_rate_would_settle_it(value, n, threshold):
    now = exact(round(value * n), n, 0.95)

    more = more_samples(value, n, threshold, 0.95)

    then = exact(round(value * (n + more)), n + more, 0.95)
    assert now.low <= threshold <= now.high
    assert then.low > threshold or then.high < threshold


def test_the_nearer_the_threshold_the_more_samples_are_needed():
    needed = [more_samples(value, 50, 0.5, 0.95) for value in (0.3, 0.4, 0.45, 0.49)]

    assert needed == sorted(needed)
    assert more_samples(0.5, 50, 0.5, 0.95) is None
