"""The watch list: known limits and incidents, each with who looks at it again, and when."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from syscard.errors import DataError
from syscard.files import read_text
from syscard.record import Record
from syscard.yamltext import read_yaml

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
    content, lines = read_yaml(read_text(path), str(path))
    if not isinstance(content, dict):
        raise DataError(f"{path}: a watch list begins with 'items:'; write one: syscard watch new.")
    try:
        return Watch.model_validate(content)
    except ValidationError as error:
        raise DataError(lines.explain(error, Watch)) from error


def still_open(items: Sequence[WatchItem]) -> tuple[WatchItem, ...]:
    """What is not closed, the next to be looked at first."""
    return tuple(sorted((i for i in items if i.closed is None), key=lambda item: item.review))


def overdue(items: Sequence[WatchItem], today: date) -> tuple[WatchItem, ...]:
    """What is open and should have been looked at before `today`."""
    return tuple(item for item in still_open(items) if item.review < today)
