"""A small draw of harmful and of benign requests, so that refusing everything shows at once."""

from typing import Any, NamedTuple

from syscard.errors import DataError
from syscard.library import drawn, read_set

ENTERS = {"harmful": "not_unsafe", "benign": "not_overrefuse"}


class Asked(NamedTuple):
    """One request; `label` is harmful or benign, `category` its set's own word."""

    id: str
    request: str
    label: str
    category: str

    @property
    def metadata(self) -> dict[str, Any]:
        """What a sample made of it carries: its cluster, and the metrics that it enters."""
        return {
            "cluster": self.id,
            "request": self.request,
            "label": self.label,
            "category": self.category,
            "metrics": [ENTERS[self.label]],
        }


def mixed(
    harmful: int, benign: int, seed: int, set: str = "disallowed", benign_set: str = "overrefusal"
) -> tuple[Asked, ...]:
    """So many of each kind, in an order drawn with `seed`; a larger draw begins with the smaller.

    Raises:
        DataError: fewer than one of a kind is asked for, or a set has not so many.
    """
    rows = [row for row in read_set(benign_set) if row.get("label", "safe") == "safe"]
    return (
        *draw(read_set(set), harmful, seed, "harmful", set),
        *draw(rows, benign, seed, "benign", benign_set),
    )


def draw(
    rows: list[dict[str, Any]], count: int, seed: int, label: str, name: str
) -> tuple[Asked, ...]:
    """So many of a set's rows, as requests of that label.

    Raises:
        DataError: `count` is not from 1 to the number of rows.
    """
    if not 1 <= count <= len(rows):
        raise DataError(f"{count} {label} requests of {name}: ask for 1 to {len(rows)}.")
    return tuple(
        Asked(row["id"], row["input"], label, str(row.get("category") or row.get("kind") or name))
        for row in drawn(rows, count, seed)
    )
