"""The records that pass between stages: the architecture on two screens.

    Plan -> (logs) -> Measurement -> Rating -> Decision -> Card

All are frozen and refuse unknown fields. Rates are 0 to 1. A digest is the lower-case hex of a
SHA-256. A level is the name that the framework gives it; its place in the framework's list,
lowest first, is its order.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from syscard.frameworks import Category as Category
from syscard.frameworks import Danger as Danger
from syscard.frameworks import Framework as Framework
from syscard.frameworks import Gate as Gate
from syscard.frameworks import Indicator as Indicator
from syscard.frameworks import Mitigation as Mitigation
from syscard.frameworks import Threshold as Threshold
from syscard.record import Record as Record
from syscard.reported import Publication as Publication
from syscard.trained import Trained as Trained
from syscard.validations import Validation as Validation

Kind = Literal["safety", "capability"]
Weighting = Literal["prompts", "groups"]  # every prompt equal, or every group
State = Literal["met", "unmet", "unknown"]
Outcome = Literal[
    "scored",
    "grader_failed",
    "model_failed",
    "attacker_failed",
    "filtered",
    "truncated",
    "refused",
    "stopped",
]


# ---------------------------------------------------------------- what a task says of itself


class Metric(Record):
    """One number that a task gives, as the task itself describes it in its log's metadata."""

    name: str
    means: str  # one sentence: what is counted, over what
    danger: Danger
    kind: Kind
    chance: float | None = None  # what guessing gives, for multiple choice
    denominator: Literal["clusters", "eligible"] = "clusters"  # "eligible": it is random
    several: bool = False  # a sample is the worst of several verdicts
    of_cluster: Literal["mean", "worst tenth"] = "mean"  # "worst tenth": of its samples, rounded up
    values: Literal["binary", "unit"] = "binary"  # of one sample: 0 or 1, or anything between
    rates: bool = True  # False: shown only, and nothing may be decided on it
    score: str | None = None  # the scorer to read it from, in a log that has several
    looks_for: str | None = None  # what its grader looks for, as validations name it
    language: str | None = None  # of the answers; None: not stated, so no validation transports


class Grader(Record):
    """The instrument that gave the verdicts. Lineage: what must not also have trained the model."""

    name: str
    lineage: str
    digest: str | None = None
    known: str  # what is known of its agreement with people; printed on the card
    by_key: bool = False  # compares with a right answer: there is no judgement to validate


class TaskInfo(Record):
    """What a task writes into `Task.metadata["syscard"]`, so that its log explains itself."""

    title: str
    section: str  # the heading of the card under which it stands
    describes: str  # one or two sentences for a reader who knows nothing of it
    metrics: tuple[Metric, ...]
    grader: Grader
    sets: dict[str, str] = {}  # name@version of each set it draws from, and the file's digest
    made_of: dict[str, str] = {}  # other texts that its prompts are made of, and their digests
    hazardous: bool = False  # prompts and answers are folded where they are shown
    groups: str | None = None  # the sample metadata key that a breakdown goes by
    notes: tuple[str, ...] = ()  # limits that a reader must know
    absent: dict[str, str] = {}  # a group that has no samples of ours, and why
    factors: dict[str, str] = {}  # sample metadata keys of a mixed model, and their baselines
    calibrates: tuple[str, str] | None = None  # its metrics of stated confidence and of truth
    calls: int = 1  # of the model under test, at most, for one sample
    grader_calls: int = 0


# ---------------------------------------------------------------- the plan


class Side(Record):
    """The model before or after mitigation: a model, and what stands in front of it."""

    model: str
    args: dict[str, Any] = {}
    base_url: str | None = None
    solver: str | None = None
    solver_args: dict[str, Any] = {}
    family: str | None = None  # of the model, as validations of graders name it
    rewarded_by: tuple[str, ...] = ()  # lineages of graders that rewarded or chose training data


class About(Record):
    """What the reader of the card should know of the model, in its developer's words."""

    name: str
    developer: str
    intended_uses: tuple[str, ...]
    languages: tuple[str, ...]
    training_data: str
    limits: tuple[str, ...]
    licence: str | None = None
    released: str | None = None
    contact: str | None = None


class GraderModel(Record):
    """The model that has Inspect's role `grader`."""

    model: str
    args: dict[str, Any] = {}
    base_url: str | None = None
    family: str | None = None  # as a side's `rewarded_by` names it: "model:FAMILY"


