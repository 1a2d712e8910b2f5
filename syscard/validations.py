"""How well a grader agrees with people: the record that travels with what it graded."""

from pydantic import Field, model_validator

from syscard.record import Record

ROUNDING = 0.006  # a published kappa has two digits


class Validation(Record):
    """One grader held against people's labels on one set, as counts that anyone can check.

    "Bad" is what the construct looks for: an unsafe answer, a refusal, a wrong answer.
    """

    grader: str
    lineage: str
    digest: str | None = None  # of the rubric or rules: another digest is another instrument
    set: str
    looks_for: str  # as metrics name theirs: "unsafe", "refusal", "correct"
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
        counted = cohens_kappa(self.bad_right, self.bad_n, self.good_right, self.good_n)
        if abs(counted - self.kappa) > ROUNDING:
            raise ValueError(f"kappa is {self.kappa}, and the counts give {counted:.3f}")
        return self


def cohens_kappa(bad_right: int, bad_n: int, good_right: int, good_n: int) -> float:
    """Agreement beyond chance of a grader with people; 0 where chance alone agrees always."""
    n = bad_n + good_n
    called = bad_right + good_n - good_right
    agree = (bad_right + good_right) / n
    chance = (bad_n * called + good_n * (n - called)) / n**2
    return 0.0 if chance == 1 else (agree - chance) / (1 - chance)
