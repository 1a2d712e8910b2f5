"""Tables that somebody else published: reported evidence, which rates nothing by itself.

A publication is typed as it was printed: names as in its headers, rates as 0 to 1 with the
printed decimals, values read off a figure marked so. Where its text says how numbers hang
together (a mean of rows, a regression, a checkpoint), that is data here, so that `syscard lint`
can hold the numbers against the words without knowing either.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from syscard.files import digest_bytes, read_text
from syscard.frameworks import Mitigation
from syscard.record import Record
from syscard.yamltext import parse_record

KIND = r"^(share|mean|win rate|coefficient|count|number|(pass|cons)@[1-9]\d*|goodness@0\.\d+)$"
CHART = 0.01  # how far a value read off a figure may be off


class ReportedValue(Record):
    """One printed number, with the interval that was printed beside it."""

    value: float = Field(allow_inf_nan=False)
    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)
    chart: bool = False  # read off a figure: about a point of tolerance
    decimals: int | None = Field(default=None, ge=0, le=6)  # where not as in its row
    note: str = ""


class ReportedColumn(Record):
    """A column as its header names it, and what it is about where that is a model."""

    label: str
    model: str | None = None
    mitigation: Mitigation | None = None
    checkpoint: str | None = None  # None: the one that the publication is about
    also_called: tuple[str, ...] = ()  # what the text calls the same column


class Bar(Record):
    """A baseline or a threshold that the publication holds a row against."""

    label: str
    at: float = Field(allow_inf_nan=False)


class ReportedRow(Record):
    """One metric of one set, a value a column; None where none is transcribed."""

    label: str
    id: str = ""  # where the label stands twice
    metric: str
    kind: str = Field(pattern=KIND)
    better: Literal["up", "down"] | None = None
    decimals: int = Field(ge=0, le=6)  # printed, of the rate: 2 for .88 and 88%, 3 for 28.4%
    set: str | None = None  # the same word wherever the same items are meant
    n: int | None = Field(default=None, ge=1)  # items
    attempts: int | None = Field(default=None, ge=1)  # at each item
    model: str | None = None
    mitigation: Mitigation | None = None
    checkpoint: str | None = None
    over: tuple[str, str] | None = None  # of a win rate: the winner and the loser
    bars: tuple[Bar, ...] = ()
    drawn: bool = False  # its intervals are drawn in a figure, and their ends not printed
    values: tuple[ReportedValue | None, ...] = ()
    note: str = ""

    @field_validator("values", mode="before")
    @classmethod
    def _plain_numbers(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            return given
        plain = (int, float)
        return [
            {"value": v} if isinstance(v, plain) and not isinstance(v, bool) else v for v in given
        ]

    @property
    def key(self) -> str:
        """By which relations name the row."""
        return self.id or self.label

    @property
    def outcomes(self) -> int | None:
        """Independent outcomes behind a value: items, or attempts where there is one item."""
        return self.attempts if self.n == 1 else self.n


class Whole(Record):
    """A row (or a column) that the publication gives as the whole of others.

    Without `table` the whole stands in the same table; with it, this table's rows are its parts.
    """

    how: Literal["mean", "sum", "not stated"]
    row: str | None = None
    column: str | None = None
    table: str | None = None
    parts: tuple[str, ...] = ()  # empty: all others

    @model_validator(mode="after")
    def _one(self) -> "Whole":
        if (self.row is None) == (self.column is None):
            raise ValueError("a whole is either a 'row' or a 'column'")
        if self.table is not None and self.row is None:
            raise ValueError("a whole in another 'table' is one of its rows: name the 'row'")
        return self


class Claim(Record):
    """What the text says of a column's value; `against` names other columns, or bars of the row."""

    text: str
    column: str
    says: Literal["better", "worse", "not worse", "not better", "above", "not above"]
    against: tuple[str, ...] = Field(min_length=1)
    row: str | None = None  # None: the mean of all rows


class Said(Record):
    """One of the ways in which the publication states a thing."""

    where: str
    value: str | int | float


class Stated(Record):
    """One thing that the publication states in several places."""

    what: str
    said: tuple[Said, ...] = Field(min_length=2)


