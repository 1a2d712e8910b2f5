"""A family's own number is weighted as the plan says, and says so."""

import dataclasses

import pytest
from example_evidence import measured, metric, reading, row

from syscard.assess.family import estimate_family
from syscard.errors import EvidenceError

METRIC = metric(danger="low")


def rows(**groups: tuple[int, int]):
    """So many good of so many, in each group."""
    return [
        row(f"{name}{place}", float(place < good), group=name)
        for name, (good, n) in groups.items()
        for place in range(n)
    ]


def by_groups(found, side="post", **fields):
    return dataclasses.replace(reading(found, side, metrics=[METRIC], **fields), weighting="groups")


def test_by_prompts_a_large_group_counts_more_and_by_groups_it_does_not() -> None:
    found = rows(large=(90, 100), small=(1, 10))

    prompts = estimate_family(reading(found, metrics=[METRIC]), METRIC, None, 0.95)
    groups = estimate_family(by_groups(found), METRIC, None, 0.95)

    assert prompts.value == pytest.approx(91 / 110)
    assert groups.value == pytest.approx((0.9 + 0.1) / 2)
    assert groups.interval.method == "strata"


def test_the_published_overall_is_the_mean_of_its_ten_rows() -> None:
    shares = [25, 23, 25, 23, 23, 12, 14, 25, 25, 25]  # of 25: T17, o3-mini

    found = estimate_family(
        by_groups(rows(**{f"kind{n}": (good, 25) for n, good in enumerate(shares)})),
        METRIC, None, 0.95,
    )  # fmt: skip

    assert found.value == pytest.approx(0.88)


def test_groups_hold_together_so_each_is_asked_for_more_confidence() -> None:
    found = rows(a=(10, 20), b=(10, 20))

    prompts = estimate_family(reading(found, metrics=[METRIC]), METRIC, None, 0.95)
    groups = estimate_family(by_groups(found), METRIC, None, 0.95)

    assert groups.interval.low < prompts.interval.low < prompts.interval.high
    assert prompts.interval.high < groups.interval.high


def test_a_group_without_a_verdict_leaves_no_value_and_a_worst_case() -> None:
    found = [*rows(a=(10, 20)), row("x", group="b")]

    (measurement,) = measured(by_groups(found)).measured

    assert measurement.weighting == "groups"
    assert measurement.estimate.value is None
    assert measurement.worst.value == pytest.approx((0.5 + 0) / 2)
    assert measurement.best.value == pytest.approx((0.5 + 1) / 2)


@pytest.mark.parametrize("group", [None, "b"])
def test_clusters_that_lie_in_no_one_group_are_refused(group) -> None:
    found = [row("x", 1.0, cluster="c", group="a"), row("y", 1.0, cluster="c", group=group)]

    with pytest.raises(EvidenceError, match="weighting: prompts"):
        estimate_family(by_groups(found), METRIC, None, 0.95)


def test_before_and_after_are_weighted_alike() -> None:
    before = by_groups(rows(large=(50, 100), small=(0, 10)), "pre")
    after = by_groups(rows(large=(50, 100), small=(10, 10)), "post")

    (compared,) = measured(before, after).compared

    assert compared.paired
    assert compared.difference.value == pytest.approx(0.5)
