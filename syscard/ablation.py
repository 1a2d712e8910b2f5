"""An ablation as data: the arms, how each is made, and the plan by which all are measured."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from syscard.adapters import rewarded_by
from syscard.errors import DataError
from syscard.files import digest_bytes, read_text
from syscard.library import data_path, read_plan
from syscard.record import Record
from syscard.records import Plan, Side
from syscard.yamltext import parse_record

ADAPTER, BASE = "adapter.gguf", "base"  # what lies in the folder of an ablation


class Train(Record):
    """How an arm's adapter is trained; a seed is added for each of the arm's."""

    stage: Literal["sft", "rl"]
    options: dict[str, Any] = {}
    data: str | None = None  # a file of examples; None for the packaged ones
    start: str | None = (
        None  # reinforcement: the arm whose adapter of the same seed it goes on from
    )
    leave_out: tuple[str, ...] = ()  # categories, or techniques of wrapping, not trained on


class Arm(Record):
    """One of the models that are compared: a side of a plan, or a training that makes one."""

    name: str = Field(pattern=r"^\w[\w.-]*$")
    means: str
    side: Side | None = None  # None: the base with the adapter that `train` makes
    train: Train | None = None
    seeds: tuple[int, ...] = (1,)

    @model_validator(mode="after")
    def _one_of_both(self) -> "Arm":
        if (self.side is None) == (self.train is None):
            raise ValueError("an arm has a side, or a training that makes one: give one of them")
        return self


class Contrast(Record):
    """Two arms against each other: what the one has and the other has not."""

    arm: str
    over: str
    means: str


class Ablation(Record):
    """What is compared with what, and by which plan.

    The plan's `pre` is the base that every arm is compared with, on the same samples.
    """

    name: str = Field(min_length=1)
    plan: str  # a name, or a path from the ablation's folder
    options: dict[Literal["sft", "rl"], dict[str, Any]] = {}  # of all trainings of a stage
    spec: str = "default"  # whose rules the examples cite, and the reward goes by
    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...] = ()
    digest: str = ""

    @property
    def runs(self) -> list["ArmRun"]:
        """Every arm with each of its seeds."""
        return [ArmRun(arm=arm, seed=seed) for arm in self.arms for seed in arm.seeds]


class ArmRun(Record):
    """One arm with one seed."""

    arm: Arm
    seed: int

    @property
    def folder(self) -> str:
        """Where its adapter and its logs lie, within the ablation's folder."""
        return f"{self.arm.name}-{self.seed}"


@dataclass(frozen=True)
class Where:
    """What an ablation is about, and the folder in which it lies."""

    ablation: Ablation
    folder: Path
    max_connections: int = 8

    @property
    def plan_file(self) -> Path:
        """The plan by which all arms are measured."""
        return data_path("plans", self.ablation.plan)

    @property
    def plan(self) -> Plan:
        """Its content."""
        return read_plan(self.plan_file)[0]

    def adapter(self, one: ArmRun) -> Path:
        """The file that an arm's training ends in."""
        return self.folder / one.folder / ADAPTER

    def logs(self, one: ArmRun | None = None) -> Path:
        """The logs of an arm, or of the base: those of each plan apart, so that plans may share
        what was trained."""
        return self.folder / (one.folder if one else BASE) / f"logs-{self.plan.name}"

    def done(self, one: ArmRun | None = None) -> bool:
        """Whether every task of the plan has a finished log of an arm, or of the base."""
        path = self.logs(one) / "run.json"
        finished = json.loads(read_text(path))["logs"] if path.exists() else []
        return {log["task"] for log in finished} == {item.task for item in self.plan.tasks}

    def plan_of(self, one: ArmRun) -> Plan:
        """The plan with the arm as what is measured after mitigation."""
        plan = self.plan
        args = {**plan.pre.args, "adapter": str(self.adapter(one))}
        made = self.adapter(one).exists()
        side = one.arm.side or Side(
            model=plan.pre.model, args=args, rewarded_by=rewarded_by(args) if made else ()
        )
        return plan.model_copy(update={"post": side})


def read_ablation(path: Path) -> Ablation:
    """An ablation from YAML.

    Raises:
        DataError: with the line, what is wrong there.
    """
    text = read_text(path)
    found, _ = parse_record(text, str(path), Ablation)
    beside = path.parent / found.plan
    if beside.is_file():
        found = found.model_copy(update={"plan": str(beside)})
    names = [arm.name for arm in found.arms]
    for arm in found.arms:
        if names.count(arm.name) > 1:
            raise DataError(f"{path}: two arms are named {arm.name!r}. Rename one.")
        if arm.train and arm.train.start is not None and arm.train.start not in names:
            raise DataError(
                f"{path}: arm {arm.name!r} starts from {arm.train.start!r}, no arm here."
            )
    for contrast in found.contrasts:
        unknown = {contrast.arm, contrast.over} - set(names)
        if unknown:
            raise DataError(
                f"{path}: a contrast names {sorted(unknown)[0]!r}, which is no arm here."
            )
    return found.model_copy(update={"digest": digest_bytes(text.encode())})
