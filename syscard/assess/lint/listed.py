"""Findings as a person reads them: the gravest first, one line for what a table repeats."""

from collections.abc import Iterable
from itertools import groupby

from syscard.assess.lint.finding import Finding

PLACES = 3  # named in a line; the count says how many there are

# What makes a decision wrong stands before what makes a number wrong, and that before what makes
# it hard to read. A rule that is not here comes last.
GRAVEST = (
    "gates-follow", "levels-follow", "measured-once", "value-within-ends", "value-in-range",
    "interval-holds-value", "counts-add-up", "difference-of-sides", "sides-comparable",
    "one-value-each", "whole-of-its-parts", "claims-hold", "own-checkpoint", "one-n-each",
    "stated-once", "rate-possible-at-n", "kind-as-labelled", "win-rates-agree", "n-can-settle",
    "threshold-has-interval", "same-comparators", "compared-as-listed", "one-label-each",
)  # fmt: skip


def listed(findings: Iterable[Finding]) -> list[str]:
    """One line a file, table and rule; what the document itself declares comes last."""
    groups = groupby(sorted(findings, key=_order), key=_order)
    return [_line(list(group)) for _, group in groups]


def _order(found: Finding) -> tuple[bool, int, str, str, str]:
    place = GRAVEST.index(found.rule) if found.rule in GRAVEST else len(GRAVEST)
    return found.declared, place, found.rule, found.file, found.table


def _line(group: list[Finding]) -> str:
    first = group[0]
    if len(group) == 1:
        return first.line
    where = [" / ".join(part for part in (f.row, f.column) if part) for f in group]
    apart = len({place for place in where if place}) == len(group)
    named = where if apart else [f.says for f in group]
    more = f" and {len(group) - PLACES} more" if len(group) > PLACES else ""
    at = "; ".join(named[:PLACES]) + more
    table = f"{first.table}: " if first.table else ""
    told = f"{len(group)} findings, at {at}; the first: {first.says}" if apart else (
        f"{len(group)} findings: {at}"
    )  # fmt: skip
    return f"{first.file}: {table}{told} {first.mark}"
