"""From an adapter to a file that llama.cpp runs: checked on tensors, not on plausible text."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("trl")
pytest.importorskip("gguf")

import gguf
import tiny

from syscard.adapters import check_base, read_adapter
from syscard.align.export import export
from syscard.align.sft import SftOptions, sft
from syscard.errors import DataError, SetupError
from syscard.tuning.base import find_base, load_base
from syscard.tuning.gguf import reordered, shape_of

OPTIONS = SftOptions(epochs=4, batch=4, held_out=0, rank=2, alpha=4, learning_rate=0.05)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.folder(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "out"
    sft(str(base), tiny.examples(), out, OPTIONS, lambda line: None)
    return out


def tensors(path: Path) -> dict[str, Any]:
    return {one.name: np.array(one.data) for one in gguf.GGUFReader(path).tensors}


def test_the_rows_of_query_and_key_change_places_and_no_others() -> None:
    rows = np.arange(16, dtype=np.float32).reshape(16, 1)

    found = reordered(rows, heads=2)[:, 0]

    assert found[:8].tolist() == [0, 4, 1, 5, 2, 6, 3, 7]  # halves of the first head, in turn
    assert found[8:].tolist() == [8, 12, 9, 13, 10, 14, 11, 15]


def test_the_order_is_the_one_that_undoes_what_transformers_does_to_a_file() -> None:
    from transformers.modeling_gguf_pytorch_utils import LlamaTensorProcessor

    rows = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
    processor = LlamaTensorProcessor(config={})

    back = processor._reverse_permute_weights(reordered(rows, 4), 4)

    assert np.array_equal(back, rows)


def test_an_adapters_file_says_what_it_was_trained_on(
    base: Path, trained: Path, tmp_path: Path
) -> None:
    path = export(trained, tmp_path / "safe.gguf")

    found = read_adapter(path)
    assert (found.architecture, found.alpha) == ("llama", 4.0)
    assert found.base_digest == find_base(str(base)).digest
    assert found.training
    assert found.training["stage"] == "sft"


def test_every_layer_of_the_adapter_is_in_the_file(trained: Path, tmp_path: Path) -> None:
    found = tensors(export(trained, tmp_path / "safe.gguf"))

    assert len(found) == 2 * 2 * 7  # two layers, two factors, seven linear maps
    assert found["blk.1.ffn_down.weight.lora_a"].shape == (2, 48)
    assert found["blk.1.ffn_down.weight.lora_b"].shape == (32, 2)


def test_query_and_key_are_reordered_and_value_is_not(trained: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    raw = load_file(trained / "adapter_model.safetensors")
    found = tensors(export(trained, tmp_path / "safe.gguf"))
    layer = "base_model.model.model.layers.0.self_attn.{}_proj.lora_B.weight"

    for name, heads in (("q", 4), ("k", 2)):
        wanted = reordered(raw[layer.format(name)], heads).astype(np.float16)
        assert np.array_equal(found[f"blk.0.attn_{name}.weight.lora_b"], wanted)
        assert not np.array_equal(wanted, raw[layer.format(name)].astype(np.float16))
    value = raw[layer.format("v")].astype(np.float16)
    assert np.array_equal(found["blk.0.attn_v.weight.lora_b"], value)


def test_a_family_without_the_reordering_gets_none(tmp_path: Path) -> None:
    base = tiny.folder(tmp_path / "qwen", "qwen2")

    shape = shape_of(load_base(find_base(str(base)))[0].config)

    assert (shape.architecture, shape.reorders) == ("qwen2", False)


def test_a_merged_folder_answers_as_base_and_adapter_do(
    base: Path, trained: Path, tmp_path: Path
) -> None:
    import torch
    from peft import PeftModel

    path = export(trained, tmp_path / "merged", "folder")

    model, _ = load_base(find_base(str(base)))
    both = PeftModel.from_pretrained(model, str(trained))
    merged, _ = load_base(find_base(str(path)))
    ids = torch.arange(10, 40)[None]
    assert torch.allclose(both(input_ids=ids).logits, merged(input_ids=ids).logits, atol=1e-4)


def test_an_architecture_that_is_not_known_is_refused() -> None:
    class Config:
        model_type = "mamba"

    with pytest.raises(SetupError, match="no export for models of type 'mamba': known are llama"):
        shape_of(Config())


def test_an_adapter_of_another_base_is_refused_by_digest(trained: Path, tmp_path: Path) -> None:
    other = tiny.folder(tmp_path / "other", seed=5)

    with pytest.raises(SetupError, match="was trained on weights"):
        export(trained, tmp_path / "safe.gguf", base=str(other))


def test_a_runtime_refuses_an_adapter_of_another_base(trained: Path, tmp_path: Path) -> None:
    found = read_adapter(export(trained, tmp_path / "safe.gguf"))

    with pytest.raises(SetupError, match=r"was trained on weights \w{16}…, m has ffff"):
        check_base(found, "f" * 64, "m")


def test_an_adapter_of_another_tool_that_names_no_base_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "theirs.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    writer.add_tensor("blk.0.attn_q.weight.lora_a", np.zeros((2, 4), np.float16))
    for step in ("write_header_to_file", "write_kv_data_to_file", "write_tensors_to_file", "close"):
        getattr(writer, step)()

    found = read_adapter(path)

    check_base(found, "f" * 64, "m")
    assert found.training is None


def test_a_model_given_as_adapter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("model")
    writer.add_tensor("token_embd.weight", np.zeros((2, 4), np.float16))
    for step in ("write_header_to_file", "write_kv_data_to_file", "write_tensors_to_file", "close"):
        getattr(writer, step)()

    with pytest.raises(SetupError, match="is not an adapter but model"):
        read_adapter(path)


def test_what_stands_there_is_not_written_over(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "safe.gguf").write_text("mine")

    with pytest.raises(SetupError, match="exists"):
        export(trained, tmp_path / "safe.gguf")

    assert (tmp_path / "safe.gguf").read_text() == "mine"


def test_a_folder_that_no_training_finished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it is no training's finished result"):
        export(tmp_path, tmp_path / "safe.gguf")


def test_a_merged_file_of_a_folder_names_the_tool_that_makes_it(
    trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(SetupError, match=r"convert_hf_to_gguf\.py"):
        export(trained, tmp_path / "merged.gguf", "gguf")

    assert not list(tmp_path.iterdir())
