"""The embedded model, really loaded: what a run relies on when it measures with it."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import pytest
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    ContentImage,
    ContentReasoning,
    ContentText,
    GenerateConfig,
    Model,
    ModelOutput,
    get_model,
)
from inspect_ai.tool import ToolInfo

pytest.importorskip("xllamacpp")

from syscard import engine
from syscard.errors import SetupError
from syscard.local import SyscardAPI
from syscard.reasoned import split_reasoning
from syscard.weights import EMBEDDED, weights_digest, weights_path

pytestmark = pytest.mark.skipif(find_spec(EMBEDDED) is None, reason=f"{EMBEDDED} not installed")

SMALL: dict[str, Any] = {"slots": 8, "context": 512, "threads": 1}  # the machine may be busy
FRUIT = "Name three fruits."


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    yield get_model("syscard/smollm2", memoize=False, **SMALL)
    engine.unload()


def ask(model: Model, prompt: str | list[ChatMessage], **config: Any) -> ModelOutput:
    settings = GenerateConfig(**{"temperature": 0, "max_tokens": 12, **config})
    return anyio.run(lambda: model.generate(prompt, config=settings))


def test_a_greedy_answer_repeats_itself(model: Model) -> None:
    first = ask(model, FRUIT)

    second = ask(model, FRUIT)

    assert first.completion
    assert first.completion == second.completion


def test_a_seed_repeats_a_sampled_text_and_another_seed_changes_it(model: Model) -> None:
    ask(model, FRUIT, max_tokens=1)  # from here on, as much of the prompt is in the cache

    texts = [ask(model, FRUIT, temperature=1, seed=seed).completion for seed in (1, 1, 2, 3)]

    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_an_answer_ends_before_a_stop_sequence(model: Model) -> None:
    output = ask(model, FRUIT, max_tokens=40, stop_seqs=["\n"])

    assert output.stop_reason == "stop"
    assert output.completion
    assert "\n" not in output.completion


def test_an_answer_that_reaches_max_tokens_says_so(model: Model) -> None:
    output = ask(model, FRUIT, max_tokens=3)

    assert output.stop_reason == "max_tokens"
    assert output.usage
    assert output.usage.output_tokens == 3


def test_usage_counts_the_prompt_and_the_answer(model: Model) -> None:
    usage = ask(model, FRUIT, max_tokens=5).usage

    assert usage
    assert usage.input_tokens > 10
    assert usage.output_tokens == 5
    assert usage.total_tokens == usage.input_tokens + 5


def test_several_choices_differ_and_their_tokens_are_added_up(model: Model) -> None:
    output = ask(model, FRUIT, temperature=1, seed=1, num_choices=2, max_tokens=6)

    first, second = (choice.message.text for choice in output.choices)
    assert first != second
    assert output.usage
    assert output.usage.output_tokens == 12


def test_each_token_comes_with_its_logprob_and_the_likeliest_others(model: Model) -> None:
    output = ask(model, FRUIT, max_tokens=4, logprobs=True, top_logprobs=2)

    logprobs = output.choices[0].logprobs
    assert logprobs
    assert "".join(token.token for token in logprobs.content) == output.completion
    for token in logprobs.content:
        assert token.logprob <= 0
        assert token.top_logprobs
        assert len(token.top_logprobs) == 2
        assert token.logprob == token.top_logprobs[0].logprob  # greedy


def test_a_prompt_that_is_too_long_is_an_output_and_no_exception(model: Model) -> None:
    output = ask(model, "word " * 600)

    assert output.stop_reason == "model_length"
    assert output.completion == ""
    assert output.usage
    assert output.usage.input_tokens > 600


def test_an_answer_that_fills_the_context_is_not_taken_for_max_tokens(model: Model) -> None:
    song = ChatMessageAssistant(content="one two three " * 155)

    output = ask(model, [ChatMessageUser(content="Sing."), song], max_tokens=100)

    assert output.stop_reason == "model_length"
    assert output.usage
    assert output.usage.output_tokens < 100


@pytest.mark.parametrize(
    ("text", "opened", "reasoning", "answer"),
    [
        ("Yes.", False, None, "Yes."),
        ("<think>why</think>\n\nYes.", False, "why", "Yes."),
        ("\n<think>\nwhy\n</think>Yes.", False, "why", "Yes."),
        ("<think>cut in the mid", False, "cut in the mid", ""),
        ("Yes. <think>late</think>", False, None, "Yes. <think>late</think>"),
        ("<think></think>Yes.", False, "", "Yes."),
        ("goes on</think>Yes.", True, "goes on", "Yes."),
        ("goes on", True, "goes on", ""),
        ("<think>a</think>b</think>c", False, "a", "b</think>c"),
    ],
)
def test_a_block_at_the_start_is_reasoning_and_the_rest_is_the_answer(
    text: str, opened: bool, reasoning: str | None, answer: str
) -> None:
    assert split_reasoning(text, opened) == (reasoning, answer)


def test_a_prefill_is_continued(model: Model) -> None:
    prefill = ChatMessageAssistant(content="1. Apples\n2. Pears\n3.")

    output = ask(model, [ChatMessageUser(content=FRUIT), prefill], max_tokens=3)

    assert output.completion
    assert "Apples" not in output.completion  # what was given is not given back
    assert output.completion != ask(model, FRUIT, max_tokens=3).completion


def test_a_prefill_that_opens_a_block_makes_what_follows_reasoning(model: Model) -> None:
    prefill = ChatMessageAssistant(content="<think>The user wants")

    output = ask(model, [ChatMessageUser(content=FRUIT), prefill], max_tokens=6)

    assert isinstance(output.message.content, list)
    assert isinstance(output.message.content[0], ContentReasoning)
    assert output.message.content[0].reasoning
    assert output.completion == ""


def test_reasoning_of_earlier_turns_is_not_shown_again(model: Model) -> None:
    def conversation(*thoughts: ContentReasoning) -> list[ChatMessage]:
        content = [*thoughts, ContentText(text="Apples.")]
        answer = ChatMessageAssistant(content=content)
        return [ChatMessageUser(content=FRUIT), answer, ChatMessageUser(content="More?")]

    plain = ask(model, conversation(), max_tokens=1).usage

    reasoned = ask(model, conversation(ContentReasoning(reasoning="Hm. " * 50)), max_tokens=1).usage

    assert plain
    assert plain == reasoned


def test_sixteen_requests_on_eight_slots_are_all_answered(model: Model) -> None:
    outputs: list[ModelOutput] = []
    settings = GenerateConfig(temperature=0, max_tokens=4, max_connections=16)

    async def one(number: int) -> None:
        outputs.append(await model.generate(f"Say {number}.", config=settings))

    async def every() -> None:
        async with anyio.create_task_group() as group:
            for number in range(16):
                group.start_soon(one, number)

    anyio.run(every)

    assert len(outputs) == 16
    assert all(output.completion for output in outputs)


def test_a_cancelled_request_ends_at_once_and_frees_its_slot(model: Model) -> None:
    running = engine.load(model.api._own.path, model.api._own.setup)  # type: ignore[attr-defined]
    long = GenerateConfig(temperature=1, max_tokens=400)

    async def give_up() -> bool:
        with anyio.move_on_after(0.3) as scope:
            await model.generate("Tell a very long story.", config=long)
        await until(lambda: not engine._turns.computes(running))
        return scope.cancelled_caught

    async def until(true: Callable[[], bool]) -> None:
        with anyio.fail_after(2):
            while not true():
                await anyio.sleep(0.02)

    assert anyio.run(give_up)


def test_two_models_of_the_same_weights_share_one_load(model: Model) -> None:
    before = dict(engine._engines)

    other = get_model("syscard/smollm2", role="grader", memoize=False, **SMALL)

    assert engine._engines == before
    assert other.api.connection_key() == model.api.connection_key()


def test_slots_follow_max_connections() -> None:
    settings = GenerateConfig(max_connections=2)

    few = get_model("syscard/smollm2", config=settings, memoize=False, threads=1)

    assert few.api.max_connections() == 2


def test_another_number_of_slots_is_not_held_to_the_limit_of_the_first(model: Model) -> None:
    single = get_model("syscard/smollm2", memoize=False, **SMALL | {"slots": 1})

    assert single.api.connection_key() != model.api.connection_key()


def test_an_unloaded_model_loads_again_when_it_is_asked() -> None:
    again = get_model("syscard/smollm2", memoize=False, **SMALL | {"slots": 1})

    engine.unload()

    assert ask(again, FRUIT, max_tokens=2).completion


def test_the_output_names_the_weights_that_gave_it(model: Model) -> None:
    path = weights_path("syscard/smollm2", {})

    output = ask(model, FRUIT, max_tokens=1)

    assert output.metadata == {"weights": weights_digest(path)[:16]}
    assert isinstance(model.api, SyscardAPI)
    assert model.api.digest == weights_digest(path)


def bad_files(folder: Path) -> dict[str, str]:
    (folder / "cut.gguf").write_bytes(weights_path("smollm2", {}).read_bytes()[:200_000])
    (folder / "junk.gguf").write_bytes(b"GGUF\x03\x00\x00\x00" + b"\xff" * 400)
    return {name: str(folder / f"{name}.gguf") for name in ("cut", "junk")}


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("local", {"gguf": "cut"}, "cannot load"),
        ("local", {"gguf": "junk"}, "cannot load"),
        ("smollm2", {"temperature": 1}, "unknown model argument 'temperature'"),
        ("smollm2", {"slots": 0}, "slots is 0"),
        ("smollm2", {"context": "many"}, "context is 'many'"),
        ("smollm2", {"digest": "ab" * 32}, "run `syscard run` again"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_one_line(
    name: str, args: dict[str, Any], says: str, tmp_path: Path
) -> None:
    files = bad_files(tmp_path)
    given = args | ({"gguf": files[args["gguf"]]} if "gguf" in args else {})

    with pytest.raises(SetupError) as error:
        get_model(f"syscard/{name}", memoize=False, **given)

    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_llama_cpp_that_is_missing_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)

    with pytest.raises(SetupError, match=r"pip install 'syscard\[local\]'"):
        get_model("syscard/smollm2", memoize=False, slots=3, context=64)


@pytest.mark.parametrize(
    ("messages", "tools", "says"),
    [
        (
            [ChatMessageUser(content=[ContentImage(image="data:image/png;base64,AA==")])],
            [],
            "image",
        ),
        ([ChatMessageUser(content="Hi")], [ToolInfo(name="bash", description="")], "bash"),
    ],
)
def test_a_request_that_the_model_cannot_read_is_one_line(
    model: Model, messages: list[ChatMessage], tools: list[ToolInfo], says: str
) -> None:
    def generate() -> Awaitable[Any]:
        return model.api.generate(messages, tools, "auto", GenerateConfig())

    with pytest.raises(SetupError, match=says):
        anyio.run(generate)


def test_llama_cpp_writes_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    talkative = get_model("syscard/smollm2", memoize=False, **SMALL | {"context": 128})

    ask(talkative, [ChatMessageSystem(content="Be brief."), ChatMessageUser(content="Hi")])

    assert capfd.readouterr() == ("", "")
