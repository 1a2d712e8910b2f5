"""Finds a grader by its rubric and its name: the same one as scorer, attack check and reward."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from syscard.errors import DataError
from syscard.grader.refusal import judge_refusal, refusal_grader
from syscard.grader.verdict import Verdict
from syscard.records import Grader

Decide = Callable[[str, str], Awaitable[Verdict]]
DEFAULT = "rules"  # what rates where a plan does not say otherwise


@dataclass(frozen=True)
class Judge:
    """One instrument. `decide(request, answer)` gives its verdict on the answer."""

    rubric: str
    grader: Grader
    decide: Decide

    @property
    def by_model(self) -> bool:
        """Whether a language model gives the verdict."""
        return self.grader.lineage.startswith("model")


def find_judge(rubric: str, name: str = DEFAULT, votes: int = 1) -> Judge:
    """The grader of that name for a rubric.

    Args:
        rubric: what is judged: a name in `data/rubrics`.
        name: an offline grader ("rules", "classifier"), "model" for Inspect's role `grader`, or
            any Inspect model's name.
        votes: how often a model is asked; the verdict is the commonest one.

    Raises:
        DataError: there is no such grader of that rubric.
    """
    if (rubric, name) == ("refusal", "rules"):
        return Judge(rubric, refusal_grader(), _offline(judge_refusal))
    raise DataError(f"No grader {name!r} of {rubric!r}.")


def safety_judge(name: str = DEFAULT, votes: int = 1) -> Judge:
    """What tells whether an answer to a harmful request is unsafe.

    Offline graders can tell only whether it declines; a model is asked for unsafe content.
    """
    return find_judge("refusal" if name in ("rules", "classifier") else "unsafe", name, votes)


def _offline(rule: Callable[[str], Verdict]) -> Decide:
    async def decide(request: str, answer: str) -> Verdict:
        return rule(answer)

    return decide
