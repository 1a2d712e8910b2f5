"""The data card: what the training data is, and what every filter dropped on the way to it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version as version_of
from pathlib import Path

from syscard import __version__
from syscard.examples import Example
from syscard.library import read_json
from syscard.record import Record
from syscard.specs import Spec

CARD = "datacard.json"  # beside the examples that it is about
FILTERS = (
    "near an evaluation prompt",
    "near another prompt",
    "endpoint failed",
    "teacher refused",
    "malformed",
    "cites no rule",
    "cites the wrong rule",
    "answer at odds with the decision",
    "not judged",
    "below the threshold",
    "holds an evaluation prompt",
)  # in the order in which they are passed
WRITTEN = (*FILTERS[:2], FILTERS[-1], "answer at odds with the decision")  # of no model's words
SHOWN = 20


class Filter(Record):
    """One filter: what it dropped, what was left, and the first reasons."""

    name: str
    dropped: int
    left: int
    reasons: tuple[str, ...] = ()


class Source(Record):
    """A file that the data comes from."""

    name: str
    digest: str
    rows: int


class SpecUsed(Record):
    """The specification that the data speaks of."""

    name: str
    version: str
    digest: str


class Judged(Record):
    """Who wrote and who chose, and how."""

    teacher: str
    judge: str
    rubric: str  # name and version
    rubric_digest: str
    votes: int  # of which the lowest counts
    threshold: int  # of 10
    hints: bool
    failed_votes: int  # that gave no score; what they were about was dropped


class Mixed(Record):
    """Examples that no teacher wrote, mixed in."""

    sources: tuple[Source, ...]
    asked: float  # their share of the whole that was asked for
    share: float  # that there is
    rows: int
    filters: tuple[Filter, ...]


class DataCard(Record):
    """What the training data is and how it came to be; no number of it rates a model."""

    name: str
    spec: SpecUsed
    sources: tuple[Source, ...]
    seed: int
    filters: tuple[Filter, ...]
    clear_of: tuple[str, ...]  # the evaluation sets that nothing in it is near to
    judged: Judged | None = None  # None: written by hand, and no model judged it
    mixed: Mixed | None = None
    chosen_by: tuple[str, ...]  # lineages that never rate a model trained on it: `rewarded_by`
    unread: int = 0  # answers in a language in which nobody told whether they do what was decided
    rows: int
    counts: dict[str, dict[str, int]]  # by category, decision, language, source
    digest: str  # of examples.jsonl
    versions: dict[str, str]


def chosen_by(folder: Path) -> tuple[str, ...]:
    """The lineages that chose the examples in a folder; none where no data card lies there.

    Raises:
        DataError: what lies there is no data card.
    """
    path = folder / CARD
    return read_json(path, DataCard).chosen_by if path.exists() else ()


def filters(
    total: int, dropped: Iterable[tuple[str, str]], names: Sequence[str] = FILTERS
) -> tuple[Filter, ...]:
    """The filters in order, from how many there were and each drop's filter and reason."""
    reasons: dict[str, list[str]] = {name: [] for name in names}
    for name, why in dropped:
        reasons[name].append(why)
    found = []
    for name, said in reasons.items():
        total -= len(said)
        commonest = tuple(text for text, _ in Counter(said).most_common(SHOWN))
        found.append(Filter(name=name, dropped=len(said), left=total, reasons=commonest))
    return tuple(found)


def counts(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    """How many examples there are of each category, decision, language and source."""
    return {
        field: dict(sorted(Counter(str(getattr(one, field)) for one in examples).items()))
        for field in ("category", "decision", "language", "source")
    }


def spec_used(spec: Spec) -> SpecUsed:
    """What a card says of a specification."""
    return SpecUsed(name=spec.name, version=spec.version, digest=spec.digest)


def versions() -> dict[str, str]:
    """Of what made the data."""
    return {"syscard": __version__, "inspect_ai": version_of("inspect_ai")}


def as_markdown(card: DataCard) -> str:
    """The card as a page for people."""
    lines = [f"# Training data: {card.name}", "", *_origin(card), "", "## What was dropped", ""]
    lines += _filters(card.filters)
    if card.mixed is not None:
        share = f"{card.mixed.share:.0%} of the whole ({card.mixed.asked:.0%} asked for)"
        lines += ["", f"## Mixed in: {card.mixed.rows} examples, {share}", ""]
        lines += [
            *(f"* {_source(one)}" for one in card.mixed.sources),
            "",
            *_filters(card.mixed.filters),
        ]
    lines += ["", f"## What it is: {card.rows} examples"]
    for field, counted in card.counts.items():
        lines += ["", f"| {field} | examples |", "|---|---:|"]
        lines += [f"| {_cell(name) or 'not said'} | {n} |" for name, n in counted.items()]
    return "\n".join([*lines, "", *_limits(card)]) + "\n"


def _origin(card: DataCard) -> list[str]:
    spec = card.spec
    lines = [f"Specification {spec.name} {spec.version} (digest {spec.digest[:12]})."]
    lines += map(_source, card.sources)
    if card.judged is not None:
        by = card.judged
        lines += [
            f"Written by {by.teacher}, seed {card.seed}. Judged by {by.judge} with the rubric "
            f"{by.rubric} (digest {by.rubric_digest[:12]}): {by.votes} votes, of which the lowest "
            f"counts, at least {by.threshold} of 10{', with hints' if by.hints else ''}; "
            f"{by.failed_votes} votes gave no score.",
        ]
    lines.append(
        f"Chosen by: {', '.join(card.chosen_by)}. What chose the data never rates a model that was "
        "trained on it: give these as `rewarded_by` of its side in the plan."
    )
    lines.append(f"Made with {_listed(card.versions)}. Digest of the data: {card.digest}.")
    return [f"* {line}" for line in lines]


def _limits(card: DataCard) -> list[str]:
    lines = [
        "## What it does not show",
        "",
        f"* Nothing in it is near a prompt of: {', '.join(card.clear_of)}. Near is the likeness of "
        "characters: a paraphrase in other words is not found.",
        "* That reasoning and answer were kept says that rules and judge found nothing, not that "
        "they are right.",
    ]
    if card.unread:
        lines.append(
            f"* {card.unread} answers are in a language that the rules for refusals do not read: "
            "whether they do what was decided was left to the judge, if there was one."
        )
    return lines


def _filters(found: Sequence[Filter]) -> list[str]:
    lines = ["| filter | dropped | left | for example |", "|---|---:|---:|---|"]
    for one in found:
        why = _cell(one.reasons[0]) if one.reasons else ""
        lines.append(f"| {one.name} | {one.dropped} | {one.left} | {why} |")
    return lines


def _source(one: Source) -> str:
    return f"{one.name}: {one.rows} rows (digest {one.digest[:12]})"


def _listed(named: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named.items())


def _cell(text: str) -> str:
    """A text that cannot end its cell, its row, or be read as markup."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
    return plain.replace("<", "&lt;").replace("[", "\\[")[:160]
