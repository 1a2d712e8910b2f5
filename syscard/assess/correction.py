"""A graded rate corrected for its grader's error, as far as people's labels reach."""

from collections.abc import Sequence
from dataclasses import dataclass

from syscard.assess.correct import Known, box
from syscard.assess.family import estimate_family
from syscard.assess.interval import share
from syscard.records import Correction, Estimate, Interval, Metric, Validation
from syscard.verdict import Reading


@dataclass(frozen=True)
class Source:
    """A validation as it was read."""

    file: str
    digest: str
    validation: Validation


def corrections(
    reading: Reading,
    metric: Metric,
    sources: Sequence[Source],
    family: str | None,
    confidence: float,
) -> tuple[Correction, ...]:
    """One for each validation of the measurement's grader: none is chosen among several."""
    return tuple(
        _correction(reading, metric, source, family, confidence)
        for source in sources
        if _same_grader(source.validation, reading)
    )


def _correction(
    reading: Reading, metric: Metric, source: Source, family: str | None, confidence: float
) -> Correction:
    known = source.validation
    plain = Correction(by="validation", file=source.file, digest=source.digest, validation=known)
    refused = _unfit(known, metric)
    if refused:
        return plain.model_copy(update={"why": refused})
    elsewhere = _elsewhere(known, metric, reading.task, family)
    plain = plain.model_copy(update={"transports": not elsewhere, "why": elsewhere})
    return _boxed(plain, known, reading, metric, confidence)


def _boxed(
    plain: Correction, known: Validation, reading: Reading, metric: Metric, confidence: float
) -> Correction:
    """The box of the grader's error around the rate, and around its fillings.

    The unscored are filled first and the filled rate corrected, which bounds from outside what
    correcting first and filling then would give: a sample taken as graded bad stands for one bad
    sample and for more that the grader missed. So losing a verdict never lowers the high end.
    """
    high = metric.danger == "high"
    bad = 1.0 if high else 0.0
    sensitivity, specificity = known_of(known)
    found = []
    for fill in (None, bad, 1 - bad):
        graded = estimate_family(reading, metric, fill, share(confidence, 3))
        if graded.interval is None:
            return plain.model_copy(update={"why": "not corrected: nothing to estimate from"})
        boxed = box(graded if high else turned(graded), sensitivity, specificity, confidence)
        if boxed.why_not is not None:
            return plain.model_copy(update={"unbounded": True, "why": boxed.why_not})
        found.append(boxed.estimate if high else turned(boxed.estimate))
    value, worst, best = found
    return plain.model_copy(update={"estimate": value, "filled": hull(worst, best)})


def known_of(validation: Validation) -> tuple[Known, Known]:
    """Its sensitivity and its specificity, with the prompts behind them where one repeats."""
    counts = validation.bad_right, validation.bad_n, validation.good_right, validation.good_n
    if not validation.tallies:
        return Known(*counts[:2]), Known(*counts[2:])
    one = [tally[:4] for tally in sorted(validation.tallies) for _ in range(tally[4])]
    largest = max(bad + good for _, bad, _, good in one)
    return (
        Known(*counts[:2], tuple((right, n) for right, n, _, _ in one), largest),
        Known(*counts[2:], tuple((right, n) for _, _, right, n in one), largest),
    )


def hull(one: Estimate, two: Estimate) -> Interval | None:
    """From the lower of the low ends to the higher of the high ones."""
    if one.interval is None or two.interval is None:
        return None
    low = min(one.interval.low, two.interval.low)
    high = max(one.interval.high, two.interval.high)
    return one.interval.model_copy(update={"low": low, "high": high})


def turned(found: Estimate) -> Estimate:
    """The estimate of one minus the rate."""
    value, interval = found.value, found.interval
    if value is None or interval is None:
        return found
    ends = {"low": 1 - interval.high, "high": 1 - interval.low}
    return Estimate(value=1 - value, interval=interval.model_copy(update=ends))


def _same_grader(known: Validation, reading: Reading) -> bool:
    """The same instrument: of the same digest, where both state one.

    Of a judging model the kind of lineage: which model it is, `People` has seen to.
    """
    grader = reading.info.grader
    digests = {known.digest, grader.digest} - {None}
    kinds = {one.lineage.partition(":")[0] for one in (known, grader)}
    return known.grader == grader.name and len(kinds) == 1 and len(digests) < 2


def _unfit(known: Validation, metric: Metric) -> str:
    """Why the validation says nothing of this metric; empty where it does.

    What is "bad" belongs to the construct, so another one's counts would be counts of the
    opposite.
    """
    if metric.looks_for not in (None, known.looks_for):
        return f"not corrected: validated for '{known.looks_for}', not for '{metric.looks_for}'"
    if metric.values != "binary":
        return "not corrected: its samples are no yes or no"
    if metric.several:
        return "not corrected: a sample is the worst of several verdicts"
    if metric.of_cluster != "mean":
        return "not corrected: a cluster is its worst samples, and the grader's error picks them"
    if metric.denominator == "eligible":
        return "not corrected: its denominator is graded as well"
    return ""


def _elsewhere(known: Validation, metric: Metric, task: str, family: str | None) -> str:
    """What differs between where the grader was validated and here; empty where nothing does."""
    differs = []
    if metric.looks_for is None:
        differs.append("construct not stated")
    if metric.language != known.language:
        differs.append(f"language {known.language}, here {metric.language or 'not stated'}")
    if task not in known.tasks and family not in known.families:
        differs.append("another task and model family")
    return f"validated elsewhere: {', '.join(differs)}" if differs else ""
