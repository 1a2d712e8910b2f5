"""How the card is laid out: who stands in which section, and with which picture."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from syscard.assess.card.picture import Bar, Point, Tick, interval_picture, plane_picture
from syscard.assess.card.published import shown
from syscard.assess.card.text import anchor, outcomes, visible
from syscard.assess.exits import PRECEDENCE
from syscard.assess.standing import overall_standing, reads
from syscard.records import (
    Card,
    Category,
    CategoryRating,
    Comparison,
    Condition,
    Decision,
    Estimate,
    Evaluation,
    Framework,
    Indicator,
    IndicatorRating,
    Measurement,
    Metric,
    Mitigation,
    Reference,
    Standing,
)

SIDES: tuple[Mitigation, Mitigation] = ("pre", "post")
RED_TEAMING = "Red teaming"  # the section's name in a task's description
STRESS = "Stress tests of the mitigation"  # likewise
FEW = 10  # clusters below which a row of a breakdown says so
ATTEMPTS = {
    "used": "attempts in all",
    "mean": "for a behaviour on average, until one worked or none was left",
    "budget": "allowed for each",
}
EXIT_CODES = {
    0: "yes",
    1: "an error stopped it",
    2: "the command was not understood",
    3: "no",
    4: "inconclusive: evidence is missing or too thin",
    5: "awaits signatures",
    6: "the record's integrity is broken",
    7: "the run is incomplete",
}


class Row(NamedTuple):
    """One metric of an evaluation, on every side that was measured."""

    metric: Metric
    sides: tuple[Measurement, ...]
    comparisons: tuple[Comparison, ...]
    references: tuple[tuple[Reference, Estimate], ...]
    picture: Markup


class Shown(NamedTuple):
    """An evaluation and where it stands on the card."""

    evaluation: Evaluation
    anchor: str
    rows: tuple[Row, ...]


class Rated(NamedTuple):
    """An indicator with what was rated and measured of it."""

    indicator: Indicator
    ratings: tuple[tuple[Mitigation, IndicatorRating | None], ...]
    sides: tuple[Measurement, ...]
    anchor: str | None  # of its evaluation, where the card has it
    page: str | None
    picture: Markup


class Chapter(NamedTuple):
    """A tracked category: its ratings, its indicators, and the evaluations behind them."""

    category: Category
    anchor: str
    ratings: dict[Mitigation, CategoryRating]
    rated: tuple[Rated, ...]
    shown: tuple[Shown, ...]


def layout(card: Card) -> dict[str, Any]:
    """What the templates need beside the record: who stands in which section, and pictures."""
    evaluated = [_shown(card, evaluation) for evaluation in card.evaluations]
    red = [s for s in evaluated if s.evaluation.info.section == RED_TEAMING]
    safety = [s for s in evaluated if s not in red and "safety" in {r.metric.kind for r in s.rows}]
    pressed = [s for s in safety if s.evaluation.info.section == STRESS]
    left = [s for s in evaluated if s not in red and s not in safety]
    anchors = {s.evaluation.task: s.anchor for s in evaluated}
    chapters = []
    for category in card.framework.categories:
        chapters.append(_chapter(card, category, left, anchors))
        left = [s for s in left if s not in chapters[-1].shown]
    headings = dict.fromkeys(s.evaluation.info.section for s in safety)
    return {
        "card": card,
        "sides": SIDES,
        "few": FEW,
        "exit_codes": EXIT_CODES,
        "samples_of": _samples_of,
        "attempt_words": ATTEMPTS,
        "shade": lambda level: _shade(card.framework, level),
        "standing": {(s.category, s.mitigation): s for s in card.standings},
        "stands": {side: overall_standing(card.standings, side, card.framework) for side in SIDES},
        "unmeasured": _unmeasured(card),
        "reads": lambda standing: reads(standing, card.framework),
        "overall": {rating.mitigation: rating for rating in card.rating.overall},
        "gates": [_gate(card, decision) for decision in card.decisions],
        "shown": evaluated,
        "safety": [(h, [s for s in safety if s.evaluation.info.section == h]) for h in headings],
        "red": red,
        "pressed": pressed,
        "changed": _changed(card, evaluated),
        "chapters": chapters,
        "left": left,
        **_reported(card),
        "planes": _planes([s for s in safety if s not in pressed]),
        "methods": _methods(card),
    }


def _changed(card: Card, shown: Sequence[Shown]) -> list[tuple[Shown, Row]]:
    """What the plan requires, where both sides have it: the mitigation's effect at a glance."""
    asked = [(one.task, one.metric) for one in card.plan.requirements]
    return [
        (s, row)
        for s in shown
        for row in s.rows
        if (s.evaluation.task, row.metric.name) in asked and row.comparisons
    ]


