"""How a side's adapter was made, as its own file says: what a card tells of a mitigation."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError

from syscard.record import Record


class TrainedOn(Record):
    """What it was trained on."""

    name: str
    digest: str
    examples: int
    tokens: int = 0  # of prompts and answers together, one epoch


class Trained(Record):
    """What a card tells of a training; the adapter's file holds the whole record."""

    stage: Literal["sft", "rl"]
    base: str
    base_digest: str
    parent: str | None = None  # digest of the adapter that it went on from
    data: TrainedOn
    spec: str
    spec_version: str
    spec_digest: str
    options: dict[str, Any]  # all of them, the seed among them
    rewarded_by: tuple[str, ...] = ()  # lineages of graders that rewarded or chose: they never rate
    machine: str = "not stated"
    seconds: float | None = None
    alarms: tuple[str, ...] = ()


def as_told(record: Mapping[str, Any] | None) -> Trained | None:
    """The part of a record that a card tells; None for another tool's, which holds less."""
    data = None if record is None else record.get("data")
    if record is None or not isinstance(data, Mapping):
        return None
    try:
        return Trained.model_validate(_known(record, Trained) | {"data": _known(data, TrainedOn)})
    except ValidationError:
        return None


def _known(told: Mapping[str, Any], record: type[Record]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name in record.model_fields}
