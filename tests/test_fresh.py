"""What is stale, what is fresh, and of what nothing is known."""

from dataclasses import replace
from pathlib import Path

import pytest
from example_evidence import (
    TASK,
    category,
    framework,
    indicator,
    measured,
    metric,
    plan,
    reading,
    row,
    solved,
)
from example_ledger import LOG, PLAN, Council

from syscard.assess.fresh import Where, closed, outlived, rerun, stale, unseen
from syscard.assess.sign.entries import RunEnded, RunStarted, Triggered
from syscard.errors import EvidenceError
from syscard.frameworks import Demand
from syscard.library import content_digest
from syscard.records import Current, Gate, Requirement, Stale

CREATED = "2026-01-31T12:10:00+00:00"
NOW = "2026-02-01T00:00:00+00:00"
ONE, TWO = "1" * 64, "2" * 64
MODEL = "openai/gpt-oss-20b"
INFO = reading(solved(1, 2)).info
CONTENT = content_digest(INFO)
OTHER_SET = content_digest(INFO.model_copy(update={"sets": {"ctf@1": TWO}}))


def log(side="post", task=TASK, **fields):
    """A log of those two samples, of weights 1, dated a little after the first entries."""
    found = reading(solved(1, 2), side, task)
    given = {"created": CREATED, "model_digest": ONE, "sha256": LOG, **fields}
    return replace(found, log=found.log.model_copy(update=given))


def now_is(weights=ONE, task=f"1 {CONTENT}", names=(MODEL,)):
    """What the models and the task are now."""
    return Current(
        models={"pre": weights, "post": weights},
        names={"pre": names, "post": names},
        tasks={TASK: task} if task else {},
    )


def kinds(*logs, by=None, ledger=None, current=None, now=NOW):
    """What is stale of those logs."""
    found = stale(measured(*logs), by or framework(max_age_days=180), ledger, current, now)
    return [item.what for item in found]


@pytest.mark.parametrize(
    ("fields", "current", "expected"),
    [
        ({}, now_is(), []),
        ({}, now_is(weights=TWO), ["model"]),
        ({}, now_is(names=("openai/gpt-5",)), ["model"]),
        ({"model": "served/alias"}, now_is(names=(MODEL, "served/alias")), []),
        ({}, now_is(task=f"2 {CONTENT}"), ["task"]),
        ({}, now_is(task=f"1 {OTHER_SET}"), ["task"]),
        ({}, now_is(weights=TWO, task=f"2 {OTHER_SET}"), ["model", "task"]),
        ({}, now_is(weights=None), []),
        ({"model_digest": None}, now_is(weights=TWO), []),
        ({}, now_is(task=None), []),
        ({}, None, []),
    ],
    ids=[
        "nothing changed", "other weights", "the plan names another model",
        "evidence that calls the model otherwise", "new version", "other set", "both",
        "weights are not here", "the log names no weights", "not installed", "nobody looked",
    ],
)  # fmt: skip
def test_changed_is_stale_and_unseen_is_not(fields, current, expected) -> None:
    found = kinds(log(**fields), current=current)

    assert found == expected


@pytest.mark.parametrize(
    ("fields", "current", "says"),
    [
        ({}, now_is(), []),
        ({}, now_is(weights=None), ["only its name was compared"]),
        ({"model_digest": None}, now_is(), ["does not say with which weights"]),
        ({}, now_is(task=None), ["its version and content cannot be seen"]),
        ({}, None, ["were not held against those of today"]),
    ],
    ids=["all is seen", "no weights here", "none in the log", "not installed", "nobody looked"],
)
def test_what_cannot_be_seen_is_said(fields, current, says) -> None:
    lines = unseen(measured(log(**fields)), current)

    assert len(lines) == len(says)
    assert all(words in line for words, line in zip(says, lines, strict=True))


