"""Evidence to the card and its pages: the writer's way to a card is the verifier's way to it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from syscard.assess.card.gap import CLOSE, gap
from syscard.assess.card.places import PAGE, TEXT, Sources, logs_of
from syscard.assess.card.public import read_rows
from syscard.assess.card.render import render_html, render_json, render_markdown, render_samples
from syscard.assess.case import Case
from syscard.assess.estimate import estimate_metric, measure
from syscard.assess.gate import decide
from syscard.assess.measure import read_log, read_reference, read_views
from syscard.errors import DataError, LedgerError
from syscard.files import digest_file, read_text
from syscard.library import data_path, dump, named, read_json, validation_files
from syscard.records import (
    Card,
    Decision,
    Estimate,
    Measurements,
    Plan,
    Publication,
    Record,
    Reference,
    SampleView,
)
from syscard.reported import read_reported
from syscard.verdict import Reading

UNMEASURED = ("syscard", "plan", "plan_digest", "set_aside", "incomplete")
Beside = tuple[Reference, Estimate]
STATED = ("created", "files", "withheld", "envelope")  # what a card says and no evidence gives


def readings(measured: Measurements, plan: Plan, sources: Sources) -> dict[str, Reading]:
    """Every log that was measured, read again from its bytes or from its rows.

    Raises:
        LedgerError: a log is not the one that was measured.
    """
    content = {log.sha256: m.content is not None for m in measured.measured for log in m.logs}
    found = {}
    for digest, log in logs_of(measured.measured, measured.repeats).items():
        if digest in sources.rows:
            reading = read_rows(sources.rows[digest]).reading
            if reading.log != log:
                raise LedgerError(f"{sources.rows[digest].name} stands in for another log.")
        else:
            path = sources.logs[digest]
            if digest_file(path) != digest:
                raise LedgerError(
                    f"{path} is not the log that was measured: its digest differs. Measure again."
                )
            reading = read_log(path, plan, content=content.get(digest, False))
        found[digest] = replace(reading, log=log)
    return found


def check_measured(
    measured: Measurements, found: Mapping[str, Reading], plan: Plan, sources: Sources
) -> None:
    """Measure again, and refuse a number that does not come out.

    Raises:
        LedgerError: naming the first that differs.
    """
    again = measure(list(found.values()), located(plan, sources), measured.plan_digest, Path())
    recorded = _recorded(again, measured, plan, sources)
    for name in (name for name in recorded if name not in UNMEASURED):
        difference = gap(recorded[name], measured.model_dump(mode="json")[name], name, CLOSE)
        if difference is not None:
            raise LedgerError(
                f"The measurements do not follow from their logs: {difference}. Measure again."
            )
    if not set(recorded["incomplete"]) <= set(measured.incomplete):
        raise LedgerError("The measurements leave out what did not finish. Measure again.")


def named_files(plan: Plan, known: Iterable[str] | None = None) -> list[str]:
    """What the plan names besides logs of its own tasks, by its own words for it.

    Packaged validations by their own names: those of this version, or among `known`, as they
    stand in a bundle.
    """
    found = [
        *(one for name in plan.validations for one in validation_files(name, known)),
        *(labels.file for labels in plan.labels),
        *(preferences.file for preferences in plan.preferences),
        *plan.reported,
        *(reference.log for reference in plan.references if reference.log is not None),
    ]
    return list(dict.fromkeys(found))


def file_of(name: str) -> Path:
    """Where such a file lies here: a path, or a packaged validation."""
    packaged = name in named("validations")
    return data_path("validations", name) if packaged else Path(name)


def located(plan: Plan, sources: Sources) -> Plan:
    """The plan with the places at which its files lie here, or where nothing lies."""
    at = {name: str(path) for name, path in _places(plan, sources).items()}
    return plan.model_copy(
        update={
            "validations": tuple(
                at[one]
                for name in plan.validations
                for one in validation_files(name, sources.named)
            ),
            "labels": tuple(r.model_copy(update={"file": at[r.file]}) for r in plan.labels),
            "preferences": tuple(
                r.model_copy(update={"file": at[r.file]}) for r in plan.preferences
            ),
            "reported": tuple(at[name] for name in plan.reported),
        }
    )


def decisions(case: Case, paths: Sequence[Path]) -> list[Decision]:
    """Each decision, decided again on the moment and the models that it was asked for.

    Raises:
        LedgerError: one does not follow from the case as it stands.
    """
    found = []
    for path in paths:
        decision = read_json(path, Decision)
        asked = replace(case, asked=decision.asked, current=decision.current)
        if decide(decision.gate, asked) != decision:
            raise LedgerError(
                f"{path.name} does not follow from this rating{_grown(decision, case)}. "
                f"Ask again: syscard gate {decision.gate}."
            )
        found.append(decision)
    return found


def references(plan: Plan, sources: Sources, files: Mapping[str, str]) -> list[Beside]:
    """What stands beside our numbers, each with its estimate."""
    found: list[Beside] = []
    for reference in plan.references:
        if (reference.log is None) == (reference.value is None):
            raise DataError(f"Reference {reference.label!r} has either 'log' or 'value'.")
        if reference.log is None and reference.source is None:
            raise DataError(f"Reference {reference.label!r} is reported: name its 'source'.")
        if reference.log is None:
            found.append((reference, Estimate(value=reference.value)))
            continue
        rows = sources.rows.get(files.get(reference.log, ""))
        if rows is not None:
            reading = read_rows(rows).reading
        else:
            path = _places(plan, sources)[reference.log]
            reading = read_reference(path, plan, reference.task)
        found.append((reference, estimate_metric(reading, reference.metric, plan.confidence)))
    return found


def as_stated(found: Sequence[Beside], card: Card) -> list[Beside]:
    """The estimates as the card has them, wherever ours are close."""
    pairs = [pair for evaluation in card.evaluations for pair in evaluation.references]
    return [(reference, _closest(reference, ours, pairs)) for reference, ours in found]


def _closest(reference: Reference, ours: Estimate, pairs: Sequence[Beside]) -> Estimate:
    for other, theirs in pairs:
        dumped = (ours.model_dump(mode="json"), theirs.model_dump(mode="json"))
        if other == reference and gap(*dumped, "", CLOSE) is None:
            return theirs
    return ours


def publications(plan: Plan, sources: Sources) -> list[Publication]:
    """The tables that somebody else published, in the plan's order."""
    places = _places(plan, sources)
    return [read_reported(places[name])[0] for name in plan.reported]


