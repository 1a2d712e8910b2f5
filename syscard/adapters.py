"""An adapter as one GGUF file: which base it was trained on, and how; read before it is used."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from syscard.errors import SetupError
from syscard.weights import adapter_path, weights_digest

BASE, RECORD = "syscard.base_digest", "syscard.training"  # keys of the file's metadata
SUFFIXES = (".lora_a", ".lora_b")


@dataclass(frozen=True)
class Adapter:
    """What an adapter's file says of itself."""

    path: Path
    architecture: str
    alpha: float
    base_digest: str | None  # None: made by another tool, which does not say
    training: dict[str, Any] | None  # the training's record

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return weights_digest(self.path)


def read_adapter(path: Path) -> Adapter:
    """What stands in an adapter's metadata; its tensors are not read.

    Raises:
        SetupError: it is not a low-rank adapter, or the reader is not installed.
    """
    return _read(path, path.stat().st_mtime_ns)


def rewarded_by(args: Mapping[str, Any]) -> tuple[str, ...]:
    """The lineages that rewarded or chose the training of an adapter, by a model's arguments.

    Raises:
        SetupError: there is no such file, or it is no adapter.
    """
    return tuple((training_of(args) or {}).get("rewarded_by", ()))


def training_of(args: Mapping[str, Any]) -> dict[str, Any] | None:
    """The training's record in an adapter, by a model's arguments; None where there is none.

    Raises:
        SetupError: there is no such file, or it is no adapter.
    """
    path = adapter_path(args)
    return None if path is None else read_adapter(path).training


def check_base(adapter: Adapter, base_digest: str, base: str) -> None:
    """Refuse an adapter that was trained on other weights: it would run, and mean nothing.

    Raises:
        SetupError: its file names another base.
    """
    if adapter.base_digest not in (None, base_digest):
        raise SetupError(
            f"{adapter.path} was trained on weights {str(adapter.base_digest)[:16]}…, {base} has "
            f"{base_digest[:16]}…: name the base that it was trained on, or train it again"
        )


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> Adapter:
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise SetupError(
            "adapters need the reader of GGUF files, which is not installed: "
            "pip install 'syscard[local]'"
        ) from error
    try:
        reader = GGUFReader(path)
    except (ValueError, IndexError) as error:
        raise SetupError(f"{path} is no whole GGUF file: {error}") from error
    told = {name: reader.get_field(name) for name in _KEYS}
    said: dict[str, Any] = {
        name: None if field is None else field.contents() for name, field in told.items()
    }
    if said["adapter.type"] != "lora":
        raise SetupError(
            f"{path} is not an adapter but {said['general.type'] or 'a model'}: "
            "name a model with -M gguf=PATH"
        )
    return Adapter(
        path=path,
        architecture=str(said["general.architecture"]),
        alpha=float(said["adapter.lora.alpha"] or 0.0),
        base_digest=said[BASE],
        training=json.loads(said[RECORD]) if said[RECORD] else None,
    )


_KEYS = (
    "general.architecture",
    "general.type",
    "adapter.type",
    "adapter.lora.alpha",
    BASE,
    RECORD,
)
