"""Whether two measurements are of one thing: what forbids comparing them, what only cautions."""

from syscard.assess.card import hidden
from syscard.records import Measurement, Metric

LONGEST = 60  # characters of a setting's value in a warning


def barriers(a: Measurement, b: Measurement) -> list[str]:
    """Where the numbers are not of one thing, so that their difference is of nothing."""
    found = []
    if a.task_version != b.task_version:
        found.append(f"task versions differ: {a.task_version} / {b.task_version}")
    left, right = a.info.grader, b.info.grader
    if (left.name, left.lineage, left.digest) != (right.name, right.lineage, right.digest):
        names = (f"{g.name} ({g.lineage}, {(g.digest or 'no digest')[:12]})" for g in (left, right))
        found.append(f"graders differ: {' / '.join(names)}")
    if _definition(a.metric) != _definition(b.metric):
        found.append("the metric is defined otherwise")
    return found


def _definition(metric: Metric) -> tuple[object, ...]:
    return metric.means, metric.danger, metric.kind, metric.denominator, metric.values


def cautions(a: Measurement, b: Measurement) -> list[str]:
    """Where the numbers are of one thing, but were not come by in one way."""
    found = []
    if a.info.sets != b.info.sets:
        names = [name for name, d in a.info.sets.items() if b.info.sets.get(name) != d]
        names += [name for name in b.info.sets if name not in a.info.sets]
        found.append(f"sets differ: {', '.join(sorted(names))}")
    settings = _settings(a, b)
    return [*found, f"settings differ: {'; '.join(settings)}"] if settings else found


def _settings(a: Measurement, b: Measurement) -> list[str]:
    """Each setting that is not the same; a value that hides a secret reads as hidden."""
    left, right = dict(hidden.pairs(a.settings)), dict(hidden.pairs(b.settings))
    values = {
        name: (left.get(name, "not set"), right.get(name, "not set")) for name in left | right
    }
    return [
        f"{name[:LONGEST]} {one[:LONGEST]} / {other[:LONGEST]}"
        for name, (one, other) in sorted(values.items())
        if one != other
    ]
