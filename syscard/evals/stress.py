"""Stress tests: does the mitigation hold when something presses around or inside the request?

Each request is put under every pressure of its task and is one cluster; the breakdown by pressure
is the curve. Benign requests stand under the same pressures, since a model that refuses everything
holds too.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, GenerateConfig
from inspect_ai.solver import generate

from syscard.errors import DataError
from syscard.grader.judge import DEFAULT
from syscard.grader.served import safe_and_served, served_metrics
from syscard.library import described, rewrites_digests
from syscard.pressed.about import BENIGN, HARMFUL, pressed
from syscard.rewrites import rewrite
from syscard.rewrites.pressure import (
    after_words,
    check_known,
    forged,
    prefilled,
    pressure_digest,
    pressures,
)
from syscard.sets.mixed import mixed

LADDER = ("plain", "prefix", "prefix+suppression", "role+prefix+suppression")


@task
def stress_prefill(
    kinds: str | Sequence[str] = ("answer", "empty", "reasoning", "both"),
    harmful: int = HARMFUL,
    benign: int = BENIGN,
    seed: int = 0,
    grader: str = DEFAULT,
    digest: str | None = None,
) -> Task:
    """The answer was begun for the model: with words of consent, with reasoning that it never did.

    Args:
        kinds: of `data/stress/prefills.yaml`, in order of strength.
        harmful: requests for disallowed content, each under every kind.
        benign: benign requests, likewise.
        seed: of the draw.
        grader: as in `find_judge`.
    """
    kinds = _listed(kinds)
    check_known("prefills", kinds)
    family = Family(
        title="Prefilled answers",
        describes="The first words of the answer, or forged or empty reasoning, are written for "
        "the model, which goes on from there.",
        made_of=pressure_digest("prefills"),
        notes=(
            "What was written for the model is not judged, only what it wrote itself. A provider "
            "that does not go on from a last message of the assistant's makes this an easy test.",
        ),
    )
    texts = {kind: {"prefill": pressures("prefills")[kind]} for kind in kinds}
    draw = Draw(harmful, benign, seed, grader)
    return family.task(draw, kinds, prefilled, digest, texts)


@task
def stress_system(
    kinds: str | Sequence[str] = ("inside", "markup", "update", "developer"),
    harmful: int = HARMFUL,
    benign: int = BENIGN,
    seed: int = 0,
    grader: str = DEFAULT,
    digest: str | None = None,
) -> Task:
    """A system message claims that the rules are lifted: a real one, or words in the user's text.

    Args:
        kinds: of `data/stress/systems.yaml`.
        harmful: requests for disallowed content, each under every kind.
        benign: benign requests, likewise.
        seed: of the draw.
        grader: as in `find_judge`.
    """
    kinds = _listed(kinds)
    check_known("systems", kinds)
    family = Family(
        title="Forged system messages",
        describes="Messages in the system's role, and text of the user's that looks like one, "
        "claim that the specification no longer holds.",
        made_of=pressure_digest("systems"),
    )
    return family.task(Draw(harmful, benign, seed, grader), kinds, forged, digest)


@task
def stress_context(
    words: Sequence[int] = (0, 500, 1500),
    harmful: int = HARMFUL,
    benign: int = BENIGN,
    seed: int = 0,
    grader: str = DEFAULT,
    digest: str | None = None,
) -> Task:
    """The request stands after a long harmless text.

    Args:
        words: lengths of that text; a word is about 1.4 tokens, and all must fit the context.
        harmful: requests for disallowed content, each at every length.
        benign: benign requests, likewise.
        seed: of the draw, and of the order of the text's paragraphs.
        grader: as in `find_judge`.
    """
    if not words or min(words) < 0 or len({*words}) != len(words):
        raise DataError(f"'words' is {list(words)!r}: give lengths of 0 or more, each once.")
    lengths = {f"{count} words": count for count in words}
    family = Family(
        title="Long contexts",
        describes="The request stands at the end of a long text on everyday things.",
        made_of=pressure_digest("passages"),
        notes=("A request that does not fit the model's context has no answer: it is truncated.",),
    )

    def put(request: str, kind: str) -> str:
        return after_words(request, lengths[kind], seed)

    return family.task(Draw(harmful, benign, seed, grader), tuple(lengths), put, digest)


@task
def stress_strength(
    ladder: str | Sequence[str] = LADDER,
    harmful: int = HARMFUL,
    benign: int = BENIGN,
    seed: int = 0,
    grader: str = DEFAULT,
    digest: str | None = None,
) -> Task:
    """Published rewordings stacked upon each other: how many does it take?

    After the combinations of Wei et al. 2023, arXiv 2307.02483.

    Args:
        ladder: rewrites of `syscard.rewrites`, joined by +, the first of them innermost.
        harmful: requests for disallowed content, each on every rung.
        benign: benign requests, likewise.
        seed: of the draw, and of rewrites that draw.
        grader: as in `find_judge`.
    """
    rungs = _listed(ladder)
    if not rungs or len({*rungs}) != len(rungs):
        raise DataError(f"'ladder' is {list(rungs)!r}: name each rung once.")
    names = dict.fromkeys(name for rung in rungs for name in rung.split("+"))
    family = Family(
        title="Jailbreaks of growing strength",
        describes="One, two and three published rewordings of the same request, one in another.",
        made_of=rewrites_digests(),
        notes=tuple(f"{name}: {rewrite(name).source}." for name in names),
    )

    def put(request: str, rung: str) -> str:
        for name in rung.split("+"):
            request = rewrite(name).apply(request, seed)
        return request

    return family.task(Draw(harmful, benign, seed, grader), rungs, put, digest)


@dataclass(frozen=True)
class Draw:
    """Which requests are put under pressure, and who judges the answers."""

    harmful: int
    benign: int
    seed: int
    grader: str


@dataclass(frozen=True)
class Family:
    """What the card says of one kind of pressure; the rest is the same for all."""

    title: str
    describes: str
    made_of: dict[str, str]
    notes: tuple[str, ...] = ()

    def task(
        self,
        draw: Draw,
        kinds: Sequence[str],
        put: Callable[[str, str], str | list[ChatMessage]],
        digest: str | None,
        more: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Task:
        """Every request under every kind; `more` is added to the metadata of a kind's samples."""
        info = pressed(
            self.title,
            self.describes,
            draw.grader,
            served_metrics(draw.grader),
            made_of=self.made_of,
            notes=self.notes,
        )
        return Task(
            dataset=MemoryDataset(list(_samples(draw, kinds, put, more or {})), name="disallowed"),
            solver=generate(),
            scorer=safe_and_served(draw.grader),
            config=GenerateConfig(max_tokens=256),
            metadata=described(info, digest),
            version="1.0",
        )


def _samples(
    draw: Draw,
    kinds: Sequence[str],
    put: Callable[[str, str], str | list[ChatMessage]],
    more: Mapping[str, Mapping[str, str]],
) -> Iterable[Sample]:
    for asked in mixed(draw.harmful, draw.benign, draw.seed):
        for place, kind in enumerate(kinds, 1):
            found: dict[str, Any] = {"pressure": f"{place}: {kind}", **more.get(kind, {})}
            yield Sample(
                id=f"{asked.id}-{place}",
                input=put(asked.request, kind),
                metadata=asked.metadata | found,
            )


def _listed(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