def views(found: Mapping[str, Reading], sources: Sources) -> dict[str, list[SampleView]]:
    """The samples of every log as their pages show them."""
    shown: dict[str, list[SampleView]] = {}
    for digest, reading in found.items():
        if digest in sources.rows:
            shown[digest] = list(read_rows(sources.rows[digest]).views)
            continue
        name = PurePosixPath(reading.log.path).name
        seen = read_views(reading, sources.logs[digest])
        shown[digest] = [view.model_copy(update={"log": name}) for view in seen]
    return shown


def pages(card: Card, shown: Mapping[str, Sequence[SampleView]]) -> dict[str, str]:
    """Every page that is rendered from the card."""
    made = {PAGE: render_html(card), TEXT: render_markdown(card)}
    for evaluation in card.evaluations:
        digests = dict.fromkeys(log.sha256 for m in evaluation.measured for log in m.logs)
        samples = _pooled([shown[digest] for digest in digests])
        made[evaluation.page] = render_samples(evaluation, samples, "../index.html")
    return made


def stated(card: Card) -> Card:
    """The card as its own JSON states it: secrets hidden. Every page is rendered from this."""
    return read_card(render_json(card))


def read_card(text: str) -> Card:
    """A card from its JSON.

    Raises:
        ValueError: it is not one.
    """
    return Card.model_validate(json.loads(text))


def check_canonical(path: Path, record: type[Record]) -> None:
    """A record's file is to the byte what a command writes.

    Raises:
        LedgerError: somebody edited it.
    """
    if read_text(path) != dump(read_json(path, record)):
        raise LedgerError(f"{path.name} is not as a command of syscard writes it.")


def _pooled(runs: Sequence[Sequence[SampleView]]) -> list[SampleView]:
    """Samples of several runs: a later one's epochs go on, as they do in its measurement."""
    found: list[SampleView] = []
    for run in runs:
        side = {view.mitigation for view in run}
        past = max((view.epoch for view in found if view.mitigation in side), default=0)
        found += [view.model_copy(update={"epoch": view.epoch + past}) for view in run]
    return found


def _places(plan: Plan, sources: Sources) -> dict[str, Path]:
    """Where each file lies that the plan names; labels may be promised and not there yet."""
    absent = sources.files.plan.parent / "not-there"
    names = enumerate(named_files(plan, sources.named))
    return {name: sources.named.get(name, absent / str(number)) for number, name in names}


def _recorded(
    again: Measurements, measured: Measurements, plan: Plan, sources: Sources
) -> dict[str, Any]:
    """Dumped with the names that the measurements have: where a file lies is not what it is."""
    logs = logs_of(measured.measured, measured.repeats)
    names = {str(path): name for name, path in _places(plan, sources).items()}

    def rename(value: Any) -> Any:
        if isinstance(value, dict) and value.get("sha256") in logs:
            return logs[value["sha256"]].model_dump(mode="json")
        if isinstance(value, dict):
            return {key: rename(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [rename(inner) for inner in value]
        return _renamed(value, names) if isinstance(value, str) else value

    renamed: dict[str, Any] = rename(again.model_dump(mode="json"))
    order = [log.sha256 for log in measured.repeats]  # of a set: whichever log was read first
    if sorted(order) == sorted(log["sha256"] for log in renamed["repeats"]):
        renamed["repeats"].sort(key=lambda log: order.index(log["sha256"]))
    return renamed


def _renamed(value: str, names: Mapping[str, str]) -> str:
    for path, name in names.items():
        value = value.replace(path, name)
    return value


def _grown(decision: Decision, case: Case) -> str:
    return "" if decision.ledger_head == case.head else " and this ledger, which was another then"
