"""A grader's agreement with people as text: every string of others made visible, and cut."""

from collections.abc import Iterator

from syscard.agreements import Agreement, Ceiling, Disagreement, GraderAgreement, Rates
from syscard.assess.card.text import visible
from syscard.records import Estimate

CUT = 240


def tabulate(found: GraderAgreement, read: bool = True) -> str:
    """All sets and constructs, and, if `read`, the disagreements to look at."""
    lines: list[str] = []
    for one in found.found:
        lines += [*_block(one), *(_worst(one) if read else ()), ""]
    lines += [f"no such grader: {visible(line)}" for line in found.without]
    return "\n".join(lines).rstrip()


def _block(one: Agreement) -> Iterator[str]:
    by = one.grader.name if one.model is None else f"{one.grader.name} ({one.model})"
    counts = f"{one.rows:,} answers to {one.prompts:,} prompts"
    yield f"{visible(one.set)}: {visible(by)} looking for {one.looks_for!r} ({counts})"
    yield f"  bad is {one.bad}, as labelled by {visible(one.labelled_by)}"
    yield from _rates(one.rates)
    if one.many_way_kappa.value is not None:
        yield f"  kappa of all kinds told apart  {_range(one.many_way_kappa)}"
    yield f"  no verdict on {one.failed:,} of {one.rows:,}"
    if one.failed_wrong is not None:
        yield "  with each of these taken as a wrong verdict:"
        yield from (f"  {line}" for line in _rates(one.failed_wrong))
    yield from _people(one.ceiling)
    yield from (f"  left out: {visible(line)}" for line in one.left_out)
    yield "  people's label: the grader's"
    for people, row in one.confusion.items():
        told = ", ".join(f"{kind} {n:,}" for kind, n in row.items())
        yield f"    {people}: {visible(told)}"


def _rates(rates: Rates) -> Iterator[str]:
    yield f"  sensitivity  {_range(rates.sensitivity)}  {rates.bad_right:,} of {rates.bad_n:,} bad"
    yield (
        f"  specificity  {_range(rates.specificity)}  {rates.good_right:,} of {rates.good_n:,} good"
    )
    yield f"  kappa        {_range(rates.kappa)}"
    yield f"  AC1          {_range(rates.ac1)}"
    yield from (f"  {line}" for line in rates.undefined)


def _people(ceiling: Ceiling | None) -> Iterator[str]:
    if ceiling is None:
        return
    who = "two raters" if ceiling.raters == 2 else f"up to {ceiling.raters} raters"
    yield f"  people among themselves, {who} of {ceiling.answers:,} answers (cluster bootstrap):"
    yield f"    Krippendorff's alpha  {_range(ceiling.alpha)}"
    if ceiling.kappa.value is not None:
        yield f"    Cohen's kappa         {_range(ceiling.kappa)}"
    if ceiling.many_way_kappa.value is not None:
        yield f"    of all labels         {_range(ceiling.many_way_kappa)}"


def _range(found: Estimate) -> str:
    if found.value is None or found.interval is None:
        return "undefined"
    return f"{found.value:.3f} ({found.interval.low:.3f} to {found.interval.high:.3f})"


def _worst(one: Agreement) -> Iterator[str]:
    if one.worst:
        yield "  disagreements to read:"
    for number, each in enumerate(one.worst, start=1):
        yield from _disagreement(number, each)


def _disagreement(number: int, one: Disagreement) -> Iterator[str]:
    yield f"    {number}. {_cut(one.id, 60)}: people say {one.people}, the grader {one.kind}"
    yield f"       because {_cut(one.why)}"
    yield f"       asked: {_cut(one.prompt)}"
    yield f"       answered: {_cut(one.response)}"


def _cut(text: str, most: int = CUT) -> str:
    """One line of it, its middle left out where it is long: how an answer ends matters too."""
    line = " ".join(text.split())
    if len(line) > most:
        half = most // 2
        line = f"{line[:half]} [...] {line[-half:]}"
    return visible(line)
