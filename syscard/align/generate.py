"""Training data for deliberation: a teacher reasons over the specification, a judge chooses.

After Guan et al. 2024, arXiv 2412.16339, section 3.1. The models are asked in one Inspect task,
whose log is kept with the data: a killed run goes on from it, and what is dropped, and why, is
computed from it anew each time. So the threshold can be moved without asking anybody again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspect_ai.log import EvalSample

from syscard.distill.ask import Asking, Models, ask, consistent, votes_of
from syscard.distill.assemble import (
    HOLDS,
    Batch,
    Drop,
    claim,
    clear,
    in_order,
    prompt_id,
    read_batch,
    read_prompts,
    share_of,
    source_of,
    vetted,
    write,
)
from syscard.distill.card import (
    FILTERS,
    WRITTEN,
    DataCard,
    Judged,
    Mixed,
    Source,
    counts,
    filters,
    spec_used,
    versions,
)
from syscard.distill.clear import Evaluations, evaluations, holding
from syscard.distill.judge import RUBRIC, judged
from syscard.distill.teacher import FORM, Dropped, instructions, unread
from syscard.errors import DataError, IncompleteError
from syscard.examples import Example, Prompt, examples_digest, packaged_files
from syscard.files import digest_bytes
from syscard.grader.rubric import load_rubric
from syscard.specs import Spec, read_spec

LOGS = "logs"
Talk = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What data is wanted. All but threshold, mix and share decide what the models are asked."""

    spec: str = "default"
    votes: int = 4
    threshold: int = 8  # of 10
    hints: bool = False
    seed: int = 0
    against: tuple[str, ...] = ()
    mix: tuple[Path, ...] = ()
    share: float = 0.2
    limit: int | None = None
    tokens: int = 4000  # that the specification may take up
    max_tokens: int = 2048  # of reasoning and answer

    @property
    def asking(self) -> Asking:
        """What of it the models notice."""
        return Asking(self.spec, self.votes, self.hints, self.seed, self.tokens, self.max_tokens)


@dataclass
class _Made:
    """What has come together so far."""

    sources: tuple[Source, ...]
    total: int
    drops: list[Drop]
    kept: tuple[Example, ...] = ()
    judged: Judged | None = None
    lineages: tuple[str, ...] = ()  # of the judge; the rules choose as well, by `at_odds`


def generate(prompts: Path, out: Path, wanted: Wanted, models: Models, talk: Talk) -> DataCard:
    """Ask teacher and judge what is still missing, and write data and data card into `out`.

    Raises:
        DataError: the prompts, the specification, a set or a file is not one.
        SetupError: a model is not there, or the folder holds another run's data.
        IncompleteError: an endpoint failed on some prompts; all else was written.
    """
    models.check()
    spec, known = read_spec(wanted.spec), evaluations(wanted.against)
    found = read_prompts(prompts, spec)[: wanted.limit]
    for category in {prompt.category for prompt in found}:
        instructions(spec, category, wanted.tokens)  # over the budget, it says so here
    names = [f"{prompts.name}:{row}" for row in range(1, len(found) + 1)]
    asked, drops = clear(found, names, known)
    batches = [read_batch(path, spec) for path in wanted.mix]
    claim(out, _identity(tuple(asked.values()), wanted, models))
    talk(f"{len(found)} prompts: asks for {len(asked)}, {len(drops)} are too near to others")
    samples = ask(tuple(asked.values()), wanted.asking, models, out / LOGS) if asked else {}
    made = _Made(
        sources=(source_of(prompts, len(found)),),
        total=len(found),
        drops=drops,
        judged=_judged(samples, wanted, models),
        lineages=models.lineages,
    )
    made.kept = _kept({names[place]: one for place, one in asked.items()}, samples, made, wanted)
    made.kept = _clean(made, known)
    card = _finish(out, made, batches, wanted, known)
    failed = [drop.why for drop in made.drops if drop.filter == "endpoint failed"]
    if failed:
        raise IncompleteError(
            f"The endpoint failed on {len(failed)} of {len(found)} prompts: {failed[0]}. The rest "
            f"is in {out}; give the same command again to ask those."
        )
    return card


def gather(out: Path, wanted: Wanted) -> DataCard:
    """The packaged examples, written by hand, through the same filters but teacher and judge.

    Raises:
        DataError: one of them does not cite a rule of the specification.
        SetupError: the folder holds another run's data.
    """
    spec, known = read_spec(wanted.spec), evaluations(wanted.against)
    batches = [read_batch(path, spec) for path in packaged_files()]
    mixed = [read_batch(path, spec) for path in wanted.mix]
    sources = _sources(batches)
    digests = [source.digest for source in sources]
    claim(out, {"spec": spec.digest, "seed": wanted.seed, "sources": digests})
    kept, drops = vetted(batches, known)
    made = _Made(sources, sum(source.rows for source in sources), drops, kept)
    return _finish(out, made, mixed, wanted, known)


