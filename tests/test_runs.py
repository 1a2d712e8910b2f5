"""A second run of a task: the first counts or all are pooled, and none is chosen."""

import dataclasses
import random

import pytest
from example_evidence import measured, plan, reading, row, solved

from syscard.errors import EvidenceError
from syscard.records import StoppingRule


def run(hits, at, n=20, **fields):
    """One run of the task, `hits` of `n` bad, created at that hour."""
    rows = fields.pop("rows", None) or solved(hits, n)
    usage = {"input_tokens": 100, "output_tokens": 10}
    found = reading(rows, usage=fields.pop("usage", usage), **fields)
    log = found.log.model_copy(
        update={
            "path": f"run{at}.eval",
            "sha256": f"{at:064d}",
            "run_id": f"run{at}",
            "created": f"2025-01-31T{at:02d}:00:00+00:00",
        }
    )
    return dataclasses.replace(found, log=log)


def repeated(which):
    """The plan that says what a second run is."""
    return plan().model_copy(update={"repeated": which})


def changed_log(found, **fields):
    """The run with something else in its log's own record."""
    return dataclasses.replace(found, log=found.log.model_copy(update=fields))


def test_the_first_run_counts_and_the_later_ones_are_named():
    runs = [run(0, 12), run(20, 9), run(5, 15)]

    found = measured(*runs, of=repeated("first"))

    (only,) = found.measured
    assert only.estimate.value == 1.0
    assert [log.path.split("/")[-1] for log in only.logs] == ["run9.eval"]
    assert [log.path.split("/")[-1] for log in found.repeats] == ["run12.eval", "run15.eval"]


def test_pooled_runs_are_one_measurement_whose_samples_are_still_clusters():
    runs = [run(0, 12), run(20, 9)]

    found = measured(*runs, of=repeated("pooled"))

    (only,) = found.measured
    assert (only.estimate.value, only.clusters, only.counts["scored"]) == (0.5, 20, 40)
    assert len(only.logs) == 2
    assert only.usage == {"input_tokens": 200, "output_tokens": 20}
    assert only.settings["runs"] == 2
    assert only.estimate.interval.method == "betting"
    assert found.repeats == ()


def test_pooled_runs_of_other_samples_are_so_many_more_clusters():
    more = [row(f"t{place}", 1.0) for place in range(30)]

    found = measured(run(0, 9), run(0, 12, rows=more), of=repeated("pooled"))

    assert found.measured[0].clusters == 50
    assert found.measured[0].estimate.value == 0.6


def test_pooled_samples_are_named_apart_by_epochs_that_go_on():
    one = measured(run(4, 9), of=repeated("pooled")).measured[0]
    two = measured(run(4, 9), run(4, 12), of=repeated("pooled")).measured[0]
    other = measured(run(4, 9), run(5, 12), of=repeated("pooled")).measured[0]

    assert one.samples != two.samples
    assert two.samples == other.samples


@pytest.mark.parametrize("which", ["first", "pooled"])
def test_the_order_in_which_logs_are_read_changes_nothing(which):
    runs = [run(hits, at) for hits, at in ((3, 9), (8, 12), (5, 15))]
    shuffled = random.Random(1).sample(runs, 3)

    assert measured(*runs, of=repeated(which)) == measured(*shuffled, of=repeated(which))


@pytest.mark.parametrize("which", ["first", "pooled"])
@pytest.mark.parametrize(
    ("other", "what"),
    [
        (run(3, 12, version="2"), "task version"),
        (run(3, 12, sets={"s@1": "ab"}), "sets"),
        (run(3, 12, settings={"temperature": 1.0}), "settings"),
        (changed_log(run(3, 12), model_digest="cd" * 32), "model"),
        (changed_log(run(3, 12), model="openai/other"), "model's name"),
    ],
)
def test_two_logs_that_are_not_two_runs_of_one_thing_are_refused(which, other, what):
    with pytest.raises(EvidenceError, match=f"differ in {what}.*None may be chosen among runs"):
        measured(run(3, 9), other, of=repeated(which))


def test_a_second_run_may_have_another_seed():
    runs = [run(3, at, settings={"seed": at, "order_seed": at}) for at in (9, 12)]

    assert len(measured(*runs, of=repeated("pooled")).measured[0].logs) == 2


@pytest.mark.parametrize("which", ["first", "pooled"])
@pytest.mark.parametrize(
    "copied",
    [{"sha256": f"{9:064d}"}, {"run_id": "run9", "created": "2025-01-31T09:00:00+00:00"}],
)
def test_one_run_that_is_there_twice_is_refused(which, copied):
    twin = changed_log(run(3, 12), **copied)

    with pytest.raises(EvidenceError, match="are of one run"):
        measured(run(3, 9), twin, of=repeated(which))


def test_runs_that_might_stop_are_not_pooled():
    rule = StoppingRule(confidence=0.95, seed=1, bounds={})
    runs = [dataclasses.replace(run(3, at), rule=rule) for at in (9, 12)]

    with pytest.raises(EvidenceError, match="ran under a stopping rule and cannot be pooled"):
        measured(*runs, of=repeated("pooled"))


def test_a_run_before_mitigation_is_no_repeat_of_one_after_it():
    found = measured(run(3, 9, side="pre"), run(3, 12), of=repeated("first"))

    assert len(found.measured) == 2
    assert found.repeats == ()
