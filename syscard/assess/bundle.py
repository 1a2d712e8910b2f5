"""The card as a folder: the page, the same as Markdown and JSON, and a page of samples a task."""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from syscard.assess.compose import compose
from syscard.assess.estimate import estimate_metric, measure
from syscard.assess.gate import decide
from syscard.assess.measure import read_log, read_reference, read_views
from syscard.assess.rate import check_same
from syscard.assess.render import render_html, render_json, render_markdown, render_samples
from syscard.assess.verdict import Reading
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
    readings = _readings(measured, plan, measurements_file.parent)
    _check_measured(measured, list(readings.values()), plan, measurements_file.parent)
    decisions = [read_json(path, Decision) for path in decision_files]
    for decision, path in zip(decisions, decision_files, strict=True):
        again = decide(decision.gate, rating, measured, plan, framework, digest_file(rating_file))
        if decision != again:
            raise LedgerError(
                f"{path} does not follow from this rating. Ask again: syscard gate {decision.gate}."
            )
    card = compose(plan, framework, measured, rating, decisions, _references(plan), created)
    pages = _pages(card, readings)
    _write_whole(
        folder,
        {
            "index.html": render_html(card),
            "card.md": render_markdown(card),
            "card.json": render_json(card),
            **pages,
        },
    )


def _readings(measured: Measurements, plan: Plan, base: Path) -> dict[str, Reading]:
    """Every log that was measured, read again, by its path in the measurements."""
    found: dict[str, Reading] = {}
    for measurement in measured.measured:
        for log in measurement.logs:
            if log.path in found:
                continue
            path = base / log.path
            if digest_file(path) != log.sha256:
                raise LedgerError(
                    f"{path} is not the log that was measured: its digest differs. Measure again."
                )
            found[log.path] = read_log(path, plan, content=measurement.content is not None)
    return found


def _check_measured(
    measured: Measurements, readings: Sequence[Reading], plan: Plan, base: Path
) -> None:
    """Measure again, and refuse a number that does not come out."""
    again = measure(readings, plan, measured.plan_digest, base)
    same = (again.measured, again.compared) == (measured.measured, measured.compared)
    if not same or not set(again.incomplete) <= set(measured.incomplete):
        raise LedgerError("The measurements do not follow from their logs. Measure again.")


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


def _pages(card: Card, readings: Mapping[str, Reading]) -> dict[str, str]:
    return {
        evaluation.page: render_samples(evaluation, _views(evaluation, readings), "../index.html")
        for evaluation in card.evaluations
    }


def _views(evaluation: Evaluation, readings: Mapping[str, Reading]) -> list[SampleView]:
    paths = dict.fromkeys(log.path for m in evaluation.measured for log in m.logs)
    return [view for p in paths for view in read_views(readings[p], Path(readings[p].log.path))]


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
