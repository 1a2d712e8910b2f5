"""Whether what a public card withholds stands anywhere else in its bundle, logs included."""

import html
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syscard.assess.card.unpack import files_of
from syscard.errors import DataError
from syscard.records import SampleView
from syscard.yamltext import read_yaml

LEAST = 24  # characters of a prompt by which it is recognised inside other texts
LEAST_ANSWER = 40  # of an answer, a reasoning or a target, of which short ones are everybody's
SHOWN = 10  # places that a message names


@dataclass
class Secrets:
    """What is withheld: texts to find inside others, and short prompts to find as whole fields."""

    inside: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)

    def add(self, view: SampleView) -> None:
        """All that a sample asked and was answered."""
        prompt = view.prompt.strip()
        if len(prompt) >= LEAST:
            self.inside |= _forms(prompt)
        elif prompt:
            self.whole.add(prompt)
        for text in (view.answer, view.reasoning, view.target):
            if len(text.strip()) >= LEAST_ANSWER:
                self.inside |= _forms(text.strip())

    def stand_in(self, texts: Sequence[str]) -> bool:
        """Whether one of them stands in the texts, as it is or as JSON writes it."""
        if any(text.strip() in self.whole for text in texts):
            return True
        joined = "\n\0".join(texts)
        return any(secret in joined for secret in self.inside)


def check_leaks(secrets: Secrets, shown: Mapping[str, Sequence[SampleView]], built: Path) -> None:
    """A withheld text may stand nowhere else in the bundle.

    Nothing more is withheld for it by itself: which of two samples is the public one is the
    author's to say.

    Raises:
        DataError: it does, and where.
    """
    if not (secrets.inside or secrets.whole):
        return
    found = [*_in_samples(secrets, shown)] or [*_in_files(secrets, built)]
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise DataError(
            f"A withheld text also stands in {'; '.join(found[:SHOWN])}{more}. Withhold it there, "
            "too (--withhold TASK, or TASK:ID), or take it out. Nothing was written."
        )


def _in_samples(secrets: Secrets, shown: Mapping[str, Sequence[SampleView]]) -> Iterator[str]:
    for views in shown.values():
        for view in views:
            texts = (view.id, view.prompt, view.answer, view.reasoning, view.target, view.why)
            if secrets.stand_in(texts):
                yield f"{view.task}:{view.id} ({view.mitigation})"


def _in_files(secrets: Secrets, built: Path) -> Iterator[str]:
    """Every file, and of a log every member: its metadata, scores and events as well."""
    for name, path in files_of(built).items():
        if not name.endswith(".eval"):
            if secrets.stand_in(_texts(path.read_bytes(), name)):
                yield name
            continue
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if secrets.stand_in(_texts(archive.read(member), member)):
                    yield f"{name}, {member}"


def _texts(data: bytes, name: str) -> list[str]:
    """The content as it stands, and each string in it as it reads once parsed."""
    text = data.decode("utf-8", "replace")
    if name.endswith((".html", ".md")):
        return [text, html.unescape(text)]
    if name.endswith(".yaml"):
        return [text, *_strings(read_yaml(text, name)[0])]
    found = [text]
    for part in (text,) if name.endswith(".json") else text.split("\n"):
        try:
            found += _strings(json.loads(part))
        except (ValueError, RecursionError):
            continue  # no JSON: it was searched as it stands
    return found


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _forms(text: str) -> set[str]:
    """As it is, and as JSON inside of a string writes it."""
    return {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