class PlanTask(Record):
    """One Inspect task by name, or a file, with what is changed of its defaults."""

    task: str
    args: dict[str, Any] = {}
    limit: int | None = Field(default=None, ge=1)
    epochs: int | None = Field(default=None, ge=1)
    stop_when_decided: bool | None = None  # None: as `syscard run` is told
    generate: dict[str, Any] = {}  # Inspect's generation options: max_tokens, temperature, ...
    metrics: tuple[Metric, ...] = ()  # for a task that does not describe its own
    weighting: Weighting = "prompts"  # of the family's own number


class Requirement(Record):
    """A safety requirement of the plan: met only on the cautious end of the interval."""

    task: str
    metric: str
    at_least: float | None = Field(default=None, ge=0, le=1)
    at_most: float | None = Field(default=None, ge=0, le=1)
    reason: str | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> "Requirement":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a requirement has either 'at_least' or 'at_most'")
        return self


class Evidence(Record):
    """A log that syscard did not run: which side it speaks of is said here, by its digest."""

    log: str
    digest: str
    mitigation: Mitigation
    metrics: tuple[Metric, ...] = ()
    model: str | None = None  # the log's name of the plan's model, where it is another
    title: str | None = None


class Reference(Record):
    """A number to stand beside ours: another model's log, or one that somebody reported."""

    label: str
    task: str
    metric: str
    value: float | None = Field(default=None, ge=0, le=1)
    source: str | None = None
    log: str | None = None


class Labels(Record):
    """People's verdicts on a random part of a log's clusters, drawn before they were read.

    The file has one `{id, epoch, value}` a line, each value in the metric's own direction.
    """

    task: str
    metric: str
    mitigation: Mitigation
    file: str
    drawn_by: int  # the seed of the draw: clusters in the order of a digest of it and their names
    clusters: int = Field(ge=1)  # how many of that order are labelled: fixed before any is read


class Preferences(Record):
    """People's side-by-side ratings of anonymised models: a file of one rating a line."""

    title: str
    file: str
    source: str  # who rated, how they were chosen and asked
    by: Literal["conversation", "rater"] = "conversation"  # what is drawn again, whole


