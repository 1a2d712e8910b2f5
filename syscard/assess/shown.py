"""What a task's answers show beyond its rates: calibration, a mixed model. It decides nothing."""

from syscard.assess.calibration import Stated, calibration_error, error_by_luck, reliability
from syscard.assess.interval import seed_of
from syscard.assess.means import salt_of
from syscard.assess.mixed import Answer, effects
from syscard.records import Estimate, Metric
from syscard.verdict import Reading, Row


def shown(reading: Reading, metric: Metric, confidence: float) -> dict[str, Estimate]:
    """By name, what the reading's task asks to have shown beside its first metric."""
    if metric.name != reading.info.metrics[0].name:
        return {}
    return _calibration(reading, confidence) | _discrimination(reading, metric, confidence)


def _calibration(reading: Reading, confidence: float) -> dict[str, Estimate]:
    if reading.info.calibrates is None:
        return {}
    stated, truth = reading.info.calibrates
    answers = [
        Stated(row.cluster, row.values[stated], row.values[truth])
        for row in _ordered(reading)
        if stated in row.values and truth in row.values
    ]
    if not answers:
        return {}
    seed = seed_of(salt_of(reading))
    errors = {
        "expected calibration error": calibration_error(answers, confidence, seed),
        "the same of a calibrated model, by luck": error_by_luck(answers, confidence, seed),
    }
    return errors | reliability(answers, confidence)


def _discrimination(reading: Reading, metric: Metric, confidence: float) -> dict[str, Estimate]:
    """Coefficients of each group of profiles by itself: stated attributes, names, ..."""
    if not reading.info.factors:
        return {}
    groups: dict[str, list[Answer]] = {}
    for row in _ordered(reading):
        if metric.name in row.values:
            answer = Answer(row.cluster, row.attributes, row.values[metric.name])
            groups.setdefault(row.group or "all", []).append(answer)
    found: dict[str, Estimate] = {}
    for group, answers in sorted(groups.items()):
        made = effects(answers, reading.info.factors, confidence)
        if made.why:
            found[f"discrimination, {group}: no coefficients, since {made.why}"] = Estimate()
        for name, estimate in made.of.items():
            found[f"discrimination coefficient, {group}: {name}"] = estimate
    return found


def _ordered(reading: Reading) -> list[Row]:
    """The rows in an order that no file decides."""
    return sorted(reading.rows, key=lambda row: (row.cluster, row.id, row.epoch))
