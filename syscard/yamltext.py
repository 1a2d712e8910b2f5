"""YAML that remembers its lines, so that an error says where and what to write instead."""

import difflib
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from syscard.errors import DataError

Place = tuple[str | int, ...]
R = TypeVar("R", bound=BaseModel)
MOST = 2_000_000  # characters of a text, and again of what its aliases unfold to


class Lines:
    """Where each key of a YAML text stands."""

    def __init__(self, name: str, places: dict[Place, int]) -> None:
        self.name = name
        self.places = places

    def where(self, place: Place) -> str:
        """`file:line` of the place, or of the nearest one around it."""
        while place and place not in self.places:
            place = place[:-1]
        return f"{self.name}:{self.places.get(place, 1)}"

    def explain(self, error: ValidationError, record: type[BaseModel]) -> str:
        """The first thing wrong, as one line: where, what, and what to write instead."""
        first = error.errors(include_url=False)[0]
        place = tuple(first["loc"])
        key = ".".join(str(part) for part in place) or "the file"
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        if first["type"] == "extra_forbidden":
            known = _fields_at(record, place[:-1])
            near = difflib.get_close_matches(str(place[-1]), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}."
            return f"{self.where(place)}: unknown key {key!r}; {hint}{more}"
        if first["type"] == "missing":
            return f"{self.where(place)}: {key!r} is missing; write '{place[-1]}: ...'.{more}"
        message = first["msg"].removeprefix("Value error, ")
        given = f" (it is {first['input']!r:.60})" if not isinstance(first["input"], dict) else ""
        return f"{self.where(place)}: {key}: {message}{given}.{more}"


def read_yaml(text: str, name: str) -> tuple[Any, Lines]:
    """The content of a YAML text, and where each of its keys stands.

    Raises:
        DataError: the text is not YAML, a key stands twice in one mapping, or it is too large,
            as it stands or with its aliases unfolded.
    """
    if len(text) > MOST:
        raise DataError(f"{name}: larger than {MOST} characters, which no such file is.")
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        noted = _Notes(name)
        if node is not None:
            noted.take(node, ())
        content = None if node is None else loader.construct_document(node)
        return content, Lines(name, noted.places)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DataError(f"{name}:{line}: not YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise DataError(f"{name}: not YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:  # a date or a number that is none, such as 2024-13-45
        raise DataError(f"{name}: not YAML: {error}; put it in quotes.") from error
    except RecursionError as error:
        raise DataError(f"{name}: nested deeper than any such file is.") from error
    finally:
        if loader is not None:
            loader.dispose()


def parse_record(text: str, name: str, record: type[R]) -> tuple[R, Lines]:
    """A YAML text as a record, and where each of its keys stands.

    Raises:
        DataError: with the line, what is wrong there, and what to write instead.
    """
    content, lines = read_yaml(text, name)
    if not isinstance(content, dict):
        raise DataError(f"{name} is not a mapping of keys to values.")
    try:
        return record.model_validate(content), lines
    except ValidationError as error:
        raise DataError(lines.explain(error, record)) from error


class _Notes:
    """Where each key stands; and how much has been read, every alias counted as what it repeats.

    A few lines of aliases of aliases unfold to more than any memory holds.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.places: dict[Place, int] = {}
        self.read = 0

    def take(self, node: yaml.Node, place: Place) -> None:
        line = node.start_mark.line + 1
        self.places.setdefault(place, line)
        self._count(node, line)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._take_key(key, value, place)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.take(value, (*place, index))

    def _take_key(self, key: yaml.Node, value: yaml.Node, place: Place) -> None:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise DataError(f"{self.name}:{line}: a key must be one word.")
        inner = (*place, key.value)
        if inner in self.places:
            raise DataError(f"{self.name}:{line}: key {key.value!r} stands twice.")
        self.places[inner] = line
        self._count(key, line)
        self.take(value, inner)

    def _count(self, node: yaml.Node, line: int) -> None:
        self.read += 2 + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
        if self.read > 2 * MOST:
            raise DataError(f"{self.name}:{line}: aliases unfold to more than any such file holds.")


def _fields_at(record: type[BaseModel], place: Place) -> list[str]:
    """The keys that may stand at a place, found through the records' own annotations."""
    current: Any = record
    for part in place:
        if isinstance(part, int):
            continue
        field = getattr(current, "model_fields", {}).get(part)
        if field is None:
            return []
        current = _record_in(field.annotation)
    return list(getattr(current, "model_fields", {}))


def _record_in(annotation: Any) -> Any:
    """The record inside `tuple[R, ...]`, `R | None`, or `R` itself."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _record_in(inner)
        if found is not None:
            return found
    return None
