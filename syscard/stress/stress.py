"""Runs every stress test of a model: its behaviour under pressure, then its weights.

Each variant is a plan of its own in a folder of its own, run as any plan is: what has a finished
log is not run again, and `syscard measure` reads the folder with the plan beside it.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from syscard import __version__
from syscard.adapters import rewarded_by
from syscard.assess.estimate import measure
from syscard.assess.evidence import collect
from syscard.assess.measure import read_log
from syscard.engine import unload
from syscard.errors import IncompleteError, SetupError
from syscard.files import read_text, write_text
from syscard.jobs import Job, jobs
from syscard.library import dump, plan_lines, read_plan
from syscard.records import Measurement, Plan
from syscard.run import Options, run
from syscard.stress.found import AS_IT_IS, Stressed, Trial, as_text
from syscard.stress.variants import Args, Subject, Variant, Wanted, missing, variants

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
WEIGHED = ("reasoning",)  # of every variant of the weights: refusals, over-refusal, reasoning
Talk = Callable[[str], None]


@dataclass(frozen=True)
class How:
    """How much is asked, and how it is answered."""

    harmful: int | None = None  # requests a task; None: as the task has it
    benign: int | None = None
    seed: int = 1
    max_tokens: int = 256
    max_connections: int = 8
    display: str = "none"
    grader: str | None = None  # a model that judges; None: offline rules


def stress(
    subject: Subject, out: Path, tests: Sequence[str], wanted: Wanted, how: How, talk: Talk
) -> Stressed:
    """Everything that was asked for; `out/stress.json` and `out/stress.md` grow with each variant.

    Args:
        subject: the model.
        out: the folder of logs, changed weights and results.
        tests: of `PRESSED`, for the model as it is.
        wanted: which variants of the weights.
        how: sizes, seed, connections.
        talk: told of progress.

    Raises:
        IncompleteError: a task or a variant failed; the others have run.
    """
    absent = missing(subject, wanted)
    found: list[Trial] = []
    for variant, chosen in _planned(subject, out, tests, wanted):
        found.append(_tested(variant, subject, chosen, out, how, talk))
        _write(out, subject, found)
        unload()  # each variant is weights of its own: together they would fill the memory
    for family, why in absent.items():
        found.append(Trial(name=family, what=f"Not run: {why}.", kind=family, not_run=why))
    stressed = _write(out, subject, found)
    failed = [one for one in found if one.not_run and one.kind not in absent]
    if failed:
        raise IncompleteError(
            f"{failed[0].name}: {failed[0].not_run} What ran is kept; mend it and give the same "
            "command again."
        )
    return stressed


def planned(subject: Subject, out: Path, tests: Sequence[str], wanted: Wanted) -> list[str]:
    """What would run, one line a variant."""
    lines = [
        f"{v.name}: {', '.join(chosen)}" for v, chosen in _planned(subject, out, tests, wanted)
    ]
    return lines + [f"{name}: not run, {why}" for name, why in missing(subject, wanted).items()]


def plan_text(subject: Subject, tests: Sequence[str], how: How) -> str:
    """The plan of the model as it is; before mitigation stands the bare model."""
    return _plan(subject, (subject.model, dict(subject.args)), tests, how)


def _planned(
    subject: Subject, out: Path, tests: Sequence[str], wanted: Wanted
) -> Iterator[tuple[Variant, Sequence[str]]]:
    """Each variant with its tests; the model as it is also has those of the weights, to compare."""
    itself = (subject.model, dict(subject.args))
    found = list(variants(subject, out / "weights", wanted))
    both = [name for name in PRESSED if name in tests or (found and name in WEIGHED)]
    what = "The model as it would be deployed."
    yield Variant(AS_IT_IS, what, "behaviour", None, lambda: itself), both
    for variant in found:
        yield variant, WEIGHED


def _tested(
    variant: Variant, subject: Subject, chosen: Sequence[str], out: Path, how: How, talk: Talk
) -> Trial:
    talk(f"{variant.name}: {variant.what}")
    logs = out / "logs" / _folder(variant, subject)
    measured: tuple[Measurement, ...] = ()
    why = ""
    try:
        path = logs / "plan.yaml"
        write_text(path, _plan(subject, variant.build(), chosen, how))
        plan, digest = read_plan(path)
        try:
            run(plan, _after(plan, path), Options(logs, how.max_connections, how.display), talk)
        except IncompleteError as error:
            why = str(error)
        measured = _measured(plan, digest, logs, out)
    except SetupError as error:
        why = str(error)
    return Trial(
        name=variant.name,
        what=variant.what,
        kind=variant.kind,
        dose=variant.dose,
        measured=measured,
        not_run=why,
    )


def _after(plan: Plan, path: Path) -> list[Job]:
    """The jobs of the side that is under stress."""
    return [job for job in jobs(plan, plan_lines(path)) if job.mitigation == "post"]


def _measured(plan: Plan, digest: str, logs: Path, out: Path) -> tuple[Measurement, ...]:
    """What the finished logs say; nothing where not one finished."""
    if not json.loads(read_text(logs / "run.json"))["logs"]:
        return ()
    readings = [read_log(path, plan) for path in collect([logs], plan).logs]
    return measure(readings, plan, digest, out).measured


def _plan(subject: Subject, model: tuple[str, Args], tests: Sequence[str], how: How) -> str:
    """A plan's text: the variant after mitigation, the bare model before it."""
    name, args = model
    post: dict[str, Any] = {"model": name, "args": args, "base_url": subject.base_url}
    post |= {"solver": subject.solver, "solver_args": dict(subject.solver_args or {})}
    post["rewarded_by"] = list(rewarded_by(subject.args)) if subject.base is not None else []
    content: dict[str, Any] = {
        "name": "stress",
        "framework": "preparedness-beta",
        "seed": how.seed,
        "about": {
            "name": name,
            "developer": "not stated",
            "intended_uses": ["not stated"],
            "languages": ["not stated"],
            "training_data": "not stated",
            "limits": ["not stated"],
        },
        "pre": {"model": subject.model, "args": subject.bare, "base_url": subject.base_url},
        "post": {key: value for key, value in post.items() if value},
        "generate": {"temperature": 0.0, "max_tokens": how.max_tokens},
        "tasks": [_task(test, how) for test in tests],
    }
    content["pre"] = {key: value for key, value in content["pre"].items() if value}
    if how.grader is not None:
        content["grader"] = {"model": how.grader}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def _task(test: str, how: How) -> dict[str, Any]:
    args: dict[str, Any] = {"harmful": how.harmful, "benign": how.benign}
    args |= {"grader": "model"} if how.grader is not None else {}
    return {"task": f"syscard/{test}", "args": {k: v for k, v in args.items() if v is not None}}


def _folder(variant: Variant, subject: Subject) -> str:
    """Of a variant's logs: other weights of the same path have another."""
    name = re.sub(r"[^\w.]+", "-", variant.name).strip("-")
    return f"{name}-{subject.digest[:12]}" if subject.digest else name


def _write(out: Path, subject: Subject, tested: Sequence[Trial]) -> Stressed:
    found = Stressed(
        syscard=__version__,
        model=subject.model,
        args={key: str(value) for key, value in subject.args.items()},
        solver=subject.solver,
        weights=subject.digest,
        tested=tuple(tested),
    )
    write_text(out / "stress.json", dump(found))
    write_text(out / "stress.md", as_text(found))
    return found
