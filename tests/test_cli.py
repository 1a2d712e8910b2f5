"""The commands: one line and an exit code for whatever is wrong, and nothing half-written."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from test_run import go

from syscard.cli import main
from syscard.library import read_json
from syscard.records import Decision, Rating

Write = Callable[..., Path]


def syscard(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def measured(plan_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with plan, logs and measurements, which is the working directory."""
    go(plan_file(), tmp_path / "logs")
    monkeypatch.chdir(tmp_path)
    assert syscard("measure", "logs").exit_code == 0
    return tmp_path


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, syscard.cli; print(*sys.modules)"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not set(found.stdout.split()) & {"inspect_ai", "pydantic", "scipy", "numpy", "jinja2"}


def test_every_command_shows_a_line_that_works() -> None:
    def commands(group: object, words: tuple[str, ...]) -> list[tuple[str, ...]]:
        found = []
        for name, command in group.commands.items():  # type: ignore[attr-defined]
            inner = hasattr(command, "commands")
            found += commands(command, (*words, name)) if inner else [(*words, name)]
        return found

    for words in commands(main, ()):
        text = syscard(*words, "--help").output
        assert f"Example: syscard {' '.join(words)}" in " ".join(text.split())


def test_the_line_from_measurements_to_a_card(measured: Path) -> None:
    rate = syscard("rate")
    gate = syscard("gate", "deploy")
    card = syscard("card", "deploy.json", "--date", "2026-01-31T00:00:00+00:00")
    show = syscard("show", "card")

    assert rate.exit_code == 0
    assert gate.exit_code == 4
    assert card.exit_code == 0
    assert "Deploy: inconclusive" in show.stdout
    assert (measured / "card" / "samples" / "disallowed.html").exists()


def test_what_is_not_measured_is_not_rated_low(measured: Path) -> None:
    syscard("rate")

    rating = read_json(measured / "rating.json", Rating)

    assert {category.reads for category in rating.categories} == {"not rated"}
    assert {overall.reads for overall in rating.overall} == {"not rated"}


def test_json_goes_to_stdout_and_talk_to_stderr(measured: Path) -> None:
    syscard("rate")

    result = syscard("gate", "develop", "--json", "-o", "d.json")

    decision = Decision.model_validate_json(result.stdout)
    assert decision.exit_code == result.exit_code == 4
    assert "Develop further:" in result.stderr


def test_nothing_is_overwritten_without_force(measured: Path) -> None:
    before = (measured / "measurements.json").read_bytes()

    refused = syscard("measure", "logs")
    forced = syscard("measure", "logs", "--force")

    assert refused.exit_code == 1
    assert "measurements.json exists" in refused.stderr
    assert forced.exit_code == 0
    assert (measured / "measurements.json").read_bytes() == before


def test_the_same_evidence_gives_the_same_card_to_the_byte(measured: Path) -> None:
    syscard("rate")
    syscard("gate", "deploy")
    date = ("--date", "2026-01-31T00:00:00+00:00")

    syscard("card", "deploy.json", *date, "-o", "one")
    syscard("card", "deploy.json", *date, "-o", "two")

    files = [path.relative_to("one") for path in Path("one").rglob("*") if path.is_file()]
    assert len(files) == 5 + 9  # pages, and the evidence: four logs, four records, one decision
    assert all((Path("one") / f).read_bytes() == (Path("two") / f).read_bytes() for f in files)


ALTERED = [
    ("measurements.json", '"value": 0.0', '"value": 0.9', "The rating does not follow"),
    ("rating.json", '"not rated"', '"Low"', "The rating does not follow"),
    ("plan.yaml", "limit: 6", "limit: 5", "The plan changed since"),
]


@pytest.mark.parametrize(("name", "old", "new", "said"), ALTERED)
def test_a_record_that_was_altered_closes_the_gate(
    measured: Path, name: str, old: str, new: str, said: str
) -> None:
    syscard("rate")
    path = measured / name
    path.write_text(path.read_text().replace(old, new, 1))

    result = syscard("gate", "deploy")

    assert result.exit_code == 6
    assert said in result.stderr
    assert not (measured / "deploy.json").exists()


def test_a_log_that_was_altered_gets_no_card(measured: Path) -> None:
    syscard("rate")
    log = next(measured.rglob("*.eval"))
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)

    result = syscard("card")

    assert result.exit_code == 6
    assert "is not the log that was measured" in result.stderr
    assert not (measured / "card").exists()


