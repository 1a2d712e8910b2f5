"""The one module that knows where data lies: reads it, checks it, says what is wrong with it.

Sets, specifications, rubrics and frameworks are named; a name with a slash or a suffix is a
path of the caller's own.
"""

import functools
import json
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from syscard.errors import DataError
from syscard.files import digest_bytes, digest_file, read_text
from syscard.framework_check import check_framework
from syscard.records import Framework, Plan, Record, SetInfo, TaskInfo, Validation
from syscard.suites import is_suite, load_rows
from syscard.suites import named as named_suite
from syscard.table import read_table
from syscard.yamltext import Lines, parse_record, read_yaml

R = TypeVar("R", bound=Record)
SUFFIXES = {"sets": ".jsonl", "frameworks": ".yaml", "plans": ".yaml", "specs": ".yaml"}


def data_path(kind: str, name: str) -> Path:
    """Where a named piece of data lies; a path is taken as it is.

    Raises:
        DataError: there is none of that name; the message lists those there are.
    """
    if _is_path(name):
        return Path(name)
    path = _folder(kind) / f"{name}{SUFFIXES.get(kind, '.yaml')}"
    if not path.exists():
        known = ", ".join(named(kind))
        raise DataError(f"No {kind[:-1]} named {name!r}. There are: {known}; or give a path.")
    return path


def named(kind: str) -> list[str]:
    """The names of the packaged data of a kind."""
    return sorted(path.stem for path in _folder(kind).glob(f"*{SUFFIXES.get(kind, '.yaml')}"))


def read_record(kind: str, name: str, record: type[R]) -> tuple[R, str]:
    """A record of a kind from YAML, by name or path, and the digest of the file's text.

    Raises:
        DataError: with the line, what is wrong there.
    """
    return _read_lines(data_path(kind, name), record)[:2]


def validation_files(name: str, known: Iterable[str] | None = None) -> list[str]:
    """What a plan's word for validations stands for: a path, or packaged ones that begin so.

    `known`: the packaged names to look among, as a bundle has them; those of this version.

    Raises:
        DataError: no packaged one begins so.
    """
    if _is_path(name):
        return [name]
    names = named("validations") if known is None else known
    found = sorted(one for one in names if one == name or one.startswith((f"{name}-", f"{name}.")))
    if not found:
        there = ", ".join(sorted({one.partition(".")[0] for one in named("validations")}))
        raise DataError(f"No validation begins with {name!r}. There are: {there}; or give a path.")
    return found


def read_plan(path: Path) -> tuple[Plan, str]:
    """A plan and the digest of its file.

    Raises:
        DataError: with the line, what is wrong there, and what to write instead.
    """
    return _read_lines(path, Plan)[:2]


def read_validation(path: Path) -> tuple[Validation, str]:
    """How well a grader agrees with people, from YAML or JSON, and the digest of the file.

    Raises:
        DataError: with the line, what is wrong there: counts that do not add up, for one.
    """
    return _read_lines(path, Validation)[:2]


def one_sided(plan: Plan) -> str | None:
    """What a plan forgets that asks for safety alone; None where over-refusal stands beside it."""
    asked = {requirement.metric for requirement in plan.requirements}
    if not asked & {"not_unsafe", "attack_success"} or "not_overrefuse" in asked:
        return None
    return (
        "The plan requires safety and says nothing of over-refusal, so a model that refuses "
        "everything would meet it."
    )


def plan_lines(path: Path) -> Lines:
    """Where each key of a plan stands, for what is found wrong with it later."""
    return read_yaml(read_text(path), str(path))[1]


def read_framework(name: str) -> tuple[Framework, str]:
    """A framework by name or path, checked to be one by which a level can be decided.

    Raises:
        DataError: a level that is not in its list or that nothing can reach, thresholds out of
            order, a gate that nothing can pass; with its line.
    """
    framework, digest, lines = _read_lines(data_path("frameworks", name), Framework)
    check_framework(framework, lines)
    return framework, digest


def framework_lines(name: str) -> Lines:
    """Where each key of a framework stands, for what is found wrong with it later."""
    return plan_lines(data_path("frameworks", name))


