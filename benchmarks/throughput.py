"""Tokens a second of the embedded model through Inspect, against llama.cpp's bare server.

    python benchmarks/throughput.py --slots 1 8 16 --rounds 3

Both sides answer the same prompts, greedily, with as many requests at once as there are slots,
the same context, threads and `max_tokens`. Ours is `get_model("syscard/smollm2").generate`;
the bare one is llama.cpp's own server in this process, with its own defaults otherwise, asked over
HTTP on loopback. They take turns, and each round the other one begins. What counts is tokens
written over the time from the first request to the last answer, and the ratio of the best round of
each, since what else the machine does can only slow a round down. The time of the processor that a
token costs stands beside it: on a busy machine it is the steadier of the two.
"""

import argparse
import http.client
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import anyio
import xllamacpp
from inspect_ai.model import GenerateConfig, Model, get_model

from syscard import engine, local  # noqa: F401  (the provider registers itself)
from syscard.weights import weights_path

CONTEXT = 1024
TOPICS = ("rivers", "bread", "bicycles", "clouds", "libraries", "bees", "bridges", "clocks")

Ask = Callable[[Sequence[str]], int]


class Round(NamedTuple):
    """What one side did with one round's prompts."""

    rate: float  # tokens a second
    cost: float  # milliseconds of the processor a token


def main() -> None:
    options = _options()
    print("        tokens a second                     processor, ms a token")
    print("slots     ours     bare   ratio  (median)      ours   bare  ratio")
    for slots in options.slots:
        sides = {"ours": _ours(slots, options), "bare": _bare(slots, options)}
        print(_line(slots, _take_turns(sides, slots, options)), flush=True)
        engine.unload()


def _line(slots: int, rounds: dict[str, list[Round]]) -> str:
    ours, bare = (max(one.rate for one in rounds[name]) for name in ("ours", "bare"))
    pairs = zip(rounds["ours"], rounds["bare"], strict=True)
    middle = median(mine.rate / theirs.rate for mine, theirs in pairs)
    spent, least = (median(one.cost for one in rounds[name]) for name in ("ours", "bare"))
    return (
        f"{slots:>5} {ours:>8.1f} {bare:>8.1f} {ours / bare:>7.2f} {middle:>9.2f}"
        f" {spent:>9.2f} {least:>6.2f} {least / spent:>6.2f}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=2, help="requests of each slot and round")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _take_turns(
    sides: dict[str, Ask], slots: int, options: argparse.Namespace
) -> dict[str, list[Round]]:
    rounds: dict[str, list[Round]] = {name: [] for name in sides}
    for ask in sides.values():
        ask(_prompts(slots, 0))  # what is loaded on first use is loaded now
    for number in range(1, options.rounds + 1):
        prompts = _prompts(slots * options.requests, number)
        for name in sorted(sides, reverse=number % 2 == 0):
            start, spent = time.perf_counter(), time.process_time()
            tokens = sides[name](prompts)
            taken, spent = time.perf_counter() - start, time.process_time() - spent
            rounds[name].append(Round(tokens / taken, 1000 * spent / tokens))
    return rounds


def _prompts(count: int, number: int) -> list[str]:
    return [
        f"Write a long essay about {TOPICS[i % len(TOPICS)]}, number {i} of round {number}."
        for i in range(count)
    ]


def _ours(slots: int, options: argparse.Namespace) -> Ask:
    settings = GenerateConfig(
        max_connections=slots, max_tokens=options.max_tokens, temperature=0, seed=1
    )
    model = get_model(
        "syscard/smollm2",
        config=settings,
        memoize=False,
        context=CONTEXT,
        threads=options.threads,
    )
    return lambda prompts: anyio.run(_generate_all, model, prompts)


async def _generate_all(model: Model, prompts: Sequence[str]) -> int:
    tokens: list[int] = []

    async def one(prompt: str) -> None:
        output = await model.generate(prompt)
        tokens.append(output.usage.output_tokens if output.usage else 0)

    async with anyio.create_task_group() as group:
        for prompt in prompts:
            group.start_soon(one, prompt)
    return sum(tokens)


def _bare(slots: int, options: argparse.Namespace) -> Ask:
    params = xllamacpp.CommonParams()
    params.model.path = str(weights_path("syscard/smollm2", {}))
    params.n_parallel = slots
    params.n_ctx = CONTEXT * slots
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    params.verbosity = -1
    server = xllamacpp.Server(params)
    address = urlsplit(server.listening_address).netloc

    def ask(prompts: Sequence[str]) -> int:
        assert server  # held for as long as it is asked
        with ThreadPoolExecutor(slots) as pool:
            return sum(pool.map(lambda prompt: _post(address, prompt, options), prompts))

    return ask


def _post(address: str, prompt: str, options: argparse.Namespace) -> int:
    request: dict[str, Any] = {
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": options.max_tokens,
        "temperature": 0,
        "seed": 1,
    }
    connection = http.client.HTTPConnection(address)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(request), headers)
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return int(answer["usage"]["completion_tokens"])


if __name__ == "__main__":
    main()
