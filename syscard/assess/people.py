"""What people said: of the graders, of samples, and of models side by side.

All of it stands in files that the plan names, so that whoever has the plan reads the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from syscard.assess.correction import Source, corrections
from syscard.assess.labels import rectify
from syscard.errors import EvidenceError
from syscard.library import data_path, read_validation, validation_files
from syscard.lineage import judging, rewarding
from syscard.records import Correction, GraderModel, Labels, Metric, Mitigation, Plan, Side
from syscard.verdict import Reading


@dataclass(frozen=True)
class People:
    """The plan's validations, its labels, and the families of its models."""

    sources: tuple[Source, ...] = ()
    labels: tuple[Labels, ...] = ()
    families: tuple[tuple[Mitigation, str | None], ...] = ()
    confidence: float = 0.95
    sides: tuple[tuple[Mitigation, Side], ...] = ()
    grader: GraderModel | None = None

    def rewarded_by(self, reading: Reading) -> str | None:
        """The lineage of the log's grader that rewarded the training of the log's model."""
        side = dict(self.sides).get(reading.mitigation)
        return None if side is None else rewarding(reading.info.grader, side, self.grader)

    def corrected(self, reading: Reading, metric: Metric) -> tuple[Correction, ...]:
        """What they say of one metric of one log: the rectified rate first, if there is one."""
        family = dict(self.families).get(reading.mitigation)
        asked = (reading.task, metric.name, reading.mitigation)
        return (
            *(
                rectify(reading, metric, labels, self.confidence)
                for labels in self.labels
                if (labels.task, labels.metric, labels.mitigation) == asked
            ),
            *corrections(reading, metric, self._sources(reading), family, self.confidence),
        )

    def _sources(self, reading: Reading) -> tuple[Source, ...]:
        """All but validations of another judging model, which is another instrument."""
        model = judging(reading.info.grader, self.grader)
        return tuple(
            source
            for source in self.sources
            if source.validation.model is None or source.validation.model == model
        )


def read_people(plan: Plan) -> People:
    """Read and check the validations; labels that are not there yet are left to `owed`.

    Raises:
        DataError: a validation is not there, or its counts do not add up.
        EvidenceError: one metric of one log has two files of labels.
    """
    sources = []
    for name in (one for word in plan.validations for one in validation_files(word)):
        validation, digest = read_validation(data_path("validations", name))
        sources.append(Source(name, digest, validation))
    seen: dict[tuple[str, str, str], str] = {}
    for labels in plan.labels:
        key = (labels.task, labels.metric, labels.mitigation)
        if key in seen:
            raise EvidenceError(
                f"{seen[key]} and {labels.file} both label {labels.task} {labels.metric!r} "
                f"({labels.mitigation}). None may be chosen: put them into one file."
            )
        seen[key] = labels.file
    return People(
        sources=tuple(sources),
        labels=tuple(labels for labels in plan.labels if Path(labels.file).exists()),
        families=(("pre", plan.pre.family), ("post", plan.post.family)),
        confidence=plan.confidence,
        sides=(("pre", plan.pre), ("post", plan.post)),
        grader=plan.grader,
    )


def owed(plan: Plan, readings: Iterable[Reading]) -> list[str]:
    """The labels that the plan promises and that rectify nothing yet."""
    given = {(r.task, m.name, r.mitigation) for r in readings for m in r.info.metrics}
    found = []
    for labels in plan.labels:
        about = f"{labels.task} ({labels.mitigation}): {labels.file}, people's labels of "
        if not Path(labels.file).exists():
            found.append(f"{about}{labels.metric!r}, is not there yet")
        elif (labels.task, labels.metric, labels.mitigation) not in given:
            found.append(f"{about}{labels.metric!r}, speaks of what no log gives")
    return found
