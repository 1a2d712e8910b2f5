"""Logs as evidence: whoever wrote them, and whatever is wrong with them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import FAILING
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import TaskState, generate
from test_run import go

from syscard.assess.estimate import measure
from syscard.assess.evidence import collect
from syscard.assess.measure import read_log, read_views
from syscard.errors import EvidenceError
from syscard.files import digest_file
from syscard.library import read_plan
from syscard.records import Measurement, Plan

Write = Callable[..., Path]
ACCURACY = "{name: accuracy, means: share solved, danger: high, kind: capability}"


@scorer(metrics=[mean()])
def theirs() -> Scorer:
    """Gives each sample the value that its target names."""
    values: dict[str, Any] = {"C": "C", "I": "I", "N": "N", "nan": float("nan"), "7": 7.0}

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=values[target.text])

    return score


def their_log(folder: Path, targets: list[str], model: str = "scripted/answers") -> Path:
    """A log that plain Inspect wrote of somebody else's task."""
    samples = [Sample(id=f"s{n}", input=f"q{n}", target=t) for n, t in enumerate(targets)]
    task = Task(dataset=MemoryDataset(samples), solver=generate(), scorer=theirs(), name="theirs")
    logs = eval(
        task,
        model=model,
        log_dir=str(folder),
        display="none",
        fail_on_error=False,
        ctl_server=False,
    )
    return Path(logs[0].location.removeprefix("file://"))


def with_evidence(plan_file: Write, log: Path, more: str = "", **changed: str) -> Plan:
    added = (
        f"evidence:\n  - {{log: {log}, digest: {digest_file(log)}, mitigation: pre, "
        f"metrics: [{ACCURACY}]{more}}}\n"
    )
    return read_plan(plan_file(added, **changed))[0]


def measured(plan: Plan, *paths: Path) -> dict[tuple[str, str, str], Measurement]:
    found = collect(paths, plan)
    result = measure([read_log(path, plan) for path in found.logs], plan, "0" * 64)
    return {(m.task, m.metric.name, m.mitigation): m for m in result.measured}


@pytest.fixture
def logs(plan_file: Write, tmp_path: Path) -> Path:
    go(plan_file(), tmp_path / "logs")
    return tmp_path / "logs"


def test_a_run_is_measured_on_both_sides(plan_file: Write, logs: Path) -> None:
    plan, _ = read_plan(plan_file())

    found = measured(plan, logs)

    assert found["syscard/disallowed", "not_unsafe", "pre"].estimate.value == 0.0
    assert found["syscard/disallowed", "not_unsafe", "post"].estimate.value == 1.0
    assert found["syscard/overrefusal", "not_overrefuse", "post"].estimate.value == 0.0


def test_a_failed_endpoint_is_never_resistance(plan_file: Write, tmp_path: Path) -> None:
    FAILING.add("e")
    go(plan_file(), tmp_path / "logs")
    plan, _ = read_plan(plan_file())

    found = measured(plan, tmp_path / "logs")["syscard/disallowed", "not_unsafe", "post"]

    assert found.counts["model_failed"] == 6
    assert found.estimate.value is None
    assert found.worst.value == 0.0
    assert found.best.value == 1.0


def test_the_order_of_files_changes_no_number(plan_file: Write, logs: Path) -> None:
    plan, _ = read_plan(plan_file())
    files = sorted(logs.rglob("*.eval"))

    one = measure([read_log(path, plan) for path in files], plan, "0" * 64)
    two = measure([read_log(path, plan) for path in reversed(files)], plan, "0" * 64)

    assert one == two


def test_digests_of_every_sample_follow_the_text(plan_file: Write, logs: Path) -> None:
    plan, _ = read_plan(plan_file())
    pre, post = (next((logs / side / "disallowed").glob("*.eval")) for side in ("pre", "post"))

    digests = {read_log(path, plan, content=True).content for path in (pre, post, pre)}

    assert len(digests) == 2


def test_a_page_shows_each_sample_with_its_answer_and_verdict(plan_file: Write, logs: Path) -> None:
    plan, _ = read_plan(plan_file())
    path = next((logs / "post" / "disallowed").glob("*.eval"))

    views = read_views(read_log(path, plan), path)

    assert len(views) == 6
    assert all(view.answer.startswith("I'm sorry") for view in views)
    assert all(view.values == {"not_unsafe": 1.0} and "declines" in view.why for view in views)


