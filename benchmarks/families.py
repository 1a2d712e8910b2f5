"""The safety families: how large, how long on the demo's model, how far raw and corrected differ.

    python benchmarks/families.py [OUT]

OUT is the folder of a finished demo (out/demo). Sizes are those of the whole families; seconds are
the demo's logs' own clocks, for as many samples as it ran.
"""

import argparse
from collections import defaultdict
from datetime import datetime
from pathlib import Path

from inspect_ai.log import list_eval_logs, read_eval_log

from syscard.jobs import find_task
from syscard.library import data_path, read_json, read_plan
from syscard.records import Measurements


def sizes() -> dict[str, tuple[int, int]]:
    """Samples and clusters of each family of the whole plan."""
    plan, _ = read_plan(data_path("plans", "safety-full"))
    found = {}
    for item in plan.tasks:
        function = find_task(item.task)
        assert function is not None, item.task
        dataset = function(**item.args).dataset
        clusters = {(sample.metadata or {}).get("cluster", sample.id) for sample in dataset}
        found[item.task] = (len(dataset), len(clusters))
    return found


def seconds(logs: Path) -> dict[str, dict[str, tuple[float, int]]]:
    """Of each task and side, its log's seconds and samples."""
    found: dict[str, dict[str, tuple[float, int]]] = defaultdict(dict)
    for info in list_eval_logs(str(logs)):
        header = read_eval_log(info, header_only=True)
        run = (header.eval.metadata or {})["syscard_run"]
        began, ended = (datetime.fromisoformat(t) for t in
                        (header.stats.started_at, header.stats.completed_at))  # fmt: skip
        samples = header.results.completed_samples if header.results else 0
        found[run["task"]][run["mitigation"]] = ((ended - began).total_seconds(), samples)
    return found


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=Path("out/demo"))
    out = parser.parse_args().out
    timed = seconds(out / "logs") if (out / "logs").exists() else {}
    print(f"{'family':34}{'samples':>8}{'clusters':>9}  seconds (samples) before, after")
    for task, (samples, clusters) in sizes().items():
        ran = [f"{timed[task][side][0]:.0f} ({timed[task][side][1]})"
               for side in ("pre", "post") if side in timed.get(task, {})]  # fmt: skip
        print(f"{task:34}{samples:>8}{clusters:>9}  {', '.join(ran) or 'not in the demo'}")
    if (out / "measurements.json").exists():
        corrected(read_json(out / "measurements.json", Measurements))


def corrected(found: Measurements) -> None:
    """Raw beside every correction that was made."""
    print(f"\n{'metric':44}{'side':6}{'raw':>22}  corrected, by which labels")
    for one in found.measured:
        raw = one.estimate
        for by in one.corrected:
            if raw.interval is None or raw.value is None:
                continue
            name = f"{one.task.removeprefix('syscard/')} {one.metric.name}"
            span = f"{raw.value:.2f} ({raw.interval.low:.2f}-{raw.interval.high:.2f})"
            made = by.estimate
            given = by.why or "unbounded" if made.value is None or made.interval is None else (
                f"{made.value:.2f} ({made.interval.low:.2f}-{made.interval.high:.2f})")  # fmt: skip
            print(f"{name:44}{one.mitigation:6}{span:>22}  {given}  {by.file}")


if __name__ == "__main__":
    main()