@pytest.mark.parametrize(
    ("created", "now", "limit", "expected"),
    [
        ("2026-01-01T00:00:00+00:00", "2026-01-31T00:00:00+00:00", 30, []),
        ("2026-01-01T00:00:00+00:00", "2026-01-31T00:00:01+00:00", 30, ["age"]),
        ("2026-01-01T00:00:00", "2026-01-31T00:00:00", 30, []),
        ("2026-01-01T00:00:00", "2026-01-31T00:00:00+00:00", 30, []),
        ("2026-01-01T02:00:00+02:00", "2026-01-31T00:00:00+00:00", 30, []),
        ("2020-01-01T00:00:00+00:00", "2026-01-31T00:00:00+00:00", None, []),
        ("2026-01-01T12:00:00+00:00", "2026-01-01T00:00:00+00:00", 30, []),
        ("2030-01-01T00:00:00+00:00", "2026-01-31T00:00:00+00:00", 30, ["age"]),
    ],
    ids=[
        "on the last day", "a second later", "no zones", "one zone", "another zone", "no limit",
        "a clock half a day ahead", "dated so that it never grows old",
    ],
)  # fmt: skip
def test_age_is_held_against_the_frameworks_limit(created, now, limit, expected) -> None:
    found = kinds(log(created=created), by=framework(max_age_days=limit), now=now)

    assert found == expected


@pytest.mark.parametrize(("created", "now"), [("soon", NOW), (CREATED, "")])
def test_a_date_that_is_none_is_an_error_not_a_fresh_log(created: str, now: str) -> None:
    with pytest.raises(EvidenceError, match="is no date"):
        kinds(log(created=created), now=now)


def test_one_old_log_of_several_makes_the_task_stale() -> None:
    found = measured(log())
    own = found.measured[0]
    old = own.logs[0].model_copy(update={"sha256": ONE, "created": "2020-01-01T00:00:00+00:00"})
    pooled = own.model_copy(update={"logs": (*own.logs, old)})

    items = stale(
        found.model_copy(update={"measured": (pooled,)}),
        framework(max_age_days=180), None, None, NOW,
    )  # fmt: skip

    assert [item.what for item in items] == ["age"]


def test_a_task_with_two_metrics_is_named_once() -> None:
    two = (metric(), metric("tried"))
    values = {"solved": 1.0, "tried": 1.0}
    found = reading([row("a", values=values, outcome="scored")], metrics=two)

    items = kinds(found)

    assert len(measured(found).measured) == 2
    assert items == ["age"]


# ---------------------------------------------------------------- triggers, by place in the ledger


class Story:
    """Entries by name, in the order told; the log that a test looks at is `LOG`."""

    def __init__(self, folder: Path) -> None:
        self.council = Council(folder, framework(triggers={"new surface": "a test"}))
        self.run = RunStarted(plan=PLAN, mitigation="post", task=TASK, model=None, seed=1)

    def tell(self, *steps: str):
        """The ledger after those steps."""
        starts = []
        for step in steps:
            if step == "trigger":
                body = Triggered(what="new surface", reason="voice")
                self.council.sign("Lea", "triggered", body)
            elif step in ("start", "go on"):
                continues = starts[-1].sequence if step == "go on" else None
                body = self.run.model_copy(update={"continues": continues})
                starts.append(self.council.sign("Rin", "run_started", body))
            else:
                log = {"end": LOG, "end of the first": ONE}[step]
                begun = starts[-1]
                body = RunEnded(started=begun.sequence, log=log, **begun.body.model_dump())
                self.council.sign("Rin", "run_ended", body)
        return self.council.ledger()


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["start", "end"], []),
        (["trigger", "start", "end"], []),
        (["start", "end", "trigger"], ["trigger"]),
        (["start", "trigger", "end"], ["trigger"]),
        (["trigger", "start", "end", "trigger"], ["trigger"]),
        (["start", "end of the first", "trigger", "go on", "end"], ["trigger"]),
        (["trigger", "start", "end of the first", "go on", "end"], []),
        (["start", "end", "trigger", "start", "end"], ["trigger"]),
    ],
    ids=[
        "no trigger", "before the run", "after it", "while it ran", "before and after",
        "between a run and its continuation", "before both", "an old log announced again",
    ],
)  # fmt: skip
def test_a_trigger_after_the_start_makes_a_run_stale(steps, expected, tmp_path: Path) -> None:
    ledger = Story(tmp_path).tell(*steps)

    # Dated long after every trigger: the place in the ledger counts, not the log's own word.
    found = kinds(log(created="2026-01-31T23:00:00+00:00"), ledger=ledger)

    assert found == expected


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("2026-01-31T12:00:59+00:00", ["trigger"]),
        ("2026-01-31T12:01:00+00:00", ["trigger"]),
        ("2026-01-31T12:01:01+00:00", []),
    ],
)
def test_of_a_log_that_the_ledger_does_not_know_its_date_counts(
    created, expected, tmp_path: Path
) -> None:
    ledger = Story(tmp_path).tell("trigger")

    found = kinds(log(created=created), ledger=ledger)

    assert ledger.entries[1].time == "2026-01-31T12:01:00+00:00"
    assert found == expected


