"""Everything that was found, as the one record that the card is rendered from."""

from collections.abc import Sequence

from syscard.assess.card.build import build
from syscard.assess.card.limits import limits
from syscard.assess.case import Case, unmatched
from syscard.assess.signed import statements
from syscard.errors import EvidenceError
from syscard.library import manifest
from syscard.records import (
    Card,
    Decision,
    Estimate,
    Evaluation,
    Measurement,
    Measurements,
    Publication,
    Reference,
    SetInfo,
)


def compose(
    case: Case,
    decisions: Sequence[Decision],
    references: Sequence[tuple[Reference, Estimate]],
    created: str,
    reported: Sequence[Publication] = (),
) -> Card:
    """The card. `created` is the clock's word, passed in; all else follows from the records.

    Raises:
        EvidenceError: the rating was not computed from these measurements' plan.
    """
    measurements, plan = case.measurements, case.plan
    if measurements.plan != plan.name:
        raise EvidenceError(
            f"The measurements are of plan {measurements.plan!r}, not of {plan.name!r}. "
            "Measure again."
        )
    return Card(
        syscard=build(),
        created=created,
        plan=plan,
        plan_digest=measurements.plan_digest,
        framework=case.framework,
        framework_digest=case.framework_digest,
        rating=case.rating,
        decisions=tuple(decisions),
        evaluations=tuple(_evaluations(measurements, references)),
        sets=_sets(measurements),
        confidence=measurements.confidence,
        set_aside=measurements.set_aside,
        incomplete=measurements.incomplete,
        limits=tuple(limits(measurements, plan)),
        standings=case.standings,
        statements=statements(case),
        ledger_head=case.head,
        repeats=measurements.repeats,
        wins=measurements.wins,
        trained=measurements.trained,
        reported=tuple(reported),
        runs=unmatched(case),
    )


def page_name(task: str) -> str:
    """The page of a task's samples, relative to the card."""
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in task.removeprefix("syscard/"))
    return f"samples/{safe.strip('.-') or 'task'}.html"


def _evaluations(
    measurements: Measurements, references: Sequence[tuple[Reference, Estimate]]
) -> list[Evaluation]:
    tasks: dict[str, list[Measurement]] = {}
    for measurement in measurements.measured:
        tasks.setdefault(measurement.task, []).append(measurement)
    return [
        Evaluation(
            task=task,
            info=measured[0].info,
            measured=tuple(measured),
            compared=tuple(c for c in measurements.compared if c.task == task),
            references=tuple(pair for pair in references if pair[0].task == task),
            page=page_name(task),
        )
        for task, measured in tasks.items()
    ]


def _sets(measurements: Measurements) -> tuple[SetInfo, ...]:
    """The packaged sets that were used; a set that changed since keeps the digest that was used."""
    used = {name: d for m in measurements.measured for name, d in m.info.sets.items()}
    found = []
    for name, digest in sorted(used.items()):
        stem, _, version = name.partition("@")
        known = manifest().get(stem)
        if known is not None and known.digest == digest:
            found.append(known)
            continue
        found.append(
            SetInfo(
                name=stem,
                version=version,
                author="not stated",
                licence="not stated",
                digest=digest,
                size=0,
                describes="not a packaged set of this version: its rows stand in the logs",
            )
        )
    return tuple(found)
