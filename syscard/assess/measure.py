"""Logs to measurements: the only file right of the log that knows Inspect.

Reads any `.eval` log through Inspect's API. What a task says of its own metrics stands in its
log's metadata; for a log that says nothing, the plan does.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from inspect_ai.log import (
    EvalLog,
    EvalSample,
    EvalSampleSummary,
    read_eval_log,
    read_eval_log_sample_summaries,
)
from pydantic import ValidationError

from syscard.errors import EvidenceError
from syscard.files import digest_bytes, digest_file
from syscard.records import (
    Evidence,
    Grader,
    Log,
    Mitigation,
    Plan,
    SampleView,
    StoppingRule,
    TaskInfo,
    Trained,
    Weighting,
)
from syscard.stopping import settle
from syscard.trained import as_told
from syscard.verdict import Reading, Row, ended, row


def read_log(path: Path, plan: Plan, *, content: bool = False) -> Reading:
    """A finished log as rows. With `content`, also a digest of every sample's text and verdict.

    Raises:
        EvidenceError: the file is no whole log, did not finish, is of another model than the
            plan's, does not say which side it speaks of, or holds a value outside [0, 1].
    """
    header = _header(path)
    log = _log(path, header)
    evidence = next((item for item in plan.evidence if item.digest == log.sha256), None)
    mitigation = _mitigation(path, header, plan, evidence)
    _check_model(path, header, plan, mitigation, evidence)
    if evidence is None:
        _check_settings(path, header, plan)
    info = _info(path, header, plan, evidence)
    weighting = _weighting(header, plan)
    own = "syscard" in (header.eval.metadata or {})
    samples = _samples(path) if content or not own else None
    found: Iterable[EvalSample | EvalSampleSummary] = samples or _summaries(path)
    rows = tuple(row(ended(sample, own), info, str(path)) for sample in found)
    rule = _rule(path, header, info, rows)
    rows, decided = settle(rows, rule, info.metrics, _planned(header)) if rule else (rows, False)
    return Reading(
        log=log,
        task=_task(header),
        task_version=str(header.eval.task_version),
        info=info,
        mitigation=mitigation,
        solver=_solver(header),
        settings=_settings(header),
        rows=rows,
        rule=rule,
        decided=decided,
        usage=_usage(header),
        budget=header.eval.task_args.get("budget"),
        content=_content_digest(samples) if content and samples else None,
        weighting=weighting,
        trained=_trained(header),
    )


def read_reference(path: Path, plan: Plan, task: str) -> Reading:
    """Another model's log of one of the plan's tasks, to stand beside ours.

    Raises:
        EvidenceError: it is no whole log, or of another task.
    """
    header = _header(path)
    if header.eval.task != task:
        raise EvidenceError(f"{path} is a log of {header.eval.task!r}, not of {task!r}.")
    info = _info(path, header, plan, None)
    rows = tuple(row(ended(sample, True), info, str(path)) for sample in _summaries(path))
    rule = _rule(path, header, info, rows)
    rows, decided = settle(rows, rule, info.metrics, _planned(header)) if rule else (rows, False)
    return Reading(
        log=_log(path, header),
        task=task,
        task_version=str(header.eval.task_version),
        info=info,
        mitigation="pre",
        solver=None,
        settings={},
        rows=rows,
        rule=rule,
        decided=decided,
        weighting=_weighting(header, plan),
    )


def _rule(path: Path, header: EvalLog, info: TaskInfo, rows: Sequence[Row]) -> StoppingRule | None:
    """The rule that the log ran under, as it was written before the run; None where it had none."""
    stated = (header.eval.metadata or {}).get("syscard_run", {}).get("stopping")
    if stated is None:
        return None
    try:
        rule = StoppingRule.model_validate(stated)
    except ValidationError as error:
        raise EvidenceError(f"{path} was written by another version: {error}") from error
    known = all(m.name in rule.largest for m in info.metrics)
    same = all(row.cluster == rule.clusters.get(row.id, row.id) for row in rows)
    if not (known and same and header.eval.dataset.sample_ids):
        raise EvidenceError(
            f"{path} ran under a stopping rule that does not describe its samples: it was "
            "altered. Run the plan again."
        )
    return rule


def _weighting(header: EvalLog, plan: Plan) -> Weighting:
    item = next((item for item in plan.tasks if item.task == _task(header)), None)
    return item.weighting if item else "prompts"


def _planned(header: EvalLog) -> list[tuple[str, int]]:
    """Every sample and epoch that the log was to hold, whether it ran or not."""
    epochs = header.eval.config.epochs or 1
    ids = header.eval.dataset.sample_ids or []
    return [(str(name), epoch) for name in ids for epoch in range(1, epochs + 1)]


def read_status(path: Path) -> str:
    """The status of a log: success, started, cancelled or error."""
    return _header(path).status


def read_views(reading: Reading, path: Path) -> list[SampleView]:
    """Each sample as its page shows it, in the order of ids."""
    rows = {(row.id, row.epoch): row for row in reading.rows}
    views = []
    for sample in sorted(_samples(path), key=lambda s: (str(s.id), s.epoch)):
        found = rows[str(sample.id), sample.epoch]
        answer, reasoning = _answer(sample)
        views.append(
            SampleView(
                task=reading.task,
                mitigation=reading.mitigation,
                id=found.id,
                epoch=found.epoch,
                prompt=_text(sample.input),
                answer=answer,
                reasoning=reasoning,
                target=_text(sample.target),
                outcome=found.outcome,
                values={m.name: found.values.get(m.name) for m in reading.info.metrics},
                why=_why(sample) or found.why,
                log=path.name,
            )
        )
    return views


def _header(path: Path) -> EvalLog:
    try:
        return read_eval_log(str(path), header_only=True)
    except Exception as error:  # any reader's error means: not a whole log
        raise EvidenceError(
            f"{path} is not a whole Inspect log ({type(error).__name__}). Run the plan again: "
            "`syscard run` replaces it."
        ) from error


def _samples(path: Path) -> list[EvalSample]:
    try:
        return read_eval_log(str(path), resolve_attachments=True).samples or []
    except Exception as error:
        raise EvidenceError(f"The samples of {path} cannot be read: {error!r:.200}") from error


def _summaries(path: Path) -> list[EvalSampleSummary]:
    try:
        return read_eval_log_sample_summaries(str(path))
    except Exception as error:
        raise EvidenceError(f"The samples of {path} cannot be read: {error!r:.200}") from error


def _log(path: Path, header: EvalLog) -> Log:
    run = (header.eval.metadata or {}).get("syscard_run", {})
    return Log(
        path=str(path),
        sha256=digest_file(path),
        run_id=header.eval.run_id,
        created=str(header.eval.created),
        status=header.status,
        model=header.eval.model,
        model_digest=run.get("model_digest"),
    )


def _mitigation(path: Path, header: EvalLog, plan: Plan, evidence: Evidence | None) -> Mitigation:
    if evidence is not None:
        return evidence.mitigation
    run = (header.eval.metadata or {}).get("syscard_run", {})
    if run.get("mitigation") in ("pre", "post"):
        return run["mitigation"]  # type: ignore[no-any-return]
    named = next((e for e in plan.evidence if Path(e.log).name == path.name), None)
    if named is not None:
        raise EvidenceError(
            f"{path} has the digest {digest_file(path)}, and the plan's 'evidence' says "
            f"{named.digest}: it was altered, or the plan has a typing error."
        )
    raise EvidenceError(
        f"{path} does not say whether it is of the model before or after mitigation. Name its "
        f"digest {digest_file(path)} under 'evidence' in the plan, with 'mitigation: pre' or post."
    )


def _check_model(
    path: Path, header: EvalLog, plan: Plan, mitigation: Mitigation, evidence: Evidence | None
) -> None:
    side = plan.pre if mitigation == "pre" else plan.post
    names = {side.model, evidence.model if evidence else side.model}
    if header.eval.model not in names:
        raise EvidenceError(
            f"{path} is a log of {header.eval.model!r}; the plan's {mitigation} model is "
            f"{side.model!r}. Take it out of the folder, or say under 'evidence' that it is."
        )


def _check_settings(path: Path, header: EvalLog, plan: Plan) -> None:
    """A log that ran otherwise than the plan says is not its evidence.

    Options that change an answer, the order that was drawn, and no more samples than planned;
    with fewer it is not complete.
    """
    item = next((item for item in plan.tasks if item.task == _task(header)), None)
    wanted = plan.generate | (item.generate if item else {})
    for name, value in wanted.items():
        ran = getattr(header.plan.config, name, None)
        if ran != value:
            raise EvidenceError(
                f"{path} ran with {name} = {ran!r}, the plan says {value!r}. Run the plan again."
            )
    if "syscard_run" not in (header.eval.metadata or {}):
        return
    config = header.eval.config
    if config.sample_shuffle != plan.seed:
        raise EvidenceError(
            f"{path} ran in the order of seed {config.sample_shuffle}, the plan says {plan.seed}. "
            "Run the plan again."
        )
    most = item.limit if item else None
    if most is not None and (not isinstance(config.limit, int) or config.limit > most):
        raise EvidenceError(
            f"{path} ran {config.limit or 'all'} samples, the plan says {most}: none may be chosen "
            "among more. Run the plan again."
        )


def _info(path: Path, header: EvalLog, plan: Plan, evidence: Evidence | None) -> TaskInfo:
    stated = (header.eval.metadata or {}).get("syscard")
    if stated is not None:
        try:
            return _with_grader(TaskInfo.model_validate(stated), header)
        except ValidationError as error:
            raise EvidenceError(f"{path} was written by another version: {error}") from error
    planned = next((item for item in plan.tasks if item.task == _task(header)), None)
    metrics = (evidence.metrics if evidence else ()) or (planned.metrics if planned else ())
    if not metrics:
        raise EvidenceError(
            f"{path}: the plan does not say which metrics to read from {header.eval.task!r}. "
            "Write them under 'metrics' of its 'evidence' or 'tasks' entry."
        )
    return TaskInfo(
        title=(evidence.title if evidence else None) or header.eval.task,
        section="Other evidence",
        describes="A task that syscard did not write; its metrics are read as the plan says.",
        metrics=metrics,
        grader=_foreign_grader(header),
        notes=("Its scorer is not described to syscard: nothing is known of its agreement.",),
    )


def _with_grader(info: TaskInfo, header: EvalLog) -> TaskInfo:
    """The grading model's name, where the task leaves the instrument to Inspect's role."""
    role = (header.eval.model_roles or {}).get("grader")
    if info.grader.lineage != "model" or role is None:
        return info
    config = role[0] if isinstance(role, list) else role
    grader = info.grader.model_copy(update={"name": config.model})
    return info.model_copy(update={"grader": grader})


def _foreign_grader(header: EvalLog) -> Grader:
    names = ", ".join(scorer.name for scorer in header.eval.scorers or []) or "its own scorer"
    return Grader(name=names, lineage="not stated", known="not validated here")


def _task(header: EvalLog) -> str:
    """The name by which the plan calls the task; Inspect's own for a log that no plan ran."""
    run = (header.eval.metadata or {}).get("syscard_run", {})
    return str(run.get("task") or header.eval.task)


