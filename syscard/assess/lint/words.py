"""Rules on a published table's words: names, claims and counts, held against its numbers.

What the text says is data of the table; no rule knows a model, a set or a document by name.
"""

from collections.abc import Iterable, Iterator, Sequence

from syscard.assess.card.published import would_say
from syscard.assess.lint.finding import Finding, Sheet, plain, same_words
from syscard.reported import Bar, Cell, Claim, Publication, ReportedRow, ReportedTable, cells

TINY = 1e-9
CONFIDENCE = 0.95


def one_label_each(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """A column is called one thing: in its header, in the text, and in the other tables."""
    for sheet in sheets:
        for table in sheet.publication.tables:
            for column in table.columns:
                for name in column.also_called:
                    if same_words(name) != same_words(column.label):
                        says = f"the header says {column.label!r} and the text {name!r}"
                        yield sheet.finding("one-label-each", says, table, None, column.label)
        yield from _labels(sheet)


def stated_once(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """A thing that a document states in several places is the same in all of them."""
    for sheet in sheets:
        everywhere = [(None, stated) for stated in sheet.publication.stated]
        tables = sheet.publication.tables
        for table, stated in [*everywhere, *((t, s) for t in tables for s in t.stated)]:
            if len({same_words(str(said.value)) for said in stated.said}) > 1:
                listed = "; ".join(f"{said.value} ({said.where})" for said in stated.said)
                says = f"{stated.what} is stated in several ways: {listed}"
                yield sheet.finding("stated-once", says, table)


def compared_as_listed(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """The columns are those that the text lists, each once."""
    for sheet in sheets:
        for table in sheet.publication.tables:
            said = [same_words(name) for name in table.compares]
            there = {same_words(column.label): column.label for column in table.columns}
            twice = dict.fromkeys(n for n in table.compares if said.count(same_words(n)) > 1)
            wrong = [f"the text lists {name} twice" for name in twice]
            wrong += [
                f"the text lists {name}, which no column is"
                for name in table.compares
                if same_words(name) not in there
            ]
            if said:
                wrong += [
                    f"column {label} is not in the text's list"
                    for name, label in there.items()
                    if name not in said
                ]
            for says in wrong:
                yield sheet.finding("compared-as-listed", says, table)


def same_comparators(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """The parts of one printed table compare the same models."""
    for sheet in sheets:
        first: dict[str, tuple[ReportedTable, set[str]]] = {}
        for table in sheet.publication.tables:
            if table.part_of is None:
                continue
            models = {cell.model for cell in cells(table) if cell.model}
            other, known = first.setdefault(table.part_of, (table, models))
            if models != known:
                says = (
                    f"the parts of {table.part_of} compare different models: only in {other.id} "
                    f"{_names(known - models)}, only here {_names(models - known)}"
                )
                yield sheet.finding("same-comparators", says, table)


def checkpoint_is_the_documents(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """The model is evaluated at the checkpoint that the document is about."""
    for sheet in sheets:
        publication = sheet.publication
        for table in publication.tables:
            rows: dict[str, dict[str, ReportedRow]] = {}
            for cell in cells(table):
                other = cell.checkpoint not in (None, publication.checkpoint)
                if cell.model == publication.model and other:
                    rows.setdefault(str(cell.checkpoint), {})[cell.row.key] = cell.row
            for checkpoint, found in rows.items():
                own = publication.checkpoint
                says = f"run on checkpoint {checkpoint!r}, not on the document's own, {own!r}"
                known = checkpoint in publication.exceptions
                says += (
                    ", as the document says"
                    if known
                    else ", and not among the exceptions that it names"
                )
                only = next(iter(found.values())) if len(found) == 1 else None
                found_here = sheet.finding("own-checkpoint", says, table, only)
                yield found_here.model_copy(update={"declared": known})


def threshold_has_interval(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """A value that is held against a baseline or a threshold has an interval."""
    for sheet in sheets:
        for table in sheet.publication.tables:
            found = list(cells(table))
            for row in table.rows:
                line = [cell for cell in found if cell.row is row and cell.value.low is None]
                for bar in row.bars if line else ():
                    own = [cell for cell in line if cell.model == sheet.publication.model]
                    how = (
                        "an interval that is drawn and not printed"
                        if row.drawn
                        else "no printed interval"
                    )
                    says = f"held against {bar.label} at {plain(bar.at)} with {how}"
                    told = [_would_say(cell, bar) for cell in own or line]
                    says += f"; {'; '.join(told)}"
                    columns = ", ".join(cell.column.label for cell in own or line)
                    yield sheet.finding("threshold-has-interval", says, table, row, columns)


def claims_hold(sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """What the text says of a column is what the numbers say."""
    for sheet in sheets:
        for table in sheet.publication.tables:
            for claim in table.claims:
                for name in claim.against:
                    says = _against(table, claim, name)
                    if says:
                        row = table.row(claim.row) if claim.row else None
                        said = f"the text says “{claim.text}”: {says}"
                        yield sheet.finding("claims-hold", said, table, row, claim.column)


# ---------------------------------------------------------------- labels


def _labels(sheet: Sheet) -> Iterator[Finding]:
    """Columns of one model that are labelled as no other table labels it."""
    seen: dict[tuple[str, str, str], list[tuple[ReportedTable, str]]] = {}
    for table in sheet.publication.tables:
        for column in table.columns:
            if column.model is not None:
                own = column.checkpoint or sheet.publication.checkpoint
                key = (column.model, column.mitigation or "post", own)
                seen.setdefault(key, []).append((table, column.label))
    for found in seen.values():
        usual, told = _usual(found, sheet.publication), set[str]()
        for table, label in found:
            name = _one_name(label, sheet.publication)
            if name != _one_name(usual, sheet.publication) and name not in told:
                told.add(name)
                says = f"this column is {usual!r} in the other tables"
                yield sheet.finding("one-label-each", says, table, None, label)


def _usual(found: Sequence[tuple[ReportedTable, str]], publication: Publication) -> str:
    names = [_one_name(label, publication) for _, label in found]
    most = max(names, key=names.count)
    return next(label for _, label in found if _one_name(label, publication) == most)


def _one_name(label: str, publication: Publication) -> str:
    """A label's words, or those of the first of the names that the document says are one."""
    words = same_words(label)
    for names in publication.names:
        if words in map(same_words, names):
            return same_words(names[0])
    return words


def _names(models: Iterable[str]) -> str:
    return ", ".join(sorted(models)) or "none"


# ---------------------------------------------------------------- claims and bars


def _against(table: ReportedTable, claim: Claim, name: str) -> str | None:
    """What is wrong with a claim against one column or bar; None where it may hold."""
    rows = [table.row(claim.row)] if claim.row else list(table.rows)
    pairs = [pair for row in rows if (pair := _pair(table, row, claim.column, name))]
    if not pairs:
        return f"no value stands here to hold against {name}"
    mine = sum(cell.value.value for cell, _, _ in pairs) / len(pairs)
    other = sum(value for _, value, _ in pairs) / len(pairs)
    slack = sum(half for _, _, half in pairs) / len(pairs)
    turned = claim.says in ("better", "worse", "not worse", "not better")
    sign = -1 if turned and pairs[0][0].row.better == "down" else 1
    ahead = sign * (mine - other)
    wrong = {
        "better": ahead <= TINY,
        "worse": ahead >= -TINY,
        "not worse": ahead < -slack - TINY,
        "not better": ahead > slack + TINY,
        "above": ahead < -slack - TINY,
        "not above": ahead > slack + TINY,
    }[claim.says]
    if wrong:
        of = "" if claim.row else "the mean, "
        held = f"{of}{plain(mine)} against {plain(other)} of {name}"
        return (
            f"{held} is {claim.says[4:]}" if "not" in claim.says else f"{held} is not {claim.says}"
        )
    return _unsettled(pairs[0][0], other, name) if claim.row and not turned else None


def _pair(
    table: ReportedTable, row: ReportedRow, column: str, name: str
) -> tuple[Cell, float, float] | None:
    """A value, what it is held against, and how far rounding may move the two together."""
    line = {cell.column.label: cell for cell in cells(table) if cell.row is row}
    mine, bars = line.get(column), [bar for bar in row.bars if bar.label == name]
    if mine is None or (name not in line and not bars):
        return None
    if bars:
        return mine, bars[0].at, mine.half
    return mine, line[name].value.value, mine.half + line[name].half


def _unsettled(cell: Cell, at: float, name: str) -> str | None:
    low, high = cell.value.low, cell.value.high
    if low is None or high is None or not low < at < high:
        return None
    return f"its interval, {plain(low)} to {plain(high)}, holds {name} ({plain(at)}) as well"


def _would_say(cell: Cell, bar: Bar) -> str:
    """What an exact interval at the stated n would say of one value and a bar."""
    value, n = cell.value.value, cell.row.outcomes
    who = f"{cell.column.label} {plain(value)}"
    if n is None:
        return f"{who}, n not stated"
    found = would_say(cell, CONFIDENCE)
    if found is None:
        return f"{who}, n = {n}"
    word = "does not settle it" if found.low <= bar.at <= found.high else "settles it"
    ends = f"{plain(round(found.low, 3))} to {plain(round(found.high, 3))}"
    return f"{who}, at n = {n} an exact 95% interval would be {ends} and {word}"
