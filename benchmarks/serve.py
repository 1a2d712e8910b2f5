"""What deliberation costs, and what the endpoint adds to it, on the embedded model.

    python benchmarks/serve.py --requests 8 --rounds 3

Four ways to the same answer, one request after another, greedily, each with the same limits:
the bare model and the deliberating one in this process, and both behind `syscard serve` in another
process, asked by OpenAI's client as a stream. They take turns in every round, in turning order. In
this process a first token is there when the answer is: reasoning is hidden, so an answer is sent
when it is finished. Seconds are medians over all rounds; a ratio is the median of the ratios of the
same request in the same round, with the smallest and the largest of the rounds' medians.
"""

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from inspect_ai.model import ChatMessageUser, GenerateConfig, Model, get_model
from openai import OpenAI

from syscard.deliberation import Options, deliberate_on
from syscard.specs import read_spec

TOPICS = ("rivers", "bread", "bicycles", "clouds", "insults", "bees", "taxes", "clocks")
SYSCARD = str(Path(sys.executable).parent / "syscard")


class Took(NamedTuple):
    """One request."""

    first: float  # seconds to the first token
    whole: float  # seconds to the last
    tokens: int  # read and written, by all calls


Ask = Callable[[str], Took]


def main() -> None:
    options = _options()
    model = get_model("syscard/smollm2", config=GenerateConfig(max_connections=1, temperature=0))
    with asyncio.Runner() as loop, _endpoint(options) as client:
        sides: dict[str, Ask] = {
            "bare model": lambda text: loop.run(_bare(model, text, options)),
            "deliberating": lambda text: loop.run(_deliberating(model, text, options)),
            "endpoint, bare": lambda text: _asked(client, "plain", text, options),
            "endpoint, deliberating": lambda text: _asked(client, "safe", text, options),
        }
        rounds = _take_turns(sides, options)
    _print(rounds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--reasoning-tokens", type=int, default=40)
    parser.add_argument("--second-look", action="store_true")
    return parser.parse_args()


def _take_turns(sides: dict[str, Ask], options: argparse.Namespace) -> dict[str, list[list[Took]]]:
    found: dict[str, list[list[Took]]] = {name: [] for name in sides}
    for ask in sides.values():
        ask("Hello")  # what is loaded on first use is loaded now
    names = list(sides)
    for number in range(options.rounds):
        turned = names[number % len(names) :] + names[: number % len(names)]
        texts = [
            f"Tell me about {TOPICS[i % len(TOPICS)]}, number {i} of round {number}."
            for i in range(options.requests)
        ]
        for name in turned:
            found[name].append([sides[name](text) for text in texts])
    return found


def _print(rounds: dict[str, list[list[Took]]]) -> None:
    against = {
        "deliberating": "bare model",
        "endpoint, bare": "bare model",
        "endpoint, deliberating": "deliberating",
    }
    print(f"{'':24}{'first s':>9}{'whole s':>9}{'tokens':>8}   whole against")
    for name, sets in rounds.items():
        every = [took for one in sets for took in one]
        line = f"{name:24}{median(t.first for t in every):>9.3f}"
        line += f"{median(t.whole for t in every):>9.3f}{median(t.tokens for t in every):>8.0f}"
        if name in against:
            ratios = [
                median(a.whole / b.whole for a, b in zip(mine, other, strict=True))
                for mine, other in zip(sets, rounds[against[name]], strict=True)
            ]
            low, high = min(ratios), max(ratios)
            line += f"   {against[name]}: {median(ratios):.2f} ({low:.2f} to {high:.2f})"
        print(line)


async def _bare(model: Model, text: str, options: argparse.Namespace) -> Took:
    started = time.perf_counter()
    output = await model.generate(text, config=_config(options))
    took = time.perf_counter() - started
    return Took(took, took, output.usage.total_tokens if output.usage else 0)


async def _deliberating(model: Model, text: str, options: argparse.Namespace) -> Took:
    how = Options(options.reasoning_tokens, second_look=options.second_look, temperature=0.0)
    started = time.perf_counter()
    made = await deliberate_on(
        model,
        [ChatMessageUser(content=text)],
        read_spec("default"),
        how,
        lambda messages: model.generate(messages, config=_config(options)),
    )
    took = time.perf_counter() - started
    return Took(took, took, made.usage.total_tokens)


def _config(options: argparse.Namespace) -> GenerateConfig:
    return GenerateConfig(max_tokens=options.max_tokens, temperature=0, seed=1)


def _asked(client: OpenAI, name: str, text: str, options: argparse.Namespace) -> Took:
    started, first, tokens = time.perf_counter(), 0.0, 0
    stream = client.chat.completions.create(
        model=name,
        messages=[{"role": "user", "content": text}],
        max_tokens=options.max_tokens,
        temperature=0,
        seed=1,
        stream=True,
        stream_options={"include_usage": True},
    )
    for chunk in stream:
        if not first and chunk.choices and chunk.choices[0].delta.content:
            first = time.perf_counter() - started
        tokens = chunk.usage.total_tokens if chunk.usage else tokens
    whole = time.perf_counter() - started
    return Took(first or whole, whole, tokens)


@contextmanager
def _endpoint(options: argparse.Namespace) -> Iterator[OpenAI]:
    """`syscard serve` in a process of its own, and a client of it."""
    look = "--second-look" if options.second_look else "--no-second-look"
    with tempfile.TemporaryDirectory() as folder:
        arguments = [
            *(SYSCARD, "serve", "--port", "0", "--log-dir", folder, "--max-connections", "1"),
            *("--model", "safe=syscard/smollm2", "--model", "plain=syscard/smollm2"),
            *("--bare", "plain", "--reasoning-tokens", str(options.reasoning_tokens), look),
        ]
        server = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            assert server.stderr is not None
            found = re.search(r"http://\S+", server.stderr.readline())
            if not found:
                sys.exit(f"the server did not start: {server.stderr.read()}")
            yield OpenAI(base_url=found.group(), api_key="none", max_retries=0)
            server.terminate()
            print(server.communicate()[0], end="\n")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
