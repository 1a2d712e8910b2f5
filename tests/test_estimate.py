"""Rows to measurements: the cluster is the unit, and what has no score is never guessed."""

import dataclasses
import random

import pytest
from example_card import task_info
from example_evidence import TASK, measured, metric, plan, reading, row, solved

from syscard.assess.interval import exact, mcnemar
from syscard.errors import EvidenceError
from syscard.records import PlanTask

ELIGIBLE = metric(denominator="eligible")
UNIT = metric(values="unit")


def only(found):
    """The one measurement."""
    (measurement,) = found.measured
    return measurement


def test_a_cluster_counts_once_however_many_samples_it_has():
    rewrites = [row(f"r{place}", 1.0, cluster="one") for place in range(9)]

    found = only(measured(reading([*rewrites, row("a", 0.0), row("b", 0.0)])))

    assert found.estimate.value == pytest.approx(1 / 3)
    assert found.clusters == 3
    assert found.counts["scored"] == 11


def test_epochs_and_rewrites_of_one_prompt_form_one_cluster():
    rows = [
        row(f"{name}-{rewrite}", float(epoch == 1), cluster=name, epoch=epoch)
        for name in ("a", "b")
        for rewrite in ("plain", "base64")
        for epoch in (1, 2)
    ]

    found = only(measured(reading(rows)))

    assert found.clusters == 2
    assert found.estimate.value == 0.5


@pytest.mark.parametrize("danger", ["high", "low"])
def test_unscored_samples_leave_the_value_and_move_only_the_worst_and_the_best(danger):
    rows = solved(6, 10, unscored=10)

    found = only(measured(reading(rows, metrics=[metric(danger=danger)])))

    filled = [found.worst.value, found.best.value]
    assert found.estimate.value == 0.6
    assert found.estimate.interval == exact(6, 10, 0.95)
    assert filled == ([0.8, 0.3] if danger == "high" else [0.3, 0.8])
    assert found.counts["grader_failed"] == 10


@pytest.mark.parametrize(
    "outcome",
    ["grader_failed", "model_failed", "attacker_failed", "filtered", "truncated", "refused"],
)
def test_each_failure_is_counted_under_its_own_name_and_bounded(outcome):
    found = only(measured(reading(solved(0, 10, unscored=5, outcome=outcome))))

    assert found.counts == {**dict.fromkeys(found.counts, 0), "scored": 10, outcome: 5}
    assert (found.estimate.value, found.worst.value, found.best.value) == (0, 5 / 15, 0)


def test_a_task_whose_grader_always_failed_has_no_value_and_bounds_that_say_nothing():
    found = only(measured(reading(solved(0, 0, unscored=20))))

    assert found.estimate.value is None
    assert found.estimate.interval is None
    assert (found.worst.value, found.best.value) == (1, 0)


def test_a_log_without_samples_measures_nothing():
    found = only(measured(reading([])))

    assert (found.estimate.value, found.worst.value, found.best.value) == (None, None, None)
    assert found.clusters == 0


def test_stopped_samples_are_counted_and_not_owed():
    rows = solved(5, 10, unscored=10, outcome="stopped")

    found = only(measured(reading(rows)))

    assert found.estimate == found.worst == found.best
    assert found.counts["stopped"] == 10
    assert found.clusters == 10


def test_an_unscored_sample_counts_as_eligible_and_bad():
    asked = frozenset({"solved"})
    rows = [
        row("a", 1.0, owes=asked),
        row("b", 0.0, owes=asked),
        row("unknown", owes=asked, outcome="scored", values={"other": 1.0}),
        row("failed", owes=asked),
        row("elsewhere", owes=frozenset({"other"})),
    ]

    found = only(measured(reading(rows, metrics=[ELIGIBLE])))

    assert found.estimate.value == 1 / 2
    assert (found.worst.value, found.best.value) == (2 / 3, 1 / 3)
    assert (found.counts["scored"], found.counts["grader_failed"]) == (2, 1)


def test_a_random_denominator_weighs_a_cluster_by_its_eligible_samples():
    rows = [row(f"a{place}", 1.0, cluster="a") for place in range(3)] + [row("b", 0.0)]

    found = only(measured(reading(rows, metrics=[ELIGIBLE])))

    assert found.estimate.value == 0.75
    assert found.estimate.interval.method == "betting"