def _unmeasured(card: Card) -> list[list[Standing]]:
    """Levels that people put in the place of numbers, together where the same was said of them."""
    found: dict[Any, list[Standing]] = {}
    for s in card.standings:
        if s.basis in ("overridden", "adopted"):
            found.setdefault((s.basis, s.people, s.reasons, s.source), []).append(s)
    return list(found.values())


def _reported(card: Card) -> dict[str, Any]:
    """Other people's tables: those of a category with it, red teaming's and the rest apart."""
    tables = [table for p in card.reported for table in shown(p, card.confidence)]
    known = {category.name for category in card.framework.categories}
    free = [t for t in tables if t.table.category not in known]
    red = [t for t in free if "red team" in t.table.section.lower()]
    sections = dict.fromkeys(t.table.section for t in free if t not in red)
    return {
        "reported": tables,
        "reported_red": red,
        "reported_sections": [(s, [t for t in free if t.table.section == s]) for s in sections],
    }


def _shown(card: Card, evaluation: Evaluation) -> Shown:
    metrics = {m.metric.name: m.metric for m in evaluation.measured}
    rows = tuple(_row(card, evaluation, metric) for metric in metrics.values())
    return Shown(evaluation, f"eval-{anchor(evaluation.task)}", rows)


def _row(card: Card, evaluation: Evaluation, metric: Metric) -> Row:
    """A metric that a category is rated on has its picture there, thresholds and all."""
    sides = _measured(evaluation, metric.name)
    key = (evaluation.task, metric.name)
    rated = {(i.task, i.metric) for c in card.framework.categories for i in c.indicators}
    ticks = []
    for requirement in card.plan.requirements:
        if (requirement.task, requirement.metric) == key:
            bounds = (("at least", requirement.at_least), ("at most", requirement.at_most))
            ticks += [Tick(f"required {w} {100 * b:g}%", b) for w, b in bounds if b is not None]
    picture = Markup("")
    if ticks or key not in rated:
        title = visible(f"{evaluation.info.title}, {metric.name}")
        bars = [_bar(m, None) for m in sides]
        picture = Markup(interval_picture(title, bars, ticks, metric.danger))
    return Row(
        metric,
        sides,
        tuple(c for c in evaluation.compared if c.metric == metric.name),
        tuple(pair for pair in evaluation.references if pair[0].metric == metric.name),
        picture,
    )


def _measured(evaluation: Evaluation, metric: str) -> tuple[Measurement, ...]:
    """Its measurements of one metric, before mitigation first."""
    of_metric = [m for m in evaluation.measured if m.metric.name == metric]
    return tuple(sorted(of_metric, key=lambda m: SIDES.index(m.mitigation)))


def _samples_of(evaluation: Evaluation, side: Mitigation) -> str:
    """What became of a side's samples; by metric where a sample does not enter them all."""
    of_side = [m for m in evaluation.measured if m.mitigation == side]
    found = {m.metric.name: outcomes(m.counts) for m in of_side}
    if len(set(found.values())) <= 1:
        return next(iter(found.values()), "none")
    return "; ".join(f"{name}: {text}" for name, text in found.items())


def _bar(m: Measurement, cautious: float | None) -> Bar:
    return Bar(m.mitigation, m.mitigation == "post", m.estimate, m.worst, m.best, cautious)


def _shade(framework: Framework, level: str | None) -> int | None:
    """A level's colour among four by its place in the framework, lowest first."""
    if level not in framework.levels:
        return None
    return round(3 * framework.levels.index(level) / (len(framework.levels) - 1))


