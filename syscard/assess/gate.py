"""Ratings to decisions: each gate's conditions, and the one answer that they add up to."""

from syscard.assess.case import Case, unannounced
from syscard.assess.ends import distrust, ends
from syscard.assess.exits import ANSWERS, INCOMPLETE, INCONCLUSIVE, NO, YES, answer_of
from syscard.assess.fresh import concerns, stale, unseen
from syscard.assess.rate import reached, worst_level
from syscard.assess.signed import condition, demanded, signatures
from syscard.errors import DataError
from syscard.frameworks import Gate
from syscard.records import (
    Condition,
    Decision,
    Measurement,
    Measurements,
    Requirement,
    Standing,
)

RELEASED = "post"  # the side that the plan's safety requirements are on


def decide(name: str, case: Case) -> Decision:
    """Whether the gate opens. A certain no is not masked by what is missing.

    Raises:
        DataError: the framework has no gate of that name.
    """
    gate = next((gate for gate in case.framework.gates if gate.name == name), None)
    if gate is None:
        known = ", ".join(gate.name for gate in case.framework.gates)
        raise DataError(f"{case.framework.name} has no gate {name!r}; it has: {known}.")
    conditions = [
        *([_level(gate.at_most, gate, case)] if gate.at_most is not None else ()),
        *demanded(gate, case),
        *(_requirements(case) if gate.requirements else ()),
        _intact(case),
        _finished(case.measurements),
        *(_announced(case) if case.framework.announced else ()),
        _fresh(gate, case),
        *signatures(gate, case),
    ]
    code = answer_of(condition.exit_code for condition in conditions)
    return Decision(
        gate=gate.name,
        title=gate.title,
        answer=ANSWERS[code] + _on_what(gate, case, code),
        exit_code=code,
        conditions=tuple(conditions),
        rating_digest=case.rating_digest,
        ledger_head=case.head,
        asked=case.asked,
        current=case.current,
    )


def _on_what(gate: Gate, case: Case, code: int) -> str:
    """A yes that leans on somebody else's numbers, or on people against ours, says so."""
    looked = {gate.mitigation if gate.at_most else None, *(d.mitigation for d in gate.demands)}
    bases = {s.basis for s in case.standings if s.mitigation in looked}
    if code != YES:
        return ""
    said = ["on reported evidence"] if "adopted" in bases else []
    said += ["by an override"] if "overridden" in bases else []
    return f", {' and '.join(said)}" if said else ""


def _level(at_most: str, gate: Gate, case: Case) -> Condition:
    text = f"Overall level, {gate.mitigation}-mitigation, complete and at most {at_most}"
    looked = [s for s in case.standings if s.mitigation == gate.mitigation]
    codes = {s.category: _level_code(s, at_most, case) for s in looked}
    code = answer_of(codes.values())
    worst = worst_level((s.level for s in looked), case.framework.levels)
    telling = [
        _reads(s)
        for s in looked
        if (codes[s.category] == code if code != YES else s.level == worst or s.basis != "computed")
    ]
    why = f"it reads {_overall(looked, worst, case.framework.levels[0])} ({'; '.join(telling)})"
    cautious = [s for s in looked if s.settled and codes[s.category] == INCONCLUSIVE]
    if code == INCONCLUSIVE and cautious:
        why += "; by caution only: more samples could settle it"
    return condition("level", text, why, code)


def _level_code(standing: Standing, at_most: str, case: Case) -> int:
    """What one category alone would answer.

    A level that people put in the place of the computed one is certain. The computed one, also
    where they agree with it, is certainly above only where the other end of an interval is, too.
    """
    order = case.framework.levels.index
    above = standing.level is not None and order(standing.level) > order(at_most)
    changed = standing.level != standing.computed
    if changed and (standing.settled or above):
        return NO if above else YES
    certain = _certain_level(standing, case)
    if certain is not None and order(certain) > order(at_most):
        return NO
    return INCONCLUSIVE if above or not standing.settled else YES


def _certain_level(standing: Standing, case: Case) -> str | None:
    """The worst level that any indicator reaches on the other end of its interval too."""
    indicators = {i.name: i for c in case.framework.categories for i in c.indicators}
    found = [
        reached(item.other, indicators[item.indicator], case.framework.levels)
        for category in case.rating.categories
        if (category.category, category.mitigation) == (standing.category, standing.mitigation)
        for item in category.indicators
        if item.other is not None and item.standing != "not validated"
    ]
    return worst_level(found, case.framework.levels)


