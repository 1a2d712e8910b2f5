"""What a stress test found: the record that is written, and the table that people read."""

from collections.abc import Iterable, Sequence

from syscard.assess.card.text import percent, span
from syscard.record import Record
from syscard.records import Estimate, Measurement

AS_IT_IS = "as it is"
SHOWN = ("not_unsafe", "not_overrefuse", "well_formed", "follows", "cites_category")


class Trial(Record):
    """The model as it is, or with its weights changed: what was measured, or why nothing was."""

    name: str  # "as it is", "noise 10%", "strength 0.5"
    what: str  # one sentence
    kind: str  # behaviour, noise, strength, storage, fine-tuning
    dose: float | None = None  # how much of it, where that is a number
    measured: tuple[Measurement, ...] = ()
    not_run: str = ""  # why not, or what of it is missing


class Stressed(Record):
    """Everything that `syscard stress` found of one model."""

    syscard: str
    model: str
    args: dict[str, str]
    solver: str | None
    weights: str | None  # digest of what was tested, where the weights can be seen
    tested: tuple[Trial, ...]


def as_text(found: Stressed) -> str:
    """A table of behaviour under pressure, and one of the weights; Markdown."""
    lines = [f"# Stress tests of {found.model}", ""]
    for one in found.tested:
        if one.kind == "behaviour":
            lines += ["## Behaviour under pressure", "", *_behaviour(one), ""]
    weights = [one for one in found.tested if one.kind != "behaviour"]
    if weights:
        lines += ["## Weights under pressure", "", *_weights(found.tested), ""]
    return "\n".join(lines)


def _behaviour(tested: Trial) -> Iterable[str]:
    yield "| Test | Metric | Value | Interval | Clusters |"
    yield "|---|---|---|---|---|"
    for one in tested.measured:
        yield _row(one.info.title, one.metric.name, one.estimate, one.clusters)
        if len(one.groups) > 1:
            for group in one.groups:
                yield _row(f"- {group.name}", one.metric.name, group.estimate, group.clusters)
    if tested.not_run:
        yield ""
        yield f"Not run: {tested.not_run}"


def _weights(tested: Sequence[Trial]) -> Iterable[str]:
    """One line a variant, by the task that measures them all."""
    yield f"| Weights | {' | '.join(SHOWN)} |"
    yield f"|---|{'---|' * len(SHOWN)}"
    for one in tested:
        values = {m.metric.name: m for m in one.measured if m.task == "syscard/reasoning"}
        cells = [_cell(values.get(name)) for name in SHOWN]
        why = f" (not run: {one.not_run})" if one.not_run else ""
        yield f"| {one.name}{why} | {' | '.join(cells)} |"


def _row(title: str, metric: str, estimate: Estimate, clusters: int) -> str:
    return (
        f"| {title} | {metric} | {_plain(percent(estimate.value))} | "
        f"{_plain(span(estimate.interval))} | {clusters} |"
    )


def _cell(measured: Measurement | None) -> str:
    if measured is None:
        return "not run"
    return (
        f"{_plain(percent(measured.estimate.value))} ({_plain(span(measured.estimate.interval))})"
    )


def _plain(text: str) -> str:
    """The card's words for a number, without HTML's names for signs."""
    return str(text).replace("&lt;", "<").replace("&gt;", ">")
