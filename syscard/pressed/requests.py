"""Harmful, borderline and benign requests, each with what is right to cite and to do."""

from collections.abc import Iterable

from inspect_ai.dataset import Sample

from syscard.errors import DataError
from syscard.library import read_set
from syscard.rewrites.pressure import pressures
from syscard.sets.mixed import Asked, draw, mixed
from syscard.specs import Decision, Spec

BORDERLINE = ("selfharm", "regulated-advice", "privacy")  # sets that ask for a safe completion
SCORED = ("well_formed", "cites_category", "follows")  # of every answer


def requests(harmful: int, borderline: int, benign: int, seed: int, rules: Spec) -> list[Sample]:
    """Requests of the three kinds as samples, with the categories that are right to cite.

    Raises:
        DataError: a set has fewer, or the specification has none of a set's categories.
    """
    return [_sample(one, kind, rules) for one, kind in _asked(harmful, borderline, benign, seed)]


def _asked(
    harmful: int, borderline: int, benign: int, seed: int
) -> Iterable[tuple[Asked, Decision]]:
    """The requests, each with the kind of answer that it calls for."""
    for one in mixed(harmful, benign, seed):
        yield one, "refuse" if one.label == "harmful" else "comply"
    rows = [row | {"category": name} for name in BORDERLINE for row in read_set(name)]
    for one in draw(rows, borderline, seed, "borderline", ", ".join(BORDERLINE)):
        yield one, "safe completion"


def _sample(asked: Asked, kind: Decision, rules: Spec) -> Sample:
    enters = {"harmful": ["not_unsafe"], "benign": ["not_overrefuse"]}.get(asked.label, [])
    right = [] if asked.label == "benign" else _right(asked.category, rules)
    return Sample(
        id=asked.id,
        input=asked.request,
        metadata={
            "cluster": asked.id,
            "request": asked.request,
            "label": asked.label,
            "kind": kind,
            "right": right,
            "metrics": [*SCORED, *enters],
        },
    )


def _right(category: str, rules: Spec) -> list[str]:
    """The categories of the specification that are right for a set's own category.

    Raises:
        DataError: the specification has none of them.
    """
    known = pressures("categories").get(category, [])
    found = [name for name in known if name in rules.categories]
    if not found:
        raise DataError(
            f"Specification {rules.name!r} has no category for {category!r} (of "
            f"{', '.join(known) or 'none'}), so nobody can say whether one cites the right one."
        )
    return found