def _overall(looked: list[Standing], worst: str | None, lowest: str) -> str:
    if worst is None:
        return "not rated"
    if all(s.settled for s in looked):
        return worst
    return "not fully rated" if worst == lowest else f"at least {worst}, not fully rated"


def _reads(standing: Standing) -> str:
    """One category's level and on whose word it stands."""
    if standing.level is None:
        return f"{standing.title}: not rated"
    said = {
        "computed": "",
        "advised": ", as advised",
        "overridden": f", advised below the computed {standing.computed}",
        "adopted": ", adopted on reported evidence",
    }[standing.basis]
    least = "" if standing.settled else "at least "
    return f"{standing.title}: {least}{standing.level}{said}"


def _requirements(case: Case) -> list[Condition]:
    measured = {
        (m.task, m.metric.name): m for m in case.measurements.measured if m.mitigation == RELEASED
    }
    least = case.framework.least_agreement
    return [
        _requirement(r, measured.get((r.task, r.metric)), least) for r in case.plan.requirements
    ]


def _requirement(
    requirement: Requirement, measurement: Measurement | None, agreement: float | None
) -> Condition:
    """Met where the cautious end meets the bound; a certain no where the other end fails too."""
    bound = requirement.at_least if requirement.at_least is not None else requirement.at_most
    least = requirement.at_least is not None
    text = (
        f"{requirement.metric} of {requirement.task} "
        f"{'at least' if least else 'at most'} {bound:.1%}"
    )
    found = ends(measurement, "low" if least else "high")
    if measurement is None or found is None or bound is None:
        return condition("requirement", text, "not measured", INCONCLUSIVE)
    if (doubt := distrust(measurement, agreement)) is not None:
        return condition("requirement", text, doubt, INCONCLUSIVE)
    cautious, other = found
    why = f"the cautious end is {cautious:.1%}, the other {other:.1%}"
    holds = [end >= bound if least else end <= bound for end in found]
    if holds[0]:
        return condition("requirement", text, why, YES)
    if not holds[1]:
        return condition("requirement", text, why, NO)
    return condition("requirement", text, f"{why}: too thin to tell", INCONCLUSIVE)


def _finished(measurements: Measurements) -> Condition:
    text = "Every planned task ran to its end on both sides"
    missing = measurements.incomplete
    if missing:
        why = "; ".join(missing[:3]) + (f"; and {len(missing) - 3} more" if missing[3:] else "")
        return condition("run", text, why, INCOMPLETE)
    return condition("run", text, "all logs are there", YES)


def _intact(case: Case) -> Condition:
    """An altered log ends the question before it is asked; one that is not there leaves it open."""
    text = "The evidence is intact: every number comes out of its log again"
    if case.absent:
        why = f"{len(case.absent)} of {len(case.logs)} logs are not there, first {case.absent[0]}"
        return condition("evidence", text, why, INCONCLUSIVE)
    return condition("evidence", text, f"{len(case.logs)} logs were measured again", YES)


def _announced(case: Case) -> list[Condition]:
    """Where there is a ledger: no log whose run could have been chosen among several."""
    if case.ledger is None:
        return []
    text = "Every run was announced in the ledger before it began"
    found = unannounced(case)
    if found:
        why = f"{len(found)} of {len(case.logs)} logs were not, first {found[0].path}"
        return [condition("announced", text, why, INCONCLUSIVE)]
    return [condition("announced", text, f"{len(case.logs)} logs", YES)]


def _fresh(gate: Gate, case: Case) -> Condition:
    """Old evidence is missing evidence, for the gates that lean on it."""
    text = "The evidence is fresh: same model, same tasks, not too old, nothing happened since"
    every = stale(case.measurements, case.framework, case.ledger, case.current, case.asked)
    found = [item for item in every if concerns(gate, item, case.framework, case.plan)]
    if found:
        lines = [f"{s.task} ({s.mitigation}): {s.why}" for s in found]
        why = "; ".join(lines[:2]) + (f"; and {len(lines) - 2} more" if lines[2:] else "")
        return condition("fresh", text, why, INCONCLUSIVE)
    if case.current is None:
        why = "nothing is stale; not held against the models and tasks of today"
    else:
        why = "; ".join(["nothing is stale", *unseen(case.measurements, case.current)])
    return condition("fresh", text, why, YES)