def test_a_log_of_somebody_else_is_read_as_the_plan_says(plan_file: Write, tmp_path: Path) -> None:
    log = their_log(tmp_path / "theirs", ["C", "C", "I", "I"])
    plan = with_evidence(plan_file, log)

    found = measured(plan, log)["theirs", "accuracy", "pre"]

    assert found.estimate.value == 0.5
    assert found.counts["scored"] == 4
    assert "not stated" in found.info.grader.lineage


def test_the_outcomes_of_somebody_elses_log_are_kept_apart(
    plan_file: Write, tmp_path: Path
) -> None:
    FAILING.add("q5")
    log = their_log(tmp_path / "theirs", ["C", "I", "N", "nan", "C", "C"])
    plan = with_evidence(plan_file, log)

    found = measured(plan, log)["theirs", "accuracy", "pre"]

    counts = {name: n for name, n in found.counts.items() if n}
    assert counts == {"scored": 3, "refused": 1, "grader_failed": 1, "model_failed": 1}
    assert found.estimate.value == pytest.approx(2 / 3)
    assert found.worst.value == pytest.approx(5 / 6)


def test_a_value_outside_its_range_is_refused(plan_file: Write, tmp_path: Path) -> None:
    log = their_log(tmp_path / "theirs", ["C", "7"])
    plan = with_evidence(plan_file, log)

    with pytest.raises(
        EvidenceError, match=r"sample 's1' has accuracy = 7.0, which must be 0 or 1"
    ):
        measured(plan, log)


def test_a_log_that_names_no_side_is_refused_with_its_digest(
    plan_file: Write, tmp_path: Path
) -> None:
    log = their_log(tmp_path / "theirs", ["C"])
    plan, _ = read_plan(plan_file())

    with pytest.raises(EvidenceError, match=rf"before or after mitigation.*{digest_file(log)}"):
        measured(plan, log)


def test_a_log_of_another_model_is_refused(plan_file: Write, logs: Path) -> None:
    plan, _ = read_plan(plan_file(pre="scripted/other"))

    with pytest.raises(EvidenceError, match=r"log of 'scripted/answers'; the plan's pre model is"):
        measured(plan, logs)


def test_another_name_of_the_same_model_can_be_said(plan_file: Write, tmp_path: Path) -> None:
    log = their_log(tmp_path / "theirs", ["C"], model="scripted/refuses")

    plan = with_evidence(plan_file, log, ", model: scripted/refuses")

    assert measured(plan, log)["theirs", "accuracy", "pre"].model == "scripted/refuses"


def test_a_log_cut_in_the_middle_is_refused(plan_file: Write, logs: Path) -> None:
    plan, _ = read_plan(plan_file())
    log = next((logs / "pre" / "disallowed").glob("*.eval"))
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])

    with pytest.raises(EvidenceError, match="is not a whole Inspect log"):
        measured(plan, logs)


def test_one_run_that_is_there_twice_is_refused(plan_file: Write, logs: Path) -> None:
    plan, _ = read_plan(plan_file())
    log = next((logs / "pre" / "disallowed").glob("*.eval"))
    twin = shutil.copy(log, log.parent / "twin.eval")

    with pytest.raises(EvidenceError, match=r"syscard/disallowed \(pre\) are of one run"):
        measured(plan, log, Path(twin))


def test_what_a_run_left_behind_is_set_aside_and_said(plan_file: Write, logs: Path) -> None:
    plan, _ = read_plan(plan_file())
    log = next((logs / "pre" / "disallowed").glob("*.eval"))
    shutil.copy(log, log.parent / "older.eval")

    found = collect([logs], plan)

    assert len(found.logs) == 4
    assert found.set_aside == ("pre/disallowed/older.eval: not in run.json",)


def test_an_empty_folder_is_no_evidence(plan_file: Write, tmp_path: Path) -> None:
    plan, _ = read_plan(plan_file())
    (tmp_path / "empty").mkdir()

    with pytest.raises(EvidenceError, match=r"No \.eval log in .*empty.*syscard run"):
        collect([tmp_path / "empty"], plan)


def test_a_log_that_a_run_named_and_that_is_gone_is_refused(plan_file: Write, logs: Path) -> None:
    plan, _ = read_plan(plan_file())
    next((logs / "pre" / "disallowed").glob("*.eval")).unlink()

    with pytest.raises(EvidenceError, match=r"is named by .*run.json and is not there"):
        collect([logs], plan)
