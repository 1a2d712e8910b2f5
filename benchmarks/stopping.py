"""What stopping when it is decided saves, and how often it decides wrongly.

    python benchmarks/stopping.py [--runs 2000]
    python benchmarks/stopping.py --real [--plan FILE] [--limit N]

By simulation: yes-or-no answers at a true rate, one threshold, 800 planned, against the fixed run
of 800 with its exact interval. Bad answers take ten times as long as refusals, 8 are in flight,
and clusters wait for their turn as `syscard run` makes them: calls are all that had started when
it was decided. A decision is wrong when the level lies below the true one, or is called
established and lies above it; each may be 2.5 % (and three standard errors of the simulation).
The exit code says whether a cell broke that, its aim, or the fixed run's calls (1).

With --real a plan runs on its model with and without the rule, and levels, samples, calls and
seconds stand side by side: levels may differ only towards caution.
"""

import argparse
import heapq
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from inspect_ai.log import read_eval_log
from numpy.typing import NDArray
from scipy.stats import beta

from syscard.assess.estimate import measure
from syscard.assess.evidence import collect
from syscard.assess.measure import read_log
from syscard.assess.rate import rate
from syscard.jobs import jobs
from syscard.library import data_path, plan_lines, read_framework, read_plan
from syscard.records import IndicatorRating, Measurements
from syscard.run import Options, run
from syscard.sequence import log_capitals
from syscard.turns import AHEAD

CONFIDENCE = 0.95
TAIL = 0.025
PLANNED, SLOTS = 800, 8
BAD, REFUSAL = 10, 1  # how long each answer takes
AT_ONCE = 250  # runs held in one array
CELLS = {(0.05, 0.20): 10.0, (0.10, 0.20): 1.0, (0.35, 0.50): 5.0, (0.50, 0.50): 1.0,
         (0.18, 0.20): 1.0}  # true rate and threshold; so many times fewer calls  # fmt: skip

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """What became of all runs at one true rate and one threshold."""

    rate: float
    at: float
    calls: NDArray[np.int_]
    decided: float
    wrong: tuple[float, float]  # level below the true one; established above it
    fixed: tuple[float, float]  # the same of the exact interval of all 800

    def broken(self) -> list[str]:
        """What does not hold of this cell."""
        most = TAIL + 3 * math.sqrt(TAIL * (1 - TAIL) / len(self.calls))
        found = ["more calls than the fixed run"] if self.calls.max() > PLANNED else []
        found += ["wrong too often"] if max(self.wrong) > most else []
        fewer = PLANNED / self.calls.mean()
        aim = CELLS[self.rate, self.at]
        return found + ([f"{fewer:.1f} times fewer, aim {aim:g}"] if fewer < aim else [])


def simulate(true: float, at: float, runs: int, seed: int) -> Cell:
    """One cell: the danger is a high rate, and the level begins at the threshold."""
    rng = np.random.default_rng(seed)
    parts = [min(AT_ONCE, runs - done) for done in range(0, runs, AT_ONCE)]
    calls: list[int] = []
    above, below, hits = [], [], []
    for size in parts:
        x = (rng.random((size, PLANNED)) < true).astype(float)
        over = first(log_capitals(x, at, CONFIDENCE) >= 0)
        under = first(log_capitals(1 - x, 1 - at, CONFIDENCE) >= 0)
        last = np.minimum(over, under)
        calls += [started(row, int(n)) for row, n in zip(x, last, strict=True)]
        above += list(over < under)
        below += list(under < over)
        hits += list(x.sum(axis=1))
    ends = np.array([exact(int(n)) for n in hits])
    return Cell(
        rate=true,
        at=at,
        calls=np.array(calls),
        decided=float(np.mean(np.array(above) | np.array(below))),
        wrong=wrongly(true, at, np.array(below), np.array(above)),
        fixed=wrongly(true, at, ends[:, 1] < at, ends[:, 0] >= at),
    )


def first(crossed: NDArray[np.bool_]) -> NDArray[np.int_]:
    """The cluster at which each run is decided, counted from 1; past the last where it is not."""
    return np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1, PLANNED + 1)


def wrongly(
    true: float, at: float, low: NDArray[np.bool_], high: NDArray[np.bool_]
) -> tuple[float, float]:
    """The shares of wrong decisions: an undecided run takes the upper level by caution only."""
    reached = true >= at
    return (float(low.mean()) if reached else 0.0), (0.0 if reached else float(high.mean()))


def exact(hits: int) -> tuple[float, float]:
    """The ends of the exact interval of the fixed run."""
    low = 0.0 if hits == 0 else float(beta.ppf(TAIL, hits, PLANNED - hits + 1))
    high = 1.0 if hits == PLANNED else float(beta.ppf(1 - TAIL, hits + 1, PLANNED - hits))
    return low, high


