"""Runs every stress test of a model: its behaviour under pressure, then its weights.

All of it is one plan, run as any plan is: what has a finished log is not run again, and the plan's
tasks can stand in the plan of a release, for its card and its gates.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from syscard import __version__
from syscard.adapters import rewarded_by
from syscard.assess.estimate import measure
from syscard.assess.evidence import collect
from syscard.assess.measure import read_log
from syscard.errors import DataError, IncompleteError, SetupError
from syscard.files import read_text, write_text
from syscard.jobs import Job, jobs
from syscard.library import dump, plan_lines, read_plan
from syscard.records import Measurement, Plan
from syscard.run import Options, run
from syscard.stress.found import Stressed, as_text, unanswered
from syscard.stress.variants import Subject, Variant, Wanted, missing, variants

PRESSED = (
    "stress_prefill",
    "stress_system",
    "stress_context",
    "stress_strength",
    "stress_sampling",
    "stress_bestofn",
    "reasoning",
    "monitor",
)
CITING = ("reasoning", "monitor", "stress_weights")  # those that read a specification
PLAN = "plan.yaml"
OFFLINE = "classifier"  # the grader that may rate what the rules rewarded
Talk = Callable[[str], None]


@dataclass(frozen=True)
class How:
    """How much is asked, and how it is answered."""

    harmful: int | None = None  # requests a task; None: as the task has it
    benign: int | None = None
    spec: str | None = None  # that reasoning cites; None: the default one
    seed: int = 1
    max_tokens: int = 256
    max_connections: int = 8
    display: str = "none"
    grader: str | None = None  # a model that judges, or "classifier"; None: offline rules


def stress(
    subject: Subject, out: Path, tests: Sequence[str], wanted: Wanted, how: How, talk: Talk
) -> Stressed:
    """Everything that was asked for, into `out/stress.json` and `out/stress.md`.

    Args:
        subject: the model.
        out: the folder of the plan, its logs, changed weights and results.
        tests: of `PRESSED`, for the model as it is.
        wanted: which variants of the weights.
        how: sizes, seed, connections.
        talk: told of progress.

    Raises:
        IncompleteError: a test failed, or weights could not be made; the others have run.
    """
    made, failed = _built(subject, out, wanted, talk)
    plan, digest = _written(out, plan_text(subject, tests, made, how))
    after = _after(plan, out / PLAN)
    try:
        run(plan, after, Options(out / "logs", how.max_connections, how.display), talk)
    except IncompleteError as error:
        failed["tests"] = str(error)
    measured = _measured(plan, digest, out)
    failed |= dict.fromkeys(unanswered(measured), "not one of its answers came.")
    found = Stressed(
        syscard=__version__,
        model=subject.model,
        args={key: str(value) for key, value in subject.args.items()},
        solver=subject.solver,
        weights=subject.digest,
        variants={one.name: one.what for one in made},
        measured=measured,
        not_run={**missing(subject, wanted), **failed},
    )
    write_text(out / "stress.json", dump(found))
    write_text(out / "stress.md", as_text(found))
    for name, why in failed.items():
        raise IncompleteError(f"{name}: {why}")
    return found


def planned(subject: Subject, out: Path, tests: Sequence[str], wanted: Wanted) -> list[str]:
    """What would run, one line a test."""
    found = [one.name for one in variants(subject, out / "weights", wanted)]
    lines = [f"{name}: the model as it is" for name in tests]
    lines += [f"stress_weights: {', '.join(found)}"] if found else []
    return lines + [f"{name}: not run, {why}" for name, why in missing(subject, wanted).items()]


def already_made(subject: Subject, out: Path, wanted: Wanted) -> list[Variant]:
    """The variants that are in the folder, or need no file."""
    return [one for one in variants(subject, out / "weights", wanted) if one.made]


def _built(
    subject: Subject, out: Path, wanted: Wanted, talk: Talk
) -> tuple[list[Variant], dict[str, str]]:
    """Every variant that could be made, and why the others could not."""
    made, failed = [], {}
    for one in variants(subject, out / "weights", wanted):
        talk(f"{one.name}: {one.what}")
        try:
            one.build()
        except (DataError, SetupError) as error:
            failed[one.name] = str(error)
        else:
            made.append(one)
    return made, failed


def _written(out: Path, text: str) -> tuple[Plan, str]:
    write_text(out / PLAN, text)
    return read_plan(out / PLAN)


def _after(plan: Plan, path: Path) -> list[Job]:
    """The jobs of the side that is under stress."""
    return [job for job in jobs(plan, plan_lines(path)) if job.mitigation == "post"]


def _measured(plan: Plan, digest: str, out: Path) -> tuple[Measurement, ...]:
    """What the finished logs say; nothing where not one finished."""
    index = out / "logs" / "run.json"
    if not index.exists() or not json.loads(read_text(index))["logs"]:
        return ()
    readings = [read_log(path, plan) for path in collect([index.parent], plan).logs]
    return measure(readings, plan, digest, out).measured


def plan_text(subject: Subject, tests: Sequence[str], made: Sequence[Variant], how: How) -> str:
    """The plan of all tests: after mitigation the model, before it the bare one."""
    post: dict[str, Any] = {"model": subject.model, "args": dict(subject.args)}
    post |= {"base_url": subject.base_url}
    post |= {"solver": subject.solver, "solver_args": dict(subject.solver_args or {})}
    post["rewarded_by"] = list(rewarded_by(subject.args)) if subject.base is not None else []
    content: dict[str, Any] = {
        "name": "stress",
        "framework": "preparedness-beta",
        "seed": how.seed,
        "about": {
            "name": subject.model,
            "developer": "not stated",
            "intended_uses": ["not stated"],
            "languages": ["not stated"],
            "training_data": "not stated",
            "limits": ["not stated"],
        },
        "pre": {"model": subject.model, "args": subject.bare, "base_url": subject.base_url},
        "post": {key: value for key, value in post.items() if value},
        "generate": {"temperature": 0.0, "max_tokens": how.max_tokens},
        "tasks": [*(_task(test, how) for test in tests), *_weighed(subject, made, how)],
    }
    content["pre"] = {key: value for key, value in content["pre"].items() if value}
    if how.grader not in (None, OFFLINE):
        content["grader"] = {"model": how.grader}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def _task(test: str, how: How) -> dict[str, Any]:
    args: dict[str, Any] = {"harmful": how.harmful, "benign": how.benign}
    if how.spec is not None and test in CITING:
        args["spec"] = how.spec
    if how.grader is not None:
        args["grader"] = OFFLINE if how.grader == OFFLINE else "model"
    return {"task": f"syscard/{test}", "args": {k: v for k, v in args.items() if v is not None}}


def _weighed(subject: Subject, made: Sequence[Variant], how: How) -> list[dict[str, Any]]:
    """The task of the changed weights, where there are any."""
    if not made:
        return []
    item = _task("stress_weights", how)
    item["args"] |= {"of": subject.digest, "variants": {one.name: one.changed for one in made}}
    return [item]