def test_a_log_is_as_old_as_its_start_says(tmp_path: Path) -> None:
    ledger = Story(tmp_path).tell("start", "end")
    dated = log(created="2026-02-20T00:00:00+00:00")

    found = kinds(
        dated, by=framework(max_age_days=30), ledger=ledger, now="2026-03-15T00:00:00+00:00"
    )

    assert found == ["age"]


@pytest.mark.parametrize(
    ("steps", "now", "expected"),
    [
        (["start", "end"], NOW, False),
        (["trigger", "start", "end"], NOW, False),
        (["start", "end", "trigger"], NOW, True),
        (["start", "end"], "2026-08-31T00:00:00+00:00", True),
    ],
    ids=["fresh", "a trigger before it", "a trigger after it", "too old"],
)
def test_a_run_that_grew_stale_may_be_replaced(steps, now, expected, tmp_path: Path) -> None:
    ledger = Story(tmp_path).tell(*steps)
    start = next(e.sequence for e in ledger.entries if e.kind == "run_started")

    assert outlived(start, ledger, framework(max_age_days=180), now) is expected


def test_a_trigger_is_named_with_its_reason(tmp_path: Path) -> None:
    ledger = Story(tmp_path).tell("start", "end", "trigger", "trigger")

    (item,) = stale(measured(log()), framework(), ledger, None, NOW)

    assert item.why == (
        "new surface, recorded on 2026-01-31T12:03:00+00:00: voice (and 1 more since)"
    )


# ---------------------------------------------------------------- what it closes, what to run


def gate(name, **fields):
    """A gate that asks for nothing but what is named."""
    given = {"mitigation": "post", "requirements": False, **fields}
    return Gate(name=name, title=name, source="a test", **given)


def demand(**fields):
    return Demand(attested="a fact", mitigation="pre", reaches="High", source="a test", **fields)


@pytest.mark.parametrize(
    ("task", "side", "expected"),
    [
        (TASK, "post", ("limit",)),
        (TASK, "pre", ("pre limit", "demand", "demand here")),
        ("syscard/bio", "pre", ("pre limit", "demand", "demand elsewhere")),
        ("syscard/refusals", "post", ("requirement",)),
        ("syscard/refusals", "pre", ()),
        ("syscard/shown", "post", ()),
    ],
)
def test_stale_evidence_closes_the_gates_that_lean_on_it(task, side, expected) -> None:
    gates = (
        gate("limit", at_most="Medium"),
        gate("pre limit", at_most="Medium", mitigation="pre"),
        gate("demand", demands=(demand(),)),
        gate("demand here", demands=(demand(categories=("cyber",)),)),
        gate("demand elsewhere", demands=(demand(categories=("bio",)),)),
        gate("requirement", requirements=True),
    )
    both = category("cyber", indicator()), category("bio", indicator("syscard/bio"))
    by = framework(*both).model_copy(update={"gates": gates})
    asked = Requirement(task="syscard/refusals", metric="solved", at_least=0.5)
    item = Stale(what="age", task=task, mitigation=side, why="old", rerun="")

    found = closed([item], by, plan(requirements=(asked,)))

    assert set(found) == set(expected)


def test_changed_tasks_run_again_where_they_are_and_old_ones_elsewhere() -> None:
    def item(what, task):
        return Stale(what=what, task=task, mitigation="post", why="", rerun="")

    changed = [item("task", "syscard/a"), item("model", "syscard/b"), item("model", "syscard/a")]
    where = Where(plan="my plan.yaml", logs="kept", foreign=frozenset({"theirs/c\nrm -rf"}))

    again = rerun(changed, "small", NOW, where)
    old = rerun([*changed, item("age", "syscard/b")], "small", NOW, Where())
    foreign = rerun([item("trigger", "theirs/c\nrm -rf")], "small", NOW, where)

    assert again == ("syscard run 'my plan.yaml' --log-dir kept --only syscard/a --only syscard/b",)
    assert old == ("syscard run plan.yaml --log-dir logs/small-2026-02-01",)
    assert [line.startswith("# run ") for line in foreign] == [True]
    assert "\n" not in foreign[0]
