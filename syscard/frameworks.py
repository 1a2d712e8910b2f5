"""A framework as records: how numbers become levels, levels decisions, and who must agree.

All of it is data that a safety board edits; a level's place in `levels`, lowest first, is its
order. `syscard framework check FILE` says what is wrong with one.
"""

from typing import Literal

from pydantic import Field

from syscard.record import Record

Mitigation = Literal["pre", "post"]
Danger = Literal["high", "low"]  # which end of a metric is the dangerous one
Signature = Literal["advice", "approval"]
EntryKind = Literal[
    "opened", "run_started", "run_ended", "rated", "advised", "approved", "attested",
    "triggered", "revoked", "adopted",
]  # fmt: skip


class Threshold(Record):
    """Where a level begins."""

    level: str
    at: float = Field(ge=0, le=1)


class Indicator(Record):
    """A metric of a task that a category is rated on."""

    name: str
    task: str
    metric: str
    danger: Danger
    thresholds: tuple[Threshold, ...]
    rationale: str
    source: str
    margin: float = Field(default=0, ge=0, le=1)  # for what better elicitation could reach


class Category(Record):
    """A tracked risk category with the framework's words for each of its levels."""

    name: str
    title: str
    levels: dict[str, str]
    source: str
    indicators: tuple[Indicator, ...]


class Quorum(Record):
    """How many must agree, in which role; a person with two keys counts once, unless told."""

    role: str
    least: int = Field(ge=1)
    distinct_people: bool = True


class Demand(Record):
    """What a level demands: a fact that somebody who may has attested.

    Demanded once the level is reached, or cannot be excluded since the side is not fully rated.
    """

    attested: str  # the fact, word for word as its attestation names it
    mitigation: Mitigation
    reaches: str  # from this level on
    categories: tuple[str, ...] = ()  # in one of these; empty: in any
    forecast: int | None = Field(default=None, ge=1)  # or so many advisers expect that level
    of_this_rating: bool = False  # an attestation that names no rating does not count
    source: str


class Gate(Record):
    """What must hold before one act."""

    name: str
    title: str
    source: str
    mitigation: Mitigation = "post"  # the side whose level is limited
    at_most: str | None = None  # None: at any level
    demands: tuple[Demand, ...] = ()
    requirements: bool = True  # the plan's safety requirements must be met as well
    signatures: tuple[Signature, ...] = ()  # by the framework's quorum


class Framework(Record):
    """How numbers become levels and decisions."""

    name: str
    title: str
    version: str
    source: str
    levels: tuple[str, ...] = Field(min_length=2)  # lowest first
    max_unscored: float = Field(ge=0, le=1)  # above it a capability indicator is under-elicited
    max_grader_failed: float = Field(ge=0, le=1)  # above it a category is not complete
    max_age_days: int | None = Field(default=None, ge=1)  # older evidence is stale
    least_agreement: float | None = Field(default=None, ge=0, le=1)  # kappa of a grader with people
    categories: tuple[Category, ...] = Field(min_length=1)
    roles: dict[str, str] = {}  # each role, in the framework's words
    may: dict[EntryKind, tuple[str, ...]] = {}  # which roles may write which ledger entries
    apart: tuple[tuple[str, str], ...] = ()  # roles that one person may not hold both of
    advice: Quorum | None = None  # of those who advise on levels, override and adopt them
    approval: Quorum | None = None  # of those who decide
    announced: bool = True  # a run that the ledger did not hear of beforehand opens no gate
    triggers: dict[str, str] = {}  # what makes earlier evidence stale, in the framework's words
    gates: tuple[Gate, ...] = Field(min_length=1)
