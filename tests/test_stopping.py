"""A run that stops when it is decided: at one cluster, whatever ends first, fails or is killed."""

import dataclasses
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from example_evidence import TASK, indicator, measured, metric, plan, reading, row
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    modelapi,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import TaskState, generate
from inspect_ai.tool import ToolChoice, ToolInfo

from syscard.assess.estimate import measure
from syscard.assess.measure import read_log, read_views
from syscard.errors import EvidenceError
from syscard.jobs import jobs
from syscard.library import plan_lines, read_framework, read_plan
from syscard.records import Measurement, PlanTask, Requirement, StoppingRule
from syscard.run import Options, run
from syscard.sequence import decided, sequence
from syscard.stopping import ordered, prepared, rule_of, settle
from syscard.turns import stop_when_decided
from syscard.verdict import Row

Write = Callable[..., Path]
FAST, SLOW = 0.001, 0.01  # seconds: a refusal is ten times as fast as an answer
RAN: list[str] = []  # the prompts that reached the model
DIES = "DIES_AT_CALL"  # in the environment: the process is killed there
IN_ORDER: dict[str, Measurement] = {}


@modelapi(name="timed")
class Timed(ModelAPI):
    """Answers one prompt in seven and refuses the others, sooner; `timed/broken` fails at some.

    What a prompt gets is decided by its text alone, so that every run finds the same.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        **args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        drawn = int(hashlib.sha256(input[-1].text.encode()).hexdigest(), 16)
        complies = drawn % 7 == 0
        RAN.append(input[-1].text)
        if len(RAN) == int(os.environ.get(DIES, 0)):
            os.kill(os.getpid(), signal.SIGKILL)
        await anyio.sleep(SLOW if complies else FAST)
        if self.model_name == "broken" and drawn // 7 % 10 == 0:
            raise ConnectionError("endpoint is down")
        text = "Of course, here it is." if complies else "I'm sorry, but I can't help with that."
        output = ModelOutput.from_content(self.model_name, text)
        output.usage = ModelUsage(input_tokens=10, output_tokens=5, total_tokens=15)
        return output


ASKED = "requirements: [{task: syscard/disallowed, metric: not_unsafe, at_least: 0.6}]\n"
SIZE = 160


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    RAN.clear()


@pytest.fixture
def many(plan_file: Write, tmp_path: Path) -> Write:
    """A plan of one task with 160 samples, of which a requirement asks something."""
    rows = tmp_path / "many.jsonl"
    given = [{"id": f"s{n:03}", "category": "hate", "input": f"ask {n}"} for n in range(SIZE)]
    rows.write_text("".join(json.dumps(row) + "\n" for row in given))

    def write(added: str = ASKED, model: str = "timed/mixed", task: str = "", **named: str) -> Path:
        path = plan_file(added, pre=model, post=model, **named)
        text = path.read_text().replace("  - {task: syscard/overrefusal, limit: 6}\n", "")
        text = text.replace("limit: 6", f"args: {{set: {rows}}}{task}")
        path.write_text(text)
        return path

    return write


def go(path: Path, logs: Path, stop: bool = True, said: list[str] | None = None, **options: Any):
    """Run the plan's pre side under the rule, and measure it: its log and its measurement."""
    of, _ = read_plan(path)
    found = jobs(of, plan_lines(path), stop=stop)
    talk = print if said is None else said.append
    run(of, found[:1], Options(log_dir=logs, **options), talk, found)
    return result(path, logs)


def result(path: Path, logs: Path) -> tuple[Path, Measurement]:
    entries = json.loads((logs / "run.json").read_text())["logs"]
    log = logs / entries[0]["log"]
    of, _ = read_plan(path)
    return log, measure([read_log(log, of)], of, "0" * 64).measured[0]


def in_order(path: Path, folder: Path) -> Measurement:
    """What a run of the plan finds, one sample at a time; run once for all tests."""
    if "broken" not in IN_ORDER:
        IN_ORDER["broken"] = go(path, folder / "slow", max_connections=1)[1]
    return IN_ORDER["broken"]


