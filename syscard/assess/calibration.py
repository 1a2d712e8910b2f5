"""Stated confidence against truth: how far apart they are, and where."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from syscard.assess import interval
from syscard.records import Estimate, Interval

BINS = 10
DRAWS = 1000

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stated:
    """One answer: the confidence stated in it, 0 to 1, and whether it was right, 0 or 1."""

    cluster: str
    confidence: float
    right: float


def calibration_error(answers: Sequence[Stated], confidence: float, seed: int) -> Estimate:
    """The expected calibration error over ten bins of equal width, weighted by their answers.

    Its interval is a percentile bootstrap over clusters. Both are biased upwards in small sets:
    a perfectly calibrated model has an error above zero, since each bin's share is itself a
    draw. Hence it is shown and rates nothing.
    """
    if not answers:
        return Estimate()
    gaps, counts = _by_cluster(answers)
    value = float(np.abs(gaps.sum(axis=0)).sum() / counts.sum())
    draws = np.random.default_rng(seed).multinomial(
        len(gaps), [1 / len(gaps)] * len(gaps), size=DRAWS
    )
    errors = np.abs(draws @ gaps).sum(axis=1) / (draws @ counts)
    low, high = np.quantile(errors, [(1 - confidence) / 2, (1 + confidence) / 2])
    found = Interval(
        low=float(low),
        high=float(high),
        confidence=confidence,
        method="bootstrap over the dataset",
    )
    return Estimate(value=value, interval=found)


def error_by_luck(answers: Sequence[Stated], confidence: float, seed: int) -> Estimate:
    """The calibration error that a calibrated model would show with these confidences.

    Each answer is drawn as right with the confidence that it states, a thousand times, one by
    one; the interval holds that share of the draws. What an error has to be held against.
    """
    if not answers:
        return Estimate()
    stated = np.array([answer.confidence for answer in answers])
    bins = np.eye(BINS)[[_bin(value) for value in stated]]
    right = np.random.default_rng(seed).random((DRAWS, len(stated))) < stated
    errors = np.abs((stated - right) @ bins).sum(axis=1) / len(stated)
    low, high = np.quantile(errors, [(1 - confidence) / 2, (1 + confidence) / 2])
    found = Interval(
        low=float(low), high=float(high), confidence=confidence, method="simulated draws"
    )
    return Estimate(value=float(errors.mean()), interval=found)


def reliability(answers: Sequence[Stated], confidence: float) -> dict[str, Estimate]:
    """The share that was right in each bin that has answers, by the bin's name and mean.

    What a reliability picture draws. Exact intervals, one bin at a time, where no two answers
    share a cluster; else none.
    """
    single = len({answer.cluster for answer in answers}) == len(answers)
    found = {}
    for place in range(BINS):
        inside = [answer for answer in answers if _bin(answer.confidence) == place]
        if not inside:
            continue
        right, n = round(sum(answer.right for answer in inside)), len(inside)
        mean = sum(answer.confidence for answer in inside) / n
        ends = f"{100 * place // BINS} to {100 * (place + 1) // BINS}%"
        found[f"right where {ends} was stated (n = {n}, mean {100 * mean:.0f}%)"] = Estimate(
            value=right / n, interval=interval.exact(right, n, confidence) if single else None
        )
    return found


def _by_cluster(answers: Sequence[Stated]) -> tuple[Array, Array]:
    """Confidence less truth, summed by cluster and bin, and how many answers each cluster has."""
    names = sorted({answer.cluster for answer in answers})
    places = {name: place for place, name in enumerate(names)}
    gaps, counts = np.zeros((len(names), BINS)), np.zeros(len(names))
    for answer in answers:
        place = places[answer.cluster]
        gaps[place, _bin(answer.confidence)] += answer.confidence - answer.right
        counts[place] += 1
    return gaps, counts


def _bin(confidence: float) -> int:
    return min(int(confidence * BINS), BINS - 1)
