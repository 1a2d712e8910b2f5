"""Going on from an adapter: a tiny random model learns for a few steps, and each is a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from syscard.adapters import read_adapter
from syscard.errors import DataError
from syscard.examples import Example
from syscard.files import digest_file
from syscard.stress.continued import Rate, continued, going_on
from syscard.tuning.base import find_base
from syscard.tuning.record import ADAPTER, Data, TrainingRecord, write_training
from syscard.tuning.tensors import tensors

WORDS = ["<unk>", "</s>", "user", "assistant", "tea", "is", "warm", "please"]
EXAMPLE = Example(
    prompt="tea please",
    category="none",
    rule="none",
    decision="comply",
    reasoning="is warm",
    answer="tea is warm",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random adapter on a random model of two layers, with its record."""
    transformers = pytest.importorskip("transformers")
    peft = pytest.importorskip("peft")
    folder = tmp_path_factory.mktemp("tiny")
    base, out = folder / "base", folder / "sft"
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        eos_token_id=1,
    )
    model = transformers.LlamaForCausalLM(config)
    model.save_pretrained(base)
    _tokenizer(transformers).save_pretrained(base)
    lora = peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    peft.get_peft_model(model, lora).save_pretrained(out)
    write_training(out, _record(base, out))
    return out


def _tokenizer(transformers: Any) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({w: n for n, w in enumerate(WORDS)}, unk_token=WORDS[0]))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words,
        eos_token=WORDS[1],
        unk_token=WORDS[0],
        chat_template="{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}assistant ",
    )


def _record(base: Path, out: Path) -> TrainingRecord:
    return TrainingRecord(
        stage="sft",
        base=str(base),
        base_digest=find_base(str(base)).digest,
        data=Data(name="x", digest="0" * 64, examples=1),
        spec="default",
        spec_version="1",
        spec_digest="0" * 64,
        options={},
        libraries={},
        machine="x",
        seconds=1.0,
        steps=10,
        adapter_digest=digest_file(out / ADAPTER),
    )


def test_every_number_of_steps_asked_for_is_an_adapter_further_away(
    trained: Path, tmp_path: Path
) -> None:
    files = {steps: tmp_path / f"{steps}.gguf" for steps in (1, 4)}

    continued(trained, [EXAMPLE], Rate(learning_rate=1e-2, batch=1), files)

    first, last = (tensors(files[steps]) for steps in (1, 4))
    moved = {name: float(np.abs(t.values - first[name].values).max()) for name, t in last.items()}
    assert len(moved) == 2 * 2 * 7
    assert max(moved.values()) > 1e-3


def test_what_it_writes_says_on_which_base_and_after_how_many_steps(
    trained: Path, tmp_path: Path
) -> None:
    file = tmp_path / "2.gguf"

    going_on(trained, [EXAMPLE])({2: file})

    found = read_adapter(file)
    assert found.training is not None
    assert found.training["steps"] == 12
    assert found.base_digest == find_base(found.training["base"]).digest
    assert found.alpha == 8


def test_the_adapter_that_it_went_on_from_is_untouched(trained: Path, tmp_path: Path) -> None:
    before = digest_file(trained / ADAPTER)

    continued(trained, [EXAMPLE], Rate(batch=1), {1: tmp_path / "1.gguf"})

    assert digest_file(trained / ADAPTER) == before


def test_a_folder_that_no_training_finished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no training\.json"):
        continued(tmp_path, [EXAMPLE], Rate(), {1: tmp_path / "1.gguf"})
