"""Ratings to decisions: each gate's conditions, and the one answer that they add up to."""

from collections.abc import Sequence

from syscard.assess.rate import reached, worst_level
from syscard.errors import DataError
from syscard.records import (
    Condition,
    Decision,
    Framework,
    Gate,
    Measurement,
    Measurements,
    Plan,
    Rating,
    Requirement,
)

YES, NO, INCONCLUSIVE, AWAITS, BROKEN, INCOMPLETE = 0, 3, 4, 5, 6, 7
PRECEDENCE = (BROKEN, NO, INCOMPLETE, INCONCLUSIVE, AWAITS)
ANSWERS = {
    YES: "yes",
    NO: "no",
    INCONCLUSIVE: "inconclusive: evidence is missing or too thin",
    AWAITS: "awaits signatures",
    BROKEN: "no: the integrity of the evidence is broken",
    INCOMPLETE: "run incomplete",
}


def decide(
    name: str,
    rating: Rating,
    measurements: Measurements,
    plan: Plan,
    framework: Framework,
    rating_digest: str,
) -> Decision:
    """Whether the gate opens. A certain no is not masked by what is missing.

    Raises:
        DataError: the framework has no gate of that name.
    """
    gate = next((gate for gate in framework.gates if gate.name == name), None)
    if gate is None:
        known = ", ".join(gate.name for gate in framework.gates)
        raise DataError(f"{framework.name} has no gate {name!r}; it has: {known}.")
    conditions = [
        _level(gate, rating, framework),
        *(_requirements(gate, plan, measurements) if gate.requirements else ()),
        _finished(measurements),
        *_signed(gate),
    ]
    code = answer_of([condition.exit_code for condition in conditions])
    return Decision(
        gate=gate.name,
        title=gate.title,
        answer=ANSWERS[code],
        exit_code=code,
        conditions=tuple(conditions),
        rating_digest=rating_digest,
    )


def answer_of(codes: Sequence[int]) -> int:
    """The one exit code of several, by method.md's order: 6, 3, 7, 4, 5, 0."""
    return next((code for code in PRECEDENCE if code in codes), YES)


def _level(gate: Gate, rating: Rating, framework: Framework) -> Condition:
    overall = next(item for item in rating.overall if item.mitigation == gate.mitigation)
    text = f"Overall level, {gate.mitigation}-mitigation, complete and at most {gate.at_most}"
    order = framework.levels.index
    above = overall.floor is not None and order(overall.floor) > order(gate.at_most)
    worst = [
        f"{c.title}: {c.reads}"
        for c in rating.categories
        if c.mitigation == gate.mitigation and (not c.complete or c.floor == overall.floor)
    ]
    why = f"it reads {overall.reads} ({'; '.join(worst)})"
    certain = _certain_level(gate, rating, framework)
    if certain is not None and order(certain) > order(gate.at_most):
        return Condition(name="level", text=text, state="unmet", why=why, exit_code=NO)
    if above:
        why = f"{why}; by caution only: more samples could settle it"
        return Condition(name="level", text=text, state="unknown", why=why, exit_code=INCONCLUSIVE)
    if not overall.complete:
        return Condition(name="level", text=text, state="unknown", why=why, exit_code=INCONCLUSIVE)
    return Condition(name="level", text=text, state="met", why=why, exit_code=YES)


def _certain_level(gate: Gate, rating: Rating, framework: Framework) -> str | None:
    """The worst level that any indicator reaches on the other end of its interval too."""
    indicators = {i.name: i for category in framework.categories for i in category.indicators}
    found = [
        reached(item.other, indicators[item.indicator], framework.levels)
        for category in rating.categories
        if category.mitigation == gate.mitigation
        for item in category.indicators
        if item.other is not None
    ]
    return worst_level(found, framework.levels)


def _requirements(gate: Gate, plan: Plan, measurements: Measurements) -> list[Condition]:
    measured = {
        (m.task, m.metric.name): m for m in measurements.measured if m.mitigation == gate.mitigation
    }
    return [_requirement(r, measured.get((r.task, r.metric))) for r in plan.requirements]


def _requirement(requirement: Requirement, measurement: Measurement | None) -> Condition:
    """Met where the cautious end meets the bound; a certain no where the other end fails too."""
    bound = requirement.at_least if requirement.at_least is not None else requirement.at_most
    least = requirement.at_least is not None
    text = (
        f"{requirement.metric} of {requirement.task} "
        f"{'at least' if least else 'at most'} {bound:.1%}"
    )
    ends = _requirement_ends(measurement, least)
    if ends is None or bound is None:
        return Condition(
            name="requirement", text=text, state="unknown", why="not measured",
            exit_code=INCONCLUSIVE,
        )  # fmt: skip
    cautious, other = ends
    why = f"the cautious end is {cautious:.1%}, the other {other:.1%}"
    holds = [end >= bound if least else end <= bound for end in ends]
    if holds[0]:
        return Condition(name="requirement", text=text, state="met", why=why, exit_code=YES)
    if not holds[1]:
        return Condition(name="requirement", text=text, state="unmet", why=why, exit_code=NO)
    return Condition(
        name="requirement",
        text=text,
        state="unknown",
        why=f"{why}: too thin to tell",
        exit_code=INCONCLUSIVE,
    )


def _requirement_ends(measurement: Measurement | None, least: bool) -> tuple[float, float] | None:
    """The end on which a bound is met, and the one on which it fails for certain.

    Unscored samples are filled against the requirement, then for it.
    """
    if measurement is None or measurement.counts.get("scored", 0) == 0:
        return None
    ends = [e.interval for e in (measurement.worst, measurement.best)]
    lows = [interval.low for interval in ends if interval]
    highs = [interval.high for interval in ends if interval]
    if not lows or not highs:
        return None
    return (min(lows), max(highs)) if least else (max(highs), min(lows))


def _finished(measurements: Measurements) -> Condition:
    text = "Every planned task ran to its end on both sides"
    if measurements.incomplete:
        missing = measurements.incomplete
        why = "; ".join(missing[:3]) + (f"; and {len(missing) - 3} more" if missing[3:] else "")
        return Condition(name="run", text=text, state="unmet", why=why, exit_code=INCOMPLETE)
    return Condition(name="run", text=text, state="met", why="all logs are there", exit_code=YES)


def _signed(gate: Gate) -> list[Condition]:
    """What people must sign. No ledger exists yet, so none of it is."""
    return [
        Condition(
            name="signature",
            text=f"Signed: {what}",
            state="unmet",
            why="no signature is recorded",
            exit_code=AWAITS,
        )
        for what in gate.signatures
    ]
