"""When a run has decided its question, and which of its samples then count.

The same walk is taken twice: while the run goes on, to stop it, and over its log, to measure it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from syscard.files import digest_bytes
from syscard.records import Framework, Indicator, Metric, Plan, StoppingRule
from syscard.sequence import ConfidenceSequence, decided
from syscard.verdict import Row, cluster_value, filled

Key = tuple[str, int]  # a sample's id and its epoch
Pair = tuple[ConfidenceSequence, ConfidenceSequence]  # unscored taken as bad, and as good


def rule_of(plan: Plan, framework: Framework, task: str) -> StoppingRule:
    """The rule for one task; without bounds where neither framework nor plan asks anything."""
    found: dict[str, set[float]] = {}
    for category in framework.categories:
        for indicator in category.indicators:
            if indicator.task == task:
                found.setdefault(indicator.metric, set()).update(_thresholds(indicator))
    for asked in plan.requirements:
        if asked.task == task and asked.at_least is not None and asked.at_least > 0:
            found.setdefault(asked.metric, set()).add(asked.at_least)
        if asked.task == task and asked.at_most is not None and asked.at_most < 1:
            found.setdefault(asked.metric, set()).add(asked.at_most)
    bounds = {name: tuple(sorted(marks)) for name, marks in sorted(found.items()) if marks}
    return StoppingRule(confidence=plan.confidence, seed=plan.seed, bounds=bounds)


def _thresholds(indicator: Indicator) -> set[float]:
    """Where the cautious end changes the level, its margin taken off; not what is always reached.

    The other end is held against the thresholds themselves: with a margin, a run may stop at a
    level that stays precautionary, since no further sample would change it.
    """
    high = indicator.danger == "high"
    marks = {t.at + (-indicator.margin if high else indicator.margin) for t in indicator.thresholds}
    return {mark for mark in marks if (mark > 0 if high else mark < 1)}


def prepared(
    rule: StoppingRule,
    samples: Iterable[tuple[str, Mapping[str, Any]]],
    epochs: int,
    metrics: Sequence[Metric],
) -> StoppingRule:
    """The rule with what the walk must know of samples that may never run: id and metadata."""
    clusters: dict[str, str] = {}
    owes: dict[str, tuple[str, ...]] = {}
    sizes: dict[tuple[str, str], int] = {}
    for name, metadata in samples:
        cluster = str(metadata.get("cluster", name))
        if cluster != name:
            clusters[name] = cluster
        if metadata.get("metrics") is not None:
            owes[name] = tuple(sorted(metadata["metrics"]))
        for metric in metrics:
            if name not in owes or metric.name in owes[name]:
                sizes[metric.name, cluster] = sizes.get((metric.name, cluster), 0) + epochs
    largest = {
        metric.name: max((n for (m, _), n in sizes.items() if m == metric.name), default=0)
        for metric in metrics
    }
    return rule.model_copy(update={"clusters": clusters, "owes": owes, "largest": largest})


def ordered(clusters: Iterable[str], seed: int) -> list[str]:
    """The order in which clusters enter: by a digest, so that nobody chose it."""
    return sorted(set(clusters), key=lambda name: (digest_bytes(f"{seed}\n{name}".encode()), name))


def weight(rule: StoppingRule, metric: Metric, size: int) -> float:
    """What a cluster weighs in the sequence: one, or its eligible samples over the most."""
    return 1.0 if metric.denominator == "clusters" else size / rule.largest[metric.name]


class Walk:
    """Clusters enter in their fixed order, each when it and all before it have ended.

    Two sequences for each bounded metric, since an unscored sample may be either: decided only
    when both lie between the same neighbouring bounds, for every bounded metric.
    """

    def __init__(
        self, rule: StoppingRule, metrics: Sequence[Metric], planned: Iterable[Key]
    ) -> None:
        self.rule = rule
        self.keys: dict[str, list[Key]] = {}
        for key in planned:
            self.keys.setdefault(rule.clusters.get(key[0], key[0]), []).append(key)
        self.order = ordered(self.keys, rule.seed)
        self.place = 0  # how many have entered
        self.decided = False
        self._rows: dict[Key, Row] = {}
        self._running: list[tuple[Metric, Pair]] = [
            (m, (ConfidenceSequence(rule.confidence), ConfidenceSequence(rule.confidence)))
            for m in metrics
            if m.name in rule.bounds
        ]

    def end(self, row: Row) -> None:
        """One more sample has ended; those whose turn has come enter."""
        self._rows[row.id, row.epoch] = row
        while not self.decided and self.place < len(self.order):
            keys = self.keys[self.order[self.place]]
            if not all(key in self._rows for key in keys):
                return
            self.place += 1
            self._enter([self._rows[key] for key in keys])

    def _enter(self, rows: Sequence[Row]) -> None:
        for metric, pair in self._running:
            bad = 1.0 if metric.danger == "high" else 0.0
            for running, fill in zip(pair, (bad, 1 - bad), strict=True):
                values = filled(rows, metric, fill)
                if values:
                    mean = cluster_value(values, metric)
                    running.add(mean, weight(self.rule, metric, len(values)))
        self.decided = bool(self._running) and all(
            self._sure(pair, self.rule.bounds[metric.name]) for metric, pair in self._running
        )

    @staticmethod
    def _sure(pair: Pair, bounds: Sequence[float]) -> bool:
        """Neither contradicts itself, and both lie between the same neighbours."""
        low, high = min(one.low for one in pair), max(one.high for one in pair)
        return all(one.low <= one.high for one in pair) and decided(low, high, bounds)


def settle(
    rows: Sequence[Row], rule: StoppingRule, metrics: Sequence[Metric], planned: Sequence[Key]
) -> tuple[tuple[Row, ...], bool]:
    """The rows of a log that ran under the rule, and whether it was decided.

    Clusters beyond the one at which the walk ends do not enter, run or not: their outcome is
    "stopped". Whatever ran, in whatever order it ended, the same clusters enter.
    """
    walk = Walk(rule, metrics, planned)
    for found in rows:
        walk.end(found)
    entered = set(walk.order[: walk.place])
    kept = [found if found.cluster in entered else _after(found) for found in rows]
    ran = {(found.id, found.epoch) for found in rows}
    return (*kept, *(_never(key, rule) for key in planned if key not in ran)), walk.decided


def _after(found: Row) -> Row:
    why = "it ran after the last cluster that enters: not counted"
    return replace(found, outcome="stopped", values={}, why=why)


def _never(key: Key, rule: StoppingRule) -> Row:
    owes = rule.owes.get(key[0])
    return Row(
        id=key[0],
        epoch=key[1],
        cluster=rule.clusters.get(key[0], key[0]),
        group=None,
        outcome="stopped",
        values={},
        owes=None if owes is None else frozenset(owes),
        why="not run",
    )
