"""An adapter in llama.cpp's format.

llama.cpp keeps the query and key weights of the llama family in another order of rows than
Transformers does, for its rotary embedding. What is added to them must be put into that order
too: left out, the text is still plausible and the model another one.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from syscard.adapters import BASE, RECORD
from syscard.errors import SetupError
from syscard.tuning.base import need

Array = NDArray[np.float32]

# Architectures whose names and row order are known here, by Transformers' name of them: the name
# in llama.cpp, and whether query and key rows are reordered there.
ARCHITECTURES = {
    "llama": ("llama", True),
    "mistral": ("llama", True),
    "qwen2": ("qwen2", False),
    "qwen3": ("qwen3", False),
}
REORDERED = {".self_attn.q_proj": "heads", ".self_attn.k_proj": "key_heads"}


@dataclass(frozen=True)
class Shape:
    """What the export must know of a model."""

    architecture: str  # llama.cpp's name
    reorders: bool
    layers: int
    heads: int
    key_heads: int


@dataclass(frozen=True)
class Pair:
    """The two factors of one layer's change: `down` (rank, in), `up` (out, rank)."""

    layer: str  # as Transformers names it: model.layers.0.self_attn.q_proj
    down: Array
    up: Array


def shape_of(config: Any) -> Shape:
    """What a Transformers configuration says.

    Raises:
        SetupError: its architecture is one whose row order is not known here.
    """
    kind = str(config.model_type)
    if kind not in ARCHITECTURES:
        raise SetupError(
            f"no export for models of type {kind!r}: known are {', '.join(ARCHITECTURES)}; "
            "merge it with PEFT and use llama.cpp's own converter"
        )
    name, reorders = ARCHITECTURES[kind]
    return Shape(
        architecture=name,
        reorders=reorders,
        layers=int(config.num_hidden_layers),
        heads=int(config.num_attention_heads),
        key_heads=int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads),
    )


def adapter_tensors(model: Any) -> dict[str, Array]:
    """The tensors of a model's adapter as it stands, by PEFT's names."""
    found = need("peft").get_peft_model_state_dict(model, adapter_name="default")
    return {name: tensor.detach().float().cpu().numpy() for name, tensor in found.items()}


def pairs(tensors: Mapping[str, Array], shape: Shape) -> Iterator[tuple[str, Pair]]:
    """Each change under the name of its tensor in llama.cpp, its rows in llama.cpp's order.

    Args:
        tensors: the adapter's, by PEFT's names.
        shape: of the model.

    Raises:
        SetupError: a tensor that llama.cpp has no name for.
    """
    gguf = need("gguf")
    kinds = {name: kind for kind, name in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(kinds[shape.architecture], shape.layers)
    for key in sorted(tensors):
        layer, found, _ = key.removeprefix("base_model.model.").partition(".lora_A.")
        if not found:
            continue
        name = names.get_name(layer)
        if name is None:
            raise SetupError(f"llama.cpp has no name for the layer {layer}")
        up = tensors[key.replace(".lora_A.", ".lora_B.")]
        which = next((kind for end, kind in REORDERED.items() if layer.endswith(end)), None)
        if which is not None and shape.reorders:
            up = reordered(up, shape.heads if which == "heads" else shape.key_heads)
        yield f"{name}.weight", Pair(layer, tensors[key], up)


def reordered(rows: Array, heads: int) -> Array:
    """The rows of query or key weights, from Transformers' order into llama.cpp's.

    Within each head Transformers keeps the two halves of every rotated pair apart, llama.cpp
    keeps them side by side. `rows`: (heads * size of a head, anything).
    """
    return (
        rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)
    )


def write_adapter(
    path: Path,
    tensors: Mapping[str, Array],
    shape: Shape,
    alpha: float,
    about: Mapping[str, Any],
) -> None:
    """The adapter as one GGUF file of half precision, which says what it was trained on.

    Args:
        path: of the file.
        tensors: the adapter's, by PEFT's names.
        shape: of the model.
        alpha: LoRA's.
        about: the training's record; its `base_digest` is what a runtime checks.
    """
    gguf = need("gguf")
    writer = gguf.GGUFWriter(path, shape.architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(alpha))
    writer.add_string(BASE, str(about["base_digest"]))
    writer.add_string(RECORD, json.dumps(dict(about)))
    for name, pair in pairs(tensors, shape):
        writer.add_tensor(f"{name}.lora_a", pair.down.astype(np.float16))
        writer.add_tensor(f"{name}.lora_b", pair.up.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
