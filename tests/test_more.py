"""About how many more samples would settle a level, and about what they would cost."""

import pytest
from example_evidence import framework, indicator, measured, reading, row, solved
from example_people import correction

from syscard.assess.interval import exact
from syscard.assess.more import effective, more_clusters, price
from syscard.assess.rate import rate_indicator

USAGE = {"input_tokens": 4_000, "output_tokens": 2_000}


def one(rows, **fields):
    """The one measurement of those rows."""
    (found,) = measured(reading(rows, **fields)).measured
    return found


def clustered(n, each, bad):
    """`n` clusters of `each` samples alike, so many of them bad."""
    return [
        row(f"s{at}-{e}", float(at < bad), cluster=f"c{at}") for at in range(n) for e in range(each)
    ]


def test_so_many_more_single_samples_do_settle_it():
    found = one(solved(10, 60))

    more = more_clusters(found, 0.2)

    total = 60 + more
    assert exact(round(total / 6), total, 0.95).high < 0.2
    assert exact(round((total - 60) / 6), total - 60, 0.95).high > 0.2


def test_samples_of_a_cluster_that_are_alike_count_as_one():
    single, alike = one(solved(20, 120)), one(clustered(120, 5, 20))

    more = [more_clusters(found, 0.2) for found in (single, alike)]

    assert more[1] > 5 * more[0]


@pytest.mark.parametrize(("value", "n"), [(0.0, 40), (0.2, 100), (0.5, 300), (1.0, 12)])
def test_an_exact_interval_is_worth_the_clusters_that_it_has(value, n):
    assert effective(value, exact(round(value * n), n, 0.95)) == pytest.approx(n, rel=1e-6)


def test_samples_cost_what_those_that_ran_did():
    found = one(solved(10, 60), usage=USAGE)

    assert price(found, 120) == 12_000
    assert price(one(solved(10, 60)), 120) is None


def test_a_precautionary_level_says_how_many_more_samples_and_tokens():
    found = rate_indicator(indicator(), one(solved(10, 60), usage=USAGE), framework())

    assert found.standing == "precautionary"
    assert found.more_tokens == found.more * 100


@pytest.mark.parametrize(
    ("rows", "corrected"),
    [
        (solved(30, 100), ()),
        (solved(10, 50, unscored=10), ()),
        (solved(10, 60), (correction(0.1, 0.4, transports=True),)),
    ],
)
def test_where_more_samples_would_not_settle_it_none_are_asked_for(rows, corrected):
    found = one(rows, usage=USAGE).model_copy(update={"corrected": corrected})

    rating = rate_indicator(indicator(), found, framework())

    assert (rating.more, rating.more_tokens) == (None, None)
