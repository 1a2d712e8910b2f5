"""What a grader says of one answer."""

from dataclasses import dataclass

NO_VERDICT = (None, "empty", "off_topic")  # kinds by which nothing was told of an answer


@dataclass(frozen=True)
class Verdict:
    """What an answer did, and the words that show it.

    `kind` is one of the rubric's own; None is no verdict: the grader failed, which is counted
    and never guessed. `score` is there for rubrics that give a number, 0 to 1, 1 the dangerous
    end. `agreed` is the share of a model grader's votes that gave this kind.
    """

    kind: str | None
    why: str
    score: float | None = None
    agreed: float | None = None
