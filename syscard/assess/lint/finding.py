"""What `lint` finds, and what it looks through."""

from typing import NamedTuple

from syscard.record import Record
from syscard.reported import Cell, Publication, ReportedRow, ReportedTable


class Finding(Record):
    """One thing that does not add up: by which rule, where, and why with its numbers."""

    rule: str
    file: str
    table: str = ""
    row: str = ""
    column: str = ""
    says: str
    declared: bool = False  # an exception that the document itself names

    @property
    def line(self) -> str:
        place = " / ".join(part for part in (self.table, self.row, self.column) if part)
        return f"{self.file}: {place}: {self.says} {self.mark}" if place else (
            f"{self.file}: {self.says} {self.mark}"
        )  # fmt: skip

    @property
    def mark(self) -> str:
        """By which rule, at a line's end."""
        return f"[{self.rule}, declared]" if self.declared else f"[{self.rule}]"


class Sheet(NamedTuple):
    """A publication and the file that it was read from."""

    file: str
    publication: Publication

    def finding(
        self,
        rule: str,
        says: str,
        table: ReportedTable | None = None,
        row: ReportedRow | None = None,
        column: str = "",
    ) -> Finding:
        return Finding(
            rule=rule,
            file=self.file,
            table=table.id if table else "",
            row=row.key if row else "",
            column=column,
            says=says,
        )


def plain(value: float) -> str:
    """A number as it is printed: no more digits than it has."""
    return f"{value:.4f}".rstrip("0").rstrip(".") or "0"


def same_words(text: str) -> str:
    """What of a name tells it from another: letters and digits, whatever their case."""
    return "".join(c for c in text.casefold() if c.isalnum())


def binary(cell: Cell) -> bool:
    """Whether a value is a share of yes-or-no outcomes."""
    return cell.row.kind == "share" or cell.row.kind.startswith(("pass@", "cons@"))
