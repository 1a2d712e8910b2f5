"""A recipe: the options of both stages, what they need, and what to expect, in one file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from syscard.errors import DataError
from syscard.files import read_text
from syscard.record import Record
from syscard.yamltext import parse_record

Options = TypeVar("Options", bound=Record)


class Expected(Record):
    """A number that others report for the like, and where."""

    what: str
    value: str
    source: str


class Recipe(Record):
    """How models of one size are trained."""

    name: str
    models: tuple[str, ...]  # which it was written for
    needs: dict[str, str]  # devices, memory, hours: in words
    sft: dict[str, Any] = {}
    rl: dict[str, Any] = {}
    expected: tuple[Expected, ...] = ()


def read_recipe(path: Path, stage: str) -> dict[str, Any]:
    """The options of one stage, "sft" or "rl".

    Raises:
        DataError: with the line, what is wrong there.
    """
    recipe, _ = parse_record(read_text(path), str(path), Recipe)
    found: dict[str, Any] = recipe.sft if stage == "sft" else recipe.rl
    return found


def read_options(kind: type[Options], told: Mapping[str, Any], where: str) -> Options:
    """A stage's options.

    Raises:
        DataError: one is unknown, or no value for it.
    """
    try:
        return kind.model_validate(dict(told))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{where}: {name}: {first['msg']}. There are {', '.join(kind.model_fields)}."
        ) from error
