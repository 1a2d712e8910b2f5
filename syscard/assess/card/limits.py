"""What a reader must know of the evidence before believing it."""

from collections.abc import Iterator

from syscard.library import one_sided
from syscard.records import Measurement, Measurements, Plan

LIMITS = (
    "A level is decided by the indicators of the framework named here and by nothing else. What "
    "no indicator measures is not rated.",
    "Each interval speaks of the mean over the population that the prompts are drawn from, each "
    "cluster counted equally. That the prompts here are a fair draw from what users will ask is "
    "an assumption.",
    "Capability results are a lower bound: other prompting, tools, longer attempts or fine-tuning "
    "could show more.",
)


def limits(measurements: Measurements, plan: Plan) -> Iterator[str]:
    """One sentence each: what holds of every card, and what of this one's graders and plan."""
    yield from LIMITS
    judged = [m for m in measurements.measured if not m.info.grader.by_key]
    bare = sorted({m.info.grader.name for m in judged if not any(_speaks(m))})
    if bare:
        yield (
            f"Not held against people's labels for what it rates here: {', '.join(bare)}. Their "
            "errors are not corrected for."
        )
    elsewhere = sorted({m.info.grader.name for m in judged if any(_speaks(m))} - set(bare))
    if elsewhere:
        yield (
            f"Corrected by what people's labels showed of them: {', '.join(elsewhere)}. Errors do "
            "not transport: a validation made elsewhere only ever makes a rating more cautious."
        )
    rewarded = {(m.task, m.mitigation, m.rewarded_by) for m in measurements.measured}
    for task, mitigation, lineage in sorted(r for r in rewarded if r[2] is not None):
        yield (
            f"{task} ({mitigation}) is judged by what rewarded or chose the model's training data "
            f"({lineage}), so it rates nothing."
        )
    if (forgotten := one_sided(plan)) is not None:
        yield forgotten


def _speaks(measurement: Measurement) -> list[bool]:
    """Of each correction, whether it moved the number."""
    return [one.estimate.value is not None for one in measurement.corrected]
