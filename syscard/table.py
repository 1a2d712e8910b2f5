"""Rows of a CSV or of JSON lines, as a table of somebody else's comes."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from syscard.errors import DataError

csv.field_size_limit(1 << 24)


def read_table(text: str, path: Path) -> list[dict[str, Any]]:
    """The rows of a CSV with a header, or of one JSON object a line; "#" lines before it skipped.

    Raises:
        DataError: with the row, what is wrong with it.
    """
    if path.suffix == ".jsonl":
        return [
            _object(line, f"{path}:{number}")
            for number, line in enumerate(text.split("\n"), start=1)
            if line.strip()
        ]
    while text.startswith("#"):
        text = text.partition("\n")[2]
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows = []
    try:
        header = list(reader.fieldnames or ())
        if len(set(header)) < len(header):
            raise DataError(f"{path}: a column stands twice in its header. Rename one.")
        for number, row in enumerate(reader, start=1):
            if None in row or None in row.values():
                raise DataError(f"{path}: row {number} has not as many fields as columns.")
            rows.append(row)
    except csv.Error as error:
        raise DataError(f"{path}: row {reader.line_num} is not CSV: {error}.") from error
    return rows


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{where}: not JSON: {str(error)[:80]}.") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: a row is a JSON object, not {line[:40]!r}.")
    return row