def _chapter(
    card: Card, category: Category, left: Sequence[Shown], anchors: Mapping[str, str]
) -> Chapter:
    ratings = {r.mitigation: r for r in card.rating.categories if r.category == category.name}
    tasks = {indicator.task for indicator in category.indicators}
    return Chapter(
        category,
        f"category-{anchor(category.name)}",
        ratings,
        tuple(_rated(card, i, ratings, anchors.get(i.task)) for i in category.indicators),
        tuple(s for s in left if s.evaluation.task in tasks),
    )


def _rated(
    card: Card,
    indicator: Indicator,
    ratings: Mapping[Mitigation, CategoryRating],
    anchor: str | None,
) -> Rated:
    found = {
        side: next((i for i in rating.indicators if i.indicator == indicator.name), None)
        for side, rating in ratings.items()
    }
    evaluations = [e for e in card.evaluations if e.task == indicator.task]
    sides = tuple(m for e in evaluations for m in _measured(e, indicator.metric))
    sign = "≥" if indicator.danger == "high" else "≤"
    ticks = [
        Tick(visible(f"{t.level} {sign} {100 * t.at:g}%"), t.at, _shade(card.framework, t.level))
        for t in indicator.thresholds
    ]
    ends = {side: None if rating is None else rating.cautious for side, rating in found.items()}
    bars = [_bar(m, ends.get(m.mitigation)) for m in sides]
    title = visible(f"{indicator.name}, with the framework's thresholds")
    picture = Markup(interval_picture(title, bars, ticks, indicator.danger)) if bars else Markup("")
    ratings_by_side = tuple((side, found.get(side)) for side in SIDES)
    page = evaluations[0].page if evaluations else None
    return Rated(indicator, ratings_by_side, sides, anchor, page, picture)


def _gate(card: Card, decision: Decision) -> dict[str, Any]:
    """A decision with what the framework says of its gate, and what stands in its way."""
    against: list[Condition] = [c for c in decision.conditions if c.state != "met"]
    against.sort(key=lambda c: PRECEDENCE.index(c.exit_code) if c.exit_code in PRECEDENCE else 0)
    gate = next((g for g in card.framework.gates if g.name == decision.gate), None)
    return {"decision": decision, "gate": gate, "against": against}


def _planes(safety: Sequence[Shown]) -> list[tuple[str, Markup]]:
    """Unsafe against over-refused: for each set of prompts to refuse, the benign ones beside it.

    Benign prompts of the same task where it has them, else the first task that does.
    """
    benign = [s.evaluation for s in safety if _measured(s.evaluation, "not_overrefuse")]
    planes = []
    for evaluation in [s.evaluation for s in safety if _measured(s.evaluation, "not_unsafe")]:
        beside = evaluation if evaluation in benign else next(iter(benign), None)
        if beside is None:
            continue
        points = _plane_points(evaluation, beside)
        if points:
            titles = dict.fromkeys((evaluation.info.title, beside.info.title))
            title = visible(" against ".join(titles))
            planes.append((title, Markup(plane_picture(title, points))))
    return planes


def _plane_points(evaluation: Evaluation, beside: Evaluation) -> list[Point]:
    over = {m.mitigation: _mirrored(m.estimate) for m in _measured(beside, "not_overrefuse")}
    return [
        Point(m.mitigation, m.mitigation == "post", _mirrored(m.estimate), over[m.mitigation])
        for m in _measured(evaluation, "not_unsafe")
        if m.mitigation in over
        and m.estimate.value is not None
        and over[m.mitigation].value is not None
    ]


def _mirrored(estimate: Estimate) -> Estimate:
    """The share of the opposite: of unsafe answers from that of safe ones."""
    value, interval = estimate.value, estimate.interval
    if interval is not None:
        ends = {"low": 1 - interval.high, "high": 1 - interval.low}
        interval = interval.model_copy(update=ends)
    return Estimate(value=None if value is None else 1 - value, interval=interval)


def _methods(card: Card) -> list[str]:
    measured = [m.estimate.interval for e in card.evaluations for m in e.measured]
    return sorted({interval.method for interval in measured if interval is not None})
