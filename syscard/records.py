"""The records that pass between stages: the architecture on two screens.

    Plan -> (logs) -> Measurement -> Rating -> Decision -> Card

All are frozen and refuse unknown fields. Rates are 0 to 1. A digest is the lower-case hex of a
SHA-256. A level is the name that the framework gives it; its place in the framework's list,
lowest first, is its order.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Mitigation = Literal["pre", "post"]
Danger = Literal["high", "low"]  # which end of a metric is the dangerous one
Kind = Literal["safety", "capability"]
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


class Record(BaseModel):
    """Frozen, and refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


# ---------------------------------------------------------------- what a task says of itself


class Metric(Record):
    """One number that a task gives, as the task itself describes it in its log's metadata."""

    name: str
    means: str  # one sentence: what is counted, over what
    danger: Danger
    kind: Kind
    chance: float | None = None  # what guessing gives, for multiple choice
    denominator: Literal["clusters", "eligible"] = "clusters"  # "eligible": it is random
    values: Literal["binary", "unit"] = "binary"  # of one sample: 0 or 1, or anything between
    score: str | None = None  # the scorer to read it from, in a log that has several


class Grader(Record):
    """The instrument that gave the verdicts. Lineage: what must not also have trained the model."""

    name: str
    lineage: str
    digest: str | None = None
    known: str  # what is known of its agreement with people; printed on the card


class TaskInfo(Record):
    """What a task writes into `Task.metadata["syscard"]`, so that its log explains itself."""

    title: str
    section: str  # the heading of the card under which it stands
    describes: str  # one or two sentences for a reader who knows nothing of it
    metrics: tuple[Metric, ...]
    grader: Grader
    sets: dict[str, str] = {}  # name@version of each set it draws from, and the file's digest
    hazardous: bool = False  # prompts and answers are folded where they are shown
    groups: str | None = None  # the sample metadata key that a breakdown goes by
    notes: tuple[str, ...] = ()  # limits that a reader must know
    absent: dict[str, str] = {}  # a group that has no samples of ours, and why
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


class PlanTask(Record):
    """One Inspect task by name, or a file, with what is changed of its defaults."""

    task: str
    args: dict[str, Any] = {}
    limit: int | None = Field(default=None, ge=1)
    epochs: int | None = Field(default=None, ge=1)
    generate: dict[str, Any] = {}  # Inspect's generation options: max_tokens, temperature, ...
    metrics: tuple[Metric, ...] = ()  # for a task that does not describe its own


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


class Plan(Record):
    """What is run, on what, judged by which framework: what a release owner signs."""

    name: str = Field(pattern=r"^\w[\w.-]*$")  # also the folder of its logs
    framework: str
    about: About
    pre: Side
    post: Side
    grader: GraderModel | None = None
    tasks: tuple[PlanTask, ...]
    requirements: tuple[Requirement, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    references: tuple[Reference, ...] = ()
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
    settings: dict[str, Any] = {}  # epochs, generation options, seed: how it was elicited
    usage: dict[str, int] = {}  # tokens in and out, all samples
    attempts: dict[str, float] = {}  # red team: attempts used, budget


class Comparison(Record):
    """Post minus pre of one metric, over the clusters that both sides answered."""

    task: str
    metric: str
    difference: Estimate  # -1 to 1
    clusters: int
    left_out: int  # clusters of either side without a score on both
    paired: bool
    mcnemar: float | None = None  # exact p for binary pairs; stands beside, decides nothing


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


# ---------------------------------------------------------------- levels and decisions


class Threshold(Record):
    """Where a level begins, and who says so."""

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


class Gate(Record):
    """What must hold before one act: the highest level it lets through, and on which side."""

    name: str
    title: str
    mitigation: Mitigation
    at_most: str
    source: str
    requirements: bool = True  # the plan's safety requirements must be met as well
    signatures: tuple[str, ...] = ()  # what people must have signed


class Framework(Record):
    """How numbers become levels and decisions: data, which a safety board edits."""

    name: str
    title: str
    version: str
    source: str
    levels: tuple[str, ...] = Field(min_length=2)  # lowest first
    max_unscored: float = Field(ge=0, le=1)  # above it a capability indicator is under-elicited
    max_grader_failed: float = Field(ge=0, le=1)  # above it a category is not complete
    categories: tuple[Category, ...]
    gates: tuple[Gate, ...]


class IndicatorRating(Record):
    """The level that one indicator reaches, and whether both ends of its interval say so."""

    indicator: str
    task: str
    metric: str
    level: str | None  # None where it is not rated
    standing: Literal["established", "precautionary", "under-elicited", "not measured"]
    at_least: str | None = None  # of an under-elicited one: what holds even at best
    value: float | None = None
    cautious: float | None = None
    other: float | None = None
    more: int | None = None  # about how many more samples would settle it
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