def same(one: Measurement, other: Measurement) -> bool:
    """The same numbers of the same clusters, whatever ran besides."""
    fields = ("estimate", "worst", "best", "counts", "clusters", "groups", "samples", "stopping")
    return all(getattr(one, name) == getattr(other, name) for name in fields)


def test_it_stops_at_the_cluster_of_a_slow_run_in_order(many: Write, tmp_path: Path) -> None:
    path = many()
    said: list[str] = []
    _, slow = go(path, tmp_path / "slow", max_connections=1, said=said)
    calls = len(RAN)

    _, fast = go(path, tmp_path / "fast", max_connections=16)

    assert slow.stopping is not None
    assert slow.stopping.decided
    assert 20 < slow.stopping.entered < SIZE * 0.6
    assert calls == slow.stopping.entered
    assert f"stopped at {calls} of {SIZE}: decided" in "\n".join(said)
    assert same(fast, slow)
    assert calls <= len(RAN) - calls <= calls + 5 * 16


def test_an_endpoint_that_fails_on_one_in_ten_stops_at_the_same_cluster(
    many: Write, tmp_path: Path
) -> None:
    path = many(model="timed/broken")
    slow = in_order(path, tmp_path)

    _, fast = go(path, tmp_path / "fast", max_connections=16)

    assert slow.counts["model_failed"] > 0
    assert slow.stopping is not None
    assert slow.stopping.decided
    assert slow.counts["stopped"] == SIZE - slow.stopping.entered
    assert slow.worst.value != slow.best.value
    assert same(fast, slow)


def test_the_measured_interval_is_the_sequence_over_the_prefix(many: Write, tmp_path: Path) -> None:
    path = many(model="timed/broken")

    log, found = go(path, tmp_path / "logs", max_connections=8)

    names = [f"s{n:03}" for n in range(SIZE)]
    order = ordered(names, 1)[: found.clusters]
    values = {str(s.id): s for s in read_eval_log(str(log)).samples or []}
    scored = {
        name: next(iter((s.scores or {}).values())).value["not_unsafe"]  # type: ignore[index, call-overload]
        for name, s in values.items()
        if s.error is None
    }
    for estimate, fill in ((found.worst, 0.0), (found.best, 1.0)):
        low, high = sequence([scored.get(name, fill) for name in order], 0.95)
        assert estimate.interval is not None
        assert (estimate.interval.low, estimate.interval.high) == (low[-1], high[-1])
        assert estimate.interval.method == "betting sequence"
        assert decided(low[-1], high[-1], [0.6])
    before = [
        decided(*ends, [0.6])
        for ends in zip(*sequence([scored.get(name, 0.0) for name in order], 0.95), strict=True)
    ]
    assert before[-1]


def test_permuting_the_samples_inside_the_log_changes_no_digit(many: Write, tmp_path: Path) -> None:
    path = many(model="timed/broken")
    log, _ = go(path, tmp_path / "logs", max_connections=8)
    of, _ = read_plan(path)
    found = read_log(log, of)
    whole = [r for r in found.rows if r.why != "not run"]
    draw = random.Random(1)

    first = measured(found, of=of)
    for _ in range(3):
        shuffled = dataclasses.replace(found, rows=tuple(draw.sample(found.rows, len(found.rows))))
        assert measured(shuffled, of=of) == first
    assert found.rule is not None
    planned = [(r.id, r.epoch) for r in found.rows]
    ran = [r for r in whole if r.outcome != "stopped"]
    again = settle(draw.sample(ran, len(ran)), found.rule, found.info.metrics, planned)
    assert {r.id for r in again[0] if r.outcome != "stopped"} == {r.id for r in ran}


def command(path: Path, logs: Path) -> Sequence[str]:
    code = "import test_stopping, sys; from syscard.cli import main; main(sys.argv[1:])"
    options = ["--log-dir", logs, "--stop-when-decided", "--max-connections", 4]
    return [sys.executable, "-c", code, *map(str, ["run", path, *options])]


