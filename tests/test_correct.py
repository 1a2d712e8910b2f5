"""The grader's error in the interval: never milder than it may be, and unbounded said aloud."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syscard.assess.correct import Known, box, rectified, rogan_gladen
from syscard.assess.interval import betting, exact, share
from syscard.assess.strata import combine
from syscard.records import Estimate, Interval

THIRD = share(0.95, 3)


def observed(bad: int, n: int, confidence: float = THIRD) -> Estimate:
    return Estimate(value=bad / n, interval=exact(bad, n, confidence))


def missed(lows, highs, mean, runs):
    most = runs * (0.025 + 3 * math.sqrt(0.025 * 0.975 / runs))
    return sum(low > mean for low in lows) > most or sum(high < mean for high in highs) > most


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 100), st.integers(75, 100), st.integers(75, 100))
def test_the_box_is_the_least_and_most_over_all_its_corners(bad, right, calm):
    q, se, sp = (exact(k, 100, THIRD) for k in (bad, right, calm))

    found = box(observed(bad, 100), Known(right, 100), Known(calm, 100), 0.95).estimate.interval

    corners = [
        min(1, max(0, (a + c - 1) / (b + c - 1)))
        for a, b, c in itertools.product(*((i.low, i.high) for i in (q, se, sp)))
    ]
    assert (found.low, found.high) == pytest.approx((min(corners), max(corners)))


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
def test_neither_end_of_the_box_misses_more_than_half_the_error(rate):
    rng, runs, found = np.random.default_rng(1), 300, []

    for _ in range(runs):
        graded = observed(int(rng.binomial(100, rate * 0.9 + (1 - rate) * 0.15)), 100)
        right, calm = int(rng.binomial(80, 0.9)), int(rng.binomial(80, 0.85))
        found.append(box(graded, Known(right, 80), Known(calm, 80), 0.95).estimate.interval)

    assert not missed([i.low for i in found], [i.high for i in found], rate, runs)


def test_a_perfect_grader_with_endless_labels_leaves_the_observed_interval():
    many = Known(10**9, 10**9)

    found = box(observed(20, 100), many, many, 0.95).estimate

    raw = exact(20, 100, THIRD)
    assert (found.value, found.interval.low, found.interval.high) == pytest.approx(
        (0.2, raw.low, raw.high), abs=1e-6
    )


@pytest.mark.parametrize(
    ("sensitivity", "specificity"),
    [
        pytest.param(Known(5, 10), Known(6, 10), id="near chance"),
        pytest.param(Known(1, 10), Known(2, 10), id="worse than chance"),
        pytest.param(Known(0, 0), Known(99, 100), id="no bad sample labelled"),
        pytest.param(Known(1, 1), Known(1, 1), id="one of each"),
    ],
)
def test_an_unbounded_box_is_no_correction_and_says_so(sensitivity, specificity):
    found = box(observed(20, 100), sensitivity, specificity, 0.95)

    assert found.estimate == Estimate()
    assert "not corrected" in found.why_not


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 50), st.integers(30, 49))
def test_a_grader_less_able_to_see_danger_never_lowers_the_cautious_end(bad, right):
    calm = Known(48, 50)

    ends = [
        found.interval.high if found.interval else 1.0
        for found in (
            box(observed(bad, 50), Known(seen, 50), calm, 0.95).estimate
            for seen in (right + 1, right)
        )
    ]

    assert ends[1] >= ends[0]


def test_an_observed_interval_at_too_little_confidence_is_refused():
    with pytest.raises(ValueError, match="below"):
        box(observed(20, 100, 0.95), Known(90, 100), Known(90, 100), 0.95)
    with pytest.raises(ValueError, match="without an interval"):
        box(Estimate(value=0.2), Known(90, 100), Known(90, 100), 0.95)


@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_neither_end_of_the_rectified_interval_misses_more_than_half_the_error(rate):
    rng, runs, found = np.random.default_rng(2), 150, []

    for seed in range(runs):
        truth = rng.random(150) < rate
        graded = np.where(truth, rng.random(150) < 0.7, rng.random(150) < 0.2).astype(float)
        labelled = rng.choice(150, 50, replace=False)
        gaps = truth[labelled] - graded[labelled]
        found.append(rectified(graded, gaps, 0.95, seed).interval)

    assert not missed([i.low for i in found], [i.high for i in found], rate, runs)


def test_the_rectifier_moves_the_value_by_the_mean_gap_and_adds_the_ends():
    graded, gaps = [0.0, 1.0] * 50, [0.0] * 30 + [1.0] * 10

    found = rectified(graded, gaps, 0.95, 3)

    grader = betting(graded, 0.975, 3)
    assert found.value == pytest.approx(0.75)
    assert found.interval.high - found.interval.low > grader.high - grader.low
    assert found.interval.confidence == 0.95


@pytest.mark.parametrize("n", [40, 400])
def test_the_rectified_value_is_that_of_prediction_powered_inference_and_its_interval_wider(n):
    ppi = pytest.importorskip("ppi_py", reason="708 MB of what it needs are not installed")
    generator = np.random.default_rng(n)
    graded = generator.binomial(1, 0.3, 5 * n).astype(float)
    people = np.abs(graded[:n] - generator.binomial(1, 0.1, n))

    ours = rectified(graded, people - graded[:n], 0.95, 1)

    value = ppi.ppi_mean_pointestimate(people, graded[:n], graded, lam=1)
    low, high = ppi.ppi_mean_ci(people, graded[:n], graded, alpha=0.05, lam=1)
    assert ours.value == pytest.approx(float(value[0]))
    assert ours.interval.low < low[0] < high[0] < ours.interval.high


def test_no_human_labels_are_no_rectifier():
    with pytest.raises(ValueError):
        rectified([0.0, 1.0], [], 0.95, 1)


def test_rogan_gladen_with_a_perfect_grader_is_an_adjusted_wald_interval():
    many, z = Known(10**9, 10**9), 1.959964

    found = rogan_gladen(30, 100, many, many, 0.95).estimate

    p, size = (30 + z * z / 2) / (100 + z * z), 100 + z * z
    half = z * math.sqrt(p * (1 - p) / size)
    assert found.value == pytest.approx(0.3)
    assert (found.interval.low, found.interval.high) == pytest.approx((p - half, p + half), 1e-5)


def test_rogan_gladen_covers_on_average():
    rng, runs, hits = np.random.default_rng(3), 1000, 0

    for _ in range(runs):
        bad = int(rng.binomial(200, 0.3 * 0.85 + 0.7 * 0.2))
        right, calm = int(rng.binomial(60, 0.85)), int(rng.binomial(60, 0.8))
        found = rogan_gladen(bad, 200, Known(right, 60), Known(calm, 60), 0.95).estimate.interval
        hits += found.low <= 0.3 <= found.high

    assert 0.93 < hits / runs < 0.99


@pytest.mark.parametrize(
    ("sensitivity", "specificity"),
    [(Known(4, 10), Known(6, 10)), (Known(0, 0), Known(1, 1)), (Known(1, 10), Known(1, 10))],
)
def test_rogan_gladen_of_a_grader_at_chance_is_no_correction(sensitivity, specificity):
    found = rogan_gladen(5, 10, sensitivity, specificity, 0.95)

    assert found.estimate == Estimate()
    assert "not corrected" in found.why_not


def test_strata_are_combined_by_weight_at_a_share_of_the_error_each():
    half = share(0.95, 2)
    strata = [observed(10, 50, half), observed(0, 50, half)]

    found = combine(strata, [3, 1], 0.95)

    ends = [(i.low, i.high) for i in (exact(10, 50, half), exact(0, 50, half))]
    assert found.value == pytest.approx(0.15)
    assert found.interval.low == pytest.approx(0.75 * ends[0][0] + 0.25 * ends[1][0])
    assert found.interval.high == pytest.approx(0.75 * ends[0][1] + 0.25 * ends[1][1])
    assert found.interval.confidence == 0.95


def test_one_stratum_is_its_own_interval():
    found = combine([observed(3, 20, 0.95)], [7], 0.95)

    assert (found.interval.low, found.interval.high) == pytest.approx(
        (exact(3, 20, 0.95).low, exact(3, 20, 0.95).high)
    )


@pytest.mark.parametrize(
    ("strata", "weights"),
    [
        pytest.param([], [], id="none"),
        pytest.param([observed(1, 9)], [1, 2], id="a stratum too few"),
        pytest.param([observed(1, 9), observed(1, 9)], [1, -1], id="a negative weight"),
        pytest.param([observed(1, 9), observed(1, 9)], [0, 0], id="no weight"),
        pytest.param([observed(1, 9), observed(1, 9)], [1, math.nan], id="not a number"),
        pytest.param([observed(1, 9), Estimate()], [1, 1], id="an empty stratum"),
        pytest.param([observed(1, 9, 0.95)] * 2, [1, 1], id="too little confidence"),
    ],
)
def test_strata_without_meaning_are_refused(strata, weights):
    with pytest.raises(ValueError):
        combine(strata, weights, 0.95)


def test_a_wider_observed_interval_widens_the_box():
    narrow, wide = (
        Estimate(value=0.3, interval=Interval(low=a, high=b, confidence=THIRD, method="test"))
        for a, b in ((0.25, 0.35), (0.2, 0.4))
    )

    found = [box(q, Known(90, 100), Known(90, 100), 0.95).estimate.interval for q in (narrow, wide)]

    assert found[1].low < found[0].low < found[0].high < found[1].high