class ReportedTable(Record):
    """One table, or one figure's numbers, with what the text says of it."""

    id: str
    title: str
    section: str
    source: str  # which table or figure, in which section
    category: str | None = None  # of the framework, for a capability
    columns: tuple[ReportedColumn, ...] = Field(min_length=1)
    rows: tuple[ReportedRow, ...] = Field(min_length=1)
    wholes: tuple[Whole, ...] = ()
    claims: tuple[Claim, ...] = ()
    stated: tuple[Stated, ...] = ()
    compares: tuple[str, ...] = ()  # the columns, in the words and order of the text
    part_of: str | None = None  # several parts of one printed table
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _each(cls, given: Any) -> Any:
        """`each` holds what is the same in all rows, so that data need not repeat it."""
        if not isinstance(given, dict) or "each" not in given:
            return given
        same, rows = given["each"], given.get("rows")
        if not isinstance(same, dict) or not isinstance(rows, list):
            raise ValueError("'each' is a mapping of what all 'rows' have")
        filled = [{**same, **row} if isinstance(row, dict) else row for row in rows]
        return {key: value for key, value in given.items() if key != "each"} | {"rows": filled}

    @model_validator(mode="after")
    def _whole_table(self) -> "ReportedTable":
        _once("row", [row.key for row in self.rows])
        _once("column", [column.label for column in self.columns])
        for row in self.rows:
            if row.values and len(row.values) != len(self.columns):
                raise ValueError(
                    f"row {row.key!r} has {len(row.values)} values for {len(self.columns)} columns"
                )
        for whole in self.wholes:
            _known("row", [whole.row, *whole.parts] if whole.row and not whole.table else [], self)
            _known("column", [whole.column, *whole.parts] if whole.column else [], self)
        for claim in self.claims:
            _known("row", [claim.row] if claim.row else [], self)
            _known("column", [claim.column], self)
            bars = {bar.label for row in self.rows for bar in row.bars}
            _known("column", [name for name in claim.against if name not in bars], self)
        return self

    def row(self, key: str) -> ReportedRow:
        return next(row for row in self.rows if row.key == key)

    def at(self, label: str) -> int:
        """The place of a column."""
        return [column.label for column in self.columns].index(label)


class Publication(Record):
    """One document's tables about one model."""

    id: str
    title: str
    publisher: str
    date: str
    source: str
    model: str
    checkpoint: str  # that the document is about
    exceptions: tuple[str, ...] = ()  # other checkpoints that it says it also evaluated
    names: tuple[tuple[str, ...], ...] = ()  # labels that it says are one thing
    tables: tuple[ReportedTable, ...] = Field(min_length=1)
    stated: tuple[Stated, ...] = ()
    note: str = ""

    @model_validator(mode="after")
    def _tables(self) -> "Publication":
        _once("table", [table.id for table in self.tables])
        known = {table.id: table for table in self.tables}
        for whole in (whole for table in self.tables for whole in table.wholes):
            if whole.table is not None:
                if whole.table not in known:
                    raise ValueError(f"a whole names table {whole.table!r}, which is not here")
                _known("row", [whole.row], known[whole.table])
        return self


class Cell(NamedTuple):
    """One value of a table with all that is known of it."""

    table: ReportedTable
    row: ReportedRow
    column: ReportedColumn
    value: ReportedValue

    @property
    def model(self) -> str | None:
        return self.column.model or self.row.model

    @property
    def mitigation(self) -> Mitigation:
        """Where nothing is said, the model as it was released."""
        return self.column.mitigation or self.row.mitigation or "post"

    @property
    def checkpoint(self) -> str | None:
        return self.column.checkpoint or self.row.checkpoint

    @property
    def half(self) -> float:
        """How far the true value may lie from the printed one: half of its last digit."""
        decimals = self.row.decimals if self.value.decimals is None else self.value.decimals
        rounding = 0.0 if self.row.kind == "count" else 0.5 * 10.0**-decimals
        return max(rounding, CHART) if self.value.chart else rounding


def cells(table: ReportedTable) -> Iterator[Cell]:
    """Every value that a table prints, row by row."""
    for row in table.rows:
        for column, value in zip(table.columns, row.values, strict=False):
            if value is not None:
                yield Cell(table, row, column, value)


def read_reported(path: Path) -> tuple[Publication, str]:
    """A publication from YAML, and the digest of its file.

    Raises:
        DataError: with the line, what is wrong there, and what to write instead.
    """
    text = read_text(path)
    return parse_record(text, str(path), Publication)[0], digest_bytes(text.encode())


def _once(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name!r} stands twice")


def _known(what: str, names: list[str | None], table: ReportedTable) -> None:
    there = (
        [row.key for row in table.rows]
        if what == "row"
        else [column.label for column in table.columns]
    )
    for name in names:
        if name not in there:
            raise ValueError(f"table {table.id!r} has no {what} {name!r}; it has: {there}")
