"""What a public bundle holds in place of a log whose prompts and answers nobody may read.

Rows: all that the measurement needs, and for each withheld prompt and answer a salted digest. The
salts stay with the author, so that one sample can be disclosed later and checked, and no other
can be guessed from its digest.
"""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from syscard.errors import DataError, LedgerError
from syscard.files import digest_bytes, read_text
from syscard.records import Mitigation, Record, SampleView, TaskInfo
from syscard.verdict import Reading


class Salted(Record):
    """A withheld sample."""

    id: str
    epoch: int
    prompt: str  # SHA-256 of the salt and the text
    answer: str


class Disclosure(Record):
    """A withheld sample with what its digests were made of: its author's to keep or to give."""

    log: str
    task: str
    mitigation: Mitigation
    id: str
    epoch: int
    prompt: str
    prompt_salt: str
    answer: str
    answer_salt: str


@dataclass(frozen=True)
class Rows:
    """What stands in for one log."""

    reading: Reading
    views: tuple[SampleView, ...]
    withheld: tuple[Salted, ...]


def salted(salt: str, part: str, text: str) -> str:
    """The digest that is published of a text; without the salt nobody can try guesses."""
    data = f"syscard withheld 1\n{part}\n{salt}\n{text}"
    return digest_bytes(data.encode("utf-8", "surrogatepass"))


def chosen(
    task: str, info: TaskInfo, ids: Sequence[str], withhold: Sequence[str]
) -> frozenset[str]:
    """The ids to withhold: all of a task that calls itself hazardous, and what is named."""
    if info.hazardous or task in withhold:
        return frozenset(ids)
    return frozenset(name for name in ids if f"{task}:{name}" in withhold)


def make_rows(
    reading: Reading,
    shown: Sequence[SampleView],
    ids: frozenset[str],
    salt: Callable[[str, str, int, str], str],
) -> tuple[Rows, list[Disclosure]]:
    """The rows of a log without the texts of `ids`, and those texts with their salts.

    `salt` gives one for the log's digest, a sample's id, its epoch, and "prompt" or "answer".

    Raises:
        DataError: the measurements hold a digest of every text, by which texts can be guessed.
    """
    if reading.content is not None:
        raise DataError(
            f"The measurements of {reading.task} hold unsalted digests of its texts. Measure "
            "again without --digests before a public card."
        )
    told = [_told(view, reading, salt) for view in shown if view.id in ids]
    hidden = tuple(_hidden(item) for item in told)
    digests = {(item.id, item.epoch): item for item in hidden}
    rows = tuple(replace(row, why="withheld") if row.id in ids else row for row in reading.rows)
    views = tuple(
        _blank(view, digests[view.id, view.epoch]) if view.id in ids else view for view in shown
    )
    return Rows(replace(reading, rows=rows), views, hidden), told


def dump_rows(rows: Rows) -> str:
    """As a file: the same rows give the same bytes."""
    content = _adapter().dump_python(rows, mode="json")
    for row in content["reading"]["rows"]:
        if row["owes"] is not None:
            row["owes"] = sorted(row["owes"])
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def read_rows(path: Path) -> Rows:
    """What stands in for a log.

    Raises:
        LedgerError: the file is not as `dump_rows` writes it, or its samples are not its rows.
    """
    text = read_text(path)
    try:
        rows: Rows = _adapter().validate_python(json.loads(text))
    except (ValidationError, ValueError, RecursionError) as error:
        raise LedgerError(f"{path.name} holds no rows of a log.") from error
    if dump_rows(rows) != text:
        raise LedgerError(f"{path.name} is not as syscard writes it.")
    if any((row.outcome == "scored") != bool(row.values) for row in rows.reading.rows):
        raise LedgerError(f"{path.name} gives values to samples that it does not call scored.")
    _check_views(rows, path)
    return rows


def check_disclosed(item: Disclosure, held: Mapping[str, Rows]) -> None:
    """Whether the texts are those that the bundle's digests were made of.

    Raises:
        LedgerError: they are not.
    """
    rows = held.get(item.log)
    known = {(s.id, s.epoch): s for s in rows.withheld} if rows else {}
    digest = known.get((item.id, item.epoch))
    where = f"sample {item.id!r}, epoch {item.epoch}, of {item.task} ({item.mitigation})"
    if digest is None:
        raise LedgerError(f"The bundle withholds no {where}.")
    for part, text, salt, there in (
        ("prompt", item.prompt, item.prompt_salt, digest.prompt),
        ("answer", item.answer, item.answer_salt, digest.answer),
    ):
        if salted(salt, part, text) != there:
            raise LedgerError(f"The disclosed {part} is not that of {where}.")


def _told(
    view: SampleView, reading: Reading, salt: Callable[[str, str, int, str], str]
) -> Disclosure:
    place = (reading.log.sha256, view.id, view.epoch)
    return Disclosure(
        log=reading.log.sha256,
        task=reading.task,
        mitigation=reading.mitigation,
        id=view.id,
        epoch=view.epoch,
        prompt=view.prompt,
        prompt_salt=salt(*place, "prompt"),
        answer=view.answer,
        answer_salt=salt(*place, "answer"),
    )


def _hidden(item: Disclosure) -> Salted:
    return Salted(
        id=item.id,
        epoch=item.epoch,
        prompt=salted(item.prompt_salt, "prompt", item.prompt),
        answer=salted(item.answer_salt, "answer", item.answer),
    )


def _blank(view: SampleView, digest: Salted) -> SampleView:
    return view.model_copy(
        update={
            "prompt": f"withheld; salted SHA-256 {digest.prompt}",
            "answer": f"withheld; salted SHA-256 {digest.answer}",
            "reasoning": "",
            "target": "",
            "why": "",
        }
    )


def _check_views(rows: Rows, path: Path) -> None:
    """What the pages show of a sample is what the numbers were made of."""
    known = {(row.id, row.epoch): row for row in rows.reading.rows}
    digests = {(item.id, item.epoch): item for item in rows.withheld}
    for view in rows.views:
        row = known.get((view.id, view.epoch))
        values = {} if row is None else row.values
        if row is None or view.outcome != row.outcome or view.values != _values(rows, values):
            raise LedgerError(f"{path.name} shows sample {view.id!r} otherwise than it counts it.")
        digest = digests.get((view.id, view.epoch))
        if digest is not None and view != _blank(view, digest):
            raise LedgerError(f"{path.name} shows another digest of sample {view.id!r}.")


def _values(rows: Rows, values: Mapping[str, float]) -> dict[str, float | None]:
    return {metric.name: values.get(metric.name) for metric in rows.reading.info.metrics}


@functools.cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Rows)
