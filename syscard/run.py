"""Jobs to logs: one Inspect eval set a job, through Inspect's public API.

Killed at any moment, the same call goes on: Inspect keeps every finished sample in the log, and
runs only what is missing. `run.json` in the log folder names the logs that are the plan's
evidence; others in the folder are of earlier contents and are set aside.
"""

import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from inspect_ai import eval_retry, eval_set
from inspect_ai.log import (
    EvalLog,
    EvalSampleSummary,
    ProvenanceData,
    invalidate_samples,
    read_eval_log,
    read_eval_log_sample_summaries,
    write_eval_log,
)
from inspect_ai.model import GenerateConfig, Model, get_model
from inspect_ai.util import registry_create

from syscard.adapters import training_of
from syscard.engine import expect
from syscard.errors import DataError, IncompleteError, SetupError, SyscardError
from syscard.files import digest_bytes, write_text
from syscard.jobs import WEIGHTS, Job, find_task
from syscard.progress import Progress
from syscard.records import Plan, StoppingRule
from syscard.trained import as_told
from syscard.turns import stop_when_decided
from syscard.weights import adapter_path, model_digest, weights_digest, weights_path

Talk = Callable[[str], None]
OURS = {  # decided by the plan
    *("tasks", "log_dir", "model", "model_args", "model_base_url", "model_roles", "task_args"),
    *("limit", "sample_id", "sample_shuffle", "epochs", "solver", "metadata", "score"),
    *("message_limit", "token_limit", "turn_limit", "time_limit", "working_limit", "cost_limit"),
}
TRANSPORT = {"max_retries", "timeout", "attempt_timeout", "adaptive_connections", "batch"}
DEFAULTS: dict[str, Any] = {
    "fail_on_error": False,
    "retry_on_error": 1,
    "retry_attempts": 1,
    "max_tasks": 1,
    "ctl_server": False,
    "log_dir_allow_dirty": True,
    "score_display": False,
}


class Watch(Protocol):
    """Told of each job before its first call to the model, and when its log is whole."""

    def started(self, job: Job, before: Path | None, again: bool) -> int | None: ...

    def ended(self, started: int | None, log: Path) -> None: ...


@dataclass(frozen=True)
class Options:
    """How to run, apart from what: none of it changes what a sample finds."""

    log_dir: Path
    max_connections: int = 8
    display: str = "none"
    retry_failed: bool = False
    passed: dict[str, Any] | None = None  # straight to Inspect's eval_set
    watch: Watch | None = None


def run(
    plan: Plan,
    jobs: Sequence[Job],
    options: Options,
    talk: Talk,
    everything: Sequence[Job] | None = None,
) -> Path:
    """Run what is missing, in order, and write `run.json`. Returns its path.

    `everything`: all jobs of the plan, where `jobs` are only some of them; what the others found
    in an earlier call stays in the index.

    Raises:
        IncompleteError: a task failed as a whole; the others have run.
        SyscardError: something to mend before anything can run.
    """
    check_passed(options.passed or {})
    _expect_adapters(jobs)
    progress = Progress.of(jobs, talk)
    index = Index(options.log_dir, plan, jobs if everything is None else everything)
    failures: list[str] = []
    for job in jobs:
        progress.begin(job)
        announced = _announce(job, index, options)
        try:
            log, said = _finished(plan, job, options)
        finally:
            progress.end()
        if log is None:
            failures.append(f"{job.task} ({job.mitigation}): {said}")
            index.drop(job)
        else:
            talk(said)
            index.put(job, log)
            if options.watch is not None:
                options.watch.ended(announced, index.log_of(job) or Path(log.location))
    if failures:
        more = f" ({len(failures) - 1} more)" if len(failures) > 1 else ""
        raise IncompleteError(
            f"Did not finish: {failures[0]}{more}. What ran is kept; mend it and give the same "
            "command again."
        )
    return options.log_dir / "run.json"


def content_of(job: Job) -> str:
    """A digest of all that decides what the job finds."""
    return digest_bytes(f"{_content(job)}\0{job.limit}".encode())


def _expect_adapters(jobs: Sequence[Job]) -> None:
    """One base serves both sides, and every variant that only has another adapter upon it."""
    for job in jobs:
        if not job.model.startswith("syscard/"):
            continue
        base = weights_digest(weights_path(job.model, job.model_args))
        for args in (job.model_args, *_changed(job)):
            adapter = adapter_path(args)
            if adapter is not None:
                expect(base, adapter)


def _changed(job: Job) -> list[dict[str, Any]]:
    """What the job changes of this model's weights."""
    if job.task != WEIGHTS or job.args.get("of") != job.model_digest:
        return []
    return list((job.args.get("variants") or {}).values())


