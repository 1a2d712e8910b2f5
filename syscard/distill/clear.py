"""Keeps training data clear of evaluation sets, and of near duplicates of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from syscard.examples import Example, Prompt
from syscard.library import manifest, read_set, set_info
from syscard.sets.check import Text, held, near, normal, texts
from syscard.sets.report import file_texts
from syscard.suites import is_suite

DATA = "data"  # the set of the texts that are looked at; no evaluation set is called so
TURNS = "turns"


@dataclass(frozen=True)
class Evaluations:
    """The prompts that training data must stay clear of."""

    rows: tuple[Text, ...]
    names: tuple[str, ...]  # of the sets whose canary counts


@dataclass(frozen=True)
class Found:
    """What a prompt is too near to."""

    what: str  # set:id, the set whose canary it holds, or the place of an earlier prompt
    evaluation: bool  # or else another prompt of the data


def evaluations(against: Sequence[str] = ()) -> Evaluations:
    """All packaged sets, and each set or file named.

    Raises:
        DataError: a set or a file that is not there, or not one.
    """
    names = tuple(sorted(manifest()))
    rows: list[Text] = []
    for name in (*names, *(one for one in against if one not in names and _is_set(one))):
        rows += texts(set_info(name).name, read_set(name))
    for path in (Path(one) for one in against if one not in names and not _is_set(one)):
        rows += file_texts(path)
    return Evaluations(tuple(rows), names)


def unclear(prompts: Sequence[Prompt], known: Evaluations) -> dict[int, Found]:
    """Of each prompt that is too near to something, by its place: what that is.

    Each message of a conversation is looked at, and all of a person's together. Of two prompts
    that are near each other the later is named; not where they share `twins`, which are near each
    other by design, unless they are the same.
    """
    found = dict(_evaluated(prompts, known))
    first: dict[str, int] = {}
    for place, prompt in enumerate(prompts):
        if place not in found:
            earlier = first.setdefault(normal(_asked(prompt)), place)
            if earlier != place:
                found[place] = Found(str(earlier), evaluation=False)
    asked = [
        Text(DATA, str(place), _asked(prompt), prompt.twins or f"{DATA}:{place}")
        for place, prompt in enumerate(prompts)
        if place not in found
    ]
    for pair in near(asked):
        one, other = _place(pair.one), _place(pair.other)
        if one not in found:
            found.setdefault(other, Found(str(one), evaluation=False))
    return found


def holding(examples: Sequence[Example], known: Evaluations) -> dict[int, Found]:
    """Of each example whose reasoning or answer holds an evaluation prompt or a canary: which."""
    written = [
        Text(DATA, str(place), text, f"{DATA}:{place}")
        for place, example in enumerate(examples)
        for text in (example.reasoning, example.answer)
    ]
    return {
        _place(one.where): Found(one.what, evaluation=True)
        for one in held(known.rows, written, known.names)
    }


def _evaluated(prompts: Sequence[Prompt], known: Evaluations) -> Iterator[tuple[int, Found]]:
    said = [
        Text(DATA, str(place), text, TURNS)  # of one cluster: they are not held against each other
        for place, prompt in enumerate(prompts)
        for text in dict.fromkeys([_asked(prompt), *(turn["content"] for turn in prompt.turns)])
    ]
    for one in held(known.rows, said, known.names):
        yield _place(one.where), Found(one.what, evaluation=True)
    for pair in near(said, known.rows):
        yield _place(pair.one), Found(pair.other, evaluation=True)


def _asked(prompt: Prompt) -> str:
    """All that the person says; an application's text before it is shared by many."""
    return " ".join(turn["content"] for turn in prompt.turns if turn["role"] == "user")


def _is_set(name: str) -> bool:
    return is_suite(name) or name in manifest()


def _place(where: str) -> int:
    return int(where.removeprefix(f"{DATA}:"))
