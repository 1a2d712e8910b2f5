"""A family's own number: every prompt equal, or every group equal, as the plan says beforehand."""

from dataclasses import replace

from syscard.assess.interval import share
from syscard.assess.means import How, cluster_means, estimate_filled, estimate_means
from syscard.assess.strata import combine
from syscard.errors import EvidenceError
from syscard.records import Estimate, Metric
from syscard.verdict import Reading, Row


def estimate_family(
    reading: Reading, metric: Metric, fill: float | None, confidence: float
) -> Estimate:
    """The mean of a reading, its unscored samples filled or left out.

    By groups, each group's interval is taken at 1 - alpha / K, so that all K hold together; a
    group of which nothing is scored leaves no value, rather than another population's.

    Raises:
        EvidenceError: clusters that lie in several groups, or in none, asked for by groups.
    """
    if reading.weighting == "prompts":
        return estimate_filled(reading, metric, fill, confidence)
    groups = grouped(reading, metric)
    part = replace(How.of(reading, confidence), confidence=share(confidence, len(groups) or 1))
    found = []
    for name, rows in groups.items():
        how = replace(part, salt=f"{part.salt}\n{name}")
        found.append(estimate_means(cluster_means(rows, metric, fill, how), metric, how, rows))
    if not found or any(one.interval is None for one in found):
        return Estimate()
    return combine(found, [1.0] * len(found), confidence)


def grouped(reading: Reading, metric: Metric) -> dict[str, list[Row]]:
    """The rows that the metric is owed, by group, in the order of the groups' names.

    Raises:
        EvidenceError: as `estimate_family`.
    """
    groups: dict[str, list[Row]] = {}
    place: dict[str, str] = {}
    for row in reading.rows:
        if row.became(metric) is None:
            continue
        if row.group is None or place.setdefault(row.cluster, row.group) != row.group:
            raise EvidenceError(
                f"{reading.task} cannot be weighted by groups: cluster {row.cluster!r} lies in "
                f"{'no group' if row.group is None else 'several'}. Write 'weighting: prompts'."
            )
        groups.setdefault(row.group, []).append(row)
    return dict(sorted(groups.items()))
