"""What a training leaves beside the weights: from what they came, and by what."""

import json
import platform
import resource
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from syscard.errors import DataError, SetupError
from syscard.files import digest_file, read_text, write_text
from syscard.trained import Trained, TrainedOn
from syscard.tuning.base import Base, need

NAME = "training.json"
RUN = "run.json"  # what a folder was begun for; a different run must not go on in it
ADAPTER = "adapter_model.safetensors"
LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "syscard")


class Data(TrainedOn):
    """What was trained on; the digest is of the examples used, after any cut."""

    held_out: int = 0  # not trained on: their loss says whether the rest was learned by heart


class TrainingRecord(Trained):
    """One stage of training, in the folder of what it made: more than a card tells of it."""

    data: Data
    libraries: dict[str, str]
    machine: str
    seconds: float  # of training, summed over its resumptions
    steps: int
    tokens_per_second: float | None = None
    loss: tuple[tuple[int, float], ...] = ()  # (step, loss of the steps before it)
    held_out_loss: float | None = None
    adapter_digest: str | None = None  # of the weights; None for a full model's folder


def read_training(folder: Path) -> TrainingRecord:
    """The record in the folder of an adapter or a trained model.

    Raises:
        DataError: there is none, it is not one, or the weights beside it are others.
    """
    path = folder / NAME
    if not path.is_file():
        raise DataError(f"{folder} has no {NAME}: it is no training's finished result.")
    try:
        record = TrainingRecord.model_validate_json(read_text(path))
    except ValidationError as error:
        raise DataError(f"{path} is no training record: {error.errors()[0]['msg']}.") from error
    weights = folder / ADAPTER
    if record.adapter_digest and weights.exists() and digest_file(weights) != record.adapter_digest:
        raise DataError(f"{weights} is not what {NAME} beside it describes: it was altered.")
    return record


def check_base(record: TrainingRecord, base: Base, folder: Path) -> None:
    """Refuse another base than the one that a stage of training had.

    Raises:
        SetupError: the weights are others.
    """
    if record.base_digest != base.digest:
        raise SetupError(
            f"{folder} was trained on weights {record.base_digest[:16]}…, {base.name} has "
            f"{base.digest[:16]}…: name the base that it was trained on with --base"
        )


def write_training(folder: Path, record: TrainingRecord) -> Path:
    """Write the record into the folder, last of all: with it the stage is finished."""
    path = folder / NAME
    write_text(path, f"{record.model_dump_json(indent=2)}\n")
    return path


def claim(folder: Path, run: Mapping[str, Any]) -> None:
    """Take a folder for one run, or find that it is this run's already.

    Raises:
        SetupError: it holds another run's work, or other files.
    """
    state = need("accelerate").PartialState
    if not state(cpu=not need("torch").cuda.is_available()).is_main_process:
        return  # the first process claims it for all
    path = folder / RUN
    told = json.loads(json.dumps(run))
    if path.exists():
        held = json.loads(read_text(path))
        differs = sorted(key for key in told | held if told.get(key) != held.get(key))
        if differs:
            key = differs[0]
            raise SetupError(
                f"{folder} holds another run's work: its {key} is {_short(held.get(key))}, this "
                f"run's is {_short(told.get(key))}. Name another folder with -o."
            )
        return
    if folder.exists() and any(folder.iterdir()):
        raise SetupError(f"{folder} is not empty. Name another folder with -o.")
    write_text(path, f"{json.dumps(told, indent=2)}\n")


def libraries() -> dict[str, str]:
    """Versions of what computes, as installed."""
    return {name: metadata.version(name) for name in LIBRARIES}


def machine() -> str:
    """The processor, or the graphics card, in words."""
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}"
    return f"{torch.get_num_threads()} threads of {platform.machine()}"


def memory() -> str:
    """The most memory that was held so far, in words."""
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of graphics memory"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB
    return f"{peak / 2**20:.1f} GiB of memory"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
