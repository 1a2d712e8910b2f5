"""Jobs to logs: one Inspect eval set a job, through Inspect's public API.

Killed at any moment, the same call goes on: Inspect keeps every finished sample in the log, and
runs only what is missing. `run.json` in the log folder names the logs that are the plan's
evidence; others in the folder are of earlier contents and are set aside.
"""

import inspect
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspect_ai import eval_retry, eval_set
from inspect_ai.hooks import Hooks, SampleEnd, hooks
from inspect_ai.log import EvalLog, EvalSampleSummary, read_eval_log_sample_summaries
from inspect_ai.model import GenerateConfig, Model, get_model
from inspect_ai.util import registry_create

from syscard.errors import DataError, IncompleteError, SetupError, SyscardError
from syscard.files import digest_bytes, write_text
from syscard.jobs import Job
from syscard.records import Plan
from syscard.weights import weights_digest, weights_path

Talk = Callable[[str], None]
OURS = {  # decided by the plan
    *("tasks", "log_dir", "model", "model_args", "model_base_url", "model_roles", "task_args"),
    *("limit", "sample_id", "sample_shuffle", "epochs", "solver", "metadata", "score"),
    *("message_limit", "token_limit", "turn_limit", "time_limit", "working_limit", "cost_limit"),
}
TRANSPORT = {"max_retries", "timeout", "attempt_timeout", "adaptive_connections", "batch"}
ENOUGH = 5  # samples, before a time left is worth saying
DEFAULTS: dict[str, Any] = {
    "fail_on_error": False,
    "retry_on_error": 1,
    "retry_attempts": 1,
    "max_tasks": 1,
    "ctl_server": False,
    "log_dir_allow_dirty": True,
    "score_display": False,
}


@dataclass(frozen=True)
class Options:
    """How to run, apart from what: none of it changes what a sample finds."""

    log_dir: Path
    max_connections: int = 8
    display: str = "none"
    retry_failed: bool = False
    passed: dict[str, Any] | None = None  # straight to Inspect's eval_set


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
    progress = Progress.of(jobs, talk)
    index = Index(options.log_dir, plan, jobs if everything is None else everything)
    failures: list[str] = []
    for job in jobs:
        progress.begin(job)
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
    if failures:
        more = f" ({len(failures) - 1} more)" if len(failures) > 1 else ""
        raise IncompleteError(
            f"Did not finish: {failures[0]}{more}. What ran is kept; mend it and give the same "
            "command again."
        )
    return options.log_dir / "run.json"


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
    return log, _outcome(job, ended)


def _run_job(plan: Plan, job: Job, options: Options) -> EvalLog:
    folder = options.log_dir / job.mitigation / job.name
    call = _call(plan, job, options, folder)
    _, logs = eval_set(**call)
    log = logs[0]
    failed = options.retry_failed and log.status == "success"
    if failed and _errors(read_eval_log_sample_summaries(log.location)):
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
    return call


def _metadata(plan: Plan, job: Job) -> dict[str, Any]:
    return {
        "plan": plan.name,
        "task": job.task,
        "mitigation": job.mitigation,
        "model_digest": job.model_digest,
        "solver": job.answered_by,
        "solver_args": job.solver_args,
    }


def _roles(plan: Plan, options: Options) -> dict[str, Model] | None:
    if plan.grader is None:
        return None
    args = dict(plan.grader.args)
    if plan.grader.model.startswith("syscard/"):
        name = plan.grader.model.removeprefix("syscard/")
        args["digest"] = weights_digest(weights_path(name, args))
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


def _outcome(job: Job, ended: Sequence[EvalSampleSummary]) -> str:
    failed = _errors(ended)
    text = f"{job.mitigation:4}  {job.task}: {len(ended)} samples"
    if failed:
        text += f", of which {failed} failed (--retry-failed runs those again)"
    return text


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
    return digest_bytes(json.dumps([*parts, job.generate, job.epochs], default=str).encode())


class Progress:
    """Says how far the run is and how long it will take, from the samples that have ended."""

    current: "Progress | None" = None

    def __init__(self, owed: dict[int, int], talk: Talk) -> None:
        self.owed = owed
        self.talk = talk
        self.done_jobs = 0
        self.ended = 0  # samples of the job that is running
        self.ran = 0  # samples that ran in this process
        self.started = time.monotonic()
        self.spoke = 0.0
        self.job: Job | None = None

    @classmethod
    def of(cls, jobs: Sequence[Job], talk: Talk) -> "Progress":
        """Progress over these jobs; unknown sizes count as one sample."""
        return cls({place: job.owed or 1 for place, job in enumerate(jobs)}, talk)

    def begin(self, job: Job) -> None:
        self.job, self.ended = job, 0
        Progress.current = self

    def end(self) -> None:
        self.done_jobs += 1
        Progress.current = None

    def sample(self) -> None:
        """One more sample has ended: speak at most every five seconds."""
        self.ended += 1
        self.ran += 1
        now = time.monotonic()
        if self.job is None or now - self.spoke < 5:
            return
        self.spoke = now
        of = self.owed[self.done_jobs]
        said = f"{self.job.mitigation:4}  {self.job.task}: {self.ended} of {of} samples; "
        said += f"task {self.done_jobs + 1} of {len(self.owed)}; "
        left = sum(n for place, n in self.owed.items() if place >= self.done_jobs) - self.ended
        seconds = (now - self.started) / self.ran * max(left, 0)
        known = self.ran >= ENOUGH
        self.talk(said + (f"about {_duration(seconds)} left" if known else "time left unknown yet"))


@hooks(name="syscard_progress", description="Says how far a run of syscard is.")
class SampleCounter(Hooks):
    """Tells the run in progress of each sample that ended."""

    async def on_sample_end(self, data: SampleEnd) -> None:
        """Counted whatever became of it."""
        if Progress.current is not None:
            Progress.current.sample()


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