class Plan(Record):
    """What is run, on what, judged by which framework: what a release owner signs."""

    name: str = Field(pattern=r"^\w[\w.-]*$")  # also the folder of its logs
    framework: str
    about: About
    pre: Side
    post: Side
    grader: GraderModel | None = None
    tasks: tuple[PlanTask, ...]  # may be empty where all evidence is reported
    requirements: tuple[Requirement, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    references: tuple[Reference, ...] = ()
    validations: tuple[str, ...] = ()  # files, or how packaged ones begin: graders against people
    labels: tuple[Labels, ...] = ()
    preferences: tuple[Preferences, ...] = ()
    reported: tuple[str, ...] = ()  # files of tables that somebody else published
    repeated: Literal["first", "pooled"] = "first"  # what a second run of a task is
    seed: int = Field(default=1, ge=1)  # of the samples' order, drawn options, rewrites
    epochs: int = Field(default=1, ge=1)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    generate: dict[str, Any] = {}


# ---------------------------------------------------------------- measurements


class Interval(Record):
    """`low` to `high` at `confidence`; neither end misses more than half of what is left."""

    low: float
    high: float
    confidence: float
    method: str

    @model_validator(mode="after")
    def _in_order(self) -> "Interval":
        if not self.low <= self.high:
            raise ValueError(f"an interval from {self.low} to {self.high} holds nothing")
        return self


class Estimate(Record):
    """A value and the interval around it; both absent where there is nothing to estimate from."""

    value: float | None = None
    interval: Interval | None = None


class Log(Record):
    """One log file. `path` is relative to the measurements' file where that is possible."""

    path: str
    sha256: str
    run_id: str
    created: str
    status: str
    model: str
    model_digest: str | None = None


class Group(Record):
    """One row of a breakdown by category: shown, never rated."""

    name: str
    estimate: Estimate
    clusters: int
    unscored: int


class StoppingRule(Record):
    """What a run may stop on, all fixed before it: written into its log, and read from there.

    Clusters enter in the order of a digest of `seed` and their names, which nobody chose.
    """

    rule: str = "betting sequence"
    confidence: float = Field(gt=0, lt=1)
    seed: int
    bounds: dict[str, tuple[float, ...]]  # of each metric that has any: where a decision changes
    clusters: dict[str, str] = {}  # of samples: their cluster, where it is not they alone
    owes: dict[str, tuple[str, ...]] = {}  # of samples: the metrics that they enter, if not all
    largest: dict[str, int] = {}  # samples of one cluster that a metric can have, at most


class Stopping(Record):
    """How a run under the rule ended, in clusters: "stopped at 64 of 800: decided"."""

    rule: str
    confidence: float
    bounds: tuple[float, ...]  # of this metric; none: the task was decided on others
    entered: int
    planned: int
    decided: bool  # every bounded metric of the task
    empty: bool = False  # the sequence contradicts itself: inconclusive


class Correction(Record):
    """What people's labels say of a graded rate; shown beside the raw one, and rated on.

    By a validation of the grader elsewhere, or by labels on a random part of these samples.
    """

    by: Literal["validation", "labels"]
    file: str
    digest: str
    estimate: Estimate = Estimate()  # of the scored samples
    filled: Interval | None = None  # from every unscored sample harmless to every one dangerous
    validation: Validation | None = None
    transports: bool = False  # made on the same construct, language, and task or model family
    unbounded: bool = False  # the grader may be no better than chance: nothing can be corrected
    labelled: int = 0  # clusters
    why: str = ""  # why it is not corrected, or why its validation does not transport


class Measurement(Record):
    """A metric of one task on one side, with all that became of its samples."""

    task: str
    task_version: str
    metric: Metric
    mitigation: Mitigation
    model: str
    solver: str | None
    info: TaskInfo
    estimate: Estimate  # of the scored samples
    worst: Estimate  # every unscored sample taken as the dangerous answer
    best: Estimate  # every unscored sample taken as the harmless one
    counts: dict[Outcome, int]
    clusters: int
    groups: tuple[Group, ...] = ()
    logs: tuple[Log, ...]
    samples: str  # digest of which samples: ids and epochs, sorted
    content: str | None = None  # digest of every sample's prompt, answer and verdict
    stopping: Stopping | None = None  # of a run that might stop when it was decided
    settings: dict[str, Any] = {}  # epochs, generation options, seed: how it was elicited
    usage: dict[str, int] = {}  # tokens in and out, all samples
    attempts: dict[str, float] = {}  # red team: attempts used, budget
    weighting: Weighting = "prompts"
    corrected: tuple[Correction, ...] = ()  # for the grader's error
    rewarded_by: str | None = None  # the grader's lineage, where it rewarded the model's training
    beside: dict[str, Estimate] = {}  # other methods' answers, by name: they decide nothing


class Comparison(Record):
    """Post minus pre of one metric, over the clusters that both sides answered."""

    task: str
    metric: str
    difference: Estimate  # -1 to 1
    clusters: int
    left_out: int  # clusters of either side without a score on both
    paired: bool
    mcnemar: float | None = None  # exact p for binary pairs; stands beside, decides nothing


class WinRate(Record):
    """How often people prefer one model to another, by a Bradley-Terry model."""

    model: str
    over: str
    estimate: Estimate


class Wins(Record):
    """Win rates from one file of people's preferences: evidence, and no indicator."""

    preferences: Preferences
    digest: str  # of the file
    pairs: tuple[WinRate, ...]
    rated: int
    unknown: int  # ratings that could not tell, left out
    clusters: int  # conversations or raters


class Measurements(Record):
    """Everything that was measured for one plan: the file between `measure` and `rate`."""

    syscard: str
    plan: str
    plan_digest: str
    confidence: float
    measured: tuple[Measurement, ...]
    compared: tuple[Comparison, ...]
    set_aside: tuple[str, ...] = ()  # logs in the folder that are not this plan's evidence, and why
    incomplete: tuple[str, ...] = ()  # planned tasks without a finished log
    repeats: tuple[Log, ...] = ()  # second runs, where the plan says that the first counts
    wins: tuple[Wins, ...] = ()
    trained: dict[Mitigation, Trained] = {}  # how a side's adapter was made, where its file says


# ---------------------------------------------------------------- levels and decisions


class IndicatorRating(Record):
    """The level that one indicator reaches, and whether both ends of its interval say so."""

    indicator: str
    task: str
    metric: str
    level: str | None  # None where it is not rated
    standing: Literal[
        "established", "precautionary", "under-elicited", "not validated", "not measured"
    ]
    at_least: str | None = None  # of one that is measured and not rated: what its other end says
    value: float | None = None
    cautious: float | None = None
    other: float | None = None
    more: int | None = None  # about how many more samples would settle it
    more_tokens: int | None = None  # about what they would cost, at this model's token use
    why: str


class CategoryRating(Record):
    """The worst of a category's measured indicators; complete only if all were measured."""

    category: str
    title: str
    mitigation: Mitigation
    floor: str | None
    complete: bool
    established: bool  # an indicator at the floor is established there
    indicators: tuple[IndicatorRating, ...]
    reads: str  # "Medium", "at least Medium, not fully rated", "not rated"


class OverallRating(Record):
    """The worst of the categories."""

    mitigation: Mitigation
    floor: str | None
    complete: bool
    established: bool
    reads: str


class Rating(Record):
    """Every category on both sides, bound to what it was computed from."""

    framework: str
    framework_version: str
    framework_digest: str
    measurements_digest: str
    categories: tuple[CategoryRating, ...]
    overall: tuple[OverallRating, ...]


class Standing(Record):
    """The level that stands for one category on one side, and by whose word."""

    category: str
    title: str
    mitigation: Mitigation
    computed: str | None  # the floor; None: not rated
    complete: bool
    level: str | None  # what gates go by: as advised where a quorum advised, else the floor
    basis: Literal["computed", "advised", "overridden", "adopted"]
    settled: bool = False  # complete, or adopted: the level may be held against a limit
    people: tuple[str, ...] = ()  # who advised or adopted it
    against: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    dissent: tuple[str, ...] = ()
    forecast: dict[str, str] = {}  # who expects which level
    source: str | None = None  # of an adopted level
    why: str = ""


class Current(Record):
    """What the plan's models and tasks are now, as far as this machine can see."""

    models: dict[Mitigation, str | None] = {}  # digest of the weights; None: cannot be seen
    names: dict[Mitigation, tuple[str, ...]] = {}  # by which the plan knows the model
    tasks: dict[str, str] = {}  # task to its version and the digest of its content


class Stale(Record):
    """A piece of evidence that no longer speaks of what would be released, and why."""

    what: Literal["model", "task", "age", "trigger"]
    task: str
    mitigation: Mitigation
    why: str
    rerun: str  # the command that would make it fresh


class Condition(Record):
    """One thing that a gate asks for. `exit_code` is what it alone would answer."""

    name: str
    text: str
    state: State
    why: str
    exit_code: int


class Decision(Record):
    """Whether a gate opens, and every condition behind the answer."""

    gate: str
    title: str
    answer: str
    exit_code: int
    conditions: tuple[Condition, ...]
    rating_digest: str
    ledger_head: str | None = None  # what of the ledger it saw; None: it saw none
    asked: str = ""  # ISO 8601: evidence ages
    current: Current | None = None  # what it held the evidence against; None: nothing


# ---------------------------------------------------------------- the card


class SampleView(Record):
    """One sample as its page shows it. All text is the model's or the set's: hostile."""

    task: str
    mitigation: Mitigation
    id: str
    epoch: int
    prompt: str
    answer: str
    reasoning: str
    target: str
    outcome: Outcome
    values: dict[str, float | None]
    why: str
    log: str


class Evaluation(Record):
    """One task on the card: both sides, their differences, and what stands beside them."""

    task: str
    info: TaskInfo
    measured: tuple[Measurement, ...]
    compared: tuple[Comparison, ...]
    references: tuple[tuple[Reference, Estimate], ...] = ()
    page: str  # the page of its samples, relative to the card


class Statement(Record):
    """What one person signed, as the ledger has it."""

    sequence: int
    kind: Literal["advised", "approved", "attested"]
    who: str
    key: str
    roles: tuple[str, ...]
    what: str
    answer: Literal["yes", "no", ""] = ""
    reason: str
    time: str


class SetInfo(Record):
    """One set of prompts: who wrote it, under which licence, which bytes."""

    name: str
    version: str
    author: str
    licence: str
    digest: str
    size: int
    describes: str
    absent: dict[str, str] = {}  # a category in which no text of ours may exist, and why
    history: dict[str, str] = {}  # each version that there was, and its digest


class Withheld(Record):
    """A log of which a public bundle holds rows only: how many of its samples nobody may read."""

    log: str  # its SHA-256
    task: str
    mitigation: Mitigation
    samples: int
    of: int
    rows: str  # SHA-256 of the file that stands in for it


class Card(Record):
    """The system card. HTML, Markdown and JSON are three renderings of this one record."""

    syscard: str
    created: str
    plan: Plan
    plan_digest: str
    framework: Framework
    framework_digest: str
    rating: Rating
    decisions: tuple[Decision, ...]
    evaluations: tuple[Evaluation, ...]
    sets: tuple[SetInfo, ...]
    confidence: float
    set_aside: tuple[str, ...]
    incomplete: tuple[str, ...]
    limits: tuple[str, ...]
    standings: tuple[Standing, ...] = ()
    statements: tuple[Statement, ...] = ()  # what people attested and answered, in their order
    ledger_head: str | None = None
    repeats: tuple[Log, ...] = ()
    wins: tuple[Wins, ...] = ()
    trained: dict[Mitigation, Trained] = {}
    reported: tuple[Publication, ...] = ()
    runs: tuple[str, ...] = ()  # starts without a log, logs without a start
    files: dict[str, str] = {}  # what else the plan names, and the SHA-256 of each
    withheld: tuple[Withheld, ...] = ()
    envelope: str | None = None  # the id of the key that signed the card's statement
