"""A plan to jobs: what would run, checked before anything is spent.

A job is one task on one side. Its arguments hold the digests of weights, sets, rubric and
specification, since Inspect's resume compares names and arguments, not contents.
"""

import difflib
import inspect
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from inspect_ai import Task, list_tasks
from inspect_ai.model import GenerateConfig
from inspect_ai.util import registry_create, registry_info
from pydantic import ValidationError

from syscard.adapters import check_base, read_adapter, rewarded_by
from syscard.errors import DataError, SetupError
from syscard.files import digest_file
from syscard.framework_check import Told, check_given, check_indicators
from syscard.library import (
    content_digest,
    data_path,
    framework_lines,
    read_framework,
    read_validation,
    validation_files,
)
from syscard.lineage import rewarding
from syscard.records import (
    Metric,
    Mitigation,
    Plan,
    PlanTask,
    Requirement,
    Side,
    StoppingRule,
    TaskInfo,
)
from syscard.secret import secret_keys
from syscard.specs import read_spec
from syscard.stopping import rule_of
from syscard.weights import adapter_path, model_digest, weights_digest, weights_path
from syscard.yamltext import Lines, Place

LINEAGES = ("rules", "classifier", "model")
SIDES: tuple[Mitigation, Mitigation] = ("pre", "post")
WEIGHTS = "syscard/stress_weights"
SOLVER_CALLS = {"syscard/deliberate": 3}  # calls of the model for one answer, at most


@dataclass(frozen=True)
class Job:
    """One task on one side, with all that decides what it will find."""

    mitigation: Mitigation
    task: str
    args: dict[str, Any]
    model: str
    model_args: dict[str, Any]
    base_url: str | None
    model_digest: str | None
    solver: str | None  # put before the task's own
    solver_args: dict[str, Any]
    limit: int | None
    epochs: int
    generate: dict[str, Any]
    info: TaskInfo | None  # None for a task that does not describe itself
    samples: int | None
    max_tokens: int | None  # of one answer
    answered_by: str | None  # the solver that answers, also where the task takes it as argument
    stopping: StoppingRule | None = None  # asked to stop when decided; without bounds it cannot

    @property
    def name(self) -> str:
        """The task's name as a folder: without its package, nor anything a path would read."""
        return re.sub(r"[^\w.-]+", "-", self.task.removeprefix("syscard/")).strip("-")

    @property
    def owed(self) -> int | None:
        """Samples to run, all epochs; None where the task does not say."""
        if self.samples is None:
            return None
        return min(self.limit or self.samples, self.samples) * self.epochs

    @property
    def calls(self) -> int | None:
        """Calls of the model under test, at most."""
        if self.owed is None or self.info is None:
            return None
        return self.owed * self.info.calls * SOLVER_CALLS.get(self.answered_by or "", 1)


def jobs(plan: Plan, lines: Lines, limit: int | None = None, stop: bool = False) -> list[Job]:
    """Every task of the plan on both sides, all checks passed.

    `stop`: tasks of which the plan does not say otherwise stop when they are decided.

    Raises:
        DataError: with the plan's line: an unknown task or argument, a metric that nobody gives,
            a missing grader, a secret written into the plan.
        SetupError: a model's weights are not there.
    """
    _check_plan(plan, lines)
    found: list[Job] = []
    infos: dict[str, TaskInfo | None] = {}
    for place, item in enumerate(plan.tasks):
        for mitigation in SIDES:
            job = _job(plan, item, mitigation, lines.where(("tasks", place)), limit)
            if stop if item.stop_when_decided is None else item.stop_when_decided:
                job = _stopping(plan, job, lines.where(("tasks", place)))
            infos[item.task] = job.info
            found.append(job)
    _check_metrics(plan, infos, lines)
    _check_grader(plan, infos, lines)
    _check_weights(found, plan, lines)
    return sorted(found, key=lambda job: job.mitigation != "pre")


def unrated(plan: Plan) -> list[str]:
    """Indicators of the framework that no task or evidence of the plan speaks to."""
    framework, _ = read_framework(plan.framework)
    planned = {item.task for item in plan.tasks}
    return [
        f"{category.title}: {indicator.task} gives {indicator.metric!r}"
        for category in framework.categories
        for indicator in category.indicators
        if indicator.task not in planned
    ]


def find_task(name: str) -> Callable[..., Task] | None:
    """A registered task by its name, without creating it; None where there is none."""
    package = name.split("/")[0]
    for point in entry_points(group="inspect_ai"):
        if point.name == package or point.value.split(".")[0] == package:
            for item in vars(point.load()).values():
                if callable(item) and _registered(item) == ("task", name):
                    return item  # type: ignore[no-any-return]
    return None


