"""Runs and the ledger: every run announces itself, and none can be left out or chosen."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import FAILING

from syscard.assess.case import Files, open_case, unannounced, unmatched
from syscard.assess.sign.entries import RunEnded, RunStarted
from syscard.assess.sign.ledger import append, read
from syscard.cli import main
from syscard.errors import LedgerError
from syscard.keys import load_key

Plan = Callable[..., Path]


class Desk:
    """A folder with a plan, its ledger, and the commands run in it."""

    def __init__(self, folder: Path, plan: Path) -> None:
        self.folder, self.plan, self.ledger = folder, plan, folder / "ledger.jsonl"
        signers = []
        for name, role in (("Rin", "runner"), ("Ann", "adviser"), ("Bea", "adviser")):
            self("key", "new", folder / f"{name}.pem", "--name", name, "--demo")
            signers += ["--signer", f"{folder / name}.pub.json={role}"]
        self("key", "new", folder / "Lea.pem", "--name", "Lea", "--demo")
        signers += ["--signer", f"{folder / 'Lea'}.pub.json=leader"]
        lea = ["--key", folder / "Lea.pem", "-o", self.ledger]
        self("ledger", "open", plan, *signers, *lea)

    def __call__(self, *arguments: object, code: int = 0) -> str:
        found = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert found.exit_code == code, found.output
        return found.output

    def run(self, logs: str = "logs", *more: object) -> Path:
        signed = ("--ledger", self.ledger, "--key", self.folder / "Rin.pem")
        self("run", self.plan, "--log-dir", self.folder / logs, *signed, *more)
        return self.folder / logs

    def rate(self, *logs: Path) -> Files:
        """Measure those logs and rate them."""
        measurements, rating = (self.folder / f"{n}.json" for n in ("measurements", "rating"))
        plan = ("--plan", self.plan, "--force")
        self("measure", *logs, *plan, "-o", measurements)
        self("rate", measurements, *plan, "-o", rating)
        return Files(self.plan, measurements, rating, self.ledger)

    @property
    def kinds(self) -> list[str]:
        return [entry.kind for entry in read(self.ledger).entries]


@pytest.fixture
def desk(tmp_path: Path, plan_file: Plan) -> Desk:
    return Desk(tmp_path, plan_file())


NOW = "2026-12-01T00:00:00+00:00"


def test_each_task_on_each_side_has_a_start_and_an_end_that_binds_its_log(desk: Desk) -> None:
    files = desk.rate(desk.run())

    case = open_case(files, NOW)

    assert desk.kinds == ["opened"] + ["run_started", "run_ended"] * 4
    ends = [e.body for e in read(desk.ledger).entries if isinstance(e.body, RunEnded)]
    assert {end.log for end in ends} == set(case.logs)
    assert unmatched(case) == ()


def test_a_run_with_nothing_left_to_do_announces_nothing(desk: Desk) -> None:
    desk.run()
    before = desk.kinds

    desk.run()

    assert desk.kinds == before


def test_a_log_without_a_start_is_said_and_is_not_announced_afterwards(desk: Desk) -> None:
    desk("run", desk.plan, "--log-dir", desk.folder / "logs")
    logs = desk.run()

    said = unmatched(open_case(desk.rate(logs), NOW))

    assert desk.kinds == ["opened"]
    assert len(said) == 4
    assert all("was not announced" in line for line in said)


def test_a_finished_run_that_is_left_out_breaks_the_case(desk: Desk) -> None:
    first, second = desk.run("first"), desk.run("second")
    assert first != second
    files = desk.rate(second)

    with pytest.raises(LedgerError, match="None may be chosen among runs"):
        open_case(files, NOW)


def test_a_start_without_an_end_is_said(desk: Desk) -> None:
    desk.run()
    FAILING.add("a")
    broken = desk.plan.read_text().replace("scripted/refuses", "scripted/broken")
    other = desk.folder / "other.yaml"
    other.write_text(broken)
    desk_of_other = Desk(desk.folder / "other", other)
    FAILING.clear()
    signed = ("--ledger", desk_of_other.ledger, "--key", desk_of_other.folder / "Rin.pem")

    desk("run", other, "--log-dir", desk.folder / "broken", *signed, code=7)

    assert desk_of_other.kinds.count("run_started") == 4
    assert desk_of_other.kinds.count("run_ended") == 2


def test_a_trial_with_fewer_samples_stands_on_the_card_and_forbids_nothing(desk: Desk) -> None:
    desk.run("logs", "--limit", 2)
    logs = desk.run()

    said = unmatched(open_case(desk.rate(logs), NOW))

    assert len(said) == 4
    assert all("also ran on" in line for line in said)


def test_failed_samples_run_again_continue_the_run_that_they_failed_in(desk: Desk) -> None:
    FAILING.add("a")
    desk.run()
    FAILING.clear()

    files = desk.rate(desk.run("logs", "--retry-failed"))

    case = open_case(files, NOW)
    ends = [e.body for e in read(desk.ledger).entries if isinstance(e.body, RunEnded)]
    assert sum(end.continues is not None for end in ends) == 4
    assert len(unmatched(case)) == 4


def test_a_gate_measures_the_logs_again_before_it_answers(desk: Desk) -> None:
    files = desk.rate(logs := desk.run())
    gate = ("gate", "develop", "--plan", desk.plan, "--ledger", desk.ledger, "--force")
    gate += ("--measurements", files.measurements, "--rating", files.rating)
    gate += ("-o", desk.folder / "develop.json")

    whole = desk(*gate, code=4)
    text = files.measurements.read_text()
    files.measurements.write_text(text.replace('"clusters": 6', '"clusters": 7'))
    desk("rate", files.measurements, "--plan", desk.plan, "--force", "-o", files.rating)
    forged = desk(*gate, code=6)
    files.measurements.write_text(text)
    desk("rate", files.measurements, "--plan", desk.plan, "--force", "-o", files.rating)
    logs.rename(desk.folder / "elsewhere")
    gone = desk(*gate, code=4)

    assert "met      The evidence is intact" in whole
    assert "met      Every run was announced" in whole
    assert "do not follow from their logs" in forged
    assert "logs are not there" in gone


def test_a_log_that_was_announced_after_it_ran_was_not_announced(desk: Desk) -> None:
    desk("run", desk.plan, "--log-dir", desk.folder / "logs")
    files = desk.rate(desk.folder / "logs")
    case = open_case(files, NOW)
    key = load_key(desk.folder / "Rin.pem", "")
    for log in case.logs.values():
        body = {"plan": case.plan_digest, "mitigation": "pre", "task": "t", "model": None}
        started = append(desk.ledger, "run_started", RunStarted(seed=1, **body), key, NOW)
        end = RunEnded(started=started.sequence, log=log.sha256, seed=1, **body)
        append(desk.ledger, "run_ended", end, key, NOW)

    again = open_case(files, NOW)

    assert len(unannounced(again)) == 4
    assert sum("was not announced" in line for line in unmatched(again)) == 4


@pytest.mark.parametrize(("who", "may"), [("Rin", False), ("Lea", True)])
def test_only_a_trigger_of_somebody_else_lets_a_runner_leave_a_run_out(
    desk: Desk, who: str, may: bool
) -> None:
    desk.run("first")
    signed = ("--ledger", desk.ledger, "--key", desk.folder / f"{who}.pem", "--plan", desk.plan)
    desk("trigger", "new surface", "--reason", "an API", *signed)
    files = desk.rate(desk.run("second"))

    if may:
        said = unmatched(open_case(files, NOW))
        assert len(said) == 4
        assert all("was replaced since it grew old" in line for line in said)
    else:
        with pytest.raises(LedgerError, match="None may be chosen among runs"):
            open_case(files, NOW)


def test_a_log_that_ran_in_another_order_than_the_plans_is_not_its_evidence(desk: Desk) -> None:
    logs = desk.run()
    desk.plan.write_text(desk.plan.read_text() + "seed: 2\n")

    said = desk("measure", logs, "--plan", desk.plan, code=1)

    assert "ran in the order of seed 1, the plan says 2" in said


def test_a_ledger_of_another_plan_takes_no_run_and_nothing_is_spent(desk: Desk) -> None:
    desk.plan.write_text(desk.plan.read_text() + "seed: 7\n")
    signed = ("--ledger", desk.ledger, "--key", desk.folder / "Rin.pem")

    said = desk("run", desk.plan, "--log-dir", desk.folder / "logs", *signed, code=6)

    assert "opened for plan" in said
    assert not (desk.folder / "logs" / "pre").exists()


def test_a_key_that_may_not_run_starts_nothing(desk: Desk) -> None:
    signed = ("--ledger", desk.ledger, "--key", desk.folder / "Ann.pem")

    said = desk("run", desk.plan, "--log-dir", desk.folder / "logs", *signed, code=6)

    assert "may not write 'run_started'" in said
    assert not list((desk.folder / "logs").rglob("*.eval"))
    shutil.rmtree(desk.folder / "logs")
