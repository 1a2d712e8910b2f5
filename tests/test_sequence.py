"""A sequence of intervals that may be looked at after every cluster, and what it decides."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syscard.assess.interval import betting
from syscard.sequence import ConfidenceSequence, decided, log_capitals, sequence

RUNS = 2000
MOST_MISSED = 0.025 + 3 * math.sqrt(0.025 * 0.975 / RUNS)  # three standard errors of simulation


@pytest.mark.parametrize(
    ("draw", "mean"),
    [
        pytest.param(lambda rng, size: rng.random(size) < 0.02, 0.02, id="near 0"),
        pytest.param(lambda rng, size: rng.random(size) < 0.5, 0.5, id="even"),
        pytest.param(lambda rng, size: rng.random(size) < 0.98, 0.98, id="near 1"),
        pytest.param(lambda rng, size: rng.beta(0.2, 1.8, size), 0.1, id="skewed"),
        pytest.param(lambda rng, size: np.full(size, 0.3), 0.3, id="all alike"),
        pytest.param(
            lambda rng, size: rng.binomial(5, rng.beta(0.3, 0.9, size)) / 5, 0.25, id="clusters"
        ),
    ],
)
def test_looked_at_after_every_cluster_neither_end_misses_more_than_half_the_error(draw, mean):
    x = np.asarray(draw(np.random.default_rng(42), (RUNS, 300)), dtype=float)

    low = (log_capitals(x, mean, 0.95) >= 0).any(axis=1)
    high = (log_capitals(1 - x, 1 - mean, 0.95) >= 0).any(axis=1)

    assert low.mean() <= MOST_MISSED
    assert high.mean() <= MOST_MISSED


def test_a_random_denominator_that_goes_with_the_outcome_keeps_the_coverage():
    rng = np.random.default_rng(5)
    share, eligible, rates = np.array([0.3, 0.7]), np.array([0.9, 0.2]), np.array([0.8, 0.1])
    mean = float(share * eligible @ rates / (share @ eligible))
    runs, missed = 100, np.zeros(2)

    for _ in range(runs):
        kind = (rng.random(40) > share[0]).astype(int)
        counts = rng.binomial(4, eligible[kind])
        means = rng.binomial(counts, rates[kind]) / np.maximum(counts, 1)
        low, high = sequence(means, 0.95, counts / 4)
        missed += low[-1] > mean, high[-1] < mean

    assert (missed <= runs * (0.025 + 3 * math.sqrt(0.025 * 0.975 / runs))).all()


def won(values, m, confidence):
    """The most that the stake has been, one step after the other, as the paper writes it."""
    stake, best, mean, variance, squares = 1.0, 1.0, 0.5, 0.25, 0.0
    constant = dict.fromkeys([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9], 1.0)
    for t, x in enumerate(values, 1):
        bet = math.sqrt(2 * math.log(2 / (1 - confidence)) / (variance * t * math.log(t + 1)))
        stake *= 1 + min(bet, 0.75 / m) * (x - m)
        constant = {part: had * (1 + part / m * (x - m)) for part, had in constant.items()}
        best = max(best, stake / 2 + sum(constant.values()) / 16)
        mean = (0.5 + sum(values[:t])) / (t + 1)
        squares += (x - mean) ** 2
        variance = (0.25 + squares) / (t + 1)
    return best


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_each_end_is_where_the_stake_has_once_been_two_over_alpha(confidence):
    values = np.random.default_rng(3).beta(2, 3, 60)

    low, high = sequence(values, confidence)

    stakes = [won(values, low[-1], confidence), won(1 - values, 1 - high[-1], confidence)]
    assert stakes == pytest.approx([2 / (1 - confidence)] * 2, rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_the_capital_at_one_mean_says_what_the_sequence_says(values, m):
    low, high = sequence(values, 0.95)

    above = np.maximum.accumulate(log_capitals(values, m, 0.95)) >= 0
    below = np.maximum.accumulate(log_capitals(1 - np.array(values), 1 - m, 0.95)) >= 0

    assert (above == (low >= m))[abs(low - m) > 1e-9].all()
    assert (below == (high <= m))[abs(high - m) > 1e-9].all()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_an_end_never_moves_back(values):
    low, high = sequence(values, 0.95)

    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) <= 0).all()
    assert 0 <= low[0] <= high[0] <= 1


def test_the_mirror_of_the_values_mirrors_the_sequence():
    values = np.random.default_rng(4).beta(1, 6, 80)

    low, high = sequence(values, 0.95)
    there, back = sequence(1 - values, 0.95)

    assert there == pytest.approx(1 - high)
    assert back == pytest.approx(1 - low)


def test_what_is_to_come_changes_nothing_so_that_killed_and_resumed_decides_the_same():
    values = (np.random.default_rng(6).random(150) < 0.2).astype(float)
    resumed = ConfidenceSequence(0.95)

    ends = [resumed.add(value) for value in values[:90]]

    assert [list(pair) for pair in ends] == np.stack(sequence(values, 0.95), 1)[:90].tolist()


def test_what_drifts_along_the_order_ends_empty_and_decides_nothing():
    low, high = sequence([0.0] * 60 + [1.0] * 200, 0.95)

    assert low[-1] > high[-1]
    assert not decided(low[-1], high[-1], [0.001, 0.999])


def test_a_weight_of_nothing_changes_nothing_and_equal_weights_are_no_weights():
    values = np.random.default_rng(8).beta(1, 2, 40)

    plain = sequence(values, 0.95)
    padded = sequence([*values, 1.0, 0.0], 0.95, [1] * 40 + [0, 0])

    assert padded[0][-1] == plain[0][-1]
    assert padded[1][-1] == plain[1][-1]


@pytest.mark.parametrize("p", [0.05, 0.3])
def test_to_be_looked_at_always_costs_less_than_twice_the_width(p):
    values = (np.random.default_rng(9).random(300) < p).astype(float)

    low, high = sequence(values, 0.95)

    once = betting(values, 0.95, 1)
    assert high[-1] - low[-1] < 2 * (once.high - once.low)


def test_a_rate_far_below_a_threshold_is_decided_early():
    values = (np.random.default_rng(10).random(200) < 0.05).astype(float)

    low, high = sequence(values, 0.95)

    first = next(n for n in range(200) if decided(low[n], high[n], [0.2, 0.5]))
    assert first < 120


@pytest.mark.parametrize(
    ("low", "high", "bounds", "answer"),
    [
        (0.0, 0.1, [0.2, 0.5], True),
        (0.25, 0.4, [0.5, 0.2], True),
        (0.6, 1.0, [0.2, 0.5], True),
        (0.1, 0.3, [0.2, 0.5], False),
        (0.1, 0.9, [0.2, 0.5], False),
        pytest.param(0.1, 0.2, [0.2], False, id="touches from below"),
        pytest.param(0.2, 0.3, [0.2], False, id="touches from above"),
        pytest.param(0.4, 0.3, [0.2], False, id="empty"),
        pytest.param(0.0, 0.0, [], False, id="no question"),
        pytest.param(math.nan, math.nan, [0.2], False, id="not a number"),
    ],
)
def test_decided_is_wholly_between_two_neighbouring_bounds(low, high, bounds, answer):
    assert decided(low, high, bounds) is answer


@pytest.mark.parametrize(
    ("value", "weight"), [(1.1, 1), (-0.1, 1), (math.nan, 1), (0.5, 1.5), (0.5, -1)]
)
def test_a_value_or_weight_without_meaning_is_refused_and_changes_nothing(value, weight):
    running = ConfidenceSequence(0.95)
    running.add(0.5)

    with pytest.raises(ValueError):
        running.add(value, weight)

    assert running.add(0.2) == tuple(ends[-1] for ends in sequence([0.5, 0.2], 0.95))


@pytest.mark.parametrize("confidence", [0.0, 1.0, math.nan])
def test_certainty_is_refused(confidence):
    with pytest.raises(ValueError):
        ConfidenceSequence(confidence)
