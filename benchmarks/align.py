"""What the mitigation does and what it costs, on this machine.

    python benchmarks/align.py --xstest          XSTest before and after, paired (the public file)
    python benchmarks/align.py --reasoning       is it well formed, over the right rule, followed?
    python benchmarks/align.py --again FILE      an adapter trained again against the packaged one
    python benchmarks/align.py --serving         tokens a second with the adapter against without
    python benchmarks/align.py --training        the supervised stage against bare TRL

Nothing here is tuned on: development uses splits of the training data.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from syscard.assess.armtext import difference, value
from syscard.assess.compare import compare
from syscard.assess.estimate import estimate_metric
from syscard.assess.evidence import collect
from syscard.assess.measure import read_log
from syscard.jobs import jobs
from syscard.library import plan_lines, read_plan
from syscard.run import Options, run

HERE = Path(__file__).parent
XSTEST = HERE.parent.parent / "shared" / "data" / "xstest" / "xstest_prompts.csv"
ADAPTER = "deliberation"
PROMPTS = 24
TOKENS = 64
ROUNDS = 3


def evaluate(post: dict[str, Any], tasks: list[dict[str, Any]], pre: dict[str, Any]) -> None:
    """Both sides on the same prompts: values, and the paired difference."""
    plan = yaml.safe_load((HERE / "align" / "plan.yaml").read_text())
    plan |= {"tasks": tasks, "pre": pre, "post": post}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.yaml"
        path.write_text(yaml.safe_dump(plan))
        read, _ = read_plan(path)
        run(read, jobs(read, plan_lines(path)), Options(Path(folder) / "logs"), lambda line: None)
        readings = [read_log(log, read) for log in collect([Path(folder) / "logs"], read).logs]
    for reading in readings:
        for metric in reading.info.metrics:
            told = value(estimate_metric(reading, metric.name, read.confidence))
            print(f"{reading.mitigation:4} {reading.task} {metric.name}: {told}", flush=True)
    for found in compare(readings, read.confidence):
        print(f"post - pre {found.task} {found.metric}: {difference(found.difference)}", flush=True)


def xstest(adapter: str) -> None:
    """Refusal of XSTest's unsafe contrasts, and of its safe prompts."""
    if not XSTEST.exists():
        print(f"--xstest needs {XSTEST}: not run")
        return
    tasks = [{"task": f"syscard/{name}", "args": {"set": str(XSTEST)}}
             for name in ("contrasts", "overrefusal")]  # fmt: skip
    base = {"model": "syscard/smollm2"}
    evaluate(base | {"args": {"adapter": adapter}}, tasks, base)


def reasoning(adapter: str) -> None:
    """The task `reasoning` on 90 requests of each kind, nearly all of those of safe completions."""
    base = {"model": "syscard/smollm2"}
    asked = {"harmful": 90, "borderline": 90, "benign": 90}
    tasks = [{"task": "syscard/reasoning", "args": asked}]
    evaluate(base | {"args": {"adapter": adapter}}, tasks, base)


def again(adapter: str) -> None:
    """The retrained adapter less the packaged one: an interval that holds zero is agreement."""
    base = {"model": "syscard/smollm2"}
    tasks = yaml.safe_load((HERE / "align" / "plan.yaml").read_text())["tasks"]
    evaluate(base | {"args": {"adapter": adapter}}, tasks, base | {"args": {"adapter": ADAPTER}})


def serving() -> None:
    """Tokens a second, adapter against none, at one slot and at eight."""
    from inspect_ai.model import GenerateConfig, get_model

    async def speed(args: dict[str, Any], slots: int) -> float:
        model = get_model("syscard/smollm2", memoize=False, slots=slots, context=512, **args)
        config = GenerateConfig(max_tokens=TOKENS, temperature=0, max_connections=slots)
        gate = asyncio.Semaphore(slots)

        async def one(number: int) -> int:
            async with gate:
                asked = f"Tell me something about the number {number}."
                output = await model.generate(asked, config=config)
            return output.usage.output_tokens if output.usage else 0

        await one(0)
        start = time.perf_counter()
        written = await asyncio.gather(*(one(number) for number in range(PROMPTS)))
        return sum(written) / (time.perf_counter() - start)

    for slots in (1, 8):
        ratios = []
        for _ in range(ROUNDS):
            bare = asyncio.run(speed({}, slots))
            adapted = asyncio.run(speed({"adapter": ADAPTER}, slots))
            ratios.append(adapted / bare)
        print(f"{slots} slots: adapter / none = {statistics.median(ratios):.2f} "
              f"({min(ratios):.2f} to {max(ratios):.2f})", flush=True)  # fmt: skip


def training(steps: int = 12) -> None:
    """Tokens a second of the stage as it is, against TRL's trainer as TRL has it."""
    from contextlib import nullcontext

    from syscard.align import sft
    from syscard.examples import packaged_examples
    from syscard.tuning import fit

    examples = list(packaged_examples())[:: len(packaged_examples()) // (16 * steps)]
    bare = [
        (sft, "_trainer", lambda trl, order: trl.SFTTrainer),
        (sft, "lean", lambda model: model),
        (sft, "uncast", lambda model: nullcontext()),
        (fit, "_keep_memory", lambda: None),  # once done it stays: the bare one goes first
    ]
    rates: dict[str, float] = {}
    for name, changed, options in (
        ("TRL", bare, sft.SftOptions(epochs=1, held_out=0, batch=16, accumulate=1)),
        ("syscard", [], sft.SftOptions(epochs=1, held_out=0)),
    ):
        with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
            for module, attribute, value in changed:
                stack.enter_context(patch.object(module, attribute, value))
            record = sft.sft("syscard/smollm2", examples, Path(folder) / "out", options, print)
        rates[name] = record.tokens_per_second or 0.0
        print(f"{name}: {rates[name]:.0f} tokens/s", flush=True)
    print(f"syscard / TRL = {rates['syscard'] / rates['TRL']:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--xstest", action="store_true")
    parser.add_argument("--reasoning", action="store_true")
    parser.add_argument("--again", metavar="FILE")
    parser.add_argument("--serving", action="store_true")
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--adapter", default=ADAPTER)
    given = parser.parse_args()
    if given.xstest:
        xstest(given.adapter)
    if given.reasoning:
        reasoning(given.adapter)
    if given.again:
        again(given.again)
    if given.serving:
        serving()
    if given.training:
        training()


if __name__ == "__main__":
    main()
