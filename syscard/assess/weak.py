"""What is legal in a framework and weak all the same: its author should know, and may mean it."""

from collections.abc import Iterator, Mapping

from syscard.assess.interval import betting, exact, seed_of
from syscard.framework_check import Told, distance
from syscard.frameworks import Framework, Gate, Indicator

CONFIDENCE = 0.95  # a plan's, unless it says otherwise
MOST = 10_000  # samples beyond which nobody looks
LARGEST = 20  # people in a quorum, beyond which hardly a board is
HALF = 0.5


def weaknesses(framework: Framework, tasks: Mapping[str, Told]) -> tuple[str, ...]:
    """One line each; `tasks` are those that say of themselves what they give."""
    return tuple(
        line
        for found in (_thin(framework, tasks), _unknown(framework, tasks), _people(framework),
                      _quorums(framework), _gates(framework))
        for line in found
    )  # fmt: skip


def needed(indicator: Indicator, exactly: bool) -> int | None:
    """The fewest samples, all harmless, of which the cautious end stays below every threshold.

    None where ten thousand are not enough.
    """
    least = min(distance(indicator, threshold.at) for threshold in indicator.thresholds)
    low, high = 1, MOST
    if _edge(high, exactly) >= least:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _edge(middle, exactly) < least else (middle + 1, high)
    return low


def _edge(n: int, exactly: bool) -> float:
    """The high end of an interval of n zeros."""
    if exactly:
        return exact(0, n, CONFIDENCE).high
    return betting([0.0] * n, CONFIDENCE, seed_of("")).high


def _thin(framework: Framework, tasks: Mapping[str, Told]) -> Iterator[str]:
    for category in framework.categories:
        for indicator in category.indicators:
            told = tasks.get(indicator.task)
            if told is None:
                continue
            found = needed(indicator, _is_exact(indicator, told))
            if found is None or found > told.clusters:
                samples = "more than 10,000" if found is None else str(found)
                yield (
                    f"indicator {indicator.name!r}: {indicator.task} has {told.clusters} "
                    f"independent samples, and even if all are harmless their interval reaches "
                    f"above {framework.levels[0]!r}; at its thresholds that takes {samples}."
                )


def _is_exact(indicator: Indicator, told: Told) -> bool:
    metric = next(m for m in told.info.metrics if m.name == indicator.metric)
    return metric.values == "binary" and metric.denominator == "clusters" and told.largest == 1


def _unknown(framework: Framework, tasks: Mapping[str, Told]) -> Iterator[str]:
    for category in framework.categories:
        if not category.indicators:
            yield (
                f"category {category.name!r} has no indicator: it is never rated, and needs a "
                "level adopted by its advisers."
            )
        for indicator in category.indicators:
            if indicator.task not in tasks:
                yield (
                    f"indicator {indicator.name!r}: {indicator.task} is not one of syscard's own "
                    f"tasks, so whether it gives {indicator.metric!r} is checked with each plan."
                )


def _people(framework: Framework) -> Iterator[str]:
    if framework.max_unscored >= HALF:
        yield (
            f"'max_unscored' is {framework.max_unscored:g}: half of the samples may lack a score, "
            "and a capability still counts as elicited."
        )
    if framework.max_age_days is None:
        yield "no 'max_age_days': evidence never grows too old."
    if framework.roles and not framework.may.get("revoked"):
        yield "nobody may write 'revoked': a lost key stays good for ever."
    for role, words in framework.roles.items():
        if not words.strip():
            yield f"the role {role!r} has no words: nobody can tell who it is."
    heard = {role for roles in framework.may.values() for role in roles}
    for role in framework.roles:
        if role not in heard:
            yield f"the role {role!r} may write nothing."


def _quorums(framework: Framework) -> Iterator[str]:
    for name, quorum in (("advice", framework.advice), ("approval", framework.approval)):
        if quorum is not None and quorum.least > LARGEST:
            yield (
                f"{name!r} needs {quorum.least} people in the role {quorum.role!r}: with more than "
                f"{LARGEST} it is hardly ever reached, and what waits for it never opens."
            )


def _gates(framework: Framework) -> Iterator[str]:
    for gate in framework.gates:
        if gate.at_most == framework.levels[-1]:
            yield (
                f"gate {gate.name!r} opens at every level: it asks only that all was rated. "
                "Leave 'at_most' out, or name a lower level."
            )
        if not gate.signatures and not gate.demands:
            yield f"gate {gate.name!r} has no 'signatures': it opens and nobody has signed."
        for demand in gate.demands:
            if demand.reaches == framework.levels[0]:
                yield (
                    f"gate {gate.name!r} demands {demand.attested!r} from {demand.reaches!r} on, "
                    "the lowest level: it is always demanded."
                )
        yield from _idle(gate, framework)


def _idle(gate: Gate, framework: Framework) -> Iterator[str]:
    """A demand that begins only where the gate's own limit shuts it."""
    if gate.at_most is None:
        return
    order = framework.levels.index
    for demand in gate.demands:
        if demand.mitigation == gate.mitigation and order(demand.reaches) > order(gate.at_most):
            yield (
                f"gate {gate.name!r} is shut above {gate.at_most!r}, so its demand of "
                f"{demand.attested!r} from {demand.reaches!r} on opens nothing."
            )
