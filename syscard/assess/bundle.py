"""The card as a folder: the page, the same as Markdown and JSON, and a page of samples a task."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from syscard.assess.compose import compose
from syscard.assess.estimate import estimate_metric
from syscard.assess.measure import read_log, read_reference, read_views
from syscard.assess.rate import check_same
from syscard.assess.render import render_html, render_json, render_markdown, render_samples
from syscard.errors import DataError, LedgerError, SetupError
from syscard.files import check_free, digest_file, write_text
from syscard.library import read_framework, read_json, read_plan
from syscard.records import (
    Card,
    Decision,
    Estimate,
    Evaluation,
    Measurements,
    Plan,
    Rating,
    Reference,
    SampleView,
)


def write_card(
    folder: Path,
    *,
    plan_file: Path,
    measurements_file: Path,
    rating_file: Path,
    decision_files: Sequence[Path],
    created: str,
    force: bool,
) -> None:
    """Compose, render and write; the folder appears whole or not at all.

    Raises:
        LedgerError: a log is no longer the one that was measured, or a record does not follow
            from the one before it.
        SetupError: the folder exists and `force` is not set, or cannot be written.
    """
    check_free(folder, force)
    plan, plan_digest = read_plan(plan_file)
    framework, digest = read_framework(plan.framework)
    measured = read_json(measurements_file, Measurements)
    rating = read_json(rating_file, Rating)
    check_same(rating, measured, framework, digest, digest_file(measurements_file), plan_digest)
    decisions = [read_json(path, Decision) for path in decision_files]
    _check_decisions(decisions, decision_files, digest_file(rating_file))
    card = compose(plan, framework, measured, rating, decisions, _references(plan), created)
    pages = _pages(card, plan, measurements_file.parent)
    _write_whole(
        folder,
        {
            "index.html": render_html(card),
            "card.md": render_markdown(card),
            "card.json": render_json(card),
            **pages,
        },
    )


def _check_decisions(decisions: Sequence[Decision], files: Sequence[Path], digest: str) -> None:
    for decision, path in zip(decisions, files, strict=True):
        if decision.rating_digest != digest:
            raise LedgerError(
                f"{path} was decided on another rating. Ask again: syscard gate {decision.gate}."
            )


def _references(plan: Plan) -> list[tuple[Reference, Estimate]]:
    found = []
    for reference in plan.references:
        if (reference.log is None) == (reference.value is None):
            raise DataError(f"Reference {reference.label!r} has either 'log' or 'value'.")
        if reference.log is None and reference.source is None:
            raise DataError(f"Reference {reference.label!r} is reported: name its 'source'.")
        if reference.log is None:
            found.append((reference, Estimate(value=reference.value)))
            continue
        reading = read_reference(Path(reference.log), plan, reference.task)
        found.append((reference, estimate_metric(reading, reference.metric, plan.confidence)))
    return found


def _pages(card: Card, plan: Plan, base: Path) -> dict[str, str]:
    return {
        evaluation.page: render_samples(evaluation, _views(evaluation, plan, base), "../index.html")
        for evaluation in card.evaluations
    }


def _views(evaluation: Evaluation, plan: Plan, base: Path) -> list[SampleView]:
    views: list[SampleView] = []
    for log in {log.path: log for m in evaluation.measured for log in m.logs}.values():
        path = base / log.path
        if digest_file(path) != log.sha256:
            raise LedgerError(
                f"{path} is not the log that was measured: its digest differs. Measure again."
            )
        views += read_views(read_log(path, plan), path)
    return views


def _write_whole(folder: Path, pages: dict[str, str]) -> None:
    """Build the folder beside its place, then put it there."""
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        built = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise SetupError(f"Cannot write beside {folder}: {error.strerror}.") from error
    try:
        for name, text in pages.items():
            write_text(built / name, text)
        built.chmod(0o755)
        if folder.exists():
            old = Path(f"{built}.old")
            os.replace(folder, old)
            os.replace(built, folder)
            shutil.rmtree(old)
        else:
            os.replace(built, folder)
    finally:
        shutil.rmtree(built, ignore_errors=True)
