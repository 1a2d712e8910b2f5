"""The metrics of two cards, each with its difference, and which differences may be claimed.

Paired wherever the logs are at hand and hold the same samples; otherwise unpaired, and the row
says why. A difference is claimed only if it survives Holm's correction over every difference that
could be tested.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.stats import fisher_exact

from syscard.assess import interval
from syscard.assess.compare import compare
from syscard.assess.diff.alike import barriers, cautions
from syscard.assess.diff.claim import holm, paired_p
from syscard.assess.means import salt_of
from syscard.record import Record
from syscard.records import Card, Danger, Estimate, Interval, Measurement, Metric, Mitigation
from syscard.verdict import Reading

How = Literal["paired", "unpaired", "same log", "not compared", "on one card"]
EXACT = "exact binomial"


class Shown(Record):
    """One card's number, as that card has it."""

    model: str
    solver: str | None
    estimate: Estimate
    clusters: int


class MetricDiff(Record):
    """One metric of a task on one side: both numbers, and B less A where that says anything."""

    task: str
    title: str
    metric: str
    danger: Danger
    mitigation: Mitigation
    a: Shown | None
    b: Shown | None
    how: How
    why: str = ""  # why not paired, or not compared
    difference: Estimate = Estimate()  # -1 to 1
    clusters: int | None = None  # behind a paired difference
    left_out: int = 0  # clusters of either card without a score on both
    mcnemar: float | None = None  # exact p for binary pairs; stands beside, decides nothing
    test: Literal["betting", "Fisher exact"] | None = None
    p: float | None = None
    adjusted: float | None = None  # by Holm, over every row that has a p
    claimed: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kept:
    """A log at hand: its rows, and a digest of each prompt where no set's digest vouches for it."""

    reading: Reading
    prompts: Mapping[str, str]


class _Pair(NamedTuple):
    """The same metric on both cards, with the logs behind it that are at hand."""

    a: Measurement
    b: Measurement
    left: Kept | None
    right: Kept | None


def contrast(a: Card, b: Card, kept: Mapping[str, Kept], confidence: float) -> list[MetricDiff]:
    """Every metric of either card, in the first card's order.

    Args:
        kept: the logs at hand, by digest.
        confidence: of the differences, and of the claims among them together.
    """
    before, after = _measured(a), _measured(b)
    rows = [
        _row(before.get(key), after.get(key), kept, confidence)
        for key in dict.fromkeys((*before, *after))
    ]
    return _claimed(rows, confidence)


def _measured(card: Card) -> dict[tuple[str, str, Mitigation], Measurement]:
    return {(m.task, m.metric.name, m.mitigation): m for e in card.evaluations for m in e.measured}


def _row(
    a: Measurement | None, b: Measurement | None, kept: Mapping[str, Kept], confidence: float
) -> MetricDiff:
    known = a or b
    assert known is not None
    row = MetricDiff(
        task=known.task,
        title=known.info.title,
        metric=known.metric.name,
        danger=known.metric.danger,
        mitigation=known.mitigation,
        a=_shown(a),
        b=_shown(b),
        how="on one card",
        why=f"only on card {'A' if b is None else 'B'}",
    )
    if a is None or b is None:
        return row
    pair = _Pair(a, b, _log(a, kept), _log(b, kept))
    return row.model_copy(update=_compared(pair, confidence))


def _compared(pair: _Pair, confidence: float) -> dict[str, Any]:
    """What is to be said of a metric that both cards have."""
    forbidden = barriers(pair.a, pair.b)
    warnings = {"warnings": (*forbidden, *cautions(pair.a, pair.b))}
    if forbidden:
        return warnings | {"how": "not compared", "why": "no difference means anything here"}
    if [log.sha256 for log in pair.a.logs] == [log.sha256 for log in pair.b.logs]:
        return warnings | {"how": "same log", "why": "both cards stand on the same log"}
    if (empty := _without_value(pair)) is not None:
        return warnings | {"how": "not compared", "why": f"card {empty} has no value"}
    why = _unpairable(pair)
    if why is None and pair.left and pair.right:
        return warnings | _from_logs(pair, pair.left.reading, pair.right.reading, confidence)
    difference = _from_cards(pair.a, pair.b, confidence)
    return warnings | {"how": "unpaired", "why": why or "", "difference": difference}


def _shown(m: Measurement | None) -> Shown | None:
    if m is None:
        return None
    return Shown(model=m.model, solver=m.solver, estimate=m.estimate, clusters=m.clusters)


def _log(m: Measurement, kept: Mapping[str, Kept]) -> Kept | None:
    return kept.get(m.logs[0].sha256) if len(m.logs) == 1 else None


def _without_value(pair: _Pair) -> str | None:
    both = (("A", pair.a.estimate), ("B", pair.b.estimate))
    return next((name for name, e in both if e.value is None or e.interval is None), None)


def _unpairable(pair: _Pair) -> str | None:
    """Why no pairing can be tried; None where the logs may say."""
    for name, m, kept in (("A", pair.a, pair.left), ("B", pair.b, pair.right)):
        if len(m.logs) != 1:
            return f"card {name} pools several logs"
        if kept is None:
            return f"the log of card {name} is not at hand"
    return None if _same_prompts(pair) else "prompts of the same name differ"


