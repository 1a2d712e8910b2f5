"""Prompts and examples read, vetted, mixed and written: all but what asks a model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from syscard.distill.card import CARD, DataCard, Source, as_markdown
from syscard.distill.clear import Evaluations, Found, holding, unclear
from syscard.distill.teacher import at_odds
from syscard.errors import DataError, SetupError
from syscard.examples import Example, Prompt, check_examples, read_examples, write_examples
from syscard.files import digest_bytes, digest_file, read_text, write_text
from syscard.library import dump
from syscard.specs import NONE, Spec

RUN = "run.json"
EXAMPLES, PAGE, DROPS = "examples.jsonl", "datacard.md", "dropped.jsonl"
AT_ODDS, HOLDS = "answer at odds with the decision", "holds an evaluation prompt"


@dataclass(frozen=True)
class Drop:
    """Something that was dropped: its place in its file, the filter and the reason."""

    place: str  # file:row
    filter: str
    why: str


@dataclass(frozen=True)
class Batch:
    """A file of written examples."""

    path: Path
    examples: tuple[Example, ...]


def read_prompts(path: Path, spec: Spec) -> tuple[Prompt, ...]:
    """The prompts of a JSON-lines file, in its order.

    Raises:
        DataError: with the line: it is no prompt, or its category is none of the specification's.
    """
    found = tuple(
        _read(line, f"{path}:{number}", spec)
        for number, line in enumerate(read_text(path).split("\n"), 1)
        if line.strip()
    )
    if not found:
        raise DataError(f"{path} holds no prompt.")
    return found


def prompt_id(prompt: Prompt) -> str:
    """What a prompt is known by in the log: a digest of all that is said of it."""
    return digest_bytes(dump(prompt).encode())[:16]


def read_batch(path: Path, spec: Spec) -> Batch:
    """The written examples of a file, each checked to cite a rule that leads to its decision.

    Raises:
        DataError: the first that does not, or a line that is no example.
    """
    examples = read_examples(path)
    try:
        check_examples(examples, spec)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return Batch(
        path, tuple(one.model_copy(update={"source": one.source or path.stem}) for one in examples)
    )


def clear(
    prompts: Sequence[Prompt], names: Sequence[str], known: Evaluations
) -> tuple[dict[int, Prompt], list[Drop]]:
    """The prompts, by their place, that are near to nothing, and what the others are near to.

    `names`: what each is called in the record of what was dropped.
    """
    near = unclear(prompts, known)
    drops = [_near(found, names, place) for place, found in sorted(near.items())]
    return {place: one for place, one in enumerate(prompts) if place not in near}, drops


def vetted(
    batches: Sequence[Batch], known: Evaluations, before: Sequence[Prompt] = ()
) -> tuple[tuple[Example, ...], list[Drop]]:
    """Those of written examples that pass the filters that ask no model, and what was dropped.

    `before`: prompts that are in the data already, and which they must not be near to either.
    """
    pool = [one for batch in batches for one in batch.examples]
    names = ["the data"] * len(before) + [
        f"{batch.path.name}:{row}" for batch in batches for row in range(1, len(batch.examples) + 1)
    ]
    near = unclear([*before, *pool], known)
    held = holding(pool, known)
    kept: list[Example] = []
    drops: list[Drop] = []
    for place, example in enumerate(pool):
        here = place + len(before)
        name, odd = names[here], at_odds(example)
        if here in near:
            drops.append(_near(near[here], names, here))
        elif place in held:
            drops.append(Drop(name, HOLDS, held[place].what))
        elif odd is not None:
            drops.append(Drop(name, AT_ODDS, odd))
        else:
            kept.append(example)
    return tuple(kept), drops


def share_of(pool: Sequence[Example], share: float, beside: int, seed: int) -> tuple[Example, ...]:
    """So many of the pool, drawn with a seed, that they make that share of the whole."""
    wanted = round(beside * share / (1 - share))
    return tuple(in_order(pool, seed)[:wanted])


def in_order(examples: Sequence[Example], seed: int) -> list[Example]:
    """The examples in an order that the seed decides, and not the order of any file."""
    return sorted(examples, key=lambda one: digest_bytes(f"{seed}\0{dump(one)}".encode()))


def source_of(path: Path, rows: int) -> Source:
    """What a card says of a file."""
    return Source(name=path.name, digest=digest_file(path), rows=rows)


def claim(out: Path, identity: Mapping[str, Any]) -> None:
    """Make the folder this run's own, or go on in it.

    Raises:
        SetupError: it holds something else, or data of which something was asked otherwise.
    """
    path = out / RUN
    if not path.exists():
        if out.exists() and (not out.is_dir() or any(out.glob("[!.]*"))):
            raise SetupError(f"{out} holds something else. Name a new folder with -o.")
        write_text(path, json.dumps(identity, indent=1, sort_keys=True) + "\n")
        return
    try:
        before = dict(json.loads(read_text(path)))
    except (ValueError, TypeError) as error:
        raise SetupError(f"{path} cannot be read. Name a new folder with -o.") from error
    for name in sorted({*before, *identity}):
        if before.get(name) != identity.get(name):
            raise SetupError(
                f"{out} holds the data of another run: {name!r} was {before.get(name)!r:.80}, and "
                f"is {identity.get(name)!r:.80}. Name a new folder with -o."
            )


def write(out: Path, examples: Sequence[Example], card: DataCard, drops: Sequence[Drop]) -> None:
    """The data, its card for people and for programs, and a line for each thing dropped."""
    lines = (json.dumps(vars(drop), ensure_ascii=False) + "\n" for drop in drops)
    write_text(out / DROPS, "".join(lines))
    write_text(out / EXAMPLES, write_examples(examples))
    write_text(out / CARD, dump(card))
    write_text(out / PAGE, as_markdown(card))


def _near(found: Found, names: Sequence[str], place: int) -> Drop:
    if found.evaluation:
        return Drop(names[place], "near an evaluation prompt", found.what)
    return Drop(names[place], "near another prompt", names[int(found.what)])


def _read(line: str, where: str, spec: Spec) -> Prompt:
    try:
        prompt = Prompt.model_validate(json.loads(line))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{where} is not JSON: {str(error)[:80]}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the line"
        raise DataError(f"{where}: {field}: {first['msg']}.") from error
    if prompt.category not in (*spec.categories, NONE):
        raise DataError(
            f"{where}: specification {spec.name!r} has no category {prompt.category!r}. There are: "
            f"{', '.join((*spec.categories, NONE))}."
        )
    return prompt