def _solver(header: EvalLog) -> str | None:
    return (header.eval.metadata or {}).get("syscard_run", {}).get("solver") or header.eval.solver


def _trained(header: EvalLog) -> Trained | None:
    """How its side's adapter was made, as the run wrote down."""
    return as_told((header.eval.metadata or {}).get("syscard_run", {}).get("trained"))


def _settings(header: EvalLog) -> dict[str, Any]:
    config = header.plan.config.model_dump(exclude_none=True)
    keep = ("max_tokens", "temperature", "top_p", "top_k", "seed", "num_choices")
    settings: dict[str, Any] = {key: config[key] for key in keep if key in config}
    settings["epochs"] = header.eval.config.epochs or 1
    settings["limit"] = header.eval.config.limit
    settings["order_seed"] = header.eval.config.sample_shuffle
    hidden = ("digest",)
    settings |= {k: v for k, v in header.eval.task_args_passed.items() if k not in hidden}
    return settings


def _usage(header: EvalLog) -> dict[str, int]:
    usages = list(header.stats.model_usage.values())
    return {
        "input_tokens": sum(u.input_tokens for u in usages),
        "output_tokens": sum(u.output_tokens for u in usages),
    }


def _content_digest(samples: Sequence[EvalSample]) -> str:
    """One digest over every sample's prompt, answer and scores, in the order of ids."""
    parts = []
    for sample in samples:
        answer, reasoning = _answer(sample)
        scores = {name: str(score.value) for name, score in (sample.scores or {}).items()}
        text = "\0".join([_text(sample.input), answer, reasoning, repr(sorted(scores.items()))])
        parts.append(f"{sample.id}\0{sample.epoch}\0{digest_bytes(text.encode())}")
    return digest_bytes("\n".join(sorted(parts)).encode())


def _answer(sample: EvalSample) -> tuple[str, str]:
    """The final answer and the reasoning kept apart from it."""
    if not sample.output or not sample.output.choices:
        return "", ""
    content = sample.output.choices[0].message.content
    if isinstance(content, str):
        return content, ""
    answer = "".join(part.text for part in content if part.type == "text")
    reasoning = "".join(part.reasoning for part in content if part.type == "reasoning")
    return answer, reasoning


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if content and hasattr(content[0], "role"):
        return "\n\n".join(f"[{message.role}] {message.text}" for message in content)
    return " | ".join(str(part) for part in content)


def _why(sample: EvalSample) -> str:
    if sample.error is not None:
        return sample.error.message
    return " ".join(score.explanation or "" for score in (sample.scores or {}).values()).strip()