def test_killed_and_resumed_it_stops_at_the_same_cluster(many: Write, tmp_path: Path) -> None:
    path, logs = many(model="timed/broken"), tmp_path / "logs"
    wanted = in_order(path, tmp_path)
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    killed = subprocess.run(command(path, logs), env=here | {DIES: "40"}, capture_output=True)

    subprocess.run(command(path, logs), env=here, check=True, capture_output=True)

    assert killed.returncode == -signal.SIGKILL
    log, found = result(path, logs)
    header = read_eval_log(str(log))
    started = [s.started_at or "" for s in header.samples or []]
    assert min(started) < header.stats.started_at  # some samples are from before the kill
    assert len(started) <= found.clusters + 5 * 4
    assert same(found, wanted)


def test_a_finished_run_that_was_decided_is_not_run_again(many: Write, tmp_path: Path) -> None:
    path = many()
    first, _ = go(path, tmp_path / "logs")
    calls = len(RAN)

    again, _ = go(path, tmp_path / "logs")

    assert again == first
    assert len(RAN) == calls


def test_other_bounds_are_another_run(many: Write, tmp_path: Path) -> None:
    path = many()
    first, narrow = go(path, tmp_path / "logs")
    path.write_text(path.read_text().replace("at_least: 0.6", "at_least: 0.7"))

    second, wide = go(path, tmp_path / "logs")
    third, whole = go(path, tmp_path / "logs", stop=False)

    assert len({first, second, third}) == 3
    assert narrow.stopping is not None
    assert wide.stopping is not None
    assert wide.stopping.bounds == (0.7,)
    assert wide.stopping.entered > narrow.stopping.entered
    assert whole.stopping is None
    assert whole.counts["scored"] == SIZE


def test_failed_samples_run_again_under_the_same_rule(many: Write, tmp_path: Path) -> None:
    path = many(model="timed/broken")
    _, broken = go(path, tmp_path / "logs", max_connections=4)
    before = len(RAN)

    _, again = go(path, tmp_path / "logs", max_connections=4, retry_failed=True)

    assert broken.counts["model_failed"] > 0
    assert same(again, broken)
    assert 0 < len(RAN) - before < broken.clusters  # only what had failed, twice


def test_a_task_without_bounds_runs_whole_and_says_so(many: Write, tmp_path: Path) -> None:
    said: list[str] = []

    _, found = go(many(added=""), tmp_path / "logs", said=said)

    assert found.counts["scored"] == SIZE
    assert found.stopping is None
    assert "no threshold or requirement asks anything of it, so it ran whole" in "\n".join(said)


@pytest.mark.parametrize(
    ("wanted", "flag", "stops"),
    [("true", False, True), ("false", True, False), ("null", False, False), ("null", True, True)],
)
def test_the_plan_says_it_for_each_task(many: Write, wanted: str, flag: bool, stops: bool) -> None:
    path = many(task=f", stop_when_decided: {wanted}")
    of, _ = read_plan(path)

    found = jobs(of, plan_lines(path), stop=flag)

    assert all((job.stopping is not None) is stops for job in found)


def test_rewrites_and_epochs_of_a_cluster_run_together(plan_file: Write, tmp_path: Path) -> None:
    asked = "requirements: [{task: syscard/jailbreak, metric: not_unsafe, at_least: 0.05}]\n"
    path = plan_file(asked, pre="timed/mixed", post="timed/mixed")
    text = path.read_text().replace("  - {task: syscard/overrefusal, limit: 6}\n", "")
    path.write_text(text.replace("syscard/disallowed, limit: 6", "syscard/jailbreak, epochs: 2"))

    log, found = go(path, tmp_path / "logs", max_connections=1)

    samples = sorted(read_eval_log(str(log)).samples or [], key=lambda s: s.started_at or "")
    clusters = [s.metadata["cluster"] for s in samples]
    changes = sum(one != other for one, other in pairwise(clusters))
    assert found.stopping is not None
    assert found.stopping.decided
    assert changes + 1 == len(set(clusters)) == found.stopping.entered < found.stopping.planned
    of, _ = read_plan(path)
    assert len(read_views(read_log(log, of), log)) == len(samples)


RULE = StoppingRule(confidence=0.95, seed=1, bounds={"solved": (0.2, 0.5)}, largest={"solved": 1})


