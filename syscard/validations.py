"""How well a grader agrees with people: the record that travels with what it graded."""

from pydantic import Field, model_validator

from syscard.record import Record

ROUNDING = 0.006  # a published kappa has two digits
Tally = tuple[int, int, int, int, int]


class Validation(Record):
    """One grader held against people's labels on one set, as counts that anyone can check.

    "Bad" is what the construct looks for: an unsafe answer, a refusal, a wrong answer. Only
    answers on which the grader gave a verdict are counted; `failed` says how many had none.

    `tallies` are there where a prompt stands several times, since its answers are not
    independent: (bad right, bad, good right, good, how many prompts have just these).
    """

    grader: str
    lineage: str
    digest: str | None = None  # of the rubric or rules: another digest is another instrument
    model: str | None = None  # that judged: another one by the same rubric is another grader
    set: str
    looks_for: str  # as metrics name theirs: "unsafe", "refusal", "incorrect"
    language: str  # of the answers: "en"
    tasks: tuple[str, ...] = ()  # whose answers were labelled
    families: tuple[str, ...] = ()  # of the models that gave them
    bad_right: int = Field(ge=0)  # of those that people call bad, how many the grader did
    bad_n: int = Field(ge=0)
    good_right: int = Field(ge=0)
    good_n: int = Field(ge=0)
    kappa: float = Field(ge=-1, le=1)
    kappa_low: float = Field(ge=-1, le=1)
    kappa_high: float = Field(ge=-1, le=1)
    ac1: float | None = Field(default=None, ge=-1, le=1)  # Gwet's
    ac1_low: float | None = Field(default=None, ge=-1, le=1)
    ac1_high: float | None = Field(default=None, ge=-1, le=1)
    three_way_kappa: float | None = Field(default=None, ge=-1, le=1)  # a partial one told apart
    human_kappa: float | None = Field(default=None, ge=-1, le=1)  # of two raters: the ceiling
    human_alpha: float | None = Field(default=None, ge=-1, le=1)  # Krippendorff's, of two or more
    failed: int = Field(default=0, ge=0)  # answers without a verdict
    clusters: int | None = Field(default=None, ge=1)  # prompts
    tallies: tuple[Tally, ...] = ()
    labelled_by: str
    date: str
    source: str

    @model_validator(mode="after")
    def _adds_up(self) -> "Validation":
        if self.bad_right > self.bad_n or self.good_right > self.good_n:
            raise ValueError("the grader was right more often than people labelled")
        if not self.bad_n + self.good_n:
            raise ValueError("people labelled nothing")
        if not self.kappa_low <= self.kappa <= self.kappa_high:
            raise ValueError("kappa does not lie in its interval")
        counts = (self.bad_right, self.bad_n, self.good_right, self.good_n)
        counted = cohens_kappa(*counts)
        if abs(counted - self.kappa) > ROUNDING:
            raise ValueError(f"kappa is {self.kappa}, and the counts give {counted:.3f}")
        return self

    @model_validator(mode="after")
    def _beside_adds_up(self) -> "Validation":
        counts = (self.bad_right, self.bad_n, self.good_right, self.good_n)
        ends = (self.ac1_low, self.ac1, self.ac1_high)
        if ends.count(None) not in (0, 3):
            raise ValueError("AC1 stands with both its ends, or not at all")
        if self.ac1 is not None and abs(gwets_ac1(*counts) - self.ac1) > ROUNDING:
            raise ValueError(f"AC1 is {self.ac1}, and the counts give {gwets_ac1(*counts):.3f}")
        if None not in ends and list(ends) != sorted(ends):  # type: ignore[type-var]
            raise ValueError("AC1 does not lie in its interval")
        self._check_tallies(counts)
        return self

    def _check_tallies(self, counts: tuple[int, int, int, int]) -> None:
        if not self.tallies:
            return
        if any(min(one) < 0 or one[0] > one[1] or one[2] > one[3] for one in self.tallies):
            raise ValueError("a tally has the grader right more often than people labelled")
        summed = tuple(sum(one[i] * one[4] for one in self.tallies) for i in range(4))
        if summed != counts:
            raise ValueError(f"the tallies sum to {summed}, and the counts are {counts}")


def cohens_kappa(bad_right: int, bad_n: int, good_right: int, good_n: int) -> float:
    """Agreement beyond chance of a grader with people; 0 where chance alone agrees always."""
    n = bad_n + good_n
    called = bad_right + good_n - good_right
    agree = (bad_right + good_right) / n
    chance = (bad_n * called + good_n * (n - called)) / n**2
    return 0.0 if chance == 1 else (agree - chance) / (1 - chance)


def gwets_ac1(bad_right: int, bad_n: int, good_right: int, good_n: int) -> float:
    """Agreement beyond chance where chance is what two who guess at that prevalence would agree.

    Unlike kappa it does not fall where nearly all answers are of one kind (Gwet, 2008).
    """
    n = bad_n + good_n
    share = (bad_n + bad_right + good_n - good_right) / (2 * n)
    chance = 2 * share * (1 - share)
    return ((bad_right + good_right) / n - chance) / (1 - chance)
