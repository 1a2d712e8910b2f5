"""Rules on a published table's numbers: each against the others, and against its own n.

No rule knows a model, a set or a document by name. A printed number stands for everything that
rounds to it, so that rounding alone never makes a finding.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import permutations

from syscard.assess.lint.finding import Finding, Sheet, binary, plain
from syscard.assess.winrate import implied
from syscard.reported import Cell, ReportedTable, Whole, cells

TINY = 1e-9
Key = tuple[str, ...]


def values_in_range(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """A rate lies between 0 and 1; a count is a whole number that is not negative."""
    for sheet, cell in _cells(sheets):
        value, kind = cell.value.value, cell.row.kind
        if kind == "number":
            continue
        wanted = "a whole number" if kind == "count" else "between 0 and 1"
        good = value >= 0 and value == int(value) if kind == "count" else 0 <= value <= 1
        if not good:
            yield _at(sheet, cell, "value-in-range", f"{plain(value)} is not {wanted}")


def interval_holds_its_value(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """A value lies inside the interval that is printed beside it."""
    for sheet, cell in _cells(sheets):
        v = cell.value
        low = -math.inf if v.low is None else v.low
        high = math.inf if v.high is None else v.high
        if not low - cell.half - TINY <= v.value <= high + cell.half + TINY:
            says = f"{plain(v.value)} lies outside its interval, {plain(low)} to {plain(high)}"
            yield _at(sheet, cell, "interval-holds-value", says)


def whole_is_of_its_parts(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """What is given as a mean or a sum of others is one, as far as printed digits tell."""
    for sheet in sheets:
        tables = {table.id: table for table in sheet.publication.tables}
        for table in tables.values():
            for whole in table.wholes:
                for cell, parts in _wholes(table, whole, tables):
                    says = _whole(cell, parts, whole.how)
                    if says:
                        yield _at(sheet, cell, "whole-of-its-parts", f"{says} ({table.source})")


def one_value_each(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """The same metric of the same model on the same set has one value, in whichever document."""
    seen: dict[Key, list[tuple[Sheet, Cell]]] = {}
    for sheet, cell in _cells(sheets):
        row = cell.row
        if row.set and cell.model and cell.checkpoint is None:
            key = (row.set, row.metric, row.kind, cell.model, cell.mitigation)
            seen.setdefault(key, []).append((sheet, cell))
    for found in seen.values():
        sheet, first = found[0]
        for other_sheet, other in found[1:]:
            apart = abs(first.value.value - other.value.value)
            if apart > first.half + other.half + TINY:
                says = (
                    f"{plain(first.value.value)} here, {plain(other.value.value)} in "
                    f"{other_sheet.publication.title}, {other.table.source}: the same metric, "
                    "set and model"
                )
                yield _at(sheet, first, "one-value-each", says)


def rate_is_possible(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """Some whole number of hits, over the stated n and attempts, rounds to the printed rate."""
    for sheet, row_cells in _rows(sheets):
        row = row_cells[0].row
        if row.n is None or not binary(row_cells[0]):
            continue
        total = row.n * (row.attempts or 1)
        wrong = [cell for cell in row_cells if not _possible(cell, total)]
        if wrong:
            of = f"{total} outcomes" if row.attempts else f"{total} items tried once each"
            unless = "" if row.attempts else "; attempts at each item are not stated"
            says = f"no whole number of {of} rounds to {_listed(wrong)}{unless}"
            yield _at(sheet, wrong[0], "rate-possible-at-n", says, _columns(wrong))


def kind_is_what_it_says(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """Of k attempts, pass@k and cons@k of an item are 0 or 1: a share of items, not of attempts."""
    for sheet, row_cells in _rows(sheets):
        row = row_cells[0].row
        name, _, k = row.kind.partition("@")
        if name not in ("pass", "cons") or row.attempts is None:
            continue
        if row.attempts < int(k):
            says = f"labelled {row.kind}, with {row.attempts} attempts"
            yield _at(sheet, row_cells[0], "kind-as-labelled", says, _columns(row_cells))
        wrong = [c for c in row_cells if row.n is not None and not _possible(c, row.n)]
        if wrong and row.attempts == int(k) and int(k) > 1:
            of = "0 or 1 of one item" if row.n == 1 else f"a whole number of {row.n} items"
            says = (
                f"labelled {row.kind}, which over {row.attempts} attempts is {of}, and not "
                f"{_listed(wrong)}: rather a share of attempts"
            )
            yield _at(sheet, wrong[0], "kind-as-labelled", says, _columns(wrong))


def win_rates_agree(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """Three pairs of one column come from one Bradley-Terry model, as far as digits tell."""
    for sheet in sheets:
        for table in sheet.publication.tables:
            for column in table.columns:
                pairs = _pairs(table, column.label)
                told = set[frozenset[str]]()
                for a, b, c in permutations(sorted({name for pair in pairs for name in pair}), 3):
                    trio = frozenset((a, b, c))
                    if trio in told or not {(a, b), (a, c), (b, c)} <= set(pairs):
                        continue
                    says = _disagree(pairs[a, b], pairs[a, c], pairs[b, c])
                    if says:
                        told.add(trio)
                        over = f"{a} over {b} is {says} from each one's rate over {c}"
                        yield _at(sheet, pairs[a, b][0], "win-rates-agree", over)


def one_n_each(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """A set has one size, in whichever table or document."""
    sizes: dict[str, tuple[int, str]] = {}
    for sheet in sheets:
        for table in sheet.publication.tables:
            for row in table.rows:
                if row.set is None or row.n is None:
                    continue
                n, where = sizes.setdefault(row.set, (row.n, table.source))
                if n != row.n:
                    says = f"n is {row.n} here and {n} in {where}, of the same set"
                    yield sheet.finding("one-n-each", says, table, row)


# ---------------------------------------------------------------- means and sums


def _wholes(
    table: ReportedTable, whole: Whole, tables: dict[str, ReportedTable]
) -> Iterator[tuple[Cell, list[Cell]]]:
    """Each value given as a whole with the values that are its parts."""
    found = list(cells(table))
    if whole.table is not None:
        for cell in cells(tables[whole.table]):
            same = [c for c in found if (c.model, c.mitigation) == (cell.model, cell.mitigation)]
            if cell.row.key == whole.row and len(same) == len(table.rows):
                yield cell, same
        return
    for cell in found:
        if whole.row == cell.row.key:
            line = [c for c in found if c.column == cell.column and c.row != cell.row]
            parts = [c for c in line if not whole.parts or c.row.key in whole.parts]
            owed = len(whole.parts) or len(table.rows) - 1
        elif whole.column == cell.column.label:
            line = [c for c in found if c.row == cell.row and c.column != cell.column]
            parts = [c for c in line if not whole.parts or c.column.label in whole.parts]
            owed = len(whole.parts) or len(table.columns) - 1
        else:
            continue
        if len(parts) == owed:
            yield cell, parts


def _whole(cell: Cell, parts: list[Cell], how: str) -> str | None:
    """What is wrong with a whole; None where it may be one."""
    values, value = [part.value.value for part in parts], cell.value.value
    slack = sum(part.half for part in parts)
    if how == "sum":
        wrong = abs(sum(values) - value) > cell.half + slack + TINY
        return (
            f"{plain(value)} is not {plain(sum(values))}, the sum of its parts" if wrong else None
        )
    mean, n = sum(values) / len(values), len(values)
    if abs(mean - value) <= cell.half + slack / n + TINY:
        return None
    says = f"{plain(value)} is not {plain(mean)}, the simple mean of its {n} parts"
    if how == "mean":
        return says
    reach = cell.half + max(part.half for part in parts)
    if min(values) - reach <= value <= max(values) + reach:
        return f"{says}; the weights that would give it are not stated"
    return f"{says}, and no weights give it"


# ---------------------------------------------------------------- win rates


def _pairs(table: ReportedTable, column: str) -> dict[tuple[str, str], tuple[Cell, bool]]:
    """Each pair of a column in both directions; True where it is turned round."""
    found = {}
    for cell in cells(table):
        if cell.column.label == column and cell.row.over and cell.row.kind == "win rate":
            a, b = cell.row.over
            found[a, b], found[b, a] = (cell, False), (cell, True)
    return found


def _disagree(ab: tuple[Cell, bool], ac: tuple[Cell, bool], bc: tuple[Cell, bool]) -> str | None:
    ranges = [_range(*pair) for pair in (ab, ac, bc)]
    if any(low <= 0 or high >= 1 for low, high in ranges):
        return None  # nothing is implied by a certain win
    (low, high), (ac_low, ac_high), (bc_low, bc_high) = ranges
    least, most = implied(ac_low, bc_high), implied(ac_high, bc_low)
    if least <= high + TINY and low - TINY <= most:
        return None
    return f"{plain((low + high) / 2)}, and a Bradley-Terry model has {plain((least + most) / 2)}"


def _range(cell: Cell, turned: bool) -> tuple[float, float]:
    value = 1 - cell.value.value if turned else cell.value.value
    return value - cell.half, value + cell.half


# ---------------------------------------------------------------- small things


def _cells(sheets: Sequence[Sheet]) -> Iterator[tuple[Sheet, Cell]]:
    for sheet in sheets:
        for table in sheet.publication.tables:
            for cell in cells(table):
                yield sheet, cell


def _rows(sheets: Sequence[Sheet]) -> Iterator[tuple[Sheet, list[Cell]]]:
    """The values of each row that has any."""
    for sheet in sheets:
        for table in sheet.publication.tables:
            found = list(cells(table))
            for row in table.rows:
                line = [cell for cell in found if cell.row is row]
                if line:
                    yield sheet, line


def _possible(cell: Cell, total: int) -> bool:
    least = math.ceil((cell.value.value - cell.half - TINY) * total)
    return least <= math.floor((cell.value.value + cell.half + TINY) * total)


def _listed(wrong: list[Cell]) -> str:
    return ", ".join(dict.fromkeys(plain(cell.value.value) for cell in wrong))


def _columns(wrong: list[Cell]) -> str:
    return ", ".join(cell.column.label for cell in wrong)


def _at(sheet: Sheet, cell: Cell, rule: str, says: str, column: str | None = None) -> Finding:
    label = cell.column.label if column is None else column
    return sheet.finding(rule, says, cell.table, cell.row, label)