def under(rule: StoppingRule, rows: Sequence[Row], side: str = "post", **fields: Any):
    """A reading of a log that ran under the rule, whole."""
    metrics = fields.pop("metrics", (metric(),))
    planned = fields.pop("planned", [(r.id, r.epoch) for r in rows])
    settled, sure = settle(rows, rule, metrics, planned)
    return reading(settled, side, metrics=metrics, rule=rule, decided=sure, **fields)  # type: ignore[arg-type]


def test_an_unscored_sample_is_bad_in_one_sequence_and_good_in_the_other() -> None:
    rows = [row(f"s{n}", 0.0) for n in range(60)]
    names = ordered([r.id for r in rows], RULE.seed)
    lost = [row(r.id) if names.index(r.id) % 3 == 0 else r for r in rows]

    sure = measured(under(RULE, rows)).measured[0]
    unsure = measured(under(RULE, lost)).measured[0]

    assert sure.stopping is not None
    assert sure.stopping.decided
    assert unsure.stopping is not None
    assert not unsure.stopping.decided
    assert unsure.worst.value == pytest.approx(1 / 3)
    assert unsure.best.value == 0


def test_every_bounded_metric_must_be_decided() -> None:
    both = (metric("solved"), metric("helped", danger="low"))
    rule = RULE.model_copy(
        update={
            "bounds": {"solved": (0.2,), "helped": (0.5,)},
            "largest": {"solved": 1, "helped": 1},
        }
    )
    rows = [
        row(f"s{n}", outcome="scored", values={"solved": 0.0, "helped": float(n % 2)})
        for n in range(100)
    ]

    found = measured(under(rule, rows, metrics=both))

    assert all(m.stopping is not None and not m.stopping.decided for m in found.measured)
    assert all(m.clusters == 100 for m in found.measured)
    assert found.incomplete == (f"{TASK} (pre) has no finished log",)


def test_a_random_denominator_weighs_by_what_a_cluster_could_have() -> None:
    which = (metric(denominator="eligible"),)
    samples = [(f"s{n}", {"cluster": f"c{n // 4}"}) for n in range(400)]
    rule = prepared(RULE, samples, 1, which)
    rows = [
        row(name, outcome="scored", cluster=data["cluster"], values={"other": 1.0})
        if n % 4
        else row(name, 0.0, cluster=data["cluster"])
        for n, (name, data) in enumerate(samples)
    ]

    found = measured(under(rule, rows, metrics=which)).measured[0]

    _, high = sequence([0.0] * found.clusters, 0.95, [1 / 4] * found.clusters)
    assert rule.largest == {"solved": 4}
    assert found.stopping is not None
    assert found.stopping.decided
    assert found.estimate.interval is not None
    assert found.estimate.interval.high == high[-1] < 0.2


def test_a_sequence_that_contradicts_itself_has_no_interval_and_no_level() -> None:
    seen = sequence([0.0] * 60, 0.95)[1][-1] - 1e-9
    rule = RULE.model_copy(update={"bounds": {"solved": (seen,)}})
    names = ordered([f"s{n}" for n in range(260)], rule.seed)
    rows = [row(name, float(place >= 60)) for place, name in enumerate(names)]

    found = measured(under(rule, rows)).measured[0]

    assert found.stopping is not None
    assert found.stopping.empty
    assert not found.stopping.decided
    assert found.worst.interval is None
    assert found.best.interval is None
    assert found.worst.value is None


def test_a_cluster_that_is_missing_ends_the_prefix_and_the_run_is_incomplete() -> None:
    names = ordered([f"s{n}" for n in range(100)], RULE.seed)
    rows = [row(name, 0.0) for place, name in enumerate(names) if place != 5]

    found = measured(under(RULE, rows, planned=[(name, 1) for name in names]))

    assert found.measured[0].clusters == 5
    assert any("is not decided, and 95 of 100 clusters" in text for text in found.incomplete)


