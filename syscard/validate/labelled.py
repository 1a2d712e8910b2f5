"""Answers that people labelled: read from the formats in which they were published, or a table.

A format is known by its content, never by its file's name. Labels become the rubric's own words;
what has no usable label is left out, and counted.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from syscard.errors import DataError
from syscard.files import digest_bytes, digest_file, read_text
from syscard.table import read_table
from syscard.validate.formats import FORMATS, Format, Labelled, Row, known


@dataclass(frozen=True)
class LabelledSet:
    """A file of labelled answers. `left_out` says which of its rows are not here, and why."""

    file: str
    digest: str
    rubric: str
    labelled_by: str
    rows: tuple[Labelled, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Columns:
    """How a table of somebody's own is read: `labels` gives each of its labels the rubric's."""

    prompt: str
    response: str
    label: str
    labels: dict[str, str]
    rubric: str
    raters: tuple[str, ...] = ()


def read_labelled(
    path: Path, columns: Columns | None = None, limit: int | None = None
) -> LabelledSet:
    """The labelled answers of a file: all, or `limit` drawn by a digest of prompt and id.

    Raises:
        DataError: it is of no known format, a column is missing, a label is not in the map, an
            id stands twice, it is not UTF-8, or nothing is left of it.
    """
    content = _content(path)
    if columns is not None:
        rubric, labelled_by = columns.rubric, "the file's owner"
        rows = _own(_table(content, path), columns, path)
    else:
        kind = _format(content, path)
        rubric, labelled_by, rows = kind.rubric, kind.labelled_by, _read(kind, content, path)
    lost = Counter(row for row in rows if isinstance(row, str))
    kept = _drawn([row for row in rows if isinstance(row, Labelled)], limit)
    if not kept:
        why = "; ".join(f"{n} {reason}" for reason, n in lost.items()) or "it has no rows"
        raise DataError(f"{path}: no labelled answer is left: {why}.")
    _check_ids(kept, path)
    return LabelledSet(
        file=path.name,
        digest=digest_file(path),
        rubric=rubric,
        labelled_by=labelled_by,
        rows=tuple(kept),
        left_out=tuple(f"{n} {reason}" for reason, n in sorted(lost.items())),
    )


def _drawn(rows: list[Labelled], limit: int | None) -> list[Labelled]:
    """So many rows, in the file's order: files are often sorted by what was asked."""
    if limit is None:
        return rows

    def key(place: int) -> str:
        row = rows[place]
        return digest_bytes(f"{row.prompt}\0{row.id}".encode(errors="surrogatepass"))

    return [rows[place] for place in sorted(sorted(range(len(rows)), key=key)[:limit])]


def _content(path: Path) -> Any:
    text = read_text(path).removeprefix("\ufeff")
    if not text.strip():
        raise DataError(f"{path} is empty.")
    if path.suffix == ".json":
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}:{error.lineno}: not JSON: {error.msg}.") from error
        except RecursionError as error:
            raise DataError(f"{path}: not JSON that can be read: nested too deep.") from error
    return read_table(text, path)


def _table(content: Any, path: Path) -> list[Row]:
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise DataError(f"{path} is not a table: a CSV with a header, or one JSON object a line.")
    return cast(list[Row], content)


def _format(content: Any, path: Path) -> Format:
    if isinstance(content, dict):
        first: Row = content
    else:
        table = _table(content, path)
        first = table[0] if table else {}
    for kind in FORMATS:
        if kind.keys <= set(first):
            return kind
    raise DataError(
        f"{path}: no format known by these columns: {', '.join(map(str, first))}. Name them: "
        "--prompt-column, --response-column, --label-column, --labels, --rubric."
    )


def _read(kind: Format, content: Any, path: Path) -> list[Labelled | str]:
    try:
        rows = kind.read(content, path)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(
            f"{path}: a row is not as the others of its format: {type(error).__name__} {error}."
        ) from error
    for number, row in enumerate(rows, start=1):
        if isinstance(row, Labelled) and not all(
            isinstance(text, str) for text in (row.id, row.prompt, *row.responses)
        ):
            raise DataError(f"{path}:{number}: a prompt, an answer or an id that is no text.")
    return rows


def _own(rows: Sequence[Row], columns: Columns, path: Path) -> list[Labelled | str]:
    needed = (columns.prompt, columns.response, columns.label, *columns.raters)
    missing = [name for name in needed if rows and name not in rows[0]]
    if missing:
        raise DataError(
            f"{path} has no column {missing[0]!r}; it has: {', '.join(map(str, rows[0]))}."
        )
    found: list[Labelled | str] = []
    for number, row in enumerate(rows, start=1):
        where = f"{path}:{number}"
        if any(row.get(name) is None for name in needed):
            raise DataError(f"{where}: row {number} lacks one of: {', '.join(needed)}.")
        found.append(
            Labelled(
                id=str(row.get("id", number)),
                prompt=str(row[columns.prompt]),
                responses=(str(row[columns.response]),),
                label=known(row[columns.label], columns.labels, where),
                raters=tuple(known(row[name], columns.labels, where) for name in columns.raters),
            )
        )
    return found


def _check_ids(rows: Sequence[Labelled], path: Path) -> None:
    twice = [name for name, n in Counter(row.id for row in rows).items() if n > 1]
    if twice:
        raise DataError(f"{path}: id {twice[0]!r} stands twice; each labelled answer has its own.")