def _same_prompts(pair: _Pair) -> bool:
    left = pair.left.prompts if pair.left else {}
    right = pair.right.prompts if pair.right else {}
    return all(left[name] == right[name] for name in left.keys() & right.keys())


# ---------------------------------------------------------------- differences


def _from_logs(pair: _Pair, left: Reading, right: Reading, confidence: float) -> dict[str, Any]:
    """B less A of two logs: by pairs where they hold the same samples, else each by itself."""
    metric = pair.a.metric
    first, second = _as_side(left, "pre", metric), _as_side(right, "post", metric)
    found = compare([first, second], confidence)
    if not found:
        return {"how": "unpaired", "why": "nothing was scored on one of the cards"}
    given = {"difference": found[0].difference}
    if not found[0].paired:
        return given | _tested_apart(pair, first, second)
    paired = {
        "how": "paired",
        "clusters": found[0].clusters,
        "left_out": found[0].left_out,
        "mcnemar": found[0].mcnemar,
    }
    if pair.a.stopping or pair.b.stopping:  # a test of a fixed number of samples does not hold
        return given | paired
    seed = interval.seed_of(salt_of(first))
    p = paired_p(_gaps(first, second, metric.name), confidence, seed)
    return given | paired | {"test": "betting", "p": p}


def _gaps(a: Reading, b: Reading, metric: str) -> list[float]:
    """B less A of each cluster that both scored, in the order in which they were bet on."""
    before = {(r.cluster, r.id, r.epoch): r.values.get(metric) for r in a.rows}
    gaps: dict[str, list[float]] = defaultdict(list)
    for row in b.rows:
        one, other = before.get((row.cluster, row.id, row.epoch)), row.values.get(metric)
        if one is not None and other is not None:
            gaps[row.cluster].append(other - one)
    names = list(gaps)
    ordered = [names[place] for place in interval.canonical(names, salt_of(a))]
    return [math.fsum(gaps[name]) / len(gaps[name]) for name in ordered]


def _as_side(reading: Reading, side: Mitigation, metric: Metric) -> Reading:
    """The log as `compare` takes it, of one metric: A as before, B as after."""
    info = reading.info.model_copy(update={"metrics": (metric,)})
    return replace(reading, info=info, mitigation=side)


def _tested_apart(pair: _Pair, left: Reading, right: Reading) -> dict[str, Any]:
    """Fisher's test needs samples that have nothing to do with each other."""
    if pair.a.info.sets != pair.b.info.sets:
        return {"how": "unpaired", "why": "the sets differ"}
    if pair.a.stopping or pair.b.stopping:
        return {"how": "unpaired", "why": "the runs might stop, and not in one order"}
    shared = {row.cluster for row in left.rows} & {row.cluster for row in right.rows}
    if shared:
        return {"how": "unpaired", "why": "no sample was scored on both cards"}
    tested: dict[str, Any] = {"how": "unpaired", "why": "the samples differ"}
    one, other = _hits(pair.a), _hits(pair.b)
    if one is None or other is None:
        return tested
    table = np.array([[hits, n - hits] for hits, n in (one, other)])
    return tested | {"test": "Fisher exact", "p": min(1.0, float(fisher_exact(table).pvalue))}


def _from_cards(a: Measurement, b: Measurement, confidence: float) -> Estimate:
    """B less A from what the cards print: it holds however the samples depend on each other.

    Exact intervals are computed again at half the error. Others cannot be: their ends are
    subtracted as they stand, and the errors of both add up in the confidence.
    """
    left, right = a.estimate, b.estimate
    if left.value is None or right.value is None or not left.interval or not right.interval:
        return Estimate()
    one, other, method = left.interval, right.interval, "unpaired: the cards' intervals subtracted"
    holds = one.confidence + other.confidence - 1
    hits_a, hits_b = _hits(a), _hits(b)
    if hits_a and hits_b:
        half = interval.share(confidence, 2)
        one, other = interval.exact(*hits_a, half), interval.exact(*hits_b, half)
        holds, method = confidence, "unpaired: two intervals at half the error"
    return Estimate(
        value=right.value - left.value,
        interval=Interval(
            low=other.low - one.high, high=other.high - one.low, confidence=holds, method=method
        ),
    )


def _hits(m: Measurement) -> tuple[int, int] | None:
    """Hits and samples, where the card's interval is the exact one of single yes-or-no samples."""
    n, value, found = m.counts.get("scored", 0), m.estimate.value, m.estimate.interval
    if found is None or found.method != EXACT or not n or value is None or m.stopping:
        return None
    hits = round(value * n)
    return (hits, n) if 0 <= hits <= n and math.isclose(hits / n, value, abs_tol=1e-9) else None


def _claimed(rows: Sequence[MetricDiff], confidence: float) -> list[MetricDiff]:
    tested = [row.p for row in rows if row.p is not None]
    adjusted = iter(holm(tested))
    found = []
    for row in rows:
        p = None if row.p is None else next(adjusted)
        claimed = p is not None and p <= 1 - confidence
        found.append(row.model_copy(update={"adjusted": p, "claimed": claimed}))
    return found
