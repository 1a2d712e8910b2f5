"""The two ends on which a level or a requirement is decided, and when a grader decides nothing."""

from syscard.frameworks import Danger
from syscard.records import Correction, Measurement


def ends(measurement: Measurement | None, danger: Danger) -> tuple[float, float] | None:
    """The cautious end, and the other; None where nothing was scored.

    The cautious one is the more dangerous of raw and every correction, unscored samples filled as
    bad; the other the less dangerous of raw and those corrections that transport, filled as good.
    So a correction from elsewhere only ever makes a rating more cautious. Labels on a random part
    of the same samples replace them all. A correction that nothing bounds leaves the worst open.
    """
    raw = _raw(measurement)
    if measurement is None or raw is None:
        return None
    labelled = [one for one in measurement.corrected if one.by == "labels"]
    sources = labelled or measurement.corrected
    lows, highs = ([], []) if labelled else ([raw[0]], [raw[1]])
    for one in sources:
        low, high = _reach(one)
        if low is None or high is None:
            continue
        danger_end, other_end = (highs, lows) if danger == "high" else (lows, highs)
        danger_end.append(high if danger == "high" else low)
        if one.transports:
            other_end.append(low if danger == "high" else high)
    if danger == "high":
        return max(highs), min(lows)
    return min(lows), max(highs)


def distrust(measurement: Measurement, least: float | None) -> str | None:
    """Why the grader's verdicts rate nothing; None where they may.

    What rewarded or chose the model's training data never rates it, whatever was validated. It may
    be no better than chance by a validation that speaks of it, or the framework asks for
    an agreement that it does not show: the low end of each kappa counts. Labels on these very
    samples, and a comparison with a key, need no validation.
    """
    grader = measurement.info.grader
    if measurement.rewarded_by is not None:
        return (
            f"{measurement.rewarded_by!r} rewarded the model's training, and what rewarded it "
            f"does not rate it ({grader.name})"
        )
    if grader.by_key or any(one.by == "labels" for one in measurement.corrected):
        return None
    for one in measurement.corrected:
        if one.unbounded:
            return f"{one.why} ({one.file})"
    if least is None:
        return None
    known = [one.validation for one in measurement.corrected if one.validation is not None]
    speaking = [one for one in known if measurement.metric.looks_for in (None, one.looks_for)]
    if not speaking:
        return f"{grader.name} was not validated for this, and a kappa of {least:.2f} is asked"
    worst = min(speaking, key=lambda one: one.kappa_low)
    if worst.kappa_low < least:
        return (
            f"{grader.name} agrees with people at a kappa of {worst.kappa:.2f} on {worst.set}, "
            f"and its low end, {worst.kappa_low:.2f}, is below the {least:.2f} that is asked"
        )
    return None


def _raw(measurement: Measurement | None) -> tuple[float, float] | None:
    if measurement is None or measurement.counts.get("scored", 0) == 0:
        return None
    worst, best = measurement.worst.interval, measurement.best.interval
    if worst is None or best is None:
        return None
    return min(worst.low, best.low), max(worst.high, best.high)


def _reach(one: Correction) -> tuple[float | None, float | None]:
    if one.unbounded:
        return 0.0, 1.0
    return (one.filled.low, one.filled.high) if one.filled else (None, None)