def started(answers: Array, last: int) -> int:
    """How many calls had started when the first `last` had all ended, in order, 8 in flight."""
    slots = [0.0] * SLOTS
    ends: list[float] = []  # by when this one and all before it have ended
    starts: list[float] = []
    at = 0.0
    for place, answer in enumerate(answers):
        waits = ends[place - AHEAD * SLOTS] if place >= AHEAD * SLOTS else 0.0
        at = max(at, heapq.heappop(slots), waits)
        if last <= place and at >= ends[last - 1]:
            break
        end = at + (BAD if answer else REFUSAL)
        heapq.heappush(slots, end)
        starts.append(at)
        ends.append(max(end, ends[-1]) if ends else end)
    return len(starts)


def show(cells: Sequence[Cell]) -> None:
    """One line a cell."""
    head = f"{'calls':>7} {'10 %':>5} {'50 %':>5} {'90 %':>5} {'most':>5} {'fewer':>6}"
    wrong = f"{'wrong low':>9} {'wrong high':>10}   fixed run's"
    print(f"{'rate/threshold':14} {head} {'decided':>8} {wrong}")
    for cell in cells:
        low, middle, high = np.quantile(cell.calls, [0.1, 0.5, 0.9])
        counts = f"{cell.calls.mean():7.1f} {low:5.0f} {middle:5.0f} {high:5.0f}"
        fewer = f"{cell.calls.max():5d} {PLANNED / cell.calls.mean():5.1f}x {cell.decided:8.1%}"
        wrong = f"{cell.wrong[0]:9.2%} {cell.wrong[1]:10.2%}"
        fixed = f"{cell.fixed[0]:7.2%} {cell.fixed[1]:7.2%}"
        print(f"{cell.rate:.2f} / {cell.at:.2f}    {counts} {fewer} {wrong} {fixed}")


def real(plan_file: Path, limit: int | None) -> int:
    """A plan with and without the rule, on its own model; 1 where a level is less cautious."""
    with tempfile.TemporaryDirectory() as name:
        found = [once(plan_file, Path(name) / str(stop), limit, stop) for stop in (False, True)]
    milder = show_levels(plan_file, [measured for measured, *_ in found])
    print(f"\n{'task and metric':44} {'':4} {'samples':>16}  clusters, if it might stop")
    for whole, stopped in zip(found[0][0].measured, found[1][0].measured, strict=True):
        ran = [sum(m.counts.values()) - m.counts["stopped"] for m in (whole, stopped)]
        how = stopped.stopping
        said = f"{how.entered} of {how.planned}{': decided' if how.decided else ''}" if how else "-"
        name = f"{whole.task} {whole.metric.name}"
        print(f"{name:44} {whole.mitigation:4} {ran[0]:7} {ran[1]:8}  {said}")
    for label, (_, calls, seconds) in zip(("fixed", "stopping"), found, strict=True):
        print(f"{label:10} {calls:6} calls {seconds:8.1f} s")
    print(f"{milder} levels are milder under the rule.")
    return int(milder > 0)


def show_levels(plan_file: Path, found: Sequence[Measurements]) -> int:
    """Every indicator's level without and with the rule; how many are milder with it."""
    plan, _ = read_plan(plan_file)
    framework, digest = read_framework(plan.framework)
    one, other = (
        rate(measured, framework, framework_digest=digest, measurements_digest="")
        for measured in found
    )
    print(f"{'indicator':44} {'fixed':>22} {'stopping':>22}")
    milder = 0
    for before, after in zip(one.categories, other.categories, strict=True):
        for a, b in zip(before.indicators, after.indicators, strict=True):
            place = f"{a.task} {a.metric} ({before.mitigation})"
            print(f"{place:44} {reads(a):>22} {reads(b):>22}")
            if a.level is not None and b.level is not None:
                levels = framework.levels
                milder += levels.index(b.level) < levels.index(a.level)
    return milder


def reads(rating: IndicatorRating) -> str:
    """The level and its standing."""
    return rating.standing if rating.level is None else f"{rating.level}, {rating.standing}"


def once(
    plan_file: Path, logs: Path, limit: int | None, stop: bool
) -> tuple[Measurements, int, float]:
    """The plan's measurements, its calls of any model, and its seconds."""
    plan, digest = read_plan(plan_file)
    wanted = jobs(plan, plan_lines(plan_file), limit, stop)
    began = time.perf_counter()
    run(plan, wanted, Options(log_dir=logs), lambda text: print(text, file=sys.stderr))
    seconds = time.perf_counter() - began
    paths = collect([logs], plan).logs
    calls = sum(
        event.event == "model"
        for path in paths
        for sample in read_eval_log(str(path)).samples or []
        for event in sample.events
    )
    return measure([read_log(path, plan) for path in paths], plan, digest), calls, seconds


def main() -> None:
    """The simulation's table, or the real run's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--plan", type=Path, default=data_path("plans", "demo"))
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    if options.real:
        sys.exit(real(options.plan, options.limit))
    cells = [
        simulate(true, at, options.runs, seed) for seed, (true, at) in enumerate(CELLS, start=1)
    ]
    show(cells)
    broken = [f"{cell.rate:.2f} / {cell.at:.2f}: {why}" for cell in cells for why in cell.broken()]
    print(*broken, f"{len(broken)} aims are not met.", sep="\n")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
