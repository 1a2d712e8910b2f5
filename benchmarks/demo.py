"""The parts of `make demo`: install, load, before, after, assess, card. Aim: 8 minutes in all.

    python benchmarks/demo.py [--install]

With --install a fresh environment is made first, as the Makefile does. Each part stands as its
seconds and as its share of the whole.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from inspect_ai.log import list_eval_logs, read_eval_log

ROOT = Path(__file__).parent.parent
LOAD = (
    "import time; t = time.perf_counter(); from inspect_ai.model import get_model; "
    "get_model('syscard/smollm2'); print(time.perf_counter() - t)"
)


def timed(arguments: list[str], **options: object) -> float:
    """Seconds that a command takes; a gate's answer is no failure."""
    started = time.perf_counter()
    code = subprocess.run(arguments, stdout=subprocess.DEVNULL, **options).returncode  # type: ignore[call-overload]
    if code not in (0, 3, 4, 5, 7):
        sys.exit(f"{' '.join(arguments)} ended with {code}")
    return time.perf_counter() - started


def sides(logs: Path) -> dict[str, float]:
    """Seconds of each side, from the logs' own clocks."""
    found = {"before": 0.0, "after": 0.0}
    for info in list_eval_logs(str(logs)):
        header = read_eval_log(info, header_only=True)
        started, ended = header.stats.started_at, header.stats.completed_at
        side = "before" if "/pre/" in info.name else "after"
        seconds = datetime.fromisoformat(ended) - datetime.fromisoformat(started)
        found[side] += seconds.total_seconds()
    return found


def main() -> None:
    """Run every part once, in a folder of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        parts: dict[str, float] = {}
        if options.install:
            parts["install"] = timed(
                ["make", f"VENV={out / 'venv'}", f"{out / 'venv'}/ready"], cwd=ROOT
            )
        loaded = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True)
        parts["load"] = float(loaded.stdout.split()[-1])
        syscard = str(Path(sys.executable).parent / "syscard")
        timed([syscard, "plan", "copy", "demo", "-o", str(out / "plan.yaml")])
        inside = {"cwd": out, "env": {**os.environ}}
        whole = timed([syscard, "run", "plan.yaml", "--log-dir", "logs"], **inside)
        parts |= sides(out / "logs")
        parts["around the run"] = whole - parts["before"] - parts["after"]
        parts["assess"] = sum(
            timed([syscard, *step], **inside)
            for step in (["measure", "logs"], ["rate"], ["gate", "deploy"], ["gate", "develop"])
        )
        parts["card"] = timed([syscard, "card", "deploy.json", "develop.json"], **inside)
    total = sum(parts.values()) - parts["load"]  # the run loads the weights itself
    for part, seconds in parts.items():
        print(f"{part:16} {seconds:7.1f} s   {seconds / total:5.0%}")
    print(f"{'whole':16} {total:7.1f} s   aim: at most 480 s with the installation")


if __name__ == "__main__":
    main()
