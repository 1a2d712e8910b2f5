"""`syscard stress`: every test a plan and a log of its own, resumed, and told in one table."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import FAILING

from syscard.cli import main
from syscard.library import read_json, read_plan
from syscard.stress.found import Stressed
from syscard.stress.variants import FAMILIES

SMALL = ("--harmful", "1", "--benign", "1", "--only", "prefill", "--only", "reasoning")


def stress(out: Path, *given: str, model: str = "scripted/refuses") -> Result:
    return CliRunner().invoke(main, ["stress", model, "-o", str(out), *given])


def logs_of(out: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(out.rglob("*.eval"))}


def values(found: Stressed) -> dict[tuple[str, str], float | None]:
    return {(m.task, m.metric.name): m.estimate.value for m in found.measured}


def test_a_model_that_refuses_everything_is_safe_and_over_refuses(tmp_path: Path) -> None:
    result = stress(tmp_path / "s", *SMALL)

    found = read_json(tmp_path / "s" / "stress.json", Stressed)
    assert result.exit_code == 0, result.output
    assert values(found)["syscard/stress_prefill", "not_unsafe"] == 1
    assert values(found)["syscard/stress_prefill", "not_overrefuse"] == 0
    assert values(found)["syscard/reasoning", "well_formed"] == 0


def test_standard_output_is_the_table_and_so_is_its_file(tmp_path: Path) -> None:
    result = stress(tmp_path / "s", *SMALL)

    assert result.stdout == (tmp_path / "s" / "stress.md").read_text()
    assert "| Prefilled answers | not_unsafe | 100.0% |" in result.stdout
    assert "| - 3: reasoning | not_unsafe | 100.0% |" in result.stdout


def test_what_has_a_finished_log_is_not_run_again(tmp_path: Path) -> None:
    stress(tmp_path / "s", *SMALL)
    before = logs_of(tmp_path / "s")

    again = stress(tmp_path / "s", *SMALL)

    assert again.exit_code == 0
    assert logs_of(tmp_path / "s") == before
    assert len(before) == 2


def test_a_test_that_cannot_run_is_said_and_the_command_goes_on_later(tmp_path: Path) -> None:
    result = stress(tmp_path / "s", *SMALL, model="scripted/broken")

    found = read_json(tmp_path / "s" / "stress.json", Stressed)
    assert result.exit_code == 7
    assert "the weights do not fit" in found.not_run["tests"]
    assert result.stderr.splitlines()[-1].startswith("Error: tests: Did not finish")


def test_an_endpoint_that_fails_is_counted_and_never_safe(tmp_path: Path) -> None:
    FAILING.add("e")

    stress(tmp_path / "s", *SMALL)

    found = read_json(tmp_path / "s" / "stress.json", Stressed)
    counts = {m.metric.name: m.counts for m in found.measured}
    assert counts["well_formed"]["model_failed"] == counts["not_unsafe"]["model_failed"] + 5


def test_without_weights_on_this_machine_their_tests_are_not_run_and_say_why(
    tmp_path: Path,
) -> None:
    result = stress(tmp_path / "s", *SMALL)

    found = read_json(tmp_path / "s" / "stress.json", Stressed)
    assert set(found.not_run) == set(FAMILIES)
    assert "- noise: the weights of this model are not on this machine" in result.stdout


def test_the_plan_that_it_prints_is_one_that_runs(tmp_path: Path) -> None:
    result = stress(tmp_path / "s", *SMALL, "--plan")
    (tmp_path / "plan.yaml").write_text(result.stdout)

    checked = CliRunner().invoke(main, ["plan", "check", str(tmp_path / "plan.yaml")])

    assert checked.exit_code == 0, checked.output
    assert not (tmp_path / "s").exists()
    assert read_plan(tmp_path / "plan.yaml")[0].tasks[0].task == "syscard/stress_prefill"


@pytest.mark.parametrize(
    ("requirement", "code"),
    [
        ("{task: syscard/stress_prefill, metric: not_unsafe, at_least: 0.5}", 0),
        ("{task: syscard/stress_prefill, metric: not_overrefuse, at_least: 0.5}", 0),
        ("{task: syscard/stress_prefill, metric: not_unsafe, at_most: 0.5}", 1),
        ("{task: syscard/stress_prefill, metric: caught, at_least: 0.5}", 1),
    ],
)
def test_a_plans_gate_can_require_what_a_stress_test_measures(
    requirement: str, code: int, tmp_path: Path
) -> None:
    plan = stress(tmp_path / "s", *SMALL, "--plan").stdout
    (tmp_path / "plan.yaml").write_text(f"{plan}requirements: [{requirement}]\n")

    checked = CliRunner().invoke(main, ["plan", "check", str(tmp_path / "plan.yaml")])

    assert checked.exit_code == code, checked.output


def test_a_solver_stands_behind_every_test_that_takes_one_and_before_the_others(
    tmp_path: Path,
) -> None:
    solver = ("--solver", "syscard/deliberate", "-S", "reasoning_tokens=20", "--max-tokens", "32")

    result = stress(tmp_path / "s", *SMALL, "--only", "sampling", *solver)

    found = read_json(tmp_path / "s" / "stress.json", Stressed)
    assert result.exit_code == 0, result.output
    assert {m.solver for m in found.measured} == {"syscard/deliberate"}


def test_somebodys_own_specification_takes_the_defaults_place(tmp_path: Path) -> None:
    plan = stress(tmp_path / "s", *SMALL, "--spec", "mine.yaml", "--plan").stdout
    (tmp_path / "plan.yaml").write_text(plan)

    tasks = {task.task: task.args for task in read_plan(tmp_path / "plan.yaml")[0].tasks}
    assert tasks["syscard/reasoning"]["spec"] == "mine.yaml"
    assert "spec" not in tasks["syscard/stress_prefill"]


def test_the_classifier_rates_where_the_rules_may_not(tmp_path: Path) -> None:
    result = stress(tmp_path / "s", *SMALL, "--grader", "classifier")

    found = read_json(tmp_path / "s" / "stress.json", Stressed)
    assert result.exit_code == 0, result.output
    assert {m.info.grader.lineage for m in found.measured} == {"classifier"}


def test_a_dry_run_names_what_would_run_and_writes_nothing(tmp_path: Path) -> None:
    result = stress(tmp_path / "s", *SMALL, "--dry-run")

    assert result.stdout.splitlines()[:2] == [
        "stress_prefill: the model as it is",
        "reasoning: the model as it is",
    ]
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--only", "nice"], "--only matches none"),
        (["-M", "adapter"], "-M takes KEY=VALUE"),
        (["--tuned", "sft"], "--tuned and --harmless go together"),
    ],
)
def test_a_wrong_argument_is_a_usage_error(given: list[str], said: str, tmp_path: Path) -> None:
    result = stress(tmp_path / "s", *given)

    assert result.exit_code == 2
    assert said in result.stderr


def test_an_adapter_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    result = stress(tmp_path / "s", "-M", f"adapter={tmp_path}/none.gguf", model="syscard/smollm2")

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: no file {tmp_path}/none.gguf for an adapter: name a GGUF file with "
        "-M adapter=PATH\n"
    )


def test_changed_weights_are_rows_of_the_table_and_a_task_of_the_plan(tmp_path: Path) -> None:
    given = ("-M", "adapter=deliberation", "--weights", "strength", "--max-tokens", "8")
    small = ("--harmful", "1", "--benign", "1", "--only", "prefill")

    result = stress(tmp_path / "s", *given, *small, model="syscard/smollm2")
    plan = stress(tmp_path / "s", *given, *small, "--plan", model="syscard/smollm2").stdout
    (tmp_path / "plan.yaml").write_text(plan)

    task = read_plan(tmp_path / "plan.yaml")[0].tasks[-1]
    assert result.exit_code == 0, result.output
    rows = [
        line.split(" | ")[0] for line in result.stdout.partition("Weights under")[2].split("\n")
    ]
    strengths = [f"| strength {scale}" for scale in ("0.75", "0.5", "0.25", "0")]
    assert [row for row in rows if row.startswith("| s") or "as it" in row] == [
        "| as it is",
        *strengths,
    ]
    assert task.task == "syscard/stress_weights"
    assert list(task.args["variants"]) == [row.removeprefix("| ") for row in strengths]


def test_the_record_of_a_run_is_json_on_standard_output_if_asked(tmp_path: Path) -> None:
    result = stress(tmp_path / "s", *SMALL, "--json")

    assert json.loads(result.stdout)["model"] == "scripted/refuses"
