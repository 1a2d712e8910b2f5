"""What is wrong with a framework: by which no level could be decided, or no gate opened.

Each finding is one line with the line of the file, as everything that a reader can mend.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from syscard.errors import DataError
from syscard.frameworks import Category, Demand, EntryKind, Framework, Gate, Indicator
from syscard.record import Record
from syscard.records import Metric, TaskInfo
from syscard.yamltext import Lines, Place

Finding = tuple[Place, str]
GATE_NAME = re.compile(r"^\w[\w.-]*$")  # a decision's file is named after its gate
# An indicator is the mean of one value in [0, 1] for each sample, of which an interval holds at
# any n. These come of a fit or of bins: they have intervals of their own, and rate nothing.
NOT_A_MEAN = re.compile(
    r"(^|_)(win_?rate|elo|bradley_?terry|coef(ficient)?s?|log_?odds|odds_ratio|calibration|m?ece)(_|$)",
    re.IGNORECASE,
)


class Told(Record):
    """What a task says of itself, as it comes without arguments."""

    info: TaskInfo
    clusters: int
    largest: int  # the most samples that a cluster has


def check_framework(framework: Framework, lines: Lines) -> None:
    """Refuse a framework that contradicts itself.

    Raises:
        DataError: the first thing wrong, with its line.
    """
    for place, what in wrong(framework):
        raise DataError(f"{lines.where(place)}: {what}")


def check_indicators(
    framework: Framework, given: Mapping[str, Sequence[Metric]], lines: Lines
) -> None:
    """Framework and tasks agree on metrics, and on which end of each is the dangerous one.

    Raises:
        DataError: a task of `given` has no such metric, or another end of it is dangerous.
    """
    for place, indicator in _indicators(framework):
        if indicator.task not in given:
            continue
        metrics, where = given[indicator.task], lines.where((*place, "metric"))
        check_given(indicator.task, indicator.metric, metrics, where)
        metric = next(item for item in metrics if item.name == indicator.metric)
        if metric.danger != indicator.danger:
            raise DataError(
                f"{lines.where((*place, 'danger'))}: indicator {indicator.name!r} takes the "
                f"{indicator.danger} end of {metric.name!r} as the danger, and {indicator.task} "
                f"the {metric.danger} end."
            )


def check_given(task: str, metric: str, metrics: Sequence[Metric], where: str) -> None:
    """The task gives a metric of that name, on which something may be decided.

    Raises:
        DataError: it does not; the message lists what it gives.
    """
    names = [item.name for item in metrics if item.rates or item.name == metric]
    if metric not in names:
        raise DataError(
            f"{where}: needs {metric!r} from {task}, which gives {', '.join(names)}. "
            "Name one of these."
        )
    if not next(item for item in metrics if item.name == metric).rates:
        raise DataError(
            f"{where}: {metric!r} of {task} is shown only: neither end of it is a danger. Name "
            "another metric."
        )


def wrong(framework: Framework) -> Iterator[Finding]:
    """Everything wrong with a framework by itself, each with its place in the file."""
    yield from _twice(framework)
    for place, category in enumerate(framework.categories):
        yield from _category(category, ("categories", place), framework)
    yield from _unreached(framework)
    yield from _roles(framework)
    yield from _quorums(framework)
    for place, gate in enumerate(framework.gates):
        yield from _gate(gate, ("gates", place), framework)


def _indicators(framework: Framework) -> Iterator[tuple[Place, Indicator]]:
    for i, category in enumerate(framework.categories):
        for j, indicator in enumerate(category.indicators):
            yield ("categories", i, "indicators", j), indicator


def _twice(framework: Framework) -> Iterator[Finding]:
    groups: dict[str, list[tuple[Place, str]]] = {
        "level": [(("levels", i), name) for i, name in enumerate(framework.levels)],
        "category": [(("categories", i), c.name) for i, c in enumerate(framework.categories)],
        "gate": [(("gates", i), gate.name) for i, gate in enumerate(framework.gates)],
        "indicator": [(place, item.name) for place, item in _indicators(framework)],
    }
    for what, items in groups.items():
        seen: set[str] = set()
        for place, name in items:
            if name in seen:
                yield place, f"{what} {name!r} stands twice."
            seen.add(name)


def _category(category: Category, place: Place, framework: Framework) -> Iterator[Finding]:
    if set(category.levels) != set(framework.levels):
        yield (
            (*place, "levels"),
            f"category {category.name!r} must define each level once: "
            f"{', '.join(framework.levels)}.",
        )
    for i, indicator in enumerate(category.indicators):
        inner: Place = (*place, "indicators", i)
        if NOT_A_MEAN.search(re.sub(r"\W", "_", indicator.metric)):
            yield (
                (*inner, "metric"),
                f"{indicator.metric!r} is no indicator: win rates, coefficients and calibration "
                "errors are no mean of one value a sample. Name a metric that is.",
            )
        yield from _thresholds(indicator, (*inner, "thresholds"), framework.levels)


def _thresholds(indicator: Indicator, place: Place, levels: Sequence[str]) -> Iterator[Finding]:
    name = indicator.name
    if not indicator.thresholds:
        yield place, f"indicator {name!r} has no threshold, so it can reach no level."
    for i, threshold in enumerate(indicator.thresholds):
        if threshold.level not in levels[1:]:
            yield (
                (*place, i),
                f"indicator {name!r} has a threshold for {threshold.level!r}, which is not a "
                f"level above the lowest: {', '.join(levels[1:])}.",
            )
            return
        if distance(indicator, threshold.at) <= 0:
            yield (
                (*place, i),
                f"every result of {name!r} reaches {threshold.level} at {threshold.at} with a "
                f"margin of {indicator.margin}, so nothing can reach a level below it.",
            )
    ordered = sorted(indicator.thresholds, key=lambda t: levels.index(t.level))
    for earlier, later in pairwise(ordered):
        if earlier.level == later.level or not (
            distance(indicator, earlier.at) < distance(indicator, later.at)
        ):
            yield (
                (*place, indicator.thresholds.index(later)),
                f"thresholds of {name!r} do not grow with the level: {later.level} at {later.at} "
                f"after {earlier.level} at {earlier.at}, with danger {indicator.danger}.",
            )


def distance(indicator: Indicator, at: float) -> float:
    """How far a threshold stands from the harmless end, less the margin: 0 is always reached."""
    return (at if indicator.danger == "high" else 1 - at) - indicator.margin


def _unreached(framework: Framework) -> Iterator[Finding]:
    known = {t.level for _, item in _indicators(framework) for t in item.thresholds}
    for i, level in enumerate(framework.levels[1:], start=1):
        if level not in known:
            yield (
                ("levels", i),
                f"nothing can reach {level!r}: no indicator of any category has a threshold for "
                "it. Write one, or take the level out.",
            )


def _roles(framework: Framework) -> Iterator[Finding]:
    named: list[tuple[Place, str]] = [
        (("may", kind, i), role) for kind, roles in framework.may.items()
        for i, role in enumerate(roles)
    ]  # fmt: skip
    named += [
        (("apart", i, j), role) for i, pair in enumerate(framework.apart)
        for j, role in enumerate(pair)
    ]  # fmt: skip
    for key, quorum in (("advice", framework.advice), ("approval", framework.approval)):
        named += [((key, "role"), quorum.role)] if quorum else []
    for place, role in named:
        if role not in framework.roles:
            known = ", ".join(framework.roles) or "none"
            yield place, f"{role!r} is not among the roles, which are: {known}."
    for i, pair in enumerate(framework.apart):
        if pair[0] == pair[1]:
            yield ("apart", i), f"{pair[0]!r} cannot be kept apart from itself: name two roles."


def _quorums(framework: Framework) -> Iterator[Finding]:
    """Who must sign, may write what they sign; and so with triggers."""
    kinds: tuple[tuple[str, EntryKind], ...] = (("advice", "advised"), ("approval", "approved"))
    for key, kind in kinds:
        quorum = framework.advice if key == "advice" else framework.approval
        if quorum is None:
            continue
        if quorum.role not in framework.may.get(kind, ()):
            yield (
                (key, "role"),
                f"{key} is signed by the role {quorum.role!r}, which may not write it: "
                f"write '{kind}: [{quorum.role}]' under 'may'.",
            )
        if not framework.may.get("rated"):
            yield (
                ("may",),
                f"{key} is on a rating, and nobody may record one: write 'rated: [...]'.",
            )
    if framework.triggers and not framework.may.get("triggered"):
        yield ("triggers",), "nobody may record a trigger: write 'triggered: [...]' under 'may'."


def _gate(gate: Gate, place: Place, framework: Framework) -> Iterator[Finding]:
    name = gate.name
    if not GATE_NAME.match(name):
        yield (*place, "name"), f"a gate's name is one word, for its file: not {name!r}."
    if gate.at_most is not None and gate.at_most not in framework.levels:
        known = ", ".join(framework.levels)
        yield (*place, "at_most"), f"gate {name!r} names {gate.at_most!r}, not a level: {known}."
    empty = [c.name for c in framework.categories if not c.indicators]
    if gate.at_most is not None and empty and framework.advice is None:
        yield (
            (*place, "at_most"),
            f"nothing can pass gate {name!r}: {empty[0]!r} has no indicator, so it is never rated, "
            "and there is no 'advice' to adopt a level for it.",
        )
    for i, signature in enumerate(gate.signatures):
        quorum = framework.advice if signature == "advice" else framework.approval
        if quorum is None:
            yield (
                (*place, "signatures", i),
                f"nothing can pass gate {name!r}: it asks for {signature!r}, and nobody is named "
                f"to give it. Write '{signature}: {{role: ..., least: ...}}'.",
            )
        if signature in gate.signatures[:i]:
            yield (*place, "signatures", i), f"gate {name!r} asks for {signature!r} twice."
    for i, demand in enumerate(gate.demands):
        yield from _demand(demand, name, (*place, "demands", i), framework)
    if gate.at_most is None and not (gate.demands or gate.requirements or gate.signatures):
        yield place, f"nothing can shut gate {name!r}: it has no limit and asks for nothing."


def _demand(demand: Demand, gate: str, place: Place, framework: Framework) -> Iterator[Finding]:
    if not demand.attested.strip() or demand.attested != demand.attested.strip():
        yield (*place, "attested"), f"gate {gate!r}: a fact is words without blanks around them."
    if demand.reaches not in framework.levels:
        known = ", ".join(framework.levels)
        yield (*place, "reaches"), f"gate {gate!r} names {demand.reaches!r}, not a level: {known}."
    names = [category.name for category in framework.categories]
    for i, category in enumerate(demand.categories):
        if category not in names:
            yield (
                (*place, "categories", i),
                f"gate {gate!r} names {category!r}, not a category: {', '.join(names)}.",
            )
    if demand.forecast is not None and framework.advice is None:
        yield (
            (*place, "forecast"),
            f"gate {gate!r} counts forecasts, and nobody advises: write 'advice: {{role: ..., "
            "least: ...}'.",
        )
    if not framework.may.get("attested"):
        yield (
            (*place, "attested"),
            f"nothing can pass gate {gate!r} once {demand.reaches} is reached: nobody may attest "
            f"{demand.attested!r}. Write 'attested: [...]' under 'may'.",
        )
