"""Rules on a card of ours: its numbers against each other, its levels and gates against them.

`verify` computes a card again from its logs; these rules need the card alone.
"""

from collections.abc import Iterator
from itertools import pairwise

from syscard.assess.exits import answer_of
from syscard.assess.interval import exact
from syscard.assess.lint.finding import Finding, plain
from syscard.assess.rate import worst_level
from syscard.records import Card, Comparison, Indicator, Measurement, Mitigation

TINY = 1e-6
Key = tuple[str, str, Mitigation]


def measured_once(file: str, card: Card) -> Iterator[Finding]:
    """A metric of a task stands once on each side."""
    keys = [_key(m) for m in _measured(card)]
    for key in dict.fromkeys(keys):
        if keys.count(key) > 1:
            yield _of(file, "measured-once", key, f"stands {keys.count(key)} times")


def value_within_its_ends(file: str, card: Card) -> Iterator[Finding]:
    """A value lies inside its interval, and between its worst and best case."""
    for m in _measured(card):
        for name, found in (("value", m.estimate), ("worst", m.worst), ("best", m.best)):
            if found.value is None or found.interval is None:
                continue
            low, high = found.interval.low, found.interval.high
            if not low - TINY <= found.value <= high + TINY:
                ends = f"{plain(low)} to {plain(high)}"
                says = f"{name} {plain(found.value)} lies outside its interval, {ends}"
                yield _of(file, "value-within-ends", _key(m), says)
        values = [e.value for e in (m.best, m.estimate, m.worst) if e.value is not None]
        worse = values if m.metric.danger == "high" else values[::-1]
        if any(b < a - TINY for a, b in pairwise(worse)):
            listed = ", ".join(map(plain, values))
            says = f"best, value and worst are not in that order: {listed}"
            yield _of(file, "value-within-ends", _key(m), says)


def counts_add_up(file: str, card: Card) -> Iterator[Finding]:
    """A part is not larger than the whole: clusters of samples, groups of clusters."""
    for m in _measured(card):
        owed = sum(n for name, n in m.counts.items() if name != "stopped")
        unscored = owed - m.counts.get("scored", 0)
        wrong = []
        if m.clusters > owed:
            wrong.append(f"{m.clusters} clusters of {owed} samples")
        for group in m.groups:
            if group.clusters > m.clusters:
                wrong.append(f"group {group.name!r}: {group.clusters} of {m.clusters} clusters")
        left = sum(group.unscored for group in m.groups)
        if left > unscored:
            wrong.append(f"{left} unscored samples in the groups, {unscored} in all")
        for says in wrong:
            yield _of(file, "counts-add-up", _key(m), says)


def sides_are_comparable(file: str, card: Card) -> Iterator[Finding]:
    """Before and after are measured with one version of a task, by one grader, on one set."""
    sides = {_key(m): m for m in _measured(card)}
    for (task, metric, side), after in sides.items():
        before = sides.get((task, metric, "pre"))
        if side != "post" or before is None:
            continue
        told = {
            "versions of the task": (before.task_version, after.task_version),
            "graders": (_grader(before), _grader(after)),
            "sets": (_sets(before), _sets(after)),
        }
        wrong = [f"two {name}, {a} and {b}" for name, (a, b) in told.items() if a != b]
        paired = any(c.paired and not c.left_out for c in _compared(card, task, metric))
        if before.samples != after.samples and paired:
            wrong.append("compared as pairs with none left out, and the samples differ")
        for says in wrong:
            yield _of(file, "sides-comparable", (task, metric, side), says)


def difference_is_of_its_sides(file: str, card: Card) -> Iterator[Finding]:
    """Where nothing was left out, the difference is after less before."""
    values = {_key(m): m for m in _measured(card) if m.metric.denominator == "clusters"}
    for c in (c for e in card.evaluations for c in e.compared if not c.left_out):
        before, after = (
            values.get((c.task, c.metric, "pre")),
            values.get((c.task, c.metric, "post")),
        )
        a, b = (m.estimate.value if m else None for m in (before, after))
        d = c.difference.value
        if a is not None and b is not None and d is not None and abs(b - a - d) > TINY:
            says = f"the difference is {plain(d)}, and {plain(b)} less {plain(a)} is not"
            yield _of(file, "difference-of-sides", (c.task, c.metric, "post"), says)


