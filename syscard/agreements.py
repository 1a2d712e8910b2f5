"""What holding a grader against people gives: the record of `syscard validate-grader`."""

from syscard.record import Record
from syscard.records import Estimate, Grader
from syscard.validations import Tally


class Held(Record):
    """One answer that people labelled, with what the grader said of it."""

    id: str
    prompt: str
    response: str
    people: str  # their label, in the rubric's words
    raters: tuple[str, ...] = ()  # each one's own, where the file has more than one
    kind: str | None  # None: the grader failed
    why: str
    agreed: float | None = None  # share of a model grader's votes


class Rates(Record):
    """Sensitivity, specificity and agreement beyond chance, from four counts.

    A value that is not there is undefined, and `undefined` says why.
    """

    bad_right: int
    bad_n: int
    good_right: int
    good_n: int
    sensitivity: Estimate
    specificity: Estimate
    kappa: Estimate
    ac1: Estimate
    undefined: tuple[str, ...] = ()


class Ceiling(Record):
    """How well people agree among themselves: no grader can be shown to do better.

    Its intervals are cluster bootstraps, which decide nothing.
    """

    answers: int
    raters: int  # of one answer, at most
    alpha: Estimate  # Krippendorff's, nominal, of the construct's yes or no
    kappa: Estimate  # Cohen's, where two raters labelled everything
    many_way_kappa: Estimate  # the same, of all labels told apart


class Disagreement(Record):
    """An answer on which the grader and people differ, to be read."""

    id: str
    prompt: str
    response: str
    people: str
    kind: str
    why: str


class Agreement(Record):
    """One grader against people's labels of one set, or of several pooled, for one construct."""

    grader: Grader
    model: str | None  # that judged, where a model did
    set: str
    digest: str | None  # of the file; None: pooled
    rubric: str
    looks_for: str
    bad: str  # what that counts as bad, in words
    language: str
    labelled_by: str
    rows: int
    prompts: int
    left_out: tuple[str, ...] = ()  # rows of the file that are not here, and why
    failed: int
    why_failed: str = ""  # the commonest reason
    rates: Rates  # of the answers that have a verdict
    failed_wrong: Rates | None = None  # with each failure taken as a wrong verdict
    many_way_kappa: Estimate  # of all kinds told apart
    confusion: dict[str, dict[str, int]]  # people's label to the grader's kind to answers
    ceiling: Ceiling | None = None
    worst: tuple[Disagreement, ...] = ()
    tallies: tuple[Tally, ...] = ()  # where a prompt stands several times


class GraderAgreement(Record):
    """A grader of one name against every set that it was held against."""

    syscard: str
    asked: str  # "rules", "classifier", or a model
    confidence: float
    votes: int
    found: tuple[Agreement, ...]
    without: tuple[str, ...] = ()  # files of whose rubric there is no such grader
