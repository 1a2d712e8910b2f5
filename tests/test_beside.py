"""What other methods say of the same samples: shown under their own names, deciding nothing."""

import random

import pytest
from example_evidence import measured, metric, reading, row, solved
from example_people import graded, source
from scipy.stats import binomtest

from syscard.assess.beside import beside
from syscard.assess.correction import corrections
from syscard.records import StoppingRule


def other_methods(rows, which=None):
    """By name, of those rows."""
    (found,) = measured(reading(rows, metrics=[which or metric()])).measured
    return found.beside


def test_single_samples_have_wilson_and_the_bootstrap_over_the_dataset():
    found = other_methods(solved(20, 100))

    assert set(found) == {"Wilson", "bootstrap over the dataset"}
    expected = binomtest(20, 100).proportion_ci(0.95, method="wilson")
    assert found["Wilson"].interval.low == pytest.approx(expected.low)
    assert {estimate.value for estimate in found.values()} == {0.2}


def test_several_attempts_a_problem_have_both_bootstraps():
    rows = [
        row(f"s{n}", float(n % 2 == e % 2), cluster=f"s{n}", epoch=e)
        for n in range(20)
        for e in (1, 2)
    ]

    found = other_methods(rows)

    assert set(found) == {"bootstrap over attempts", "bootstrap over the dataset"}
    widths = {name: each.interval.high - each.interval.low for name, each in found.items()}
    assert widths["bootstrap over the dataset"] == 0 < widths["bootstrap over attempts"]


@pytest.mark.parametrize(
    ("rows", "which"),
    [
        ([], metric()),
        (solved(0, 0, unscored=5), metric()),
        (solved(3, 9), metric(denominator="eligible")),
    ],
)
def test_where_none_of_them_is_made_for_it_nothing_stands_beside(rows, which):
    assert other_methods(rows, which) == {}


def test_a_run_that_might_stop_has_nothing_beside_since_its_size_is_not_given():
    rule = StoppingRule(confidence=0.95, seed=1, bounds={"solved": (0.2,)})

    assert beside(reading(solved(3, 9), rule=rule), metric(), (), 0.95) == {}


def test_rows_in_any_order_give_the_same_digits():
    rows = [row(f"s{n}", n % 3 / 2, cluster=f"c{n % 7}") for n in range(40)]
    shuffled = random.Random(2).sample(rows, len(rows))

    assert other_methods(rows, metric(values="unit")) == other_methods(
        shuffled, metric(values="unit")
    )


@pytest.mark.parametrize(("danger", "bad"), [("high", 30), ("low", 70)])
def test_a_validated_rate_has_rogan_gladens_beside_it_in_its_own_direction(danger, bad):
    which = graded(danger)
    log = reading(solved(bad, 100), metrics=[which])
    corrected = corrections(log, which, [source()], None, 0.95)

    found = beside(log, which, corrected, 0.95)["Rogan-Gladen, Lang-Reiczigel: labelled"]

    value = (0.3 + 0.95 - 1) / 0.9
    assert found.value == pytest.approx(value if danger == "high" else 1 - value)
    assert found.interval.low < found.value < found.interval.high
