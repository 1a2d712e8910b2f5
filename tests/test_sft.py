"""The supervised stage, really run: on a tiny model here, on the embedded one in `make align`."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

import tiny

from syscard.align.sft import SftOptions, rehearse, sft
from syscard.errors import DataError, SetupError
from syscard.examples import Example, packaged_examples
from syscard.tuning.base import find_base, load_base
from syscard.tuning.chat import fewer_complying, hold_out, tokenized
from syscard.tuning.record import read_training

QUICK = SftOptions(epochs=2, batch=4, accumulate=1, held_out=0.2, save_steps=2, rank=2, alpha=4)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.folder(tmp_path_factory.mktemp("base"))


def quiet(line: str) -> None:
    pass


def trained(base: Path, out: Path, options: SftOptions = QUICK, **more: Any) -> Any:
    return sft(str(base), more.pop("examples", tiny.examples()), out, options, quiet, **more)


def test_it_leaves_an_adapter_its_loss_and_a_record_of_where_it_came_from(
    base: Path, tmp_path: Path
) -> None:
    record = trained(base, tmp_path / "out")

    assert read_training(tmp_path / "out") == record
    assert record.base_digest == find_base(str(base)).digest
    assert (record.data.examples, record.data.held_out) == (10, 2)
    assert record.held_out_loss is not None
    assert record.steps == len(record.loss) == 6
    assert {"torch", "trl", "peft"} <= set(record.libraries)
    assert (tmp_path / "out" / "loss.svg").read_text().lstrip().startswith("<?xml")


def test_only_what_the_assistant_says_is_learned(base: Path) -> None:
    _, tokenizer = load_base(find_base(str(base)))
    example = tiny.examples(1)[0]

    (row,) = tokenized(tokenizer, [example], True, 512)

    learned = [i for i, on in zip(row["input_ids"], row["completion_mask"], strict=True) if on]
    text = tokenizer.decode(learned)
    assert text == f"<think>\n{example.thought}\n</think>\n\n{example.answer}<|im_end|>"


def test_without_reasoning_the_same_answer_is_learned_alone(base: Path) -> None:
    _, tokenizer = load_base(find_base(str(base)))
    example = tiny.examples(1)[0]

    (row,) = tokenized(tokenizer, [example], False, 512)

    learned = [i for i, on in zip(row["input_ids"], row["completion_mask"], strict=True) if on]
    assert tokenizer.decode(learned) == f"{example.answer}<|im_end|>"


def test_twins_are_held_out_together(base: Path) -> None:
    rows = [one.model_copy(update={"twins": f"t{n // 2}"}) for n, one in enumerate(tiny.examples())]

    train, held = hold_out(rows, 0.3, 1)

    assert {one.twins for one in train} & {one.twins for one in held} == set()
    assert len(train) + len(held) == len(rows)


def test_a_share_of_those_that_comply_is_left_out_and_nothing_else() -> None:
    rows = [one for one in packaged_examples() if one.category in ("none", "harassment")]

    kept = fewer_complying(rows, 0.5, 1)

    before, after = (Counter(one.decision for one in part) for part in (rows, kept))
    assert after["comply"] == round(0.5 * before["comply"])
    assert after["refuse"] == before["refuse"]
    assert [one for one in rows if one in kept] == kept


def test_killed_it_goes_on_from_the_last_checkpoint(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import Trainer

    whole = trained(base, tmp_path / "whole")
    step = Trainer.training_step
    count = 0

    def killed(self: Any, *args: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt
        return step(self, *args, **more)

    monkeypatch.setattr(Trainer, "training_step", killed)
    with pytest.raises(KeyboardInterrupt):
        trained(base, tmp_path / "cut")
    count = -100
    resumed = trained(base, tmp_path / "cut")

    assert [number for number, _ in resumed.loss] == [number for number, _ in whole.loss]
    assert resumed.loss[-1][1] == pytest.approx(whole.loss[-1][1], abs=0.02)
    assert count == -96  # of six steps, the four after the checkpoint


def test_what_is_finished_is_not_trained_again(base: Path, tmp_path: Path) -> None:
    first = trained(base, tmp_path / "out")
    before = (tmp_path / "out" / "adapter_model.safetensors").stat().st_mtime_ns

    again = trained(base, tmp_path / "out")

    assert again == first
    assert (tmp_path / "out" / "adapter_model.safetensors").stat().st_mtime_ns == before


def test_a_folder_of_another_run_is_refused_and_untouched(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path / "out")

    with pytest.raises(SetupError, match="holds another run's work: its options is"):
        trained(base, tmp_path / "out", QUICK.model_copy(update={"rank": 3}))


def test_a_folder_with_other_files_is_refused(base: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(SetupError, match="is not empty"):
        trained(base, tmp_path)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import Trainer

    step = Trainer.training_step
    count = 0

    def broken(self: Any, *args: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        return step(self, *args, **more) * (float("nan") if count > 3 else 1.0)

    monkeypatch.setattr(Trainer, "training_step", broken)
    with pytest.raises(SetupError, match=r"loss became nan at step 4.*checkpoint-2"):
        trained(base, tmp_path / "out")

    assert (tmp_path / "out" / "checkpoints" / "checkpoint-2").is_dir()
    assert not (tmp_path / "out" / "training.json").exists()


def test_out_of_memory_says_which_batch_and_length_to_try(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import Trainer

    def full(self: Any, *args: Any, **more: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    monkeypatch.setattr(Trainer, "training_step", full)

    with pytest.raises(SetupError, match=r"batch 4 and length 512: try --batch 2, or --max-length"):
        trained(base, tmp_path / "out")


def test_an_example_that_cites_no_rule_of_the_specification_is_refused(
    base: Path, tmp_path: Path
) -> None:
    wrong = [one.model_copy(update={"rule": "manners"}) for one in tiny.examples(1)]

    with pytest.raises(DataError, match="cites 'harassment/manners', which specification"):
        trained(base, tmp_path / "out", examples=wrong)

    assert not (tmp_path / "out").exists()


def test_an_example_that_decides_against_its_rule_is_refused(base: Path, tmp_path: Path) -> None:
    wrong = [one.model_copy(update={"decision": "comply"}) for one in tiny.examples(1)]

    with pytest.raises(DataError, match="decides 'comply' by 'harassment/insults'"):
        trained(base, tmp_path / "out", examples=wrong)


def test_a_too_long_example_is_refused_rather_than_cut(base: Path, tmp_path: Path) -> None:
    long = [tiny.examples(1)[0].model_copy(update={"answer": "word " * 600})]

    with pytest.raises(DataError, match="tokens, the most is 512"):
        trained(base, tmp_path / "out", examples=long)


def test_a_whole_model_can_be_trained(base: Path, tmp_path: Path) -> None:
    record = trained(base, tmp_path / "out", QUICK.model_copy(update={"method": "full"}))

    assert record.adapter_digest is None
    assert find_base(str(tmp_path / "out")).digest != record.base_digest


def test_a_dry_run_loads_all_and_keeps_nothing(base: Path) -> None:
    said = rehearse(str(base), tiny.examples(), QUICK)

    assert said.startswith("one step of 4 examples")


def test_the_record_says_where_the_weights_were_altered(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path / "out")
    weights = tmp_path / "out" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")

    with pytest.raises(DataError, match="it was altered"):
        read_training(tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "said"),
    [({}, "lacks weights"), ({"model.safetensors": b"x"}, "lacks config.json")],
)
def test_a_folder_that_is_no_model_is_refused(
    content: dict[str, bytes], said: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({}))
    if content:
        (tmp_path / "config.json").unlink()
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)

    with pytest.raises(SetupError, match=said):
        find_base(str(tmp_path))


def test_an_example_may_have_earlier_turns(base: Path) -> None:
    _, tokenizer = load_base(find_base(str(base)))
    one = Example.model_validate(
        tiny.examples(1)[0].model_dump() | {"earlier": [{"role": "user", "content": "Hello."}]}
    )

    (row,) = tokenized(tokenizer, [one], True, 512)

    assert "Hello." in tokenizer.decode(row["input_ids"])


def test_a_machine_without_the_libraries_is_told_what_to_install(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)

    with pytest.raises(SetupError, match=r"pip install 'syscard\[train\]'"):
        trained(base, tmp_path / "out")