def test_rare_heavy_clusters_that_were_not_seen_are_not_bet_against():
    """Clusters of ten, of which one sample was eligible: the next one might have had ten."""
    unknown = {"outcome": "scored", "values": {"other": 1.0}}
    rows = [
        row(f"{name}-{place}", cluster=f"c{name}", **({"value": 0.0} if place == 0 else unknown))
        for name in range(30)
        for place in range(10)
    ]

    found = only(measured(reading(rows, metrics=[ELIGIBLE])))
    single = only(measured(reading([r for r in rows if r.values.keys() == {"solved"}])))

    assert found.estimate.value == single.estimate.value == 0
    assert found.estimate.interval.high > 0.5 > 0.2 > single.estimate.interval.high


@pytest.mark.parametrize(
    ("rows", "which", "method"),
    [
        pytest.param(solved(3, 10), metric(), "exact binomial", id="single"),
        pytest.param(solved(3, 10, unscored=4), metric(), "exact binomial", id="some unscored"),
        pytest.param(
            [row("a", 1.0), row("b", 0.0), row("b2", cluster="b")],
            metric(),
            "betting",
            id="a second sample, though unscored",
        ),
        pytest.param(
            [row("a", 1.0), row("a", 0.0, epoch=2), row("b", 1.0)], metric(), "betting", id="epochs"
        ),
        pytest.param(solved(3, 10), UNIT, "betting", id="not binary by design"),
        pytest.param(solved(3, 10), ELIGIBLE, "betting", id="random denominator"),
    ],
)
def test_the_exact_interval_is_for_one_binary_sample_a_cluster_by_design(rows, which, method):
    found = only(measured(reading(rows, metrics=[which])))

    methods = {e.interval.method for e in (found.estimate, found.worst, found.best)}
    assert methods == {method}


def test_samples_of_another_metric_do_not_make_a_cluster_larger():
    rows = [
        row(f"{name}-{asked}", cluster=name, owes=frozenset({asked}), outcome="scored",
            values={asked: 1.0})
        for name in ("a", "b", "c")
        for asked in ("solved", "other")
    ]  # fmt: skip

    found = only(measured(reading(rows)))

    assert found.estimate.interval == exact(3, 3, 0.95)


def ragged(seed):
    """Readings of both sides with everything in them that has an order."""
    draw = random.Random(seed)
    rows = {}
    for side in ("pre", "post"):
        rows[side] = [
            row(f"{name}-{place}", draw.random() if draw.random() < 0.8 else None,
                cluster=f"c{name}", group="one" if name % 2 else "another", attempts=place + 1)
            for name in range(18)
            for place in range(name % 6 + 3)
        ]  # fmt: skip
    return rows


@pytest.mark.parametrize("which", [UNIT, metric(values="unit", denominator="eligible")])
def test_shuffling_rows_and_logs_changes_no_number_to_the_last_digit(which):
    rows, draw = ragged(1), random.Random(2)
    given = [reading(rows[side], side, metrics=[which]) for side in ("pre", "post")]
    first = measured(*given)

    for _ in range(10):
        shuffled = [
            dataclasses.replace(r, rows=tuple(draw.sample(r.rows, len(r.rows)))) for r in given
        ]

        assert measured(*reversed(shuffled)) == first


def test_two_logs_of_one_task_and_side_are_refused():
    logs = [reading(solved(1, 5)), reading(solved(5, 5))]

    with pytest.raises(EvidenceError, match=r"Two logs of syscard/ctf \(post\)"):
        measured(*logs)


def test_the_two_sides_are_compared_over_the_samples_that_both_have():
    before = [*solved(0, 10), row("x", 1.0), row("lost")]
    after = [*solved(8, 10), row("y", 1.0), row("lost")]

    (found,) = measured(reading(before, "pre"), reading(after, "post")).compared

    assert found.paired
    assert found.difference.value == 0.8
    assert found.difference.interval.low > 0
    assert found.clusters == 10
    assert found.left_out == 3
    assert found.mcnemar == mcnemar(8, 0)


