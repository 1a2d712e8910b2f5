"""A comparison of two cards as a page that fetches and runs nothing, and as lines of text."""

from itertools import groupby

from markupsafe import Markup

from syscard.assess.card import text
from syscard.assess.card.render import render_page
from syscard.assess.diff.contrast import MetricDiff, Shown
from syscard.assess.diff.diff import CardDiff, GateDiff, LevelDiff

CHANGES = {
    "same": "the same",
    "higher": "higher",
    "lower": "lower",
    "unsure": "not certain",
    "not rated": "not rated",
    "not compared": "not compared",
}
GATES = {True: "changed", False: "the same", None: "not compared"}


def render_diff(diff: CardDiff) -> str:
    """The page: one file, the card's own look."""
    tasks = groupby(diff.metrics, key=lambda row: (row.task, row.title))
    return render_page(
        "diff.html.j2",
        diff=diff,
        tasks=[(name, title, _by_metric(list(rows))) for (name, title), rows in tasks],
        change=change,
        gate_changes=GATES,
        about_claims=about_claims(diff),
        claim=claim,
        basis=basis,
    )


def render_diff_text(diff: CardDiff) -> str:
    """What a person reads on the screen: the same, without the provenance."""
    lines = [
        f"{name}: {head.name} ({head.pre}; after mitigation {head.post}), {head.created}"
        for name, head in (("A", diff.a), ("B", diff.b))
    ]
    lines += [f"! {warning}" for warning in diff.warnings]
    lines += ["", "Levels, A -> B", *_level_lines(diff.levels), "", "Gates, A -> B"]
    lines += [line for gate in diff.gates for line in _gate_lines(gate)] or ["  none was asked"]
    lines += ["", f"Metrics, A -> B, and B less A at {100 * diff.confidence:g}%"]
    lines += [line for row in diff.metrics for line in _metric_lines(row, diff)]
    lines += ["", about_claims(diff)]
    return "\n".join(text.visible(line.replace("\n", " ")) for line in lines) + "\n"


def change(level: LevelDiff) -> str:
    """How a level differs, and of which card that cannot be said."""
    said = CHANGES[level.change]
    if level.change == "unsure":
        whose = f"{level.partly[0]} is not" if len(level.partly) == 1 else "neither is"
        said = f"{said}: {whose} fully rated"
    if level.change == "not rated":
        said = f"{said} on {'either' if len(level.unrated) > 1 else f'{level.unrated[0]}'}"
    return f"{said}; another basis: {level.other_basis}" if level.other_basis else said


def about_claims(diff: CardDiff) -> str:
    """What "claimed" means on this comparison."""
    if not diff.tested:
        return "No difference could be tested, so none is claimed."
    return (
        f"A difference is claimed only if it survives Holm's correction over all {diff.tested} "
        f"that were tested, together at {100 * diff.confidence:g}%; each interval stands by "
        "itself, uncorrected. Samples without a score are left out."
    )


def claim(row: MetricDiff) -> str:
    """What may be said of a difference."""
    value = row.difference.value
    if row.adjusted is None or value is None:
        return "no claim: not tested" if value is not None else "no claim"
    p = _plain(text.p_value(row.adjusted))
    if not row.claimed:
        return f"no claim: {p} by {row.test}, after Holm"
    dangerous = (value > 0) == (row.danger == "high")
    way = "more dangerous" if dangerous else "less dangerous"
    return (
        f"claimed: B is {'higher' if value > 0 else 'lower'}, {way} ({p} by {row.test}, after Holm)"
    )


def basis(row: MetricDiff) -> str:
    """What a difference was taken over, and what stands beside it."""
    if row.how == "on one card":
        return row.why
    if row.how != "paired":
        return f"{row.how}: {row.why}" if row.why else row.how
    left = f", {row.left_out} left out" if row.left_out else ""
    beside = "" if row.mcnemar is None else f"; beside: McNemar {_plain(text.p_value(row.mcnemar))}"
    return f"paired over {row.clusters} clusters{left}{beside}"


def _by_metric(rows: list[MetricDiff]) -> list[tuple[MetricDiff, list[MetricDiff]]]:
    names = dict.fromkeys(row.metric for row in rows)
    groups = [[row for row in rows if row.metric == name] for name in names]
    return [(group[0], group) for group in groups]


def _level_lines(levels: tuple[LevelDiff, ...]) -> list[str]:
    width = max(len(level.title) for level in levels)
    return [
        f"  {level.title:{width}}  {level.mitigation:4}  {level.a} -> {level.b}  [{change(level)}]"
        for level in levels
    ]


def _gate_lines(gate: GateDiff) -> list[str]:
    a, b = gate.a or "not asked", gate.b or "not asked"
    return [
        f"  {gate.title}: {a} -> {b}  [{GATES[gate.changed]}]",
        *(f"    {c.text}: {c.a or 'not asked'} -> {c.b or 'not asked'}" for c in gate.conditions),
    ]


def _metric_lines(row: MetricDiff, diff: CardDiff) -> list[str]:
    lines = [
        f"  {row.task} {row.metric} ({row.mitigation}): {_number(row.a)} -> {_number(row.b)}",
        f"    {basis(row)}",
    ]
    found = row.difference
    if found.value is not None and found.interval is not None:
        at = found.interval.confidence
        stated = "" if at == diff.confidence else f" at {100 * at:.4g}%"
        span = _plain(text.point_span(found.interval))
        lines[1] = f"    {_plain(text.points(found.value))} ({span}{stated}), {basis(row)}"
        lines.append(f"    {claim(row)}")
    return lines + [f"    ! {warning}" for warning in row.warnings]


def _number(shown: Shown | None) -> str:
    if shown is None:
        return "not there"
    if shown.estimate.interval is None:
        return _plain(text.percent(shown.estimate.value))
    return _plain(
        text.percent(shown.estimate.value) + Markup(" (") + text.span(shown.estimate.interval) + ")"
    )


def _plain(markup: Markup) -> str:
    return str(markup.unescape())
