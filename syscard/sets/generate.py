"""Prompts from templates by a seed: fresh ones for a set that a model may have been trained on.

Templates and what fills them are written by hand, in `data/generators`. The same generator, seed
and count give the same rows everywhere; a larger count begins with the smaller's.
"""

import functools
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syscard.errors import DataError
from syscard.files import digest_bytes, read_text
from syscard.library import data_path, manifest, read_set
from syscard.record import Record
from syscard.yamltext import parse_record

SLOT = re.compile(r"\{(\w+)\}")
TRIES = 50  # texts in a row that were there already, before a generator counts as exhausted


class Part(Record):
    """One group's own templates, and what may stand in each slot of a template."""

    templates: tuple[str, ...] = ()
    slots: dict[str, tuple[str, ...]] = {}


class Generator(Record):
    """Templates for each group; those outside the groups are every group's."""

    name: str
    version: str
    column: str  # in which a row names its group
    templates: tuple[str, ...] = ()
    slots: dict[str, tuple[str, ...]] = {}
    groups: dict[str, Part]

    def part(self, group: str) -> Part:
        """What a group has, the shared included; its own slot stands before a shared one."""
        own = self.groups[group]
        return Part(templates=own.templates + self.templates, slots=self.slots | own.slots)


@functools.cache
def read_generator(name: str) -> Generator:
    """A generator by name or path.

    Raises:
        DataError: there is none of that name, it is not one, or a template names a slot that has
            no values.
    """
    path = data_path("generators", name)
    generator, lines = parse_record(read_text(path), str(path), Generator)
    for group in generator.groups:
        part = generator.part(group)
        for template in part.templates:
            for slot in SLOT.findall(template):
                if not part.slots.get(slot):
                    raise DataError(
                        f"{lines.where(('groups', group))}: {template!r} names the slot {slot!r}, "
                        "which has no values. Write some under 'slots'."
                    )
    return generator


def generate(
    name: str, seed: int, count: int, without: Collection[str] = ()
) -> list[dict[str, Any]]:
    """`count` rows of every group, none with a text of `without`.

    Each row says that it was generated and from which seed.

    Raises:
        DataError: the templates give fewer different texts.
    """
    generator = read_generator(name)
    rows = []
    for group in generator.groups:
        found = _texts(generator, group, seed, count, without)
        label = re.sub(r"\W+", "-", group)
        rows += [
            {
                "id": f"{generator.name}-{label}-s{seed}-{number:02}",
                generator.column: group,
                "input": text,
                "made": "generated",
                "seed": seed,
            }
            for number, text in enumerate(found, start=1)
        ]
    return rows


def fresh(name: str, seed: int, count: int) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows of that seed in place of a packaged set's, none of which is in the set.

    With them what `TaskInfo.sets` says of them: their name, and the digest of the rows.
    """
    packaged = {str(row["input"]) for row in read_set(name)} if name in manifest() else set()
    rows = generate(name, seed, count, packaged)
    digest = digest_bytes(json.dumps(rows, sort_keys=True).encode())
    return rows, {f"{name}-fresh-{seed}@{read_generator(name).version}": digest}


def _texts(
    generator: Generator, group: str, seed: int, count: int, without: Collection[str]
) -> list[str]:
    found: list[_Text] = []
    again = 0
    for text in _filled(generator.part(group), f"{seed}\0{group}"):
        if len(found) == count or again == TRIES:
            break
        new = text.said not in without and not any(text.like(other) for other in found)
        again = 0 if new else again + 1
        found += [text] if new else []
    if len(found) < count:
        raise DataError(
            f"The generator {generator.name!r} gives {len(found)} different texts of {group!r}, "
            f"not {count}. Ask for fewer, or write it more templates."
        )
    return [text.said for text in found]


@dataclass(frozen=True)
class _Text:
    template: str
    values: Mapping[str, str]

    @property
    def said(self) -> str:
        text = SLOT.sub(lambda slot: self.values[slot[1]], self.template)
        return text[0].upper() + text[1:]

    def like(self, other: "_Text") -> bool:
        """Whether both fill one template and differ in fewer than two of its slots."""
        differs = sum(self.values[slot] != other.values.get(slot) for slot in self.values)
        return self.template == other.template and differs < min(2, len(self.values) or 1)


def _filled(part: Part, key: str) -> Iterator[_Text]:
    """Texts without end; templates and each slot's values are dealt, all once before any twice."""
    dealt: Counter[str] = Counter()

    def deal(name: str, values: Sequence[str]) -> str:
        turn, place = divmod(dealt[name], len(values))
        dealt[name] += 1
        return _shuffled(values, f"{key}\0{name}\0{turn}")[place]

    while part.templates:
        template = deal("", part.templates)
        slots = dict.fromkeys(SLOT.findall(template))
        yield _Text(template, {slot: deal(slot, part.slots[slot]) for slot in slots})


def _shuffled(values: Sequence[str], key: str) -> list[str]:
    return sorted(values, key=lambda value: digest_bytes(f"{key}\0{value}".encode()))
