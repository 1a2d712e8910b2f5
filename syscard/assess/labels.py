"""People's labels on a random part of a log's own clusters: they replace what was graded."""

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from syscard.assess.correct import rectified
from syscard.assess.correction import hull
from syscard.assess.interval import canonical, seed_of
from syscard.assess.means import How, cluster_means
from syscard.errors import DataError, EvidenceError
from syscard.files import digest_file, read_text
from syscard.library import drawn
from syscard.record import Record
from syscard.records import Correction, Estimate, Labels, Metric
from syscard.verdict import Reading, Row

Key = tuple[str, int]


class Label(Record):
    """One person's verdict on one sample, in the metric's own direction."""

    id: str
    epoch: int = Field(default=1, ge=1)
    value: float = Field(ge=0, le=1)


def read_labels(path: Path) -> dict[Key, float]:
    """The labels of a file, one a line; empty lines are passed over.

    Raises:
        DataError: a line that is no label, a sample labelled twice, no label at all.
    """
    found: dict[Key, float] = {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        label = _label(line, f"{path}:{number}")
        if (label.id, label.epoch) in found:
            raise DataError(f"{path}:{number}: sample {label.id!r} is labelled twice. Keep one.")
        found[label.id, label.epoch] = label.value
    if not found:
        raise DataError(f"{path} holds no labels. Each line is an object with id and value.")
    return found


def rectify(reading: Reading, metric: Metric, labels: Labels, confidence: float) -> Correction:
    """The rate by people's word: the grader's mean, and the mean gap where people labelled.

    Raises:
        EvidenceError: the labelled samples are not those drawn by the seed, or the metric or the
            run is of a kind that this does not hold for.
    """
    _check_kind(reading, metric, labels)
    given = read_labels(Path(labels.file))
    clusters = _clusters(reading, metric)
    part = _part(clusters, given, metric, labels)
    _check_values(given, metric, labels)
    bad = 1.0 if metric.danger == "high" else 0.0
    value, worst, best = (
        _rectified(reading, metric, part, given, fill, confidence) for fill in (None, bad, 1 - bad)
    )
    return Correction(
        by="labels",
        file=labels.file,
        digest=digest_file(Path(labels.file)),
        estimate=value,
        filled=hull(worst, best),
        transports=True,
        labelled=len(part),
    )


def _rectified(
    reading: Reading,
    metric: Metric,
    part: dict[str, list[Row]],
    given: dict[Key, float],
    fill: float | None,
    confidence: float,
) -> Estimate:
    how = How.of(reading, confidence)
    means = cluster_means(reading.rows, metric, fill, how)
    entering = set(means.names)
    names = [name for name in sorted(part) if name in entering]
    if not names:
        return Estimate()
    gaps = [_gap(part[names[at]], metric, given, fill) for at in canonical(names, how.salt)]
    return rectified(means.values, gaps, confidence, seed_of(how.salt))


def _gap(rows: list[Row], metric: Metric, given: dict[Key, float], fill: float | None) -> float:
    """People's mean less the grader's over one cluster; a filled sample has no gap."""
    scored = [row for row in rows if row.became(metric) == "scored"]
    size = len(scored) if fill is None else len(rows)
    return math.fsum(given[_key(row)] - row.values[metric.name] for row in scored) / size


def _clusters(reading: Reading, metric: Metric) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in reading.rows:
        if row.became(metric) not in (None, "stopped"):
            found[row.cluster].append(row)
    return found


def _check_kind(reading: Reading, metric: Metric, labels: Labels) -> None:
    wrong = None
    if metric.denominator == "eligible":
        wrong = "its denominator is graded as well, and labels of values do not mend that"
    if reading.rule is not None:
        wrong = "its run might stop when it was decided, so the part was not drawn beforehand"
    if reading.weighting == "groups":
        wrong = "its groups are weighted equally, and the part was drawn from all prompts"
    if metric.of_cluster != "mean":
        wrong = "a cluster is its worst samples, and labels would pick others"
    if wrong:
        raise EvidenceError(
            f"{labels.file} cannot rectify {labels.task} {labels.metric!r}: {wrong}."
        )


def _part(
    clusters: dict[str, list[Row]], given: dict[Key, float], metric: Metric, labels: Labels
) -> dict[str, list[Row]]:
    """The clusters that the seed draws, of which every scored sample is labelled and no other."""
    order = drawn([{"id": name} for name in clusters], labels.clusters, labels.drawn_by)
    part = {row["id"]: clusters[row["id"]] for row in order}
    wanted = {_key(row) for rows in part.values() for row in rows if row.became(metric) == "scored"}
    for wrong, which in (
        ("has a label and is not in it, or has no verdict", sorted(set(given) - wanted)),
        ("is in it and has no label", sorted(wanted - set(given))),
    ):
        if which:
            name, epoch = which[0]
            raise EvidenceError(
                f"{labels.file} is not the part that seed {labels.drawn_by} draws, "
                f"{labels.clusters} clusters of {labels.task} ({labels.mitigation}): sample "
                f"{name!r} (epoch {epoch}) {wrong}."
            )
    return part


def _check_values(given: dict[Key, float], metric: Metric, labels: Labels) -> None:
    for (name, _), value in given.items():
        if metric.values == "binary" and value not in (0, 1):
            raise EvidenceError(f"{labels.file}: sample {name!r} is {value}, which must be 0 or 1.")


def _label(line: str, where: str) -> Label:
    try:
        data: Any = json.loads(line)
        return Label.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the line"
        raise DataError(f"{where}: {place}: {first['msg']}. Write id, epoch and value.") from error
    except ValueError as error:
        raise DataError(f"{where} is not JSON: {error}. Write one object a line.") from error


def _key(row: Row) -> Key:
    return row.id, row.epoch
