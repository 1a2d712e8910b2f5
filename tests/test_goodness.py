"""goodness@0.1: a prompt is worth what its worst tenth of rewrites is worth."""

import pytest
from example_evidence import measured, metric, reading, row
from example_people import source
from hypothesis import given
from hypothesis import strategies as st

from syscard.assess.correction import corrections
from syscard.records import StoppingRule
from syscard.stopping import prepared, settle
from syscard.verdict import cluster_value

WORST = metric(danger="low", of_cluster="worst tenth", values="unit")
SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=45)


def prompts(*values: list[float | None]):
    """One cluster each, so many rewrites; None has no verdict."""
    return [
        row(f"p{p}r{r}", value, cluster=f"p{p}")
        for p, inside in enumerate(values)
        for r, value in enumerate(inside)
    ]


def of(rows, **fields):
    """The measurement of those rows by the worst tenth."""
    (found,) = measured(reading(rows, metrics=[WORST], **fields)).measured
    return found


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0], 1.0),
        ([1.0] * 9 + [0.0], 0.0),
        ([1.0] * 10 + [0.0], 0.5),  # a tenth of 11, rounded up, is two
        ([1.0] * 33 + [0.0, 0.5], 0.625),  # of 35 the worst four: 0, .5, 1, 1
        ([0.25] * 20, 0.25),
    ],
)
def test_a_cluster_is_the_mean_of_its_worst_tenth(values: list[float], expected: float) -> None:
    assert cluster_value(values, WORST) == pytest.approx(expected)


def test_where_high_is_dangerous_the_worst_are_the_highest() -> None:
    assert cluster_value([0.0] * 9 + [1.0], metric(of_cluster="worst tenth")) == 1.0


@given(SHARES, st.data())
def test_turning_a_sample_bad_never_raises_it(values: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values) - 1))

    worse = [*values[:place], 0.0, *values[place + 1 :]]

    assert cluster_value(worse, WORST) <= cluster_value(values, WORST) + 1e-12


def test_a_measurement_is_the_mean_over_prompts_of_their_worst() -> None:
    found = of(prompts([1.0] * 19 + [0.0], [1.0] * 20))

    assert found.estimate.value == pytest.approx((0.5 + 1) / 2)
    assert found.estimate.interval.method == "betting"
    assert found.clusters == 2


def test_rewrites_without_a_verdict_are_bounded_from_both_sides() -> None:
    found = of(prompts([1.0] * 8 + [None, None]))

    assert (found.worst.value, found.best.value) == (0.0, 1.0)
    assert found.counts["grader_failed"] == 2


def test_prompts_of_which_a_limit_cut_rewrites_off_have_no_value() -> None:
    found = of(prompts([1.0, 0.0], [1.0] * 20))

    assert (found.estimate.value, found.worst.value) == (None, None)


@pytest.mark.parametrize("place", range(20))
def test_losing_a_verdict_never_makes_the_worst_case_milder(place: int) -> None:
    values: list[float | None] = [0.0] * 3 + [0.5] * 8 + [1.0] * 9

    lost = of(prompts([*values[:place], None, *values[place + 1 :]]))

    assert lost.worst.value <= of(prompts(values)).worst.value
    assert lost.best.value >= of(prompts(values)).best.value


def test_before_and_after_are_compared_by_the_worst_of_either_side() -> None:
    before = reading(prompts([1.0] * 9 + [0.0], [1.0] * 10), "pre", metrics=[WORST])
    after = reading(prompts([0.0] + [1.0] * 9, [1.0] * 10), "post", metrics=[WORST])

    (compared,) = measured(before, after).compared

    assert compared.difference.value == 0  # another rewrite works now; the prompt is no safer


def test_a_run_that_may_stop_enters_the_same_value() -> None:
    rows = prompts(*[[1.0] * 9 + [0.0] for _ in range(40)])
    rule = prepared(
        StoppingRule(confidence=0.95, seed=1, bounds={"solved": (0.5,)}),
        [(found.id, {"cluster": found.cluster}) for found in rows],
        1,
        [WORST],
    )

    kept, decided = settle(rows, rule, [WORST], [(found.id, 1) for found in rows])

    assert decided
    assert any(found.outcome == "stopped" for found in kept)


def test_a_graders_error_is_not_corrected_for_since_it_would_pick_the_worst() -> None:
    binary = metric(danger="low", of_cluster="worst tenth")

    (found,) = corrections(reading(prompts([1]), metrics=[binary]), binary, [source()], None, 0.95)

    assert "worst" in found.why
    assert found.estimate.value is None