def _announce(job: Job, index: "Index", options: Options) -> int | None:
    if options.watch is None:
        return None
    return options.watch.started(job, index.log_of(job), options.retry_failed)


def check_writable(folder: Path) -> None:
    """Refuse, before anything is spent, a folder in which no log could be kept.

    Raises:
        SetupError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        raise SetupError(
            f"Cannot write logs in {folder}: {error.strerror}. Name another with --log-dir."
        ) from error


def check_passed(passed: dict[str, Any]) -> None:
    """Only what Inspect's `eval_set` takes, and nothing that the plan decides.

    Raises:
        DataError: the name is unknown, or is the plan's to say.
    """
    known = set(inspect.signature(eval_set).parameters) - {"kwargs"} | set(
        GenerateConfig.model_fields
    )
    for name in passed:
        if name in OURS or (name in GenerateConfig.model_fields and name not in TRANSPORT):
            raise DataError(f"{name!r} is decided by the plan, not after '--'.")
        if name not in known:
            raise DataError(f"Inspect's eval_set takes no {name!r}; see its documentation.")


def _finished(plan: Plan, job: Job, options: Options) -> tuple[EvalLog | None, str]:
    """The job's finished log and what to say of it; no log, and the first cause, if it failed."""
    try:
        log = _run_job(plan, job, options)
    except SyscardError:
        raise
    except Exception as error:  # noqa: BLE001  # a task or a model that cannot start
        return None, _cause(error)
    if log.status != "success":
        return None, _first_line(log.error.message if log.error else log.status)
    ended = read_eval_log_sample_summaries(log.location)
    if not ended:
        return None, "not one sample was run"
    return log, _outcome(job, log, ended)


def _run_job(plan: Plan, job: Job, options: Options) -> EvalLog:
    folder = options.log_dir / job.mitigation / _folder(job)
    call = _call(plan, job, options, folder)
    _, logs = eval_set(**call)
    log = logs[0]
    failed = options.retry_failed and log.status == "success"
    if failed and _errors(read_eval_log_sample_summaries(log.location)):
        if _rule(job) is not None:
            return _reopened(log, _call(plan, job, options, folder))
        eval_retry(
            log.location,
            log_dir=str(folder),
            display=options.display,  # type: ignore[arg-type]
            max_connections=options.max_connections,
            fail_on_error=False,
            ctl_server=False,
        )
        _, logs = eval_set(**call)
        log = logs[0]
    return log


def _reopened(log: EvalLog, call: dict[str, Any]) -> EvalLog:
    """Run what failed again under the same rule, which Inspect's own retry would not know."""
    whole = read_eval_log(log.location)
    failed = [s.uuid for s in whole.samples or [] if s.error is not None and s.uuid is not None]
    why = ProvenanceData(author="syscard run", reason="it failed, and --retry-failed was given")
    write_eval_log(invalidate_samples(whole, failed, why))
    _, logs = eval_set(**call)
    return logs[0]


def _rule(job: Job) -> StoppingRule | None:
    """The rule that the job runs under; none where there is no question to decide."""
    return job.stopping if job.stopping is not None and job.stopping.bounds else None


def _folder(job: Job) -> str:
    """Of the job's logs: its own for each rule, since a log that stopped answers only to its."""
    rule = _rule(job)
    if rule is None:
        return job.name
    return f"{job.name}-stopping-{digest_bytes(rule.model_dump_json().encode())[:8]}"


def _call(plan: Plan, job: Job, options: Options, folder: Path) -> dict[str, Any]:
    call: dict[str, Any] = {
        **DEFAULTS,
        "tasks": job.task,
        "task_args": job.args,
        "log_dir": str(folder),
        "model": job.model,
        "model_args": job.model_args,
        "model_roles": _roles(plan, options),
        "limit": job.limit,
        "epochs": job.epochs,
        "sample_shuffle": plan.seed,
        "max_connections": options.max_connections,
        "display": options.display,
        "metadata": {"syscard_run": _metadata(plan, job)},
        **job.generate,
        **(options.passed or {}),
    }
    if job.base_url is not None:
        call["model_base_url"] = job.base_url
    if job.solver is not None:
        call["solver"] = registry_create("solver", job.solver, **job.solver_args)
    return call | _stopping(plan, job, call, folder)


