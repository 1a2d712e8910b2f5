"""Measuring a log against only reading it with Inspect, 5,000 scored samples, in one run.

    python benchmarks/measure.py [--samples 5000]

From summaries: aim at most 1.3 times `read_eval_log_sample_summaries`. With a digest of every
sample: aim at most 1.2 times a full `read_eval_log`.
"""

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from inspect_ai import Task, eval, task_with
from inspect_ai.dataset import MemoryDataset
from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries
from inspect_ai.model import GenerateConfig, ModelAPI, ModelOutput, ModelUsage, modelapi

from syscard.assess.estimate import measure
from syscard.assess.measure import read_log
from syscard.evals.disallowed import disallowed
from syscard.library import read_plan
from syscard.records import Plan

ROUNDS = 5
PLAN = """
name: bench
framework: preparedness-beta
about: {name: b, developer: b, intended_uses: [b], languages: [b], training_data: b, limits: [b]}
pre: {model: worded/answers}
post: {model: worded/answers}
tasks: [{task: syscard/disallowed}]
"""


@modelapi(name="worded")
class Worded(ModelAPI):
    """Answers at once, with a text of a usual length."""

    def __init__(self, model_name: str, base_url=None, api_key=None, config=None) -> None:  # type: ignore[no-untyped-def]
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())

    async def generate(self, input, tools, tool_choice, config) -> ModelOutput:  # type: ignore[no-untyped-def]
        output = ModelOutput.from_content(self.model_name, "Here is a long answer to it. " * 40)
        output.usage = ModelUsage(input_tokens=20, output_tokens=280, total_tokens=300)
        return output


def write_log(folder: str, count: int) -> Path:
    """One log of `count` scored samples, written by Inspect."""
    base = disallowed()
    rows = list(base.dataset)
    copies = [rows[n % len(rows)].model_copy(update={"id": f"s{n}"}) for n in range(count)]
    task: Task = task_with(base, dataset=MemoryDataset(copies))
    logs = eval(
        task,
        model="worded/answers",
        log_dir=folder,
        display="none",
        log_realtime=False,
        ctl_server=False,
        metadata={"syscard_run": {"mitigation": "pre", "task": "syscard/disallowed"}},
    )
    return Path(logs[0].location.removeprefix("file://"))


def compare(name: str, reference: Callable[[], object], ours: Callable[[], object]) -> None:
    """Alternate the two, and print the ratio of their medians."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for place, call in enumerate((reference, ours)):
            gc.collect()
            started = time.perf_counter()
            call()
            times[place].append(time.perf_counter() - started)
    base, found = (statistics.median(values) for values in times)
    print(f"{name:34} Inspect {base:6.2f} s   syscard {found:6.2f} s   ratio {found / base:.2f}")


def main() -> None:
    """Write the log, then time both ways of reading it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=5_000)
    count = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as folder:
        plan_file = Path(folder) / "plan.yaml"
        plan_file.write_text(PLAN)
        plan: Plan = read_plan(plan_file)[0]
        path = write_log(folder, count)
        gc.freeze()  # what writing the log left behind is no part of reading it
        print(f"{count} samples, {path.stat().st_size / 1e6:.1f} MB")
        compare(
            "from summaries (aim 1.3)",
            lambda: read_eval_log_sample_summaries(str(path)),
            lambda: measure([read_log(path, plan)], plan, ""),
        )
        compare(
            "with every sample's digest (aim 1.2)",
            lambda: read_eval_log(str(path)),
            lambda: measure([read_log(path, plan, content=True)], plan, ""),
        )


if __name__ == "__main__":
    main()
