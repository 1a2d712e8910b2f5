"""One base, an adapter upon it: really loaded, and asked with and without."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from inspect_ai.model import GenerateConfig, Model, get_model

pytest.importorskip("xllamacpp")
pytest.importorskip("gguf")

from syscard import engine
from syscard.errors import DataError, SetupError
from syscard.jobs import jobs
from syscard.library import plan_lines, read_plan, read_set
from syscard.tuning.gguf import Shape, write_adapter
from syscard.tuning.tensors import merged
from syscard.weights import EMBEDDED, adapter_path, model_digest, weights_digest, weights_path

pytestmark = pytest.mark.skipif(find_spec(EMBEDDED) is None, reason=f"{EMBEDDED} not installed")

SIZES: dict[str, Any] = {"slots": 2, "context": 512, "threads": 2}
SHAPE = Shape("llama", True, layers=30, heads=9, key_heads=3)
LAYER = "base_model.model.model.layers.{}.self_attn.{}_proj.lora_{}.weight"
PROMPTS = ("Name three fruits.", "What is rain?", "Write one line about a river.")


def factors(scale: float) -> dict[str, Any]:
    """A change of query and key alone, the weights whose rows are in another order."""
    random = np.random.default_rng(3)
    found = {}
    for layer in range(30):
        for name, rows in (("q", 576), ("k", 192)):
            down = random.normal(size=(4, 576)).astype(np.float32) / 24
            up = random.normal(size=(rows, 4)).astype(np.float32)
            found[LAYER.format(layer, name, "A")] = down
            found[LAYER.format(layer, name, "B")] = up * scale
    return found


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("adapters") / "turned.gguf"
    digest = weights_digest(weights_path("smollm2", {}))
    write_adapter(path, factors(0.25), SHAPE, 4.0, {"base_digest": digest})
    return path


@pytest.fixture(autouse=True, scope="module")
def _unloaded() -> Iterator[None]:
    engine.unload()
    yield
    engine.unload()


def model(**args: Any) -> Model:
    return get_model("syscard/smollm2", memoize=False, **SIZES, **args)


def answers(one: Model) -> list[str]:
    config = GenerateConfig(temperature=0, max_tokens=16)
    return [anyio.run(lambda p=p: one.generate(p, config=config)).completion for p in PROMPTS]


def test_a_prompt_of_one_adapter_is_not_read_back_for_another() -> None:
    packaged, prompts = (
        {"adapter": "deliberation"},
        [row["input"] for row in read_set("disallowed")],
    )
    file = adapter_path(packaged)
    assert file is not None
    cold = []
    for prompt in prompts[:3]:
        engine.unload()
        cold.append(first_words(prompt, packaged))
    engine.unload()
    engine.expect(weights_digest(weights_path("smollm2", {})), file)

    for prompt in prompts[:3]:
        first_words(prompt, {})
    warm = [first_words(prompt, packaged) for prompt in prompts[:3]]

    assert len(engine._engines) == 1
    assert warm == cold


def first_words(prompt: str, args: dict[str, Any]) -> list[float]:
    """The probabilities of an answer's first tokens: they tell what a decision would hide."""
    one = get_model("syscard/smollm2", memoize=False, slots=1, context=256, **args)
    config = GenerateConfig(temperature=0, max_tokens=6, logprobs=True, top_logprobs=1)
    output = anyio.run(lambda: one.generate(prompt, config=config))
    told = output.choices[0].logprobs
    return [round(token.logprob, 3) for token in told.content] if told else []


def test_one_loaded_base_answers_with_and_without_the_adapter(adapter: Path) -> None:
    engine.unload()
    alone = answers(model())
    engine.unload()
    digest = weights_digest(weights_path("smollm2", {}))

    engine.expect(digest, adapter)
    before, after = model(), model(adapter=str(adapter))

    assert before.api._own.setup == after.api._own.setup  # type: ignore[attr-defined]
    assert len(engine._engines) == 1
    assert answers(before) == alone
    assert answers(after) != alone
    assert answers(before) == alone  # also after the adapter was used


def test_a_merged_file_is_read_back_as_base_and_adapter_together(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from syscard.tuning.base import find_base, load_base

    path, changes = tmp_path / "adapter.gguf", factors(0.25)
    rank = next(iter(changes.values())).shape[0]
    write_adapter(path, changes, SHAPE, 2.0 * rank, {"base_digest": "0" * 64})
    whole = merged(weights_path("smollm2", {}), path, tmp_path / "merged.gguf")

    base, _ = load_base(find_base("syscard/smollm2"))
    both, _ = load_base(find_base(str(whole)))
    for layer, name in ((0, "q"), (29, "k")):
        up, down = (changes[LAYER.format(layer, name, part)] for part in "BA")
        key = f"model.layers.{layer}.self_attn.{name}_proj.weight"
        told = both.get_parameter(key) - base.get_parameter(key)
        assert np.allclose(told.detach().numpy(), 2.0 * up @ down, atol=0.01)
    kept = "model.layers.3.mlp.up_proj.weight"
    assert np.array_equal(
        both.get_parameter(kept).detach().numpy(), base.get_parameter(kept).detach().numpy()
    )


def test_the_scale_of_nothing_is_the_base(adapter: Path) -> None:
    assert answers(model(adapter=str(adapter), adapter_scale=0)) == answers(model())


def test_the_digest_speaks_of_weights_adapter_and_scale(adapter: Path) -> None:
    bare = model_digest("smollm2", {})
    whole = model_digest("smollm2", {"adapter": str(adapter)})
    half = model_digest("smollm2", {"adapter": str(adapter), "adapter_scale": 0.5})

    assert len({bare, whole, half}) == 3
    assert model(adapter=str(adapter)).api.digest == whole  # type: ignore[attr-defined]


def test_an_adapter_of_other_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.gguf"
    write_adapter(path, factors(0.1), SHAPE, 4.0, {"base_digest": "0" * 64})

    with pytest.raises(SetupError, match="was trained on weights 0000"):
        model(adapter=str(path))


def test_an_adapter_of_another_base_is_refused_with_the_plan(
    tmp_path: Path, plan_file: Callable[..., Path]
) -> None:
    path = tmp_path / "other.gguf"
    write_adapter(path, factors(0.25), SHAPE, 4.0, {"base_digest": "0" * 64})
    plan = plan_file(pre="syscard/smollm2", post=f"syscard/smollm2, args: {{adapter: {path}}}")

    with pytest.raises(DataError, match=r"plan\.yaml:\d+: .* was trained on weights 0000"):
        jobs(read_plan(plan)[0], plan_lines(plan))


def test_an_adapter_that_is_not_there_is_refused() -> None:
    with pytest.raises(SetupError, match=r"no file nowhere for an adapter: .* -M adapter=PATH"):
        model(adapter="nowhere")


def test_a_plan_says_what_its_adapters_record_says_of_who_rewarded_it(
    tmp_path: Path, plan_file: Callable[..., Path]
) -> None:
    digest = weights_digest(weights_path("smollm2", {}))
    path = tmp_path / "rewarded.gguf"
    about = {"base_digest": digest, "rewarded_by": ["classifier"]}
    write_adapter(path, factors(0.1), SHAPE, 4.0, about)
    side = f"syscard/smollm2, args: {{adapter: {path}}}"

    silent = plan_file(post=side)
    with pytest.raises(DataError, match=r"classifier rewarded it .* rewarded_by: \[classifier\]"):
        jobs(read_plan(silent)[0], plan_lines(silent))

    told = plan_file(post=f"{side}, rewarded_by: [classifier]")
    assert jobs(read_plan(told)[0], plan_lines(told))