def _stopping(plan: Plan, job: Job, call: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What changes in the call where the job may stop: the task made here, and every sample let
    in at once, for its turn to be waited for; the slots are counted there."""
    rule, function = _rule(job), find_task(job.task)
    if rule is None or function is None:
        return {}
    metrics = next((item.metrics for item in plan.tasks if item.task == job.task), ())
    slots = call.get("max_samples") or call["max_connections"]
    task, rule, size = stop_when_decided(
        function(**job.args), rule, metrics, job.epochs, slots, folder
    )
    stated = {"rule": rule.rule, **rule.model_dump(exclude_defaults=True)}
    noted = call["metadata"]["syscard_run"] | {"stopping": stated}
    return {
        "tasks": task,
        "task_args": {},
        "max_samples": size,
        "metadata": {"syscard_run": noted},
    }


def _metadata(plan: Plan, job: Job) -> dict[str, Any]:
    training = training_of(job.model_args) if job.model.startswith("syscard/") else None
    told = as_told(training)
    return {
        "plan": plan.name,
        "task": job.task,
        "mitigation": job.mitigation,
        "model_digest": job.model_digest,
        "solver": job.answered_by,
        "solver_args": job.solver_args,
        "trained": None if told is None else told.model_dump(mode="json"),
    }


def _roles(plan: Plan, options: Options) -> dict[str, Model] | None:
    if plan.grader is None:
        return None
    args = dict(plan.grader.args)
    if plan.grader.model.startswith("syscard/"):
        name = plan.grader.model.removeprefix("syscard/")
        args["digest"] = model_digest(name, args)
    model = get_model(
        plan.grader.model,
        role="grader",
        config=GenerateConfig(max_connections=options.max_connections),
        base_url=plan.grader.base_url,
        **args,
    )
    return {"grader": model}


def _errors(ended: Sequence[EvalSampleSummary]) -> int:
    return sum(summary.error is not None for summary in ended)


def _outcome(job: Job, log: EvalLog, ended: Sequence[EvalSampleSummary]) -> str:
    failed = _errors(ended)
    text = f"{job.mitigation:4}  {job.task}: {len(ended)} samples"
    if failed:
        text += f", of which {failed} failed (--retry-failed runs those again)"
    return text + _stopped(job, log)


def _stopped(job: Job, log: EvalLog) -> str:
    """Whether the job stopped before its last cluster, and why it did not where it was asked to."""
    found = log.results.early_stopping if log.results else None
    if job.stopping is None:
        return ""
    if _rule(job) is None:
        return "; no threshold or requirement asks anything of it, so it ran whole"
    if found is None or not found.metadata.get("decided"):
        return "; not decided, so it ran whole"
    return f"; stopped at {found.metadata['entered']} of {found.metadata['planned']}: decided"


def _cause(error: Exception) -> str:
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    return _first_line(str(message))


def _first_line(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
    return first.rstrip(".")


class Index:
    """`run.json`: for each task and side, the log that is the plan's evidence now."""

    def __init__(self, folder: Path, plan: Plan, jobs: Sequence[Job]) -> None:
        self.path = folder / "run.json"
        self.folder = folder
        self.plan = plan
        self.order = [(job.task, job.mitigation) for job in jobs]
        contents = {(job.task, job.mitigation): _content(job) for job in jobs}
        self.entries = {
            key: entry
            for entry in self._before()
            if (key := (entry.get("task"), entry.get("mitigation"))) in contents
            and entry.get("content") == contents[key]
            and (folder / entry["log"]).exists()
        }
        self._write()

    def put(self, job: Job, log: EvalLog) -> None:
        """This log is the job's evidence from now on."""
        path = Path(log.location.removeprefix("file://"))
        self.entries[job.task, job.mitigation] = {
            "task": job.task,
            "mitigation": job.mitigation,
            "log": str(path.resolve().relative_to(self.folder.resolve())),
            "content": _content(job),
        }
        self._write()

    def log_of(self, job: Job) -> Path | None:
        """The job's evidence so far."""
        entry = self.entries.get((job.task, job.mitigation))
        return None if entry is None else self.folder / entry["log"]

    def drop(self, job: Job) -> None:
        """The job has no evidence: it failed."""
        self.entries.pop((job.task, job.mitigation), None)
        self._write()

    def _before(self) -> list[dict[str, Any]]:
        try:
            return list(json.loads(self.path.read_text())["logs"])
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _write(self) -> None:
        logs = [self.entries[key] for key in self.order if key in self.entries]
        text = json.dumps({"plan": self.plan.name, "logs": logs}, indent=1) + "\n"
        if not self.path.exists() or self.path.read_text() != text:
            write_text(self.path, text)


def _content(job: Job) -> str:
    """A digest of all that decides what the job finds, but how many of its samples are run."""
    parts = [job.model, job.model_args, job.base_url, job.args, job.answered_by, job.solver_args]
    if (rule := _rule(job)) is not None:
        parts.append(rule.model_dump())
    return digest_bytes(json.dumps([*parts, job.generate, job.epochs], default=str).encode())
