"""What a run would cost, before anything is spent."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import anyio
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log
from inspect_ai.model import GenerateConfig, get_model

from syscard.jobs import Job
from syscard.records import Plan
from syscard.weights import model_digest

PROBES = (
    "Describe a tree in a few sentences.",
    "Write three sentences about the sea.",
    "Explain what a library is for.",
)
PROBE_TOKENS = 48


@dataclass(frozen=True)
class Speed:
    """Output tokens a second, all connections together, and where the figure is from."""

    tokens_per_second: float
    source: str


@dataclass(frozen=True)
class Line:
    """One job's part: at most so many calls and output tokens. None: the task does not say."""

    mitigation: str
    task: str
    model: str
    samples: int | None
    calls: int | None
    grader_calls: int | None
    max_output_tokens: int | None


@dataclass(frozen=True)
class Expected:
    """The jobs' lines, their sums, and the time where a speed is known."""

    lines: tuple[Line, ...]
    speed: Speed | None

    @property
    def calls(self) -> int:
        return sum((line.calls or 0) + (line.grader_calls or 0) for line in self.lines)

    @property
    def tokens(self) -> int:
        return sum(line.max_output_tokens or 0 for line in self.lines)

    @property
    def seconds(self) -> float | None:
        return None if self.speed is None else self.tokens / self.speed.tokens_per_second

    def as_json(self) -> str:
        """The same as data."""
        return json.dumps(
            {
                "jobs": [asdict(line) for line in self.lines],
                "calls_at_most": self.calls,
                "output_tokens_at_most": self.tokens,
                "seconds_at_most": self.seconds,
                "speed": None if self.speed is None else asdict(self.speed),
            },
            indent=1,
        )

    def as_text(self) -> str:
        """A table and its sums, for a person."""
        rows = [f"{'side':5} {'task':32} {'samples':>8} {'calls':>8} {'tokens out':>11}"]
        for line in self.lines:
            rows.append(
                f"{line.mitigation:5} {line.task:32} {_number(line.samples):>8} "
                f"{_number(line.calls):>8} {_number(line.max_output_tokens):>11}"
            )
        unknown = [line.task for line in self.lines if line.calls is None]
        grading = sum(line.grader_calls or 0 for line in self.lines)
        rows.append(
            f"if nothing has run yet, at most {self.calls} model calls, {grading} of them of the "
            f"grader, and {self.tokens} generated tokens"
        )
        if unknown:
            rows.append(f"not counted, since they do not say: {', '.join(dict.fromkeys(unknown))}")
        rows.append(self._time())
        return "\n".join(rows)

    def _time(self) -> str:
        if self.seconds is None or self.speed is None:
            return "time: unknown; --dry-run --probe times a few calls"
        rate = f"{self.speed.tokens_per_second:.0f} tokens a second {self.speed.source}"
        return f"time: at most about {self.seconds / 60:.1f} min ({rate})"


def expect(jobs: Sequence[Job], speed: Speed | None) -> Expected:
    """What the jobs would cost at most, if nothing has run yet."""
    return Expected(lines=tuple(_line(job) for job in jobs), speed=speed)


def speed_from_logs(folder: Path, jobs: Sequence[Job]) -> Speed | None:
    """The speed of earlier logs of the same models in the folder; None where there are none."""
    if not folder.exists():
        return None
    models = {job.model for job in jobs}
    tokens, seconds = 0, 0.0
    for info in list_eval_logs(str(folder)):
        header = read_eval_log(info, header_only=True)
        if header.status == "success" and header.eval.model in models:
            found = _spent(header)
            tokens, seconds = tokens + found[0], seconds + found[1]
    if not tokens or not seconds:
        return None
    return Speed(tokens / seconds, "in earlier logs of this model")


def probe(plan: Plan, max_connections: int) -> Speed:
    """The speed of a few calls to the plan's model, made now."""
    side = plan.pre
    args = dict(side.args)
    if side.model.startswith("syscard/"):
        args["digest"] = model_digest(side.model, args)
    config = GenerateConfig(max_connections=max_connections, max_tokens=PROBE_TOKENS)
    model = get_model(side.model, base_url=side.base_url, config=config, **args)

    async def call() -> tuple[int, float]:
        await model.generate(PROBES[0])  # loads the weights, opens the connection
        counts: list[int] = []

        async def one(prompt: str) -> None:
            output = await model.generate(prompt)
            counts.append(output.usage.output_tokens if output.usage else PROBE_TOKENS)

        started = time.monotonic()
        async with anyio.create_task_group() as group:
            for prompt in PROBES:
                group.start_soon(one, prompt)
        return sum(counts), time.monotonic() - started

    tokens, seconds = anyio.run(call)
    return Speed(tokens / seconds, f"in {len(PROBES)} calls just now")


def _line(job: Job) -> Line:
    answers = None if job.owed is None or job.info is None else job.owed * job.info.calls
    reasoning = job.solver_args.get("reasoning_tokens", 256) if job.calls != answers else 0
    tokens = (
        None
        if answers is None or job.max_tokens is None
        else answers * (job.max_tokens + reasoning)
    )
    grader = None if job.owed is None or job.info is None else job.owed * job.info.grader_calls
    return Line(
        mitigation=job.mitigation,
        task=job.task,
        model=job.model,
        samples=job.owed,
        calls=job.calls,
        grader_calls=grader,
        max_output_tokens=tokens,
    )


def _spent(header: EvalLog) -> tuple[int, float]:
    usage = header.stats.model_usage.get(header.eval.model)
    if usage is None or not header.stats.started_at or not header.stats.completed_at:
        return 0, 0.0
    started = datetime.fromisoformat(header.stats.started_at)
    ended = datetime.fromisoformat(header.stats.completed_at)
    return usage.output_tokens, (ended - started).total_seconds()


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)
