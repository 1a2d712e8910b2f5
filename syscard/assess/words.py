"""A framework in plain sentences: what it rates, what opens each gate, and who signs."""

from collections.abc import Iterator

from syscard.assess.card.text import visible
from syscard.frameworks import Category, Demand, Framework, Gate, Indicator, Quorum

SIDES = {"pre": "before mitigation", "post": "after mitigation"}


def describe(framework: Framework) -> str:
    """All of it, for a person who is about to decide by it."""
    lines = [
        f"{framework.name} (version {framework.version}): {framework.title}",
        f"Levels, lowest first: {', '.join(framework.levels)}.",
    ]
    for category in framework.categories:
        lines += ["", *_category(category)]
    for gate in framework.gates:
        lines += ["", *gate_sentences(gate, framework)]
    lines += ["", *people_sentences(framework), "", *_evidence(framework)]
    return visible("\n".join(lines))


def gate_sentences(gate: Gate, framework: Framework) -> list[str]:
    """What must hold before one act, a line each; the first names the gate."""
    asked = [] if gate.at_most is None else [_limit(gate, gate.at_most)]
    asked += [_demand(demand) for demand in gate.demands]
    if gate.requirements:
        asked.append("every safety requirement of the plan is met")
    for what in gate.signatures:
        quorum = framework.advice if what == "advice" else framework.approval
        asked.append(f"{what} is signed by {_quorum(quorum)}")
    asked.append("the run is complete and the evidence fresh")
    return [f"Gate {gate.name} ({gate.title}) opens when", *(f"  - {line}" for line in asked)]


def people_sentences(framework: Framework) -> list[str]:
    """Who is who, who may write what, and what one person may not be."""
    lines = [f"{role} ({words}) may write: {_written(role, framework)}"
             for role, words in framework.roles.items()]  # fmt: skip
    lines += [f"Nobody is both {one} and {other}." for one, other in framework.apart]
    return lines or ["Nobody signs anything."]


def _category(category: Category) -> list[str]:
    rated = [f"  {_indicator(indicator)}" for indicator in category.indicators]
    return [f"{category.title} ({category.name})", *(rated or ["  rated by no indicator"])]


def _indicator(indicator: Indicator) -> str:
    way = "or more" if indicator.danger == "high" else "or less"
    bars = ", ".join(f"{t.level} at {t.at:.1%} {way}" for t in indicator.thresholds)
    margin = f", with a margin of {indicator.margin:.1%}" if indicator.margin else ""
    return f"{indicator.name}: {indicator.metric} of {indicator.task}: {bars}{margin}"


def _limit(gate: Gate, at_most: str) -> str:
    return f"the overall level {SIDES[gate.mitigation]} is fully rated and at most {at_most}"


def _demand(demand: Demand) -> str:
    where = f" in {' or '.join(demand.categories)}" if demand.categories else " in any category"
    expected = f", or {_count(demand.forecast, 'adviser')} forecast it" if demand.forecast else ""
    bound = " of this rating" if demand.of_this_rating else ""
    return (
        f"{demand.attested!r} is attested{bound}, once {demand.reaches} is reached "
        f"{SIDES[demand.mitigation]}{where} or cannot be excluded{expected}"
    )


def _quorum(quorum: Quorum | None) -> str:
    if quorum is None:
        return "nobody"
    what = "person" if quorum.distinct_people else "key"
    return f"at least {_count(quorum.least, what)} in the role {quorum.role}"


def _count(n: int, what: str) -> str:
    many = {"person": "people"}.get(what, f"{what}s")
    return f"{n} {what if n == 1 else many}"


def _written(role: str, framework: Framework) -> str:
    kinds = [kind for kind, roles in framework.may.items() if role in roles]
    return ", ".join(kinds) or "nothing"


def _evidence(framework: Framework) -> Iterator[str]:
    if framework.max_age_days is not None:
        yield f"Evidence is stale after {framework.max_age_days} days."
    if framework.triggers:
        yield f"It is stale at once on: {', '.join(framework.triggers)}."
    yield (
        f"A capability indicator with more than {framework.max_unscored:.0%} of its samples "
        f"unscored is not rated; a category of which a grader failed on more than "
        f"{framework.max_grader_failed:.0%} is not fully rated."
    )
    if framework.least_agreement is not None:
        yield f"A grader must agree with people at a kappa of {framework.least_agreement} or more."
