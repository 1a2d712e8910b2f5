"""Reported tables as a page shows them, with what an exact interval would say at the stated n."""

import math
from typing import NamedTuple

from syscard.assess.interval import exact
from syscard.assess.lint.finding import binary
from syscard.records import Interval
from syscard.reported import Cell, Publication, ReportedRow, ReportedTable


class ShownCell(NamedTuple):
    """One printed value. `would`: Clopper-Pearson at n, each item taken as a yes or a no."""

    text: str
    printed: str  # the publication's own interval
    would: Interval | None
    chart: bool
    note: str
    no_count_of: int | None = None  # n, where no whole number of its items gives the value


class ShownRow(NamedTuple):
    """A row and its values in the order of the columns; None where none is transcribed."""

    row: ReportedRow
    cells: tuple[ShownCell | None, ...]


class ShownTable(NamedTuple):
    """A table of one publication."""

    publication: Publication
    table: ReportedTable
    rows: tuple[ShownRow, ...]
    confidence: float  # of the exact intervals

    @property
    def kind(self) -> str | None:
        """The kind of every row, where there are several and all are of one."""
        kinds = {line.row.kind for line in self.rows}
        return kinds.pop() if len(self.rows) > 1 and len(kinds) == 1 else None

    @property
    def better(self) -> str | None:
        """Likewise which way is better."""
        ways = {line.row.better for line in self.rows}
        return ways.pop() if len(self.rows) > 1 and len(ways) == 1 else None


def shown(publication: Publication, confidence: float) -> tuple[ShownTable, ...]:
    """Every table of a publication, in its order."""
    return tuple(
        ShownTable(
            publication,
            table,
            tuple(_row(table, row, confidence) for row in table.rows),
            confidence,
        )
        for table in publication.tables
    )


def would_say(cell: Cell, confidence: float) -> Interval | None:
    """The exact interval of a rate at its stated n; None where it is no such rate, or n unknown.

    Items count, not attempts at them, so for a mean over attempts it is on the wide side. Where no
    whole number of items gives the rate, both neighbours' intervals together.
    """
    n, value = cell.row.outcomes, cell.value.value
    if n is None or not binary(cell) or not 0 <= value <= 1:
        return None
    if no_count_of(cell) is None:
        return exact(round(value * n), n, confidence)
    low, high = (exact(end(value * n), n, confidence) for end in (math.floor, math.ceil))
    return low.model_copy(update={"high": high.high})


def no_count_of(cell: Cell) -> int | None:
    """n, where the printed rate is that of no whole number of n items; None where it may be."""
    n, value = cell.row.outcomes, cell.value.value
    if n is None or not binary(cell) or not 0 <= value <= 1:
        return None
    return None if abs(round(value * n) / n - value) <= cell.half else n


def _row(table: ReportedTable, row: ReportedRow, confidence: float) -> ShownRow:
    pairs = zip(table.columns, row.values, strict=True) if row.values else ()
    found = [None if value is None else Cell(table, row, column, value) for column, value in pairs]
    cells = [None if cell is None else _cell(cell, confidence) for cell in found]
    return ShownRow(row, tuple(cells) or (None,) * len(table.columns))


def _cell(cell: Cell, confidence: float) -> ShownCell:
    v = cell.value
    ends = (v.low, v.high)
    printed = "" if None in ends else " to ".join(_printed(cell, end or 0.0) for end in ends)
    return ShownCell(
        text=_printed(cell, v.value),
        printed=printed,
        would=would_say(cell, confidence),
        chart=v.chart,
        note=v.note,
        no_count_of=no_count_of(cell),
    )


def _printed(cell: Cell, value: float) -> str:
    """With the digits that the publication printed, a rate as per cent."""
    decimals = cell.row.decimals if cell.value.decimals is None else cell.value.decimals
    if cell.row.kind in ("count", "number", "coefficient"):
        return f"{value:,.{decimals}f}"
    return f"{100 * value:.{max(decimals - 2, 0)}f}%"
