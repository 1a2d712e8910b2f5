"""Graders held against people, file by file and pooled, and the records that come of it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from syscard import __version__
from syscard.agreements import Agreement, GraderAgreement, Held
from syscard.assess.agreement import Labels, agree, pooled_rows
from syscard.assess.constructs import Construct, constructs_of
from syscard.errors import DataError
from syscard.validate.held import Instrument, hold, instrument
from syscard.validate.labelled import LabelledSet
from syscard.validations import Validation


@dataclass(frozen=True)
class How:
    """By what, and at which confidence, the sets are judged."""

    grader: str = "rules"
    votes: int = 1
    confidence: float = 0.95
    language: str = "en"


@dataclass(frozen=True)
class Stated:
    """What a record says that no label can show."""

    date: str
    families: tuple[str, ...] = ()  # of the models whose answers were labelled
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Judged:
    labelled: LabelledSet
    held: list[Held]


async def validate(sets: Sequence[LabelledSet], how: How) -> GraderAgreement:
    """The grader's agreement with people on each set and, of one rubric, on all together.

    Raises:
        DataError: there is no such grader for any of them.
    """
    instruments: dict[str, Instrument] = {}
    refused: dict[str, str] = {}
    for rubric in dict.fromkeys(one.rubric for one in sets):
        try:
            instruments[rubric] = instrument(rubric, how.grader, how.votes)
        except DataError as error:
            refused[rubric] = str(error)
    if not instruments:
        raise DataError(next(iter(refused.values()), "Name a file of labelled answers."))
    found: list[Agreement] = []
    for rubric, held in instruments.items():
        judged = [_Judged(s, await hold(held, s.rows)) for s in sets if s.rubric == rubric]
        for construct in constructs_of(rubric):
            told = [one for one in judged if _tells(one.labelled, construct)]
            found += _of(told, construct, held, how)
    return GraderAgreement(
        syscard=__version__,
        asked=how.grader,
        confidence=how.confidence,
        votes=how.votes,
        found=tuple(found),
        without=tuple(f"{s.file}: {refused[s.rubric]}" for s in sets if s.rubric in refused),
    )


def _tells(labelled: LabelledSet, construct: Construct) -> bool:
    """Whether the people who labelled the file told apart what the construct does."""
    return construct.needs is None or construct.needs in {row.label for row in labelled.rows}


def record(found: Agreement, stated: Stated) -> Validation | None:
    """What a plan can name of one set; None where kappa is undefined, or sets were pooled."""
    rates = found.rates
    kappa, ac1 = rates.kappa, rates.ac1
    if found.digest is None or kappa.interval is None or kappa.value is None:
        return None
    assert ac1.interval is not None, "AC1 is defined wherever kappa is"
    ceiling = found.ceiling
    return Validation(
        grader=found.grader.name,
        lineage=found.grader.lineage,
        digest=found.grader.digest,
        model=found.model,
        set=found.set,
        looks_for=found.looks_for,
        language=found.language,
        tasks=stated.tasks,
        families=stated.families,
        bad_right=rates.bad_right,
        bad_n=rates.bad_n,
        good_right=rates.good_right,
        good_n=rates.good_n,
        kappa=_digits(kappa.value),
        kappa_low=_digits(kappa.interval.low),
        kappa_high=_digits(kappa.interval.high),
        ac1=_maybe(ac1.value),
        ac1_low=_digits(ac1.interval.low),
        ac1_high=_digits(ac1.interval.high),
        three_way_kappa=_maybe(found.many_way_kappa.value),
        human_kappa=None if ceiling is None else _maybe(ceiling.kappa.value),
        human_alpha=None if ceiling is None else _maybe(ceiling.alpha.value),
        failed=found.failed,
        clusters=found.prompts,
        tallies=found.tallies,
        labelled_by=found.labelled_by,
        date=stated.date,
        source=f"{found.set}, SHA-256 {found.digest}",
    )


def file_of(record: Validation) -> str:
    """The name of a record's file: what it is of, so that a prefix names a grader's."""
    grader = record.grader if record.model is None else f"{record.grader} {record.model}"
    stem = record.set.rpartition(".")[0] or record.set
    parts = (grader, stem, record.looks_for)
    return ".".join(re.sub(r"[^A-Za-z0-9_]+", "-", part).strip("-") for part in parts) + ".yaml"


def as_yaml(record: Validation) -> str:
    """A record as a file that people can read and a plan can name."""
    content = record.model_dump(mode="json", exclude_defaults=True)
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in content.items())
    return "".join(lines)


def _of(
    judged: Sequence[_Judged], construct: Construct, held: Instrument, how: How
) -> list[Agreement]:
    """One construct on each set, and on all of them."""

    def one(rows: Sequence[Held], name: str, source: LabelledSet | None) -> Agreement:
        people = dict.fromkeys(j.labelled.labelled_by for j in judged)
        labels = Labels(
            grader=held.grader,
            model=held.model,
            set=name,
            digest=None if source is None else source.digest,
            language=how.language,
            labelled_by="; ".join(people) if source is None else source.labelled_by,
            left_out=() if source is None else source.left_out,
        )
        return agree(rows, construct, labels, how.confidence)

    found = [one(j.held, j.labelled.file, j.labelled) for j in judged]
    if len(judged) > 1:
        found.append(one(pooled_rows([j.held for j in judged]), "pooled", None))
    return found


def _digits(value: float) -> float:
    return round(value, 6)


def _maybe(value: float | None) -> float | None:
    return None if value is None else _digits(value)