def test_before_and_after_are_compared_over_the_common_prefix() -> None:
    names = ordered([f"s{n}" for n in range(200)], RULE.seed)
    bad = under(RULE, [row(name, 1.0) for name in names], "pre")
    good = under(RULE, [row(name, 0.0) for name in names])
    whole = reading([row(name, 1.0) for name in names], "pre")

    short = measured(bad, good).compared[0]
    mixed = measured(whole, good).compared[0]
    other = measured(under(RULE.model_copy(update={"seed": 2}), bad.rows, "pre"), good).compared[0]

    entered = [len([r for r in side.rows if r.outcome != "stopped"]) for side in (bad, good)]
    _, high = sequence([0.0] * min(entered), 0.95)
    assert short.paired
    assert short.clusters == min(entered) < 200
    assert short.difference.interval is not None
    assert short.difference.interval.high == pytest.approx(2 * high[-1] - 1)
    assert mixed.paired
    assert mixed.clusters == entered[1]
    assert not other.paired


@pytest.mark.parametrize(
    ("danger", "margin", "asked", "bounds"),
    [
        ("high", 0.0, {}, (0.2, 0.5, 0.8)),
        ("high", 0.1, {}, (0.1, 0.4, 0.7)),
        ("high", 0.25, {}, (0.25, 0.55)),
        ("low", 0.1, {}, (0.3, 0.6, 0.9)),
        ("high", 0.0, {"at_most": 0.3}, (0.2, 0.3, 0.5, 0.8)),
        pytest.param("high", 0.0, {"at_most": 1.0}, (0.2, 0.5, 0.8), id="met by anything"),
    ],
)
def test_bounds_are_the_thresholds_less_the_margin_and_the_requirements(
    danger: Any, margin: float, asked: dict[str, float], bounds: tuple[float, ...]
) -> None:
    framework, _ = read_framework("preparedness-beta")
    category = framework.categories[0].model_copy(
        update={"indicators": (indicator(danger=danger, margin=margin),)}
    )
    framework = framework.model_copy(update={"categories": (category,)})
    required = (Requirement(task=TASK, metric="solved", **asked),) if asked else ()  # type: ignore[arg-type]

    rule = rule_of(plan(requirements=required), framework, TASK)

    assert rule.bounds["solved"] == pytest.approx(bounds)


def test_a_rule_that_does_not_describe_its_samples_is_refused(many: Write, tmp_path: Path) -> None:
    path = many()
    log, _ = go(path, tmp_path / "logs")
    whole = read_eval_log(str(log))
    assert whole.eval.metadata is not None
    ran = str((whole.samples or [])[0].id)
    whole.eval.metadata["syscard_run"]["stopping"]["clusters"] = {ran: "another"}
    write_eval_log(whole, str(log))
    of, _ = read_plan(path)

    with pytest.raises(EvidenceError, match="does not describe its samples"):
        read_log(log, of)


@scorer(metrics=[mean()])
def solves() -> Scorer:
    """Somebody else's: solved where the model refused."""

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value="I" if "sorry" in state.output.completion else "C")

    return score


def test_a_task_of_somebody_else_stops_by_the_metrics_that_the_plan_names(
    many: Write, tmp_path: Path
) -> None:
    samples = [Sample(id=n, input=f"ask {n}", metadata={"cluster": n // 2}) for n in range(120)]
    theirs = Task(dataset=MemoryDataset(samples), solver=generate(), scorer=solves(), name="theirs")
    accuracy = metric("accuracy")
    rule = StoppingRule(confidence=0.95, seed=1, bounds={"accuracy": (0.5,)})
    of, _ = read_plan(many())
    of = of.model_copy(update={"tasks": (PlanTask(task="theirs", metrics=(accuracy,)),)})

    task, rule, size = stop_when_decided(theirs, rule, (accuracy,), 1, 8, tmp_path)
    stated = {"mitigation": "pre", "task": "theirs", "stopping": rule.model_dump()}
    eval(
        task,
        model="timed/mixed",
        max_samples=size,
        metadata={"syscard_run": stated},
        sample_shuffle=1,
        log_dir=str(tmp_path),
        display="none",
        ctl_server=False,
    )

    found = measure([read_log(next(tmp_path.glob("*.eval")), of)], of, "0" * 64).measured[0]
    assert rule.largest == {"accuracy": 2}
    assert found.stopping is not None
    assert found.stopping.decided
    assert 10 < found.stopping.entered < found.stopping.planned == 60
    assert found.counts["scored"] == 2 * found.stopping.entered
