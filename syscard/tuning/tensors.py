"""GGUF files with their tensors changed: noise, another storage, an adapter merged in.

All of it is arithmetic on files: no model is loaded, nothing is downloaded. The `gguf` package
stores as F32, F16, Q8_0, Q5_0, Q4_1 and Q4_0; K-quants it only reads, so a model that is served in
one of them is tested in its nearest neighbour here, or as a file that llama.cpp's own tool made.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from syscard.errors import SetupError

Floats = NDArray[np.float32]
KINDS = ("F32", "F16", "Q8_0", "Q5_0", "Q4_1", "Q4_0")
BLOCK = 32  # values that share a scale in the quantised kinds
WIDE = ("token_embd.weight", "output.weight")  # quantised apart from the rest, as llama.cpp does
STALE = ("general.file_type", "general.quantization_version")


class Tensor(NamedTuple):
    """A tensor's values, and how it is stored. A matrix is (rows out, columns in)."""

    name: str
    values: Floats
    kind: str


def noised(adapter: Path, out: Path, share: float, seed: int) -> Path:
    """The adapter with gaussian noise of `share` of each tensor's standard deviation."""
    chance = np.random.default_rng(seed)

    def change(tensor: Tensor) -> Tensor:
        deviation = share * float(tensor.values.std())
        noise = chance.normal(0.0, deviation, tensor.values.shape).astype(np.float32)
        return tensor._replace(values=tensor.values + noise)

    return rewritten(adapter, out, change)


def stored_as(adapter: Path, out: Path, kind: str) -> Path:
    """The adapter stored as another kind; rows that its blocks do not fit are stored as F16."""
    return rewritten(adapter, out, lambda tensor: tensor._replace(kind=kind))


def merged(
    base: Path, adapter: Path | None, out: Path, kind: str | None = None, strength: float = 1.0
) -> Path:
    """The base model with the adapter, at that strength, in its weights.

    An adapter in GGUF is permuted as its base is, so the sum needs nothing else. Matrices are
    stored as `kind`, but for the embeddings, which llama.cpp quantises apart. Without a kind, what
    the adapter changes becomes F16 and everything else stays what it is, bytes and all.

    Raises:
        SetupError: the adapter has a tensor that the base has not, or of another shape.
    """
    added = {} if adapter is None else _parts(adapter, strength)
    left = set(added)

    def change(tensor: Tensor) -> Tensor:
        if tensor.name in added:
            left.discard(tensor.name)
            more = _delta(added[tensor.name], tensor)
            tensor = tensor._replace(values=tensor.values + more, kind=kind or "F16")
        matrix = tensor.values.ndim > 1 and tensor.name not in WIDE
        return tensor._replace(kind=kind) if kind is not None and matrix else tensor

    rewritten(base, out, change)
    if left:
        out.unlink()
        raise SetupError(
            f"{adapter} changes {min(left)!r}, which {base} has not: it is of another base model"
        )
    return out


def rewritten(source: Path, out: Path, change: Callable[[Tensor], Tensor]) -> Path:
    """A GGUF file with every tensor changed, and its metadata kept; whole, or not there at all.

    Raises:
        SetupError: it cannot be read, a tensor is of a kind unknown here, or there is no room.
    """
    gguf, reader = _package(), _reader(source)
    architecture = reader.get_field("general.architecture")
    beside = out.with_suffix(".part")
    out.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(beside, str(architecture.contents()))
    _copy_fields(reader, writer)
    try:
        for stored in reader.tensors:
            tensor = _read(stored, source)
            changed = change(tensor)
            if changed is tensor:  # its bytes, not what they would become when stored again
                writer.add_tensor(tensor.name, stored.data, raw_dtype=stored.tensor_type)
            else:
                _add(writer, changed)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SetupError(
            f"Cannot write {out}: {error.strerror}. Make room, or name another -o."
        ) from error
    finally:
        writer.close()
    os.replace(beside, out)
    return out


def tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a GGUF file by its name."""
    found = (_read(stored, path) for stored in _reader(path).tensors)
    return {tensor.name: tensor for tensor in found}


class Parts(NamedTuple):
    """Of one matrix: what the adapter adds is `scale` times b times a."""

    a: Floats
    b: Floats
    scale: float


def _parts(adapter: Path, strength: float) -> dict[str, Parts]:
    field = _reader(adapter).get_field("adapter.lora.alpha")
    found = tensors(adapter)
    parts = {}
    for name, a in found.items():
        if name.endswith(".lora_a"):
            matrix = name.removesuffix(".lora_a")
            b = found[f"{matrix}.lora_b"]
            rank = b.values.shape[1]
            alpha = float(field.contents()) if field is not None else 0.0
            scale = strength * (alpha / rank if alpha else 1.0)
            parts[matrix] = Parts(a.values, b.values, scale)
    return parts


def _delta(parts: Parts, tensor: Tensor) -> Floats:
    found: Floats = np.float32(parts.scale) * (parts.b @ parts.a)
    if found.shape != tensor.values.shape:
        raise SetupError(
            f"the adapter's part of {tensor.name!r} is {found.shape}, the base's matrix "
            f"{tensor.values.shape}: it is of another base model"
        )
    return found


def _read(stored: Any, path: Path) -> Tensor:
    gguf = _package()
    try:
        values = gguf.quants.dequantize(stored.data, stored.tensor_type)
    except NotImplementedError as error:
        raise SetupError(
            f"{path}: {stored.name} is stored as {stored.tensor_type.name}, "
            "which the package gguf cannot read"
        ) from error
    return Tensor(stored.name, np.asarray(values, dtype=np.float32), stored.tensor_type.name)


def _add(writer: Any, tensor: Tensor) -> None:
    gguf = _package()
    blocks = tensor.kind not in ("F32", "F16", "BF16")
    kind = "F16" if blocks and tensor.values.shape[-1] % BLOCK else tensor.kind
    stored = gguf.GGMLQuantizationType[kind]
    data = gguf.quants.quantize(np.ascontiguousarray(tensor.values), stored)
    writer.add_tensor(tensor.name, data, raw_dtype=stored)


def _copy_fields(reader: Any, writer: Any) -> None:
    gguf = _package()
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", *STALE):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)


def _reader(path: Path) -> Any:
    try:
        return _package().GGUFReader(path)
    except (OSError, ValueError, IndexError) as error:
        raise SetupError(
            f"{path} cannot be read as GGUF: {' '.join(str(error).split())}"
        ) from error


def _package() -> Any:
    try:
        import gguf
    except ImportError as error:
        raise SetupError(
            "GGUF files are rewritten with the package gguf, which is not installed: "
            "pip install 'syscard[local]'"
        ) from error
    return gguf