def test_epochs_are_paired_within_their_cluster_and_have_no_mcnemar():
    before = [row("a", 0.0, epoch=1), row("a", 1.0, epoch=2), row("b", 0.0), row("c", 0.0)]
    after = [row("a", 1.0, epoch=1), row("a", 1.0, epoch=2), row("b", 0.0), row("c", 1.0)]

    (found,) = measured(reading(before, "pre"), reading(after, "post")).compared

    assert found.difference.value == pytest.approx((0.5 + 0 + 1) / 3)
    assert found.clusters == 3
    assert found.mcnemar is None


@pytest.mark.parametrize(
    ("rows", "other"),
    [
        pytest.param([row(f"t{place}", 1.0) for place in range(40)], {}, id="other samples"),
        pytest.param(solved(40, 40), {"version": "2"}, id="another task version"),
        pytest.param(solved(40, 40), {"sets": {"ctf@2": "cd" * 32}}, id="another set"),
    ],
)
def test_where_the_samples_differ_the_comparison_is_unpaired_and_says_so(rows, other):
    logs = reading(solved(0, 40), "pre"), reading(rows, "post", **other)

    (found,) = measured(*logs).compared

    half = exact(0, 40, 0.975), exact(40, 40, 0.975)
    assert not found.paired
    assert found.mcnemar is None
    assert "unpaired" in found.difference.interval.method
    assert found.difference.value == 1
    assert found.difference.interval.low == pytest.approx(half[1].low - half[0].high)


def test_nothing_is_compared_where_one_side_is_missing():
    assert measured(reading(solved(1, 5), "pre")).compared == ()


def test_a_breakdown_counts_its_own_samples_and_is_not_exact_where_clusters_are_larger():
    rows = [row("a", 1.0, group="x"), row("b", group="x"), row("c", 0.0, group="y")]
    owed = dataclasses.replace(row("c2", cluster="c", group="y"))

    found = only(measured(reading([*rows, owed])))

    assert [(g.name, g.estimate.value, g.clusters, g.unscored) for g in found.groups] == [
        ("x", 1.0, 2, 1),
        ("y", 0.0, 1, 1),
    ]
    assert [g.estimate.interval.method for g in found.groups] == ["exact binomial", "betting"]


@pytest.mark.parametrize(
    ("planned", "ran", "missing"),
    [(None, None, 0), (40, 40, 0), (40, None, 0), (40, 10, 1), (None, 10, 1)],
)
def test_fewer_samples_than_planned_are_an_incomplete_run(planned, ran, missing):
    of = plan(PlanTask(task=TASK, limit=planned))
    logs = [
        reading(solved(1, 10), "pre", settings={"limit": planned}),
        reading(solved(1, 10), "post", settings={"limit": ran}),
    ]

    found = measured(*logs, of=of)

    assert len(found.incomplete) == missing
    assert all("(post) ran 10 samples" in text for text in found.incomplete)


def test_a_planned_task_without_a_log_is_an_incomplete_run():
    of = plan(PlanTask(task=TASK), PlanTask(task="syscard/bio"))

    found = measured(reading(solved(1, 5), "pre"), reading(solved(1, 5), "post"), of=of)

    assert found.incomplete == (
        "syscard/bio (pre) has no finished log",
        "syscard/bio (post) has no finished log",
    )


def test_measurements_stand_in_the_plans_order_before_mitigation_first():
    of = plan(PlanTask(task="syscard/z"), PlanTask(task="syscard/a"))
    logs = [
        reading(solved(1, 5), side, task)
        for task in ("syscard/a", "syscard/other", "syscard/z")
        for side in ("post", "pre")
    ]

    found = measured(*logs, of=of)

    assert [(m.task.rpartition("/")[2], m.mitigation) for m in found.measured] == [
        ("z", "pre"), ("z", "post"), ("a", "pre"), ("a", "post"), ("other", "pre"),
        ("other", "post"),
    ]  # fmt: skip


def test_a_task_with_several_metrics_is_measured_on_each():
    both = [metric("solved"), metric("helped", danger="low")]
    info = task_info("t", "s", *both)
    rows = [row("a", outcome="scored", values={"solved": 1.0, "helped": 0.0})]

    found = measured(dataclasses.replace(reading(rows), info=info))

    assert [(m.metric.name, m.estimate.value) for m in found.measured] == [
        ("solved", 1.0),
        ("helped", 0.0),
    ]
