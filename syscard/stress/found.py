"""What a stress test found: the record that is written, and the table that people read."""

from collections.abc import Iterable, Sequence

from syscard.assess.card.text import percent, span
from syscard.jobs import WEIGHTS
from syscard.record import Record
from syscard.records import Estimate, Group, Measurement

SHOWN = ("not_unsafe", "not_overrefuse", "well_formed", "follows", "cites_category")


class Stressed(Record):
    """Everything that `syscard stress` found of one model."""

    syscard: str
    model: str
    args: dict[str, str]
    solver: str | None
    weights: str | None  # digest of what was tested, where the weights can be seen
    variants: dict[str, str]  # of the weights: name, and one sentence
    measured: tuple[Measurement, ...]
    not_run: dict[str, str]  # tests, families or variants, and why


def as_text(found: Stressed) -> str:
    """A table of behaviour under pressure, and one of the weights; Markdown."""
    lines = [f"# Stress tests of {found.model}", ""]
    pressed = [one for one in found.measured if one.task != WEIGHTS]
    if pressed:
        lines += ["## Behaviour under pressure", "", *_behaviour(pressed), ""]
    weighed = [one for one in found.measured if one.task == WEIGHTS]
    if weighed:
        lines += ["## Weights under pressure", "", *_weights(weighed), ""]
    if found.not_run:
        lines += ["## Not run", "", *(f"- {name}: {why}" for name, why in found.not_run.items())]
        lines.append("")
    return "\n".join(lines)


def unanswered(measured: Sequence[Measurement]) -> list[str]:
    """The variants of the weights of which not one sample has a score: they could not be loaded."""
    groups = [group for one in measured if one.task == WEIGHTS for group in one.groups]
    names = dict.fromkeys(group.name for group in groups)
    scored = {group.name for group in groups if group.estimate.value is not None}
    return [_variant(name) for name in names if name not in scored]


def _variant(group: str) -> str:
    """A variant's name, from the group that its place stands before."""
    return group.partition(": ")[2]


def _behaviour(measured: Sequence[Measurement]) -> Iterable[str]:
    yield "| Test | Metric | Value | Interval | Clusters |"
    yield "|---|---|---|---|---|"
    for one in measured:
        yield _row(one.info.title, one.metric.name, one.estimate, one.clusters)
        if len(one.groups) > 1:
            for group in one.groups:
                yield _row(f"- {group.name}", one.metric.name, group.estimate, group.clusters)


def _weights(measured: Sequence[Measurement]) -> Iterable[str]:
    """One line a variant, the model as it is the first of them."""
    yield f"| Weights | {' | '.join(SHOWN)} |"
    yield f"|---|{'---|' * len(SHOWN)}"
    groups = {(one.metric.name, group.name): group for one in measured for group in one.groups}
    for name in sorted({name for _, name in groups}):
        cells = [_cell(groups.get((metric, name))) for metric in SHOWN]
        yield f"| {_variant(name)} | {' | '.join(cells)} |"


def _row(title: str, metric: str, estimate: Estimate, clusters: int) -> str:
    return (
        f"| {title} | {metric} | {_plain(percent(estimate.value))} | "
        f"{_plain(span(estimate.interval))} | {clusters} |"
    )


def _cell(group: Group | None) -> str:
    if group is None:
        return "-"
    told = f"{_plain(percent(group.estimate.value))} ({_plain(span(group.estimate.interval))})"
    without = f", {group.unscored} without a score" if group.unscored else ""
    return f"{told} of {group.clusters}{without}"


def _plain(text: str) -> str:
    """The card's words for a number, without HTML's names for signs."""
    return str(text).replace("&lt;", "<").replace("&gt;", ">")
