"""The watch list: known limits and incidents, each with who looks at it again, and when."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from syscard.errors import DataError
from syscard.files import read_text
from syscard.record import Record
from syscard.yamltext import read_yaml

DATE = re.compile(r":\s*(\d{4}-\d\d?-\d\d?)\s*(?:$|[,}])")
Words = Annotated[str, Field(pattern=r"\S")]


class WatchItem(Record):
    """One thing to keep an eye on, until it is closed."""

    what: Words
    kind: Literal["limit", "incident"]
    since: date
    owner: Words
    review: date  # the last day on which it need not have been looked at again
    link: str | None = Field(default=None, pattern=r"^https?://\S+$")
    closed: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "WatchItem":
        for name, day in (("review", self.review), ("closed", self.closed)):
            if day is not None and day < self.since:
                raise ValueError(f"{name!r} {day} is before 'since' {self.since}")
        return self


class Watch(Record):
    """The whole list, in the order of its file."""

    items: tuple[WatchItem, ...]


def read_watch(path: Path) -> Watch:
    """A watch list from YAML.

    Raises:
        DataError: with the line, what is wrong there.
    """
    text = read_text(path)
    try:
        content, lines = read_yaml(text, str(path))
    except DataError:
        _check_dates(text, str(path))
        raise
    if not isinstance(content, dict):
        raise DataError(f"{path}: a watch list begins with 'items:'; write one: syscard watch new.")
    try:
        return Watch.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"].startswith("date"):
            key = ".".join(str(part) for part in first["loc"])
            raise _no_date(f"{lines.where(first['loc'])}: {key}", str(first["input"])) from error
        raise DataError(lines.explain(error, Watch)) from error


def _check_dates(text: str, name: str) -> None:
    """YAML takes 2026-13-30 for a date, and says of its failure neither where nor what to write."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in DATE.findall(f" {line}".partition(" #")[0]):
            try:
                date.fromisoformat(found)
            except ValueError as error:
                raise _no_date(f"{name}:{number}", found) from error


def _no_date(where: str, given: str) -> DataError:
    return DataError(f"{where}: {given!r:.60} is no date; write YYYY-MM-DD.")


def still_open(items: Sequence[WatchItem], today: date) -> tuple[WatchItem, ...]:
    """What is not closed yet, the next to be looked at first."""
    left = (item for item in items if item.closed is None or item.closed > today)
    return tuple(sorted(left, key=lambda item: item.review))


def overdue(items: Sequence[WatchItem], today: date) -> tuple[WatchItem, ...]:
    """What is open and should have been looked at before `today`."""
    return tuple(item for item in still_open(items, today) if item.review < today)
