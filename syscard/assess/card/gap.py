"""Where two records differ that should be one: the first place, for a person to look at."""

import math
from collections.abc import Sequence
from typing import Any

from syscard.assess.card.places import CARD
from syscard.errors import LedgerError
from syscard.records import Card, Record

CLOSE = 1e-9  # between two machines' results: far below any printed digit


def gap(again: Any, there: Any, place: str, close: float = 0.0) -> str | None:
    """The first place at which two dumped records differ, and what stands there.

    Floats may be `close`: processors differ in the last digits of a logarithm.
    """
    if type(again) is type(there) is dict and again.keys() == there.keys():
        gaps = (gap(again[key], there[key], f"{place}.{key}", close) for key in again)
        return next((found for found in gaps if found is not None), None)
    if type(again) is type(there) is list and len(again) == len(there):
        both = enumerate(zip(again, there, strict=True))
        gaps = (gap(one, other, f"{place}.{n}", close) for n, (one, other) in both)
        return next((found for found in gaps if found is not None), None)
    if type(again) is type(there) is float:
        same = math.isclose(again, there, rel_tol=close, abs_tol=close)
        same = same or repr(again) == repr(there)  # not a number, twice
    else:
        same = type(again) is type(there) and again == there
    if same:
        return None
    return f"{place} is {there!r:.80} there, and {again!r:.80} when it is computed again"


def compare(there: Card, again: Card, only: Sequence[str] = ()) -> None:
    """That the card is the one that was composed again, in the fields named, or in all.

    Raises:
        LedgerError: naming the first place that differs.
    """
    for name in only or Card.model_fields:
        one, other = (_plain(getattr(c, name)) for c in (again, there))
        difference = gap(one, other, name)
        if difference is not None:
            raise LedgerError(f"{CARD}: {difference}.")


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