def told(name: str, where: str) -> Told | None:
    """What one of our tasks says of itself; None for another's, which may fetch data when created.

    Raises:
        DataError: there is no task of ours by that name.
    """
    if not name.startswith("syscard/"):
        return None
    task = _create(_find(name, where), {}, where)
    clusters = Counter(str((s.metadata or {}).get("cluster", s.id)) for s in task.dataset)
    info = TaskInfo.model_validate((task.metadata or {})["syscard"])
    return Told(info=info, clusters=len(clusters), largest=max(clusters.values()))


def _find(name: str, where: str) -> Callable[..., Task]:
    function = find_task(name)
    if function is None:
        near = difflib.get_close_matches(name, _known_tasks(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "`pip install` the package that has it."
        raise DataError(f"{where}: no task named {name!r}; {hint}")
    return function


def _registered(item: Any) -> tuple[str, str] | None:
    try:
        info = registry_info(item)
    except (ValueError, AttributeError, TypeError):
        return None
    return info.type, info.name


def _known_tasks() -> list[str]:
    found = []
    for point in entry_points(group="inspect_ai"):
        if point.name == "syscard":
            names = [_registered(item) for item in vars(point.load()).values() if callable(item)]
            found += [entry[1] for entry in names if entry and entry[0] == "task"]
    return sorted(found)


def _check_plan(plan: Plan, lines: Lines) -> None:
    read_framework(plan.framework)
    names = [item.task for item in plan.tasks]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise DataError(
                f"{lines.where(('tasks', place))}: {name!r} stands twice; one task gives one "
                "measurement a side. Take one out."
            )
    for key, trained in (("pre", plan.pre), ("post", plan.post)):
        _check_lineages(trained, lines.where((key, "rewarded_by")))
        _check_adapter(trained, lines.where((key, "args")))
    sides: dict[str, Any] = {"pre": plan.pre, "post": plan.post, "grader": plan.grader}
    for key, side in sides.items():
        for argument in secret_keys({} if side is None else side.args):
            raise DataError(
                f"{lines.where((key, 'args', *argument))}: {argument[-1]!r} does not belong in a "
                "plan, which is printed on the card. Set the provider's environment variable."
            )
    for place, item in enumerate(plan.tasks):
        _check_generate(item.generate, lines, ("tasks", place, "generate"))
    _check_generate(plan.generate, lines, ("generate",))
    _check_solver(plan.pre, lines.where(("pre", "solver")))
    _check_solver(plan.post, lines.where(("post", "solver")))
    for place, name in enumerate(plan.validations):
        _check_validations(name, lines.where(("validations", place)))
    for place, labels in enumerate(plan.labels):
        if labels.task not in names and not plan.evidence:
            raise DataError(
                f"{lines.where(('labels', place))}: {labels.task!r} is not among the plan's tasks."
            )
    for place, evidence in enumerate(plan.evidence):
        _check_evidence(evidence.log, evidence.digest, lines.where(("evidence", place)))


def _check_lineages(side: Side, where: str) -> None:
    """Each is a lineage that a grader can have: a misspelt one would forbid nothing."""
    for name in side.rewarded_by:
        kind, sign, model = name.partition(":")
        if name not in LINEAGES and not (kind == "model" and sign and model.strip()):
            raise DataError(
                f"{where}: no grader has the lineage {name!r}. Write one of {', '.join(LINEAGES)}, "
                "or model:NAME with the judging model's name or family."
            )


def _check_adapter(side: Side, where: str) -> None:
    """An adapter is of its side's base, and the plan says what its record says of its rewarding."""
    if not side.model.startswith("syscard/"):
        return
    path = adapter_path(side.args)
    if path is not None:
        base = weights_digest(weights_path(side.model, side.args))
        try:
            check_base(read_adapter(path), base, side.model)
        except SetupError as error:
            raise DataError(f"{where}: {error}.") from error
    known = rewarded_by(side.args)
    missing = sorted(set(known) - set(side.rewarded_by))
    if missing:
        every = ", ".join(sorted({*known, *side.rewarded_by}))
        raise DataError(
            f"{where}: the adapter's record says that {', '.join(missing)} rewarded it or chose "
            f"its data. Write rewarded_by: [{every}] beside it."
        )


def _check_validations(name: str, where: str) -> None:
    try:
        found = validation_files(name)
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    for one in found:
        read_validation(data_path("validations", one))


def _check_generate(options: dict[str, Any], lines: Lines, place: Place) -> None:
    """Only Inspect's generation options, each with a value that it takes."""
    for name, value in options.items():
        where = lines.where((*place, name))
        if name not in GenerateConfig.model_fields:
            near = difflib.get_close_matches(name, GenerateConfig.model_fields, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "see Inspect's GenerateConfig."
            raise DataError(f"{where}: no generation option {name!r}; {hint}")
        try:
            GenerateConfig(**{name: value})
        except ValidationError as error:
            message = error.errors(include_url=False)[0]["msg"]
            raise DataError(f"{where}: {name} is {value!r}: {message}.") from error


def _check_solver(side: Side, where: str) -> None:
    if side.solver is None:
        return
    try:
        registry_create("solver", side.solver, **side.solver_args)
    except (LookupError, TypeError, ValueError, DataError) as error:
        reason = str(error).strip("'\"") or "no solver of that name"
        raise DataError(f"{where}: solver {side.solver!r} cannot be made: {reason}.") from error


def _check_evidence(log: str, digest: str, where: str) -> None:
    found = digest_file(Path(log))
    if found != digest:
        raise DataError(
            f"{where}: {log} has the digest {found[:12]}…, the plan says {digest[:12]}…. "
            "It was altered, or it is another log."
        )


def _job(plan: Plan, item: PlanTask, mitigation: Mitigation, where: str, limit: int | None) -> Job:
    side = plan.pre if mitigation == "pre" else plan.post
    digest, model_args = _model(side)
    solver_args = _solver_args(side)
    function = None if _is_file(item.task) else _find(item.task, where)
    args, inside = dict(item.args), False
    info, samples, cap = None, None, None
    if function is not None:
        args, inside = _arguments(function, item, plan, side, solver_args, where)
    if function is not None and item.task.startswith("syscard/"):
        task = _create(function, args, where)
        info = TaskInfo.model_validate((task.metadata or {})["syscard"])
        samples, cap = len(task.dataset), task.config.max_tokens
        args["digest"] = content_digest(info)
    return Job(
        mitigation=mitigation,
        task=item.task,
        args=args,
        model=side.model,
        model_args=model_args,
        base_url=side.base_url,
        model_digest=digest,
        solver=None if inside else side.solver,
        solver_args=solver_args,
        limit=min((n for n in (item.limit, limit) if n is not None), default=None),
        epochs=item.epochs or plan.epochs,
        generate=(generate := {**plan.generate, **item.generate}),
        max_tokens=generate.get("max_tokens", cap),
        info=info,
        samples=samples,
        answered_by=side.solver,
    )


def _stopping(plan: Plan, job: Job, where: str) -> Job:
    framework, _ = read_framework(plan.framework)
    if any(item.weighting == "groups" for item in plan.tasks if item.task == job.task):
        raise DataError(
            f"{where}: {job.task} is weighted by groups, and a run can stop early on prompts of "
            "equal weight only. Write 'stop_when_decided: false', or 'weighting: prompts'."
        )
    rule = rule_of(plan, framework, job.task)
    if rule.bounds and find_task(job.task) is None:
        raise DataError(
            f"{where}: {job.task} is a file, and only a task of an installed package can stop when "
            "it is decided. Write 'stop_when_decided: false', or install it."
        )
    return replace(job, stopping=rule)


def _model(side: Side) -> tuple[str | None, dict[str, Any]]:
    """The digest of local weights, and the arguments that pin it."""
    if not side.model.startswith("syscard/"):
        return None, dict(side.args)
    digest = model_digest(side.model, side.args)
    return digest, {**side.args, "digest": digest}


def _solver_args(side: Side) -> dict[str, Any]:
    """The solver's arguments, with the specification's digest where it reads one."""
    if side.solver != "syscard/deliberate":
        return dict(side.solver_args)
    spec = read_spec(str(side.solver_args.get("spec", "default")))
    return {**side.solver_args, "digest": spec.digest}


def _arguments(
    function: Callable[..., Task],
    item: PlanTask,
    plan: Plan,
    side: Side,
    solver_args: dict[str, Any],
    where: str,
) -> tuple[dict[str, Any], bool]:
    """The task's arguments, and whether the mitigation's solver is among them."""
    known = inspect.signature(function).parameters
    for name in item.args:
        if name not in known and not any(p.kind == p.VAR_KEYWORD for p in known.values()):
            raise DataError(
                f"{where}: {item.task} takes no {name!r}; it takes: {', '.join(known)}."
            )
    args = dict(item.args)
    if "seed" in known and "seed" not in args:
        args["seed"] = plan.seed
    inside = side.solver is not None and "solver" in known and "solver_args" in known
    if inside:
        args |= {"solver": side.solver, "solver_args": solver_args}
    return args, inside


def _create(function: Callable[..., Task], args: dict[str, Any], where: str) -> Task:
    try:
        return function(**args)
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    except (LookupError, TypeError, ValueError) as error:
        given = ", ".join(f"{name}: {value!r}" for name, value in args.items())
        raise DataError(
            f"{where}: the task does not take these args ({given}): {error}."
        ) from error


def _is_file(name: str) -> bool:
    path = Path(name.split("@")[0])
    if path.suffix != ".py" or not path.is_file():
        return False
    return bool(list_tasks(path.name, root_dir=path.parent))


def _check_metrics(plan: Plan, infos: dict[str, TaskInfo | None], lines: Lines) -> None:
    given: dict[str, tuple[Metric, ...]] = {}
    for place, item in enumerate(plan.tasks):
        info = infos[item.task]
        given[item.task] = item.metrics or (info.metrics if info else ())
        if not given[item.task]:
            raise DataError(
                f"{lines.where(('tasks', place))}: {item.task} does not describe its metrics. "
                "Write which to read under 'metrics': name, means, danger (high or low), kind "
                "(safety or capability)."
            )
    for place, item in enumerate(plan.tasks):
        described = infos[item.task]
        worst = [m for m in (described.metrics if described else ()) if m.of_cluster != "mean"]
        if worst and item.limit is not None:
            raise DataError(
                f"{lines.where(('tasks', place, 'limit'))}: {worst[0].name!r} is the worst of a "
                "prompt's rewrites, and a limit would cut some off. Write 'args: {prompts: N}'."
            )
        if item.weighting == "groups" and (described is None or described.groups is None):
            raise DataError(
                f"{lines.where(('tasks', place, 'weighting'))}: {item.task} has no groups to "
                "weigh by. Write 'weighting: prompts'."
            )
    framework, _ = read_framework(plan.framework)
    check_indicators(framework, given, framework_lines(plan.framework))
    elsewhere = bool(plan.evidence)
    for place, requirement in enumerate(plan.requirements):
        where = lines.where(("requirements", place))
        if requirement.task not in given and not elsewhere:
            raise DataError(f"{where}: {requirement.task!r} is not among the plan's tasks.")
        if requirement.task in given:
            check_given(requirement.task, requirement.metric, given[requirement.task], where)
        _check_bound(requirement, given.get(requirement.task, ()), where)


def _check_bound(requirement: Requirement, metrics: tuple[Metric, ...], where: str) -> None:
    """A bound holds the dangerous end in check: at least where low is worse, else at most."""
    for metric in metrics:
        if metric.name != requirement.metric:
            continue
        wanted = "at_least" if metric.danger == "low" else "at_most"
        if getattr(requirement, wanted) is None:
            raise DataError(
                f"{where}: of {metric.name!r} the {metric.danger} end is the dangerous one, so a "
                f"requirement of it is written {wanted!r}."
            )


def _check_rewarding(plan: Plan, info: TaskInfo, task: str, lines: Lines) -> None:
    for mitigation, side in (("pre", plan.pre), ("post", plan.post)):
        lineage = rewarding(info.grader, side, plan.grader)
        if lineage is not None:
            raise DataError(
                f"{lines.where((mitigation, 'rewarded_by'))}: {task} is judged by "
                f"{info.grader.name}, and {lineage!r} rewarded the training of this model: what "
                "rewarded it never rates it. Name another grader in the task's args."
            )


def _check_weights(found: list[Job], plan: Plan, lines: Lines) -> None:
    """Changed weights are some side's: else every variant would be the model as it is."""
    for place, item in enumerate(plan.tasks):
        if item.task != WEIGHTS:
            continue
        where, of = lines.where(("tasks", place, "args")), item.args.get("of")
        sides = [job for job in found if job.task == WEIGHTS]
        if of is None and not any("adapter" in job.model_args for job in sides):
            raise DataError(
                f"{where}: neither side has an adapter, so there is nothing to change. Write "
                "'variants' and 'of', as `syscard stress MODEL -o DIR --plan` prints them."
            )
        if of is not None and of not in {job.model_digest for job in sides}:
            raise DataError(
                f"{where}: 'of' is {of:.12}…, and no side has those weights: its model or adapter "
                "changed since the variants were made. Make them again: syscard stress."
            )


def _check_grader(plan: Plan, infos: dict[str, TaskInfo | None], lines: Lines) -> None:
    for place, item in enumerate(plan.tasks):
        info = infos[item.task]
        if info is not None and info.grader.lineage == "model" and plan.grader is None:
            raise DataError(
                f"{lines.where(('tasks', place))}: {item.task} is judged by a model, and the plan "
                "names none. Write 'grader: {model: ...}'."
            )
        if info is not None:
            _check_rewarding(plan, info, item.task, lines)
    if plan.grader is not None and plan.grader.model.startswith("syscard/"):
        model_digest(plan.grader.model, plan.grader.args)
