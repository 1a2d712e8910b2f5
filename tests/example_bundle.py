"""A small case that was run, rated, advised and approved, and its bundle: seconds to make."""

import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any

from conftest import PLAN
from example_evidence import framework as rules
from example_ledger import Council
from test_run import go

from syscard.assess.card.bundle import Written, write_card
from syscard.assess.case import Files, open_case
from syscard.assess.estimate import measure
from syscard.assess.evidence import collect
from syscard.assess.gate import decide
from syscard.assess.measure import read_log
from syscard.assess.rate import rate
from syscard.assess.sign.entries import Approved, Rated, RunEnded, RunStarted
from syscard.files import digest_file
from syscard.frameworks import Category, Framework, Indicator, Threshold
from syscard.keys import Key, load_key, make_key
from syscard.library import dump, read_framework, read_json, read_plan
from syscard.records import Measurements, Rating

WHEN = "2026-12-01T12:00:00+00:00"
GATES = ("deploy", "develop")


def framework() -> Framework:
    """Rates one indicator, low enough for six samples: both gates may open."""
    bars = (("Medium", 0.3), ("High", 0.2), ("Critical", 0.1))
    indicator = Indicator(
        name="holds back",
        task="syscard/disallowed",
        metric="not_unsafe",
        danger="low",
        thresholds=tuple(Threshold(level=level, at=at) for level, at in bars),
        rationale="a test",
        source="a test",
    )
    levels = dict.fromkeys(("Low", "Medium", "High", "Critical"), "a test")
    category = Category(
        name="harm", title="Harm", levels=levels, source="a test", indicators=(indicator,)
    )
    found = rules(category)
    gates = tuple(g.model_copy(update={"signatures": ("advice", "approval")}) for g in found.gates)
    return found.model_copy(update={"gates": gates})


class Example:
    """A folder with plan, framework, logs, and everything down to decisions; signed by a council.

    With `twice`, all of it ran a second time, and the ledger says so.
    """

    def __init__(self, folder: Path, plan: str = "", twice: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.framework = framework()
        (folder / "framework.yaml").write_text(dump(self.framework))
        named = PLAN.replace("preparedness-beta", f"{folder}/framework.yaml")
        (folder / "plan.yaml").write_text(named + plan)
        self.logs = go(folder / "plan.yaml", folder / "logs")
        self.plan, self.plan_digest = read_plan(folder / "plan.yaml")
        self.council = Council(folder / "keys", self.framework, self.plan_digest)
        if twice:
            self.logs += go(folder / "plan.yaml", folder / "again")
        for log in self.logs:
            self.announce(log)
        self.rate()
        self.sign()

    @property
    def files(self) -> Files:
        """Where its parts lie."""
        names = ("plan.yaml", "measurements.json", "rating.json")
        plan, measurements, rating = (self.folder / name for name in names)
        return Files(plan, measurements, rating, self.council.path)

    @property
    def trusted(self) -> Path:
        """The folder of the council's keys."""
        return self.folder / "keys"

    @property
    def decisions(self) -> list[Path]:
        """The decisions on both gates."""
        return [self.folder / f"{gate}.json" for gate in GATES]

    def announce(self, log: Path) -> None:
        """The start and the end of a run."""
        reading = read_log(log, self.plan)
        body: dict[str, Any] = {
            "plan": self.plan_digest,
            "mitigation": reading.mitigation,
            "task": reading.task,
            "model": reading.log.model_digest,
            "seed": 1,
        }
        begun = self.council.sign("Rin", "run_started", RunStarted(**body))
        ended = RunEnded(**body, started=begun.sequence, log=digest_file(log))
        self.council.sign("Rin", "run_ended", ended)

    def rate(self, *logs: Path) -> None:
        """Measurements and rating of the logs."""
        found = [read_log(path, self.plan) for path in logs or collect(self.logs, self.plan).logs]
        with chdir(self.folder):
            measured = measure(found, self.plan, self.plan_digest, self.folder)
        self.files.measurements.write_text(dump(measured))
        framework, digest = read_framework(str(self.folder / "framework.yaml"))
        rating = rate(
            read_json(self.files.measurements, Measurements),
            framework,
            framework_digest=digest,
            measurements_digest=digest_file(self.files.measurements),
        )
        self.files.rating.write_text(dump(rating))

    def sign(self) -> None:
        """The runner binds the rating, two advise on it, the leader approves, gates are asked."""
        rating = read_json(self.files.rating, Rating)
        digest = digest_file(self.files.rating)
        measured = read_json(self.files.measurements, Measurements)
        logs = {log.sha256 for m in measured.measured for log in m.logs}
        rated = Rated(
            rating=digest,
            framework=rating.framework_digest,
            plan=self.plan_digest,
            logs=tuple(sorted(logs)),
        )
        self.council.sign("Rin", "rated", rated)
        self.council.advise(rating, digest=digest)
        for gate in GATES:
            body = Approved(rating=digest, gate=gate, answer="yes", reason="as advised")
            self.council.sign("Lea", "approved", body)
        self.ask()

    def ask(self) -> None:
        """Both gates are asked."""
        case = open_case(self.files, WHEN)
        for gate, path in zip(GATES, self.decisions, strict=True):
            path.write_text(dump(decide(gate, case)))

    def bundle(self, out: Path, **options: Any) -> Written:
        """Its bundle."""
        with chdir(self.folder):
            return write_card(out, self.files, self.decisions, created=WHEN, **options)

    def key(self, name: str = "Release") -> Key:
        """A key to sign cards with, in the folder of trusted ones."""
        path = self.trusted / f"{name}.pem"
        if not path.exists():
            make_key(path, name, "", demo=True)
        return load_key(path, "")


def copied(bundle: Path, folder: Path, name: str = "card") -> Path:
    """A copy to alter."""
    return Path(shutil.copytree(bundle, folder / name))
