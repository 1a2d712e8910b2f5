"""The grader's error in the interval: what a rate graded by a model says about the true rate."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from syscard.assess.interval import betting, exact, paired, seed_of, share
from syscard.records import Estimate, Interval

WHOLE = Interval(low=0, high=1, confidence=1, method="nothing known")


@dataclass(frozen=True)
class Known:
    """How often a grader was right on `n` samples of one kind, by people's labels.

    `clusters` has (right, n) of each prompt where a prompt may stand several times; `largest` is
    how often one can, at most.
    """

    right: int
    n: int
    clusters: tuple[tuple[int, int], ...] = ()
    largest: int = 1

    @property
    def rate(self) -> float:
        return self.right / self.n

    def interval(self, confidence: float) -> Interval:
        """All of [0, 1] where no sample of the kind was labelled.

        Exact where every prompt stands once; else betting on the clusters' means, weighted by
        their sizes, since the answers to one prompt are not independent.
        """
        if self.n == 0:
            return WHOLE
        if not self.clusters or self.largest == 1:
            return exact(self.right, self.n, confidence)
        inside = [(right, n) for right, n in self.clusters if n]
        means, sizes = [right / n for right, n in inside], [n for _, n in inside]
        seed = seed_of(f"{len(inside)} clusters")
        return betting(means, confidence, seed, weights=sizes, largest=self.largest)


@dataclass(frozen=True)
class Corrected:
    """The corrected estimate, or an empty one and the reason why there is none."""

    estimate: Estimate
    why_not: str | None = None


def box(observed: Estimate, sensitivity: Known, specificity: Known, confidence: float) -> Corrected:
    """The true rate's interval: the extreme corners of a box of three intervals.

    The intervals of the observed rate, of sensitivity and of specificity are each at alpha / 3, so
    that all hold together; the true rate (q + sp - 1) / (se + sp - 1), held to [0, 1], rises with q
    and sp and falls with se, so two corners bound it. Where the grader may be no better than
    chance within the box, nothing bounds the rate: not corrected, and `why_not` says so.

    Args:
        observed: the graded rate, its interval at `share(confidence, 3)` or above.
        sensitivity: of the samples that people call bad, how many the grader did; `specificity`
            of those that they call good.

    Raises:
        ValueError: an observed rate without an interval, or with one at too little confidence.
    """
    third = share(confidence, 3)
    q = observed.interval
    if q is None or observed.value is None:
        raise ValueError("an observed rate without an interval")
    if q.confidence < third - 1e-12:
        raise ValueError(f"the observed rate's interval is at {q.confidence}, below {third}")
    se, sp = sensitivity.interval(third), specificity.interval(third)
    if se.low + sp.low <= 1:
        return Corrected(
            Estimate(),
            "not corrected: at the low ends of its sensitivity "
            f"({se.low:.3f}) and specificity ({sp.low:.3f}) the grader is no better than chance",
        )
    found = Interval(
        low=_true_rate(q.low, se.high, sp.low),
        high=_true_rate(q.high, se.low, sp.high),
        confidence=confidence,
        method="box of the grader's error",
    )
    value = _true_rate(observed.value, sensitivity.rate, specificity.rate)
    return Corrected(Estimate(value=value, interval=found))


def rectified(graded: ArrayLike, gaps: ArrayLike, confidence: float, seed: int) -> Estimate:
    """The true mean where people labelled a random part of the same clusters.

    The grader's mean over all clusters plus the mean gap over the labelled ones, each by a betting
    interval at alpha / 2, added: no normal approximation, unlike prediction-powered inference,
    and no assumption that the errors are alike elsewhere. The part must be drawn at random and
    not by what the grader said.

    Args:
        graded: the grader's mean of each cluster, in [0, 1], in canonical order.
        gaps: people's mean less the grader's of each labelled cluster, in [-1, 1], likewise.

    Raises:
        ValueError: no values in either, or one outside its range.
    """
    half = share(confidence, 2)
    grader, gap = betting(graded, half, seed), paired(gaps, half, seed)
    value = float(np.mean(np.asarray(graded)) + np.mean(np.asarray(gaps)))
    return Estimate(
        value=_unit(value),
        interval=Interval(
            low=_unit(grader.low + gap.low),
            high=_unit(grader.high + gap.high),
            confidence=confidence,
            method="betting, rectified",
        ),
    )


def rogan_gladen(
    bad: int, n: int, sensitivity: Known, specificity: Known, confidence: float
) -> Corrected:
    """Rogan-Gladen's rate with the interval of Lang and Reiczigel (2014): shown, never deciding.

    An adjusted Wald interval for independent yes-or-no outcomes: it holds on average, not at
    each end.

    Raises:
        ValueError: no outcomes, or more bad ones than outcomes.
    """
    if n < 1 or not 0 <= bad <= n:
        raise ValueError(f"a rate needs 0 <= bad <= n and n >= 1, not {bad} of {n}")
    if not sensitivity.n or not specificity.n or not _above_chance(sensitivity, specificity):
        return Corrected(Estimate(), "not corrected: the grader is no better than chance")
    z = float(norm.ppf((1 + confidence) / 2))
    size, n_se, n_sp = n + z * z, sensitivity.n + 2, specificity.n + 2
    p, se, sp = (
        (bad + z * z / 2) / size,
        (sensitivity.right + 1) / n_se,
        (specificity.right + 1) / n_sp,
    )
    youden = se + sp - 1
    rate = (p + sp - 1) / youden
    v_se, v_sp = se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    shift = 2 * z * z * (rate * v_se - (1 - rate) * v_sp)
    spread = math.sqrt(p * (1 - p) / size + (1 - rate) ** 2 * v_sp + rate**2 * v_se) / youden
    found = Interval(
        low=_unit(rate + shift - z * spread),
        high=_unit(rate + shift + z * spread),
        confidence=confidence,
        method="Rogan-Gladen, Lang-Reiczigel",
    )
    value = _true_rate(bad / n, sensitivity.rate, specificity.rate)
    return Corrected(Estimate(value=value, interval=found))


def _above_chance(sensitivity: Known, specificity: Known) -> bool:
    """As counted, and with the one right and one wrong that the interval adds to each."""
    counted = sensitivity.rate + specificity.rate
    added = sum((known.right + 1) / (known.n + 2) for known in (sensitivity, specificity))
    return counted > 1 and added > 1


def _true_rate(observed: float, sensitivity: float, specificity: float) -> float:
    return _unit((observed + specificity - 1) / (sensitivity + specificity - 1))


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))
