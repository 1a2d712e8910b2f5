"""An ablation's table as Markdown: a metric a row, an arm a column, what was not run said so."""

from collections.abc import Iterator, Sequence
from statistics import fmean

from syscard.assess.arms import Ablated, ArmTable, Breakdown, Cell, Length
from syscard.assess.card.text import literal
from syscard.records import Estimate

NOT_RUN = "not run"


def as_markdown(found: Ablated) -> str:
    """The whole report."""
    level = f"{found.confidence:.0%}"
    lines = [
        f"# {literal(found.name)}",
        "",
        f"Differences are paired with the base on the same samples, with the {level} betting "
        "interval over clusters; the seeds of an arm are averaged within each cluster, so they "
        "add no samples. An arrow points to the harmless end of each metric; each value says of "
        "how many clusters it is (of the seed with the fewest).",
        "",
        *_arms(found.arms),
    ]
    for title, table in found.contrasts:
        lines += ["", f"## {literal(title)}", "", *_contrast(table)]
    if found.breakdowns:
        lines += ["", "## By technique, language and kind of request", ""]
        lines += ["Means over the seeds. The groups are small: shown, never compared.", ""]
        lines += _breakdowns(found.breakdowns)
    if found.lengths:
        lines += ["", "## By the length of the reasoning", "", *_lengths(found.lengths)]
    return "\n".join(lines) + "\n"


def _arms(arms: Sequence[ArmTable]) -> Iterator[str]:
    yield "| arm | what it is | seeds |"
    yield "|---|---|---|"
    for arm in arms:
        yield f"| {literal(arm.arm)} | {literal(arm.means)} | {_seeds(arm)} |"
    run = [arm for arm in arms if arm.run]
    yield ""
    yield f"| task, metric | {' | '.join(literal(arm.arm) for arm in run)} |"
    yield "|---" * (1 + len(run)) + "|"
    cells = [{(cell.task, cell.metric): cell for cell in arm.cells} for arm in run]
    for task, metric in dict.fromkeys(column for found in cells for column in found):
        there = [found.get((task, metric)) for found in cells]
        end = next(_harmless(cell) for cell in there if cell is not None)
        yield f"| {task} {metric} {end} | {' | '.join(map(_cell, there))} |"


def _contrast(arm: ArmTable) -> Iterator[str]:
    if all(cell.difference.value is None for cell in arm.cells):  # one of the two was not
        yield NOT_RUN
        return
    yield "| task, metric | difference | clusters |"
    yield "|---|---|---|"
    for cell in arm.cells:
        name = f"{cell.task} {cell.metric} {_harmless(cell)}"
        yield f"| {name} | {difference(cell.difference)} | {cell.clusters} |"


def _breakdowns(found: Sequence[Breakdown]) -> Iterator[str]:
    arms = list(dict.fromkeys(one.arm for one in found))
    yield f"| task, metric | group | {' | '.join(map(literal, arms))} |"
    yield "|---" * (2 + len(arms)) + "|"
    for task, metric in dict.fromkeys((one.task, one.metric) for one in found):
        of = {one.arm: one for one in found if (one.task, one.metric) == (task, metric)}
        for group in sorted({name for one in of.values() for name in one.groups}):
            shown = (_mean(of[arm].groups.get(group, ())) if arm in of else "-" for arm in arms)
            yield f"| {task} {metric} | {literal(group)} | {' | '.join(shown)} |"


def _mean(found: Sequence[Estimate]) -> str:
    scored = [one.value for one in found if one.value is not None]
    return f"{fmean(scored):.2f}" if scored else "-"


def _lengths(found: Sequence[Length]) -> Iterator[str]:
    yield "| arm | task, metric | reasoning | clusters | value |"
    yield "|---|---|---|---|---|"
    for one in found:
        yield (
            f"| {literal(one.arm)} | {one.task} {one.metric} | {one.words} | {one.clusters} "
            f"| {value(one.estimate)} |"
        )


def _seeds(arm: ArmTable) -> str:
    """Which seeds were run, and how many were not."""
    if not arm.run:
        return NOT_RUN
    missing = len(set(arm.seeds) - set(arm.run))
    return f"{len(arm.run)}" + (f", {missing} {NOT_RUN}" if missing else "")


def _harmless(cell: Cell) -> str:
    """Which end of a metric is harmless."""
    return "↑" if cell.danger == "low" else "↓"


def _cell(cell: Cell | None) -> str:
    if cell is None or cell.mean is None:
        return "-"
    scored = [one.value for one in cell.values.values() if one.value is not None]
    spread = f" ({min(scored):.2f}-{max(scored):.2f})" if len(scored) > 1 else ""
    told = "" if cell.difference.value is None else f"<br>{difference(cell.difference)}"
    return f"{cell.mean:.2f}{spread} of {cell.scored}{told}"


def value(found: Estimate) -> str:
    """A value with its interval."""
    if found.value is None or found.interval is None:
        return "-"
    return f"{found.value:.2f} ({found.interval.low:.2f} to {found.interval.high:.2f})"


def difference(found: Estimate) -> str:
    """A difference with its interval and sign."""
    if found.value is None or found.interval is None:
        return "-"
    return f"{found.value:+.2f} ({found.interval.low:+.2f} to {found.interval.high:+.2f})"