def references_agree(file: str, card: Card) -> Iterator[Finding]:
    """What stands beside a metric under one label has one value."""
    seen: dict[tuple[str, str, str], float] = {}
    for r in card.plan.references:
        if r.value is None:
            continue
        first = seen.setdefault((r.label, r.task, r.metric), r.value)
        if abs(first - r.value) > TINY:
            says = f"reference {r.label!r} has two values, {plain(first)} and {plain(r.value)}"
            yield Finding(rule="one-value-each", file=file, table=r.task, row=r.metric, says=says)


def levels_follow(file: str, card: Card) -> Iterator[Finding]:
    """A category is its worst indicator's level, and overall the worst category's."""
    order = card.framework.levels
    for c in card.rating.categories:
        worst = worst_level((i.level or i.at_least for i in c.indicators), order)
        bare = c.floor is None and worst == order[0]  # that nobody is below the lowest says nothing
        if worst != c.floor and not bare:
            says = f"its floor is {c.floor}, and its worst indicator's level {worst}"
            yield Finding(
                rule="levels-follow", file=file, table=c.category, column=c.mitigation, says=says
            )
    for o in card.rating.overall:
        floors = (c.floor for c in card.rating.categories if c.mitigation == o.mitigation)
        worst = worst_level(floors, order)
        if worst != o.floor:
            says = f"overall is {o.floor}, and the worst category {worst}"
            yield Finding(
                rule="levels-follow", file=file, table="overall", column=o.mitigation, says=says
            )


def n_can_settle(file: str, card: Card) -> Iterator[Finding]:
    """An indicator has enough clusters that the mildest result would keep it from each level.

    By the exact interval at none (or all) of n: no other result, and no other method of ours, ends
    further from the danger.
    """
    indicators = [i for c in card.framework.categories for i in c.indicators]
    for m in _measured(card):
        for indicator in indicators if m.clusters else ():
            if (indicator.task, indicator.metric) == (m.task, m.metric.name):
                for says in _too_few(m, indicator):
                    yield _of(file, "n-can-settle", _key(m), says)


def gates_follow(file: str, card: Card) -> Iterator[Finding]:
    """A gate's answer is that of its conditions, and a yes leaves none open."""
    for decision in card.decisions:
        wanted = answer_of(c.exit_code for c in decision.conditions)
        if wanted != decision.exit_code:
            says = f"answers {decision.exit_code}, and its conditions give {wanted}"
            yield Finding(rule="gates-follow", file=file, table=decision.gate, says=says)
        for c in decision.conditions:
            if (c.state == "met") != (c.exit_code == 0):
                says = f"is {c.state}, with exit code {c.exit_code}"
                yield Finding(
                    rule="gates-follow", file=file, table=decision.gate, row=c.text, says=says
                )


# ---------------------------------------------------------------- small things


def _too_few(m: Measurement, indicator: Indicator) -> Iterator[str]:
    """Each threshold that no result at this n could be told from, on either side."""
    confidence = m.estimate.interval.confidence if m.estimate.interval else 0.95
    high = indicator.danger == "high"
    hits = 0 if high else m.clusters
    found = exact(hits, m.clusters, confidence)
    end = found.high + indicator.margin if high else found.low - indicator.margin
    for t in indicator.thresholds:
        if (end >= t.at) if high else (end <= t.at):
            yield (
                f"{m.clusters} clusters cannot keep it from {t.level}, whatever the result: at "
                f"{hits} of {m.clusters} the exact interval reaches {plain(end)}, and the "
                f"threshold is {plain(t.at)}"
            )


def _measured(card: Card) -> Iterator[Measurement]:
    return (m for e in card.evaluations for m in e.measured)


def _compared(card: Card, task: str, metric: str) -> Iterator[Comparison]:
    return (c for e in card.evaluations for c in e.compared if (c.task, c.metric) == (task, metric))


def _key(m: Measurement) -> Key:
    return m.task, m.metric.name, m.mitigation


def _grader(m: Measurement) -> str:
    return f"{m.info.grader.name} ({(m.info.grader.digest or 'no digest')[:12]})"


def _sets(m: Measurement) -> str:
    return ", ".join(f"{name} {digest[:12]}" for name, digest in sorted(m.info.sets.items()))


def _of(file: str, rule: str, key: Key, says: str) -> Finding:
    return Finding(rule=rule, file=file, table=key[0], row=key[1], column=key[2], says=says)
