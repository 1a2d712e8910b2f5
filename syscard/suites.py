"""Other people's sets, loaded from their owners at run time: none of their text is in the package.

A plan writes `hub:NAME@REVISION`, so that the rows are the same for whoever runs it again.
"""

import json
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from syscard.errors import DataError, SetupError

Row = dict[str, Any]
PREFIX = "hub:"


@dataclass(frozen=True)
class Suite:
    """Where a suite lies on the hub, and its rows in the columns of its owner's own files."""

    title: str
    path: str
    licence: str
    columns: Mapping[str, str]  # the owner's own file: the hub's copy
    split: str = "test"
    part: bool = False  # one file a part: hub:bbq/Religion@...


SUITES: dict[str, Suite] = {
    "xstest": Suite(
        "XSTest (Röttger et al., NAACL 2024)",
        "walledai/XSTest",
        "CC-BY-4.0",
        {"prompt": "prompt", "type": "type", "label": "label", "focus": "focus"},
    ),
    "strongreject": Suite(
        "StrongREJECT (Souly et al. 2024)",
        "walledai/StrongREJECT",
        "MIT",
        {"category": "category", "source": "source", "forbidden_prompt": "prompt"},
        split="train",
    ),
    "simpleqa": Suite(
        "SimpleQA Verified",
        "codelion/SimpleQA-Verified",
        "MIT",
        {"problem": "problem", "answer": "answer", "topic": "topic"},
        split="train",
    ),
    "mmmlu": Suite(
        "MMMLU (OpenAI), human-translated MMLU",
        "openai/MMMLU",
        "MIT",
        {
            "question": "Question",
            **{letter: letter for letter in "ABCD"},
            "answer": "Answer",
            "subject": "Subject",
        },
        part=True,
    ),
    "bbq": Suite("BBQ (Parrish et al. 2022)", "heegyu/bbq", "CC-BY-4.0", {}, part=True),
}


@dataclass(frozen=True)
class Named:
    """A suite as a plan names it."""

    name: str
    part: str | None
    revision: str

    @property
    def suite(self) -> Suite:
        """The suite of that name."""
        return SUITES[self.name]


def is_suite(name: str) -> bool:
    """Whether a set's name asks for an owner's suite."""
    return name[: len(PREFIX)] == PREFIX


def named(text: str) -> Named:
    """`hub:NAME@REVISION` or `hub:NAME/PART@REVISION`, read.

    Raises:
        DataError: there is no such suite, its revision is not said, or its part.
    """
    name, _, revision = text.removeprefix(PREFIX).partition("@")
    name, _, part = name.partition("/")
    if name not in SUITES:
        raise DataError(f"No suite {name!r}. There are: {', '.join(SUITES)}; or give a file.")
    if not revision:
        raise DataError(
            f"{text!r} does not say which revision. Write {PREFIX}{name}@ and the commit of "
            f"{SUITES[name].path} that you mean, so that the rows can be loaded again."
        )
    if SUITES[name].part and not part:
        raise DataError(f"{text!r} does not say which part. Write {PREFIX}{name}/PART@{revision}.")
    return Named(name, part or None, revision)


def load_rows(text: str, fetch: Callable[[Named], Iterable[Row]] | None = None) -> list[Row]:
    """The suite's rows in its owner's columns, each with an id.

    Raises:
        SetupError: the hub cannot be reached, or what reads it is not installed.
        DataError: the rows have other columns than they are known to have.
    """
    wanted = named(text)
    try:
        found = list((fetch or _fetch)(wanted))
    except (DataError, SetupError):
        raise
    except Exception as error:
        raise SetupError(
            f"{text} cannot be loaded from {wanted.suite.path}: {_first_line(error)}. It needs the "
            "network; without one, give the owner's file as 'set: PATH'."
        ) from error
    return [_row(row, place, wanted) for place, row in enumerate(found, start=1)]


def _row(row: Row, place: int, wanted: Named) -> Row:
    columns = wanted.suite.columns or {key: key for key in row}
    missing = [theirs for theirs in columns.values() if theirs not in row]
    if missing:
        raise DataError(
            f"{wanted.suite.path} at {wanted.revision} has no column {missing[0]!r}; it has: "
            f"{', '.join(row)}."
        )
    label = "-".join(part for part in (wanted.name, wanted.part) if part)
    kept = {ours: row[theirs] for ours, theirs in columns.items()}
    language = {"language": wanted.part} if wanted.name == "mmmlu" else {}
    return {"id": f"{label}-{place:05}", **language, **kept}


def _fetch(wanted: Named) -> Iterable[Row]:
    _reach()
    if wanted.name == "bbq":
        return _fetch_lines(wanted)
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise SetupError("Suites need an extra: pip install 'syscard[suites]'.") from error
    suite = wanted.suite
    rows: Iterable[Row] = load_dataset(
        suite.path, wanted.part or "default", split=suite.split, revision=wanted.revision
    )
    return rows


def _reach() -> None:
    """Fail at once where there is no network: the hub's own client tries again for long."""
    host = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    port = host.port or (443 if host.scheme == "https" else 80)
    socket.create_connection((host.hostname or "", port), timeout=5).close()


def _fetch_lines(wanted: Named) -> Iterable[Row]:
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise SetupError("Suites need an extra: pip install 'syscard[suites]'.") from error
    path = hf_hub_download(
        wanted.suite.path,
        f"data/{wanted.part}.jsonl",
        repo_type="dataset",
        revision=wanted.revision,
    )
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def _first_line(error: Exception) -> str:
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {text}"[:200].rstrip(".")
