"""The weights' variants: which there are, from which files, and what cannot be had."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from syscard.errors import DataError, SetupError
from syscard.examples import Example, write_examples
from syscard.stress.continued import harmless
from syscard.stress.stress import planned
from syscard.stress.variants import Subject, Wanted, missing, variants
from syscard.tuning.tensors import tensors

NAME = "blk.0.attn_q.weight"


@pytest.fixture
def local(tmp_path: Path) -> Subject:
    """A base of one matrix and its adapter: enough for files, not for llama.cpp."""
    chance = np.random.default_rng(1)
    for name, kind, shapes in (
        ("base", "model", {NAME: (64, 32)}),
        ("adapter", "adapter", {f"{NAME}.lora_a": (4, 32), f"{NAME}.lora_b": (64, 4)}),
    ):
        writer = gguf.GGUFWriter(tmp_path / f"{name}.gguf", "llama")
        writer.add_string("general.type", kind)
        writer.add_string("adapter.type", "lora" if kind == "adapter" else "none")
        writer.add_float32("adapter.lora.alpha", 8.0)
        for tensor, shape in shapes.items():
            writer.add_tensor(tensor, chance.normal(size=shape).astype(np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    args = {"gguf": str(tmp_path / "base.gguf"), "adapter": str(tmp_path / "adapter.gguf")}
    return Subject("syscard/local", args)


def test_what_would_run_is_a_line_a_test_with_the_variants_that_there_are(
    local: Subject, tmp_path: Path
) -> None:
    lines = planned(local, tmp_path, ["stress_prefill"], Wanted())

    assert lines[0] == "stress_prefill: the model as it is"
    assert lines[1].startswith("stress_weights: noise 5%, noise 10%, noise 20%, strength 0.75")


def test_every_variant_is_made_once_and_names_the_file_that_answers(
    local: Subject, tmp_path: Path
) -> None:
    found = {one.name: one for one in variants(local, tmp_path / "weights", Wanted())}

    for one in found.values():
        one.build()

    assert list(found) == [
        *("noise 5%", "noise 10%", "noise 20%"),
        *("strength 0.75", "strength 0.5", "strength 0.25", "strength 0"),
        *("adapter F32", "adapter Q8_0", "merged Q8_0", "merged Q4_1", "merged Q4_0"),
    ]
    assert found["strength 0.5"].changed == {"adapter_scale": 0.5}
    assert list(found["merged Q4_0"].changed) == ["gguf"]
    assert all(one.made for one in found.values())
    assert [one.file is None for one in found.values()].count(True) == 4


def test_a_variant_that_is_there_is_not_made_again(local: Subject, tmp_path: Path) -> None:
    first = next(variants(local, tmp_path / "weights", Wanted()))
    first.build()
    path = Path(first.changed["adapter"])
    path.write_bytes(b"mark")

    first.build()

    assert path.read_bytes() == b"mark"


def test_another_adapter_under_the_same_path_has_files_and_logs_of_its_own(
    local: Subject, tmp_path: Path
) -> None:
    first = next(variants(local, tmp_path / "weights", Wanted()))
    first.build()
    before = first.changed["adapter"]
    adapter = Path(local.args["adapter"])
    noisy = Path(before).read_bytes()
    adapter.write_bytes(noisy)

    after = next(variants(local, tmp_path / "weights", Wanted())).changed["adapter"]

    assert before != after


def test_without_an_adapter_only_the_storage_is_changed(local: Subject, tmp_path: Path) -> None:
    bare = Subject("syscard/local", {"gguf": local.args["gguf"]})

    names = [one.name for one in variants(bare, tmp_path / "weights", Wanted())]

    assert names == ["model Q8_0", "model Q4_1", "model Q4_0"]
    assert set(missing(bare, Wanted())) == {"noise", "strength", "fine-tuning"}


def test_a_model_as_an_adapter_is_refused(local: Subject) -> None:
    wrong = Subject("syscard/local", {**local.args, "adapter": local.args["gguf"]})

    with pytest.raises(SetupError, match="is not an adapter but model"):
        _ = wrong.adapter


def test_an_adapter_used_in_part_is_weakened_from_there(local: Subject, tmp_path: Path) -> None:
    half = Subject(local.model, {**local.args, "adapter_scale": 0.5})

    found = {one.name: one for one in variants(half, tmp_path / "weights", Wanted())}

    assert found["strength 0.5"].changed == {"adapter_scale": 0.25}


def test_an_adapter_of_another_base_is_refused_before_anything_runs(
    local: Subject, tmp_path: Path
) -> None:
    path = tmp_path / "other.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("adapter.type", "lora")
    writer.add_string("syscard.base_digest", "0" * 64)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()

    with pytest.raises(SetupError, match="was trained on weights 0000"):
        missing(Subject(local.model, {**local.args, "adapter": str(path)}), Wanted())


def test_one_training_makes_the_files_of_all_its_steps(local: Subject, tmp_path: Path) -> None:
    asked: list[list[int]] = []

    def tuning(files: Mapping[int, Path]) -> None:
        asked.append(sorted(files))
        for path in files.values():
            path.write_bytes(Path(local.args["adapter"]).read_bytes())

    wanted = Wanted(families=["fine-tuning"], steps=[5, 20], tuning=tuning)
    found = list(variants(local, tmp_path / "weights", wanted))
    for one in found:
        one.build()

    assert [one.name for one in found] == ["5 more steps", "20 more steps"]
    assert asked == [[5, 20]]
    assert all(one.file and tensors(one.file) for one in found)


def examples(folder: Path, decision: str = "comply") -> Path:
    """Two examples, of which one is harmless."""
    fields = {"prompt": "x", "reasoning": "y", "answer": "z"}
    one: Any = {"category": "none", "rule": "none", "decision": decision}
    two: Any = {"category": "violence", "rule": "threats", "decision": "refuse"}
    path = folder / "examples.jsonl"
    path.write_text(write_examples([Example(**fields, **one), Example(**fields, **two)]))
    return path


def test_harmless_data_is_what_decides_to_comply(tmp_path: Path) -> None:
    assert [one.decision for one in harmless(examples(tmp_path))] == ["comply"]

    with pytest.raises(DataError, match="name harmless data"):
        harmless(examples(tmp_path, "refuse"))
