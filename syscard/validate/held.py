"""Holds a grader against answers that people labelled: the same grader that scores a task."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from inspect_ai.util import collect

from syscard.agreements import Held
from syscard.errors import DataError
from syscard.grader.asking import find_model
from syscard.grader.judge import find_judge
from syscard.grader.prefer import prefer, preference_grader
from syscard.grader.verdict import NO_VERDICT, Verdict
from syscard.records import Grader
from syscard.validate.formats import Labelled

OFFLINE = ("rules", "classifier")


@dataclass(frozen=True)
class Instrument:
    """A grader as labelled answers need it."""

    grader: Grader
    model: str | None  # that judges, where a model does
    decide: Callable[[Labelled], Awaitable[Verdict]]


def instrument(rubric: str, name: str, votes: int = 1) -> Instrument:
    """The grader of that name for answers labelled by a rubric.

    Raises:
        DataError: there is no such grader of that rubric.
        SetupError: the model cannot be had.
    """
    if name not in OFFLINE:
        _check_model(name)
    if rubric == "preference":
        return _preferences(name)
    judge = find_judge(rubric, name, votes)

    async def decide(row: Labelled) -> Verdict:
        return await judge.decide(row.prompt, row.responses[0], row.accepted)

    if not judge.by_model:
        return Instrument(judge.grader, None, decide)
    return Instrument(judge.grader.model_copy(update={"lineage": "model"}), name, decide)


async def hold(held: Instrument, rows: Sequence[Labelled]) -> list[Held]:
    """What the grader says of each answer, beside what people said; a failure has no kind."""
    if held.model is None:
        verdicts = [await held.decide(row) for row in rows]
    else:
        verdicts = await collect(*(held.decide(row) for row in rows))
    return [_held(row, verdict) for row, verdict in zip(rows, verdicts, strict=True)]


def _held(row: Labelled, verdict: Verdict) -> Held:
    return Held(
        id=row.id,
        prompt=row.prompt,
        response="\n\n--- or ---\n\n".join(row.responses),
        people=row.label,
        raters=row.raters,
        kind=None if verdict.kind in NO_VERDICT else verdict.kind,
        why=verdict.why,
        agreed=verdict.agreed,
    )


def _check_model(name: str) -> None:
    if "/" not in name:
        raise DataError(
            f"No grader {name!r}. There are: {', '.join(OFFLINE)}; or a model, PROVIDER/NAME."
        )
    find_model(name)


def _preferences(name: str) -> Instrument:
    if name in OFFLINE:
        raise DataError(f"No grader {name!r} of 'preference'.")
    reader = find_model(name)

    async def compare(row: Labelled) -> Verdict:
        first, second = row.responses
        found = await prefer(reader, row.prompt, first, second, "instruction")
        return Verdict(found.winner, found.why)

    return Instrument(preference_grader(), name, compare)
