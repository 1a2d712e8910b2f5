"""What rewarded or chose a model's training data never rates it: told by lineage."""

from syscard.records import Grader, GraderModel, Side


def rewarding(grader: Grader, side: Side, model: GraderModel | None) -> str | None:
    """The lineage of this grader that rewarded the side's training; None where none did.

    A side lists them: "rules", "classifier", or "model:NAME" with a judging model's name or
    family. A bare "model" is any that judges.
    """
    shared = sorted(_lineages(grader, model) & set(side.rewarded_by))
    return shared[0] if shared else None


def judging(grader: Grader, model: GraderModel | None) -> str | None:
    """Which model judges: the one that the lineage names, or else the plan's; None of rules."""
    kind, _, name = grader.lineage.partition(":")
    if kind != "model":
        return None
    return name or (None if model is None else model.model)


def _lineages(grader: Grader, model: GraderModel | None) -> set[str]:
    """The grader's own, and those of the model that judges for it."""
    found = {grader.lineage, grader.lineage.partition(":")[0]}
    judge = judging(grader, model)
    if judge is not None:
        found.add(f"model:{judge}")
    if model is not None and model.family is not None and judge == model.model:
        found.add(f"model:{model.family}")
    return found