def _kept(
    asked: Mapping[str, Prompt], samples: Mapping[str, EvalSample], made: _Made, wanted: Wanted
) -> tuple[Example, ...]:
    """The examples that pass every filter on what the models said; the others are noted."""
    spec, teacher = read_spec(wanted.spec), made.judged.teacher if made.judged else ""
    kept = []
    for name, prompt in asked.items():
        found = _outcome(prompt, samples.get(prompt_id(prompt)), spec, wanted.threshold)
        if isinstance(found, Example):
            kept.append(found.model_copy(update={"source": teacher}))
        else:
            made.drops.append(Drop(name, found.filter, found.why))
    return tuple(kept)


def _outcome(
    prompt: Prompt, sample: EvalSample | None, spec: Spec, threshold: int
) -> Example | Dropped:
    if sample is None or sample.error is not None:
        why = sample.error.message if sample and sample.error else "it was not asked"
        return Dropped("endpoint failed", " ".join(why.split())[:160])
    found = consistent(prompt, sample.output, spec)
    if isinstance(found, Dropped):
        return found
    return judged(votes_of(sample), threshold) or found


def _clean(made: _Made, known: Evaluations) -> tuple[Example, ...]:
    """The examples in whose reasoning and answer no evaluation prompt stands."""
    held = holding(made.kept, known)
    made.drops += [
        Drop(f"answer to {made.kept[place].prompt[:40]!r}", HOLDS, found.what)
        for place, found in held.items()
    ]
    return tuple(one for place, one in enumerate(made.kept) if place not in held)


def _finish(
    out: Path, made: _Made, mix: Sequence[Batch], wanted: Wanted, known: Evaluations
) -> DataCard:
    """Mix in, put in order, count, write."""
    good, drops = vetted(mix, known, made.kept) if mix else ((), [])
    added = share_of(good, wanted.share, len(made.kept), wanted.seed)
    examples = in_order([*made.kept, *added], wanted.seed)
    card = DataCard(
        name=out.name,
        spec=spec_used(read_spec(wanted.spec)),
        sources=made.sources,
        seed=wanted.seed,
        filters=filters(made.total, _why(made.drops), FILTERS if made.judged else WRITTEN),
        clear_of=(*known.names, *(one for one in wanted.against if one not in known.names)),
        judged=made.judged,
        mixed=_mixed(mix, len(added), len(examples), wanted.share, drops) if mix else None,
        chosen_by=(*made.lineages, "rules"),
        unread=sum(map(unread, examples)),
        rows=len(examples),
        counts=counts(examples),
        digest=examples_digest(examples),
        versions=versions(),
    )
    write(out, examples, card, [*made.drops, *drops])
    if not examples and "endpoint failed" not in {drop.filter for drop in made.drops}:
        raise DataError(
            f"Nothing is left of {made.total} prompts: see what dropped them in {out}/datacard.md."
        )
    return card


def _mixed(
    mix: Sequence[Batch], added: int, whole: int, share: float, drops: Sequence[Drop]
) -> Mixed:
    sources = _sources(mix)
    return Mixed(
        sources=sources,
        asked=share,
        share=added / whole if whole else 0.0,
        rows=added,
        filters=filters(sum(source.rows for source in sources), _why(drops), WRITTEN),
    )


def _why(drops: Sequence[Drop]) -> list[tuple[str, str]]:
    return [(drop.filter, drop.why) for drop in drops]


def _sources(batches: Sequence[Batch]) -> tuple[Source, ...]:
    return tuple(source_of(batch.path, len(batch.examples)) for batch in batches)


def _judged(samples: Mapping[str, EvalSample], wanted: Wanted, models: Models) -> Judged:
    rubric, digest = load_rubric(RUBRIC)
    given = [vote for sample in samples.values() for vote in votes_of(sample)]
    return Judged(
        teacher=str(models.teacher),
        judge=str(models.judge),
        rubric=f"{rubric.name} {rubric.version}",
        rubric_digest=digest,
        votes=wanted.votes,
        threshold=wanted.threshold,
        hints=wanted.hints,
        failed_votes=sum(vote.score is None for vote in given),
    )


def _identity(asked: Sequence[Prompt], wanted: Wanted, models: Models) -> dict[str, Any]:
    """All that decides what the models are asked: one folder holds one of it."""
    asking = wanted.asking
    return {
        "spec": read_spec(wanted.spec).digest,
        "prompts": digest_bytes("\n".join(map(prompt_id, asked)).encode()),
        "teacher": str(models.teacher),
        "judge": str(models.judge),
        "form": digest_bytes(FORM.encode()),
        "rubric": load_rubric(RUBRIC)[1],
        **{name: value for name, value in vars(asking).items() if name != "spec"},
    }