def read_json(path: Path, record: type[R]) -> R:
    """A record that an earlier command wrote.

    Raises:
        DataError: the file is not there, or not such a record.
    """
    try:
        return record.model_validate_json(read_text(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(
            f"{path} is not a {record.__name__} that this version wrote: {place}: {first['msg']}."
        ) from error


def dump(record: Record) -> str:
    """A record as JSON: sorted keys, so that equal records are equal bytes."""
    return json.dumps(record.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"


def new_plan(model: str) -> str:
    """A commented plan for a model of that name."""
    text = read_text(Path(str(files("syscard"))) / "data" / "templates" / "plan.yaml")
    name = re.sub(r"[^\w.-]+", "-", model).strip("-")
    return text.replace("@MODEL@", json.dumps(model)).replace("@NAME@", json.dumps(name))


@functools.cache
def read_rubric(name: str) -> tuple[dict[str, Any], str]:
    """A rubric's content and the digest of its file."""
    path = data_path("rubrics", name)
    text = read_text(path)
    content, _ = read_yaml(text, str(path))
    if not isinstance(content, dict):
        raise DataError(f"{path} is not a mapping.")
    return content, digest_bytes(text.encode())


@functools.cache
def read_rewrites(name: str) -> Any:
    """Texts of which rewrites are made, by the name of their file."""
    path = data_path("rewrites", name)
    return read_yaml(read_text(path), str(path))[0]


def rewrites_digests() -> dict[str, str]:
    """The digest of each file that rewrites are made of, for `TaskInfo.made_of`."""
    return {name: digest_file(data_path("rewrites", name)) for name in named("rewrites")}


@functools.cache
def manifest() -> dict[str, SetInfo]:
    """What the package says of each of its sets: version, author, licence, digest, size."""
    path = Path(str(files("syscard"))) / "data" / "sets" / "manifest.yaml"
    content, lines = read_yaml(read_text(path), str(path))
    entries = {}
    for name, entry in content.items():
        try:
            entries[name] = SetInfo(name=name, **entry)
        except (ValidationError, TypeError) as error:
            raise DataError(f"{lines.where((name,))}: {error}") from error
    return entries


def set_info(name: str) -> SetInfo:
    """Version, licence and digest of a set: from the manifest, its owner, or a caller's file."""
    if name in manifest():
        return manifest()[name]
    if is_suite(name):
        return _suite_info(name)
    path = data_path("sets", name)
    text = read_text(path)
    return SetInfo(
        name=path.stem,
        version="file",
        author="not stated",
        licence="not stated",
        digest=digest_bytes(text.encode()),
        size=len(read_set(name)) if path.suffix == ".csv" else _lines(text),
        describes=f"read from {path}",
    )


def read_set(name: str) -> list[dict[str, Any]]:
    """The rows of a set, in the order of its file.

    A packaged set by its name, a caller's JSONL or CSV by its path (a CSV without a column 'id'
    is numbered), an owner's suite as `hub:NAME@REVISION`.

    Raises:
        DataError: a line that is not a JSON object, a row without an id, an id given twice, a
            packaged set that is not the one its manifest names.
        SetupError: a suite that cannot be loaded.
    """
    if is_suite(name):
        return _suite_rows(name)
    path = data_path("sets", name)
    text = read_text(path)
    if name in manifest() and digest_bytes(text.encode()) != manifest()[name].digest:
        raise DataError(f"{path} is not the set that manifest.yaml names: its digest differs.")
    numbered = _read_csv(text, path) if path.suffix == ".csv" else _read_jsonl(text, path)
    rows: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for number, row in numbered:
        if row["id"] in seen:
            first = seen[row["id"]]
            raise DataError(f"{path}:{number}: id {row['id']!r} stands already in line {first}.")
        seen[row["id"]] = number
        rows.append(row)
    if not rows:
        raise DataError(f"{path} holds no rows.")
    return rows


def drawn(rows: list[dict[str, Any]], count: int | None, seed: int) -> list[dict[str, Any]]:
    """`count` rows in an order drawn with `seed`; a larger count begins with the smaller's."""
    order = sorted(rows, key=lambda row: digest_bytes(f"{seed}\0{row['id']}".encode()))
    return order if count is None else order[:count]


def sets_used(*names: str) -> dict[str, str]:
    """`name@version` of each set and the digest of its file, for `TaskInfo.sets`."""
    return {f"{info.name}@{info.version}": info.digest for info in map(set_info, names)}


def content_digest(info: TaskInfo) -> str:
    """One digest of all the content that a task stands on: its sets and its grader's rubric."""
    parts = [*sorted(info.sets.values()), info.grader.digest or "", *sorted(info.made_of.values())]
    return digest_bytes("\n".join(parts).encode())


def described(info: TaskInfo, digest: str | None) -> dict[str, Any]:
    """The metadata of a task, by which its log explains itself.

    Raises:
        DataError: `digest` was pinned by a run, and the content is no longer that content.
    """
    found = content_digest(info)
    if digest not in (None, found):
        raise DataError(
            f"The sets or the rubric of {info.title!r} are {found[:12]}, and this run was started "
            f"with {digest[:12] if digest else ''}. Start `syscard run` again."
        )
    return {"syscard": info.model_dump(mode="json")}


def _is_path(name: str) -> bool:
    return "/" in name or name.endswith((".yaml", ".yml", ".json", ".jsonl", ".csv"))


def _folder(kind: str) -> Path:
    return Path(str(files("syscard"))) / "data" / kind


@functools.cache
def _suite_rows(name: str) -> list[dict[str, Any]]:
    return load_rows(name)


def _suite_info(name: str) -> SetInfo:
    wanted, rows = named_suite(name), _suite_rows(name)
    return SetInfo(
        name=f"{wanted.name}/{wanted.part}" if wanted.part else wanted.name,
        version=wanted.revision,
        author=wanted.suite.title,
        licence=wanted.suite.licence,
        digest=digest_bytes(json.dumps(rows, sort_keys=True, default=str).encode()),
        size=len(rows),
        describes=f"loaded from {wanted.suite.path}",
    )


def _lines(text: str) -> int:
    return sum(1 for line in text.split("\n") if line.strip())


def _read_jsonl(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _read_row(line, f"{path}:{number}")


def _read_csv(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, row in enumerate(read_table(text.removeprefix("\ufeff"), path), start=1):
        yield number, {"id": str(number), **row}


def _read_row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{where}: not JSON: {str(error)[:80]}.") from error
    if isinstance(row, dict) and "example_id" in row:  # as BBQ's own files number their rows
        row = {"id": str(row["example_id"]), **row}
    if not isinstance(row, dict) or not isinstance(row.get("id"), str):
        raise DataError(f"{where}: a row is a JSON object with a string 'id'.")
    return row


def _read_lines(path: Path, record: type[R]) -> tuple[R, str, Lines]:
    text = read_text(path)
    found, lines = parse_record(text, str(path), record)
    return found, digest_bytes(text.encode()), lines
