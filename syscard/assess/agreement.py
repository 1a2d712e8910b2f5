"""How well a grader agrees with people: from labelled and graded answers to rates.

Pure functions on records. Sensitivity is the share of what people call bad that the grader does
too; specificity of what they call good. Where one prompt stands several times the prompt is the
cluster, and the estimands are means over answers.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from syscard.agreements import Agreement, Disagreement, Held, Rates
from syscard.assess.ceiling import ceiling, resampled, square_kappa
from syscard.assess.constructs import Construct
from syscard.assess.correct import Known
from syscard.assess.interval import share
from syscard.files import digest_bytes
from syscard.records import Estimate, Grader, Interval
from syscard.validations import Tally, cohens_kappa, gwets_ac1

BOX = "box of sensitivity, specificity and prevalence"
UNGRADED = "no verdict"
SHOWN = 10
Array = NDArray[np.float64]
Counts = tuple[int, int, int, int]  # bad right, bad, good right, good


@dataclass(frozen=True)
class Labels:
    """Where labelled answers come from, and who judged them."""

    grader: Grader
    model: str | None
    set: str
    digest: str | None
    language: str
    labelled_by: str
    left_out: tuple[str, ...] = ()


def agree(
    held: Sequence[Held], construct: Construct, labels: Labels, confidence: float
) -> Agreement:
    """Everything that one set says of one grader and one construct.

    Raises:
        ValueError: no answers.
    """
    if not held:
        raise ValueError("an agreement of no answers")
    scored = [one for one in held if one.kind is not None]
    largest = max(Counter(one.prompt for one in held).values())
    tallies = _tallies(scored, construct.good)
    return Agreement(
        grader=labels.grader,
        model=labels.model,
        set=labels.set,
        digest=labels.digest,
        rubric=construct.rubric,
        looks_for=construct.looks_for,
        bad=construct.bad,
        language=labels.language,
        labelled_by=labels.labelled_by,
        rows=len(held),
        prompts=len({one.prompt for one in held}),
        left_out=labels.left_out,
        failed=len(held) - len(scored),
        why_failed=_commonest(held),
        rates=rates(tallies, largest, confidence),
        failed_wrong=None
        if len(scored) == len(held)
        else rates(_tallies(held, construct.good), largest, confidence),
        many_way_kappa=_many_way(scored, confidence),
        confusion=_confusion(held),
        ceiling=ceiling(held, construct.good, confidence),
        worst=tuple(_worst(scored, construct.good)),
        tallies=_compact(tallies) if largest > 1 else (),
    )


def pooled_rows(sets: Sequence[Sequence[Held]]) -> list[Held]:
    """The answers of several sets; one that an earlier set has too counts once."""
    seen: set[tuple[str, str]] = set()
    found: list[Held] = []
    for rows in sets:
        found += [one for one in rows if (one.prompt, one.response) not in seen]
        seen |= {(one.prompt, one.response) for one in rows}
    return found


def rates(tallies: Sequence[Counts], largest: int, confidence: float) -> Rates:
    """Sensitivity, specificity, kappa and AC1, each with its interval.

    Args:
        tallies: (bad right, bad, good right, good) of each prompt.
        largest: how many answers one prompt can have.
    """
    bad_right, bad_n, good_right, good_n = _summed(tallies)
    if not bad_n + good_n:
        nothing = ("nothing was graded, so nothing is defined",)
        none = Estimate()
        return Rates(
            bad_right=0, bad_n=0, good_right=0, good_n=0, sensitivity=none, specificity=none,
            kappa=none, ac1=none, undefined=nothing,
        )  # fmt: skip
    sensitivity = Known(bad_right, bad_n, tuple((t[0], t[1]) for t in tallies), largest)
    specificity = Known(good_right, good_n, tuple((t[2], t[3]) for t in tallies), largest)
    prevalence = Known(bad_n, bad_n + good_n, tuple((t[1], t[1] + t[3]) for t in tallies), largest)
    around = _Box.of(sensitivity, specificity, prevalence, confidence)
    counts = (bad_right, bad_n, good_right, good_n)
    two_classes = bool(bad_n and good_n)
    return Rates(
        bad_right=bad_right,
        bad_n=bad_n,
        good_right=good_right,
        good_n=good_n,
        sensitivity=_estimate(sensitivity, confidence),
        specificity=_estimate(specificity, confidence),
        kappa=around.estimate(cohens_kappa(*counts), kappa_at) if two_classes else Estimate(),
        ac1=around.estimate(gwets_ac1(*counts), ac1_at),
        undefined=tuple(_undefined(bad_n, good_n)),
    )


def kappa_at(sensitivity: float, specificity: float, prevalence: Array) -> Array:
    """Cohen's kappa of a grader with these rates at each prevalence of what is bad."""
    p, called = prevalence, _called(sensitivity, specificity, prevalence)
    beyond = 2 * p * (1 - p) * (sensitivity + specificity - 1)
    return np.asarray(beyond / (p * (1 - called) + (1 - p) * called))