def test_a_decision_on_another_rating_gets_no_card(measured: Path) -> None:
    syscard("rate")
    syscard("gate", "deploy")
    path = measured / "deploy.json"
    digest = read_json(path, Decision).rating_digest
    path.write_text(path.read_text().replace(digest, "0" * 64))

    result = syscard("card", "deploy.json")

    assert result.exit_code == 6
    assert "deploy.json does not follow from this rating" in result.stderr


def test_a_decision_that_was_altered_gets_no_card(measured: Path) -> None:
    syscard("rate")
    syscard("gate", "deploy")
    path = measured / "deploy.json"
    text = path.read_text().replace('"unmet"', '"met"').replace('"exit_code": 4', '"exit_code": 0')
    path.write_text(text)

    result = syscard("card", "deploy.json")

    assert result.exit_code == 6
    assert not (measured / "card").exists()


def test_numbers_that_do_not_follow_from_their_logs_get_no_card(measured: Path) -> None:
    path = measured / "measurements.json"
    path.write_text(path.read_text().replace('"scored": 6', '"scored": 5', 1))
    syscard("rate")

    result = syscard("card")

    assert result.exit_code == 6
    assert "do not follow from their logs" in result.stderr
    assert not (measured / "card").exists()


def test_running_one_task_again_keeps_the_evidence_of_the_others(measured: Path) -> None:
    before = (measured / "logs" / "run.json").read_text()

    run = syscard("run", "plan.yaml", "--log-dir", "logs", "--only", "disallowed")

    assert run.exit_code == 0
    assert (measured / "logs" / "run.json").read_text() == before


def test_logs_that_ran_with_other_options_are_not_the_plans_evidence(measured: Path) -> None:
    path = measured / "plan.yaml"
    path.write_text(path.read_text() + "generate: {temperature: 0.7}\n")

    result = syscard("measure", "logs", "--force")

    assert result.exit_code == 1
    assert "ran with temperature = None, the plan says 0.7" in result.stderr


def test_a_probe_never_starts_a_run(measured: Path) -> None:
    result = syscard("run", "plan.yaml", "--probe", "--log-dir", "new")

    assert result.exit_code == 2
    assert not (measured / "new").exists()


def test_a_disk_without_space_leaves_what_was_there(
    measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(measured.iterdir())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    result = syscard("rate")

    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert sorted(measured.iterdir()) == before


WRONG = [
    (("measure", "nowhere"), 1, "nowhere does not exist"),
    (("rate", "nowhere.json"), 1, "Cannot read nowhere.json"),
    (("rate", "plan.yaml"), 1, "plan.yaml is not a Measurements"),
    (("gate", "ship"), 1, "has no gate 'ship'; it has: deploy, develop"),
    (("run", "nowhere.yaml"), 1, "Cannot read nowhere.yaml"),
    (("run", "plan.yaml", "--only", "xyz"), 2, "--only matches none of"),
    (("run", "plan.yaml", "--", "temprature=1"), 1, "takes no 'temprature'"),
    (("run", "plan.yaml", "--", "limit"), 2, "name=value"),
    (("measure",), 2, "name the logs"),
    (("frobnicate",), 2, "No such command"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), WRONG)
def test_what_is_wrong_is_said_in_one_line_with_its_code(
    measured: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    syscard("rate")
    arguments = (*arguments, "--force") if arguments[0] in ("measure", "rate") else arguments

    result = syscard(*arguments)

    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.output
    if code == 1:
        assert len(result.stderr.strip().splitlines()) == 1


def test_a_missing_task_makes_the_run_incomplete(measured: Path) -> None:
    (measured / "logs" / "run.json").unlink()
    for log in (measured / "logs" / "post" / "overrefusal").glob("*.eval"):
        log.unlink()

    measure = syscard("measure", "logs", "--force")
    syscard("rate")
    gate = syscard("gate", "develop")

    assert measure.exit_code == 7
    assert "syscard/overrefusal (post) has no finished log" in measure.stderr
    assert gate.exit_code == 7


def test_a_new_plan_is_written_and_passes_its_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    made = syscard("init", "openai/gpt-4o-mini")
    check = syscard("plan", "check", "plan.yaml")

    assert made.exit_code == 0
    assert check.exit_code == 0
    assert "at most" in check.stdout


def test_a_dry_run_spends_nothing(measured: Path) -> None:
    result = syscard("run", "plan.yaml", "--dry-run", "--log-dir", "new")

    assert result.exit_code == 0
    assert "24 model calls" in result.stdout
    assert not (measured / "new").exists()
