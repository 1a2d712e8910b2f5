"""What every stage of training does around its trainer: claim a folder, and leave a record there.

The folder is taken for one run before anything is computed, and the record is written last of all:
with it the stage is finished.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from syscard.record import Record
from syscard.specs import Spec
from syscard.tuning.base import Base
from syscard.tuning.curve import draw
from syscard.tuning.fit import Fitted, adapter_digest
from syscard.tuning.record import (
    NAME,
    Data,
    TrainingRecord,
    claim,
    libraries,
    machine,
    read_training,
    write_training,
)

Talk = Callable[[str], None]


@dataclass(frozen=True)
class Picture:
    """Curves over the steps, as a file in the folder."""

    name: str
    curves: Mapping[str, list[tuple[int, float]]]
    title: str


@dataclass(frozen=True)
class Learned:
    """What a trainer came to."""

    fitted: Fitted
    tokens: int  # of one epoch, or written in all
    rate: float  # tokens a second
    picture: Picture
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """A stage before it is done: on what, by which specification, with which options."""

    name: Literal["sft", "rl"]
    base: Base
    called: str  # the base, as it was named
    spec: Spec
    data: Data  # its tokens are counted by the trainer
    options: Record
    parent: str | None = None  # digest of the adapter that it goes on from
    rewarded_by: tuple[str, ...] = ()

    def done(self, out: Path, train: Callable[[], Learned], talk: Talk) -> TrainingRecord:
        """Train where that is not done yet, and write its record.

        Of several processes only the first writes.

        Raises:
            SetupError: the folder holds another run's work; what `train` raises.
        """
        claim(out, self._run)
        if (out / NAME).exists():
            talk(f"{out} is finished already")
            return read_training(out)
        trained = train()
        record = self._record(trained, adapter_digest(out))
        if trained.fitted.first:
            picture = trained.picture
            draw(out / picture.name, picture.curves, picture.title)
            write_training(out, record)
        return record

    @property
    def _run(self) -> dict[str, Any]:
        """What two runs must share to be the same run."""
        return {
            "stage": self.name,
            "base": self.base.digest,
            "data": self.data.digest,
            "spec": self.spec.digest,
            "start": self.parent,
            "options": self.options.model_dump(),
        }

    def _record(self, trained: Learned, adapter: str | None) -> TrainingRecord:
        fitted = trained.fitted
        return TrainingRecord(
            stage=self.name,
            base=self.called,
            base_digest=self.base.digest,
            parent=self.parent,
            data=self.data.model_copy(update={"tokens": trained.tokens}),
            spec=self.spec.name,
            spec_version=self.spec.version,
            spec_digest=self.spec.digest,
            options=self.options.model_dump(),
            rewarded_by=self.rewarded_by,
            libraries=libraries(),
            machine=machine(),
            seconds=fitted.seconds,
            steps=fitted.steps,
            tokens_per_second=round(trained.rate, 1),
            loss=fitted.loss,
            held_out_loss=fitted.held_out_loss,
            alarms=trained.alarms,
            adapter_digest=adapter,
        )