def ac1_at(sensitivity: float, specificity: float, prevalence: Array) -> Array:
    """Gwet's AC1 likewise."""
    middle = (prevalence + _called(sensitivity, specificity, prevalence)) / 2
    agreed = prevalence * sensitivity + (1 - prevalence) * specificity
    chance = 2 * middle * (1 - middle)
    return np.asarray((agreed - chance) / (1 - chance))


@dataclass(frozen=True)
class _Box:
    """Intervals of sensitivity, specificity and prevalence that hold together.

    Each at a third of the error. Kappa and AC1 are functions of the three that rise with the
    first two at any prevalence, so their extremes lie at two corners, over a grid of
    prevalences. No normal approximation: one near 1 keeps the width that its counts deserve.
    """

    sensitivity: Interval
    specificity: Interval
    prevalence: Array
    confidence: float

    @classmethod
    def of(cls, sensitivity: Known, specificity: Known, prevalence: Known, c: float) -> "_Box":
        third = share(c, 3)
        reach = prevalence.interval(third)
        grid = np.linspace(max(reach.low, 1e-9), min(reach.high, 1 - 1e-9), 1001)
        return cls(sensitivity.interval(third), specificity.interval(third), grid, c)

    def estimate(self, value: float, at: Callable[[float, float, Array], Array]) -> Estimate:
        low = float(at(self.sensitivity.low, self.specificity.low, self.prevalence).min())
        high = float(at(self.sensitivity.high, self.specificity.high, self.prevalence).max())
        found = Interval(
            low=max(-1.0, min(low, value)),
            high=min(1.0, max(high, value)),
            confidence=self.confidence,
            method=BOX,
        )
        return Estimate(value=value, interval=found)


def _called(sensitivity: float, specificity: float, prevalence: Array) -> Array:
    """How often the grader says bad."""
    return prevalence * sensitivity + (1 - prevalence) * (1 - specificity)


def _estimate(known: Known, confidence: float) -> Estimate:
    if known.n == 0:
        return Estimate()
    return Estimate(value=known.rate, interval=known.interval(confidence))


def _undefined(bad_n: int, good_n: int) -> list[str]:
    """In words, what one class alone cannot give."""
    if bad_n and good_n:
        return []
    kind, lost = ("good", "sensitivity") if good_n else ("bad", "specificity")
    return [
        f"people call every graded answer {kind}, so {lost} and kappa are undefined: "
        "add answers of the other kind"
    ]


def _tallies(held: Sequence[Held], good: frozenset[str]) -> list[Counts]:
    """The counts of each prompt, in the order of its digest; no verdict is a wrong one."""
    found: dict[str, list[int]] = {}
    for one in held:
        counts = found.setdefault(one.prompt, [0, 0, 0, 0])
        is_good = one.people in good
        right = one.kind is not None and (one.kind in good) == is_good
        counts[2 * is_good] += right
        counts[2 * is_good + 1] += 1
    names = sorted(found, key=lambda name: digest_bytes(name.encode(errors="surrogatepass")))
    return [(c[0], c[1], c[2], c[3]) for c in map(found.__getitem__, names)]


def _compact(tallies: Sequence[Counts]) -> tuple[Tally, ...]:
    return tuple((*counts, times) for counts, times in sorted(Counter(tallies).items()))


def _summed(tallies: Sequence[Counts]) -> Counts:
    a, b, c, d = (sum(tally[place] for tally in tallies) for place in range(4))
    return a, b, c, d


def _many_way(scored: Sequence[Held], confidence: float) -> Estimate:
    """Cohen's kappa of all kinds told apart; nothing where people tell only two apart."""
    if len({one.people for one in scored}) < 3:
        return Estimate()
    kinds = sorted({one.people for one in scored} | {str(one.kind) for one in scored})
    pairs = [(one.prompt, kinds.index(one.people), kinds.index(str(one.kind))) for one in scored]
    return resampled(pairs, len(kinds), square_kappa, confidence)


def _confusion(held: Sequence[Held]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for one in held:
        row = found.setdefault(one.people, {})
        kind = one.kind or UNGRADED
        row[kind] = row.get(kind, 0) + 1
    return {people: dict(sorted(row.items())) for people, row in sorted(found.items())}


def _worst(scored: Sequence[Held], good: frozenset[str]) -> list[Disagreement]:
    """Ten answers on which they differ: where the grader is surest first, then by digest."""
    wrong = [one for one in scored if (one.people in good) != (one.kind in good)]

    def order(one: Held) -> tuple[float, str]:
        text = f"{one.prompt}\0{one.response}".encode(errors="surrogatepass")
        return (-(1.0 if one.agreed is None else one.agreed), digest_bytes(text))

    return [
        Disagreement(
            id=one.id,
            prompt=one.prompt,
            response=one.response,
            people=one.people,
            kind=str(one.kind),
            why=one.why,
        )
        for one in sorted(wrong, key=order)[:SHOWN]
    ]


def _commonest(held: Sequence[Held]) -> str:
    """Why the grader most often gave no verdict; empty where it always gave one."""
    reasons = Counter(one.why for one in held if one.kind is None)
    return min(reasons, key=lambda why: (-reasons[why], why)) if reasons else ""
