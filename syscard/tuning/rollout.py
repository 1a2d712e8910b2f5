"""Answers for reinforcement, written by llama.cpp: several times as fast as Transformers here.

Before each step the adapter as it stands is written as GGUF and loaded beside the base. The
quantised kernels are not those of the weights that are trained, so what is sampled is slightly
off the policy; the KL and the clipped ratio bound what that can do.
"""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from syscard.engine import Engine, Setup
from syscard.tuning.base import Base
from syscard.tuning.gguf import adapter_tensors, shape_of, write_adapter

CONTEXT = 1024


class Sampler:
    """Writes answers with the trainer's adapter as it stands, through llama.cpp."""

    def __init__(self, base: Base, tokenizer: Any, folder: Path, slots: int, threads: int) -> None:
        self._base, self._tokenizer = base, tokenizer
        self._file = folder / "rollout.gguf"
        self._setup = Setup(base.digest, CONTEXT, slots, threads)

    def __call__(self, prompts: Sequence[Any], trainer: Any) -> dict[str, Any]:
        """What TRL asks of a rollout: token ids of prompts and completions."""
        model = trainer.accelerator.unwrap_model(trainer.model)
        config = model.peft_config["default"]
        write_adapter(
            self._file, adapter_tensors(model), shape_of(model.config), config.lora_alpha,
            {"base_digest": self._base.digest},
        )  # fmt: skip
        engine = Engine(self._base.path, self._setup, [self._file])
        try:
            return self._sample(engine, prompts, trainer.args, trainer.state.global_step)
        finally:
            engine.close()

    def _sample(
        self, engine: Engine, prompts: Sequence[Any], args: Any, step: int
    ) -> dict[str, Any]:
        rendered = [str(engine.prompt(prompt)) for prompt in prompts]

        def one(place: int) -> list[int]:
            request = {
                "prompt": rendered[place],
                "stream": True,
                "max_tokens": args.max_completion_length,
                "temperature": args.temperature,
                "top_p": 1.0,
                "top_k": 0,
                "min_p": 0.0,
                "seed": int(np.uint32(args.seed * 1_000_003 + step * 1009 + place)),
                "lora": [{"id": 0, "scale": 1.0}],
            }
            events = engine.complete(request, threading.Event())
            choices = [json.loads(event)["choices"][0] for event in events]
            text = "".join(choice["text"] for choice in choices)
            ids = list(self._tokenizer(text, add_special_tokens=False)["input_ids"])
            ended = choices[-1]["finish_reason"] == "stop"
            return [*ids, self._tokenizer.eos_token_id] if ended else ids

        with ThreadPoolExecutor(self._setup.slots) as pool:
            completions = list(pool.map(one, range(len(prompts))))
        cut = args.max_completion_length
        return {
            "prompt_ids": [
                list(self._tokenizer(text, add_special_tokens=False)["input_ids"])
                for text in rendered
            ],
            "completion_ids": [ids[:cut] for ids in completions],
            "logprobs": None,
        }
