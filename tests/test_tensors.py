"""Weights under pressure: what is changed, and what is not, told on the tensors themselves."""

from pathlib import Path

import gguf
import numpy as np
import pytest

from syscard.errors import SetupError
from syscard.tuning.tensors import (
    KINDS,
    merged,
    noised,
    stored_as,
    tensors,
)

NAME = "blk.0.attn_q.weight"
RANK, ALPHA, WIDE, HIGH = 4, 8.0, 64, 32


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A LoRA of one matrix, as the export writes it."""
    chance = np.random.default_rng(1)
    path = tmp_path / "adapter.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", ALPHA)
    for name, shape in ((f"{NAME}.lora_a", (RANK, WIDE)), (f"{NAME}.lora_b", (HIGH, RANK))):
        writer.add_tensor(name, chance.normal(size=shape).astype(np.float32))
    return written(writer, path)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model of one matrix and one norm, with an array in its metadata."""
    path = tmp_path / "base.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    writer.add_uint32("general.file_type", 2)
    matrix = np.random.default_rng(2).normal(size=(HIGH, WIDE)).astype(np.float32)
    writer.add_tensor(NAME, matrix)
    writer.add_tensor("blk.0.attn_norm.weight", np.ones(WIDE, dtype=np.float32))
    return written(writer, path)


def written(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_noise_has_the_size_that_it_says(share: float, adapter: Path, tmp_path: Path) -> None:
    before = tensors(adapter)

    after = tensors(noised(adapter, tmp_path / "noised.gguf", share, seed=3))

    for name, tensor in after.items():
        change = tensor.values - before[name].values
        assert change.std() == pytest.approx(share * before[name].values.std(), rel=0.2)


def test_the_same_seed_makes_the_same_file(adapter: Path, tmp_path: Path) -> None:
    files = [noised(adapter, tmp_path / f"{n}.gguf", 0.1, seed=n // 2) for n in range(3)]

    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()


def test_a_weaker_adapter_adds_so_much_less(adapter: Path, base: Path, tmp_path: Path) -> None:
    plain, whole, weak = (
        tensors(merged(base, adapter, tmp_path / f"{strength}.gguf", "F32", strength))[NAME].values
        for strength in (0.0, 1.0, 0.5)
    )

    np.testing.assert_allclose(weak - plain, 0.5 * (whole - plain), atol=1e-5)


def test_what_is_merged_is_the_product_times_alpha_over_rank(
    adapter: Path, base: Path, tmp_path: Path
) -> None:
    parts = tensors(adapter)
    a, b = parts[f"{NAME}.lora_a"].values, parts[f"{NAME}.lora_b"].values

    found = tensors(merged(base, adapter, tmp_path / "merged.gguf", "F32"))

    wanted = tensors(base)[NAME].values + ALPHA / RANK * (b @ a)
    np.testing.assert_allclose(found[NAME].values, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("F32", 0.0), ("F16", 1e-3), ("Q8_0", 0.02), ("Q5_0", 0.15), ("Q4_1", 0.25), ("Q4_0", 0.3)],
)
def test_every_kind_of_storage_is_as_near_as_its_bits_allow(
    kind: str, error: float, base: Path, tmp_path: Path
) -> None:
    before = tensors(base)

    after = tensors(merged(base, None, tmp_path / f"{kind}.gguf", kind))

    assert kind in KINDS
    assert after[NAME].kind == kind
    assert np.abs(after[NAME].values - before[NAME].values).max() <= error
    assert after["blk.0.attn_norm.weight"].kind == "F32"


def test_a_row_that_no_block_fits_is_stored_in_sixteen_bits(adapter: Path, tmp_path: Path) -> None:
    found = tensors(stored_as(adapter, tmp_path / "q8.gguf", "Q8_0"))

    assert found[f"{NAME}.lora_a"].kind == "Q8_0"
    assert found[f"{NAME}.lora_b"].kind == "F16"


def test_metadata_is_kept_and_what_storage_it_claimed_is_not(base: Path, tmp_path: Path) -> None:
    reader = gguf.GGUFReader(merged(base, None, tmp_path / "out.gguf", "Q8_0"))

    tokens = reader.get_field("tokenizer.ggml.tokens")
    assert tokens is not None
    assert tokens.contents() == ["a", "b"]
    assert reader.get_field("general.file_type") is None


def test_an_adapter_of_another_model_is_refused(adapter: Path, base: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    writer = gguf.GGUFWriter(other, "llama")
    writer.add_tensor("blk.0.ffn_up.weight", np.ones((HIGH, WIDE), dtype=np.float32))
    written(writer, other)

    with pytest.raises(SetupError, match="of another base model"):
        merged(other, adapter, tmp_path / "out.gguf", "F32")

    assert not (tmp_path / "out.gguf").exists()


def test_a_matrix_of_another_shape_is_refused(adapter: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    writer = gguf.GGUFWriter(other, "llama")
    writer.add_tensor(NAME, np.ones((HIGH, HIGH), dtype=np.float32))
    written(writer, other)

    with pytest.raises(SetupError, match="of another base model"):
        merged(other, adapter, tmp_path / "out.gguf", "F32")


def test_a_file_that_is_no_gguf_says_so_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUFnothing more")

    with pytest.raises(SetupError, match="cannot be read as GGUF"):
        tensors(path)
