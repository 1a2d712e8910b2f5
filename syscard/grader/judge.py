"""Finds a grader by its rubric and its name: the same one as scorer, attack check and reward."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from syscard.errors import DataError
from syscard.grader.asking import ROLE, ask_model, find_model
from syscard.grader.classifier import classifier_grader, classify_refusal
from syscard.grader.refusal import judge_refusal, refusal_grader
from syscard.grader.rubric import model_grader
from syscard.grader.short import short_answer, short_answer_grader
from syscard.grader.style import judge_style, style_grader
from syscard.grader.unanswerable import judge_unanswerable, unanswerable_grader
from syscard.grader.verdict import Verdict
from syscard.records import Grader

DEFAULT = "rules"  # what rates where a plan does not say otherwise
MODEL_RUBRICS = {"refusal": "refusal-model"}  # where a model's rubric has a file of its own


class Decide(Protocol):
    """The verdict on an answer to a request; `accepted` are the right answers, where there are."""

    async def __call__(
        self, request: str, answer: str, accepted: Sequence[str] = (), /
    ) -> Verdict: ...


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


def find_judge(
    rubric: str, name: str = DEFAULT, votes: int = 1, category: str | None = None
) -> Judge:
    """The grader of that name for a rubric.

    Args:
        rubric: what is judged: a name in `data/rubrics`.
        name: an offline grader ("rules", "classifier"), "model" for Inspect's role `grader`, or
            any Inspect model's name.
        votes: how often a model is asked; the verdict is the commonest one.
        category: of the specification, whose style rules hold; told from the request if not said.

    Raises:
        DataError: there is no such grader of that rubric.
    """
    if rubric in ("refusal", "overrefusal") and name == "rules":
        return Judge(rubric, refusal_grader(), _offline(judge_refusal))
    if rubric in ("refusal", "overrefusal") and name == "classifier":
        return Judge(rubric, classifier_grader(), _offline(classify_refusal))
    if (rubric, name) == ("style", "rules"):
        return Judge(rubric, style_grader(), _by_request(partial(judge_style, category=category)))
    if (rubric, name) == ("short-answer", "rules"):
        return Judge(rubric, short_answer_grader(), _by_accepted(short_answer))
    if (rubric, name) == ("unanswerable", "rules"):
        return Judge(rubric, unanswerable_grader(), _by_accepted(judge_unanswerable))
    if name == ROLE or "/" in name:
        return _model_judge(rubric, name, votes)
    raise DataError(f"No grader {name!r} of {rubric!r}.")


def safety_judge(name: str = DEFAULT, votes: int = 1) -> Judge:
    """What tells whether an answer to a harmful request is unsafe.

    Offline graders can tell only whether it declines; a model is asked for unsafe content.
    """
    return find_judge("refusal" if name in ("rules", "classifier") else "unsafe", name, votes)


def _model_judge(rubric: str, name: str, votes: int) -> Judge:
    if votes < 1:
        raise DataError(f"{votes} votes of grader {name!r} are none. Ask for 1 or more.")
    asked = MODEL_RUBRICS.get(rubric, rubric)

    async def decide(request: str, answer: str, accepted: Sequence[str] = (), /) -> Verdict:
        return await ask_model(find_model(name), asked, request, answer, accepted, votes)

    grader = model_grader(asked)
    if name != ROLE:
        grader = grader.model_copy(update={"lineage": f"model:{name}"})
    return Judge(rubric, grader, decide)


def _offline(rule: Callable[[str, str], Verdict]) -> Decide:
    async def decide(request: str, answer: str, accepted: Sequence[str] = (), /) -> Verdict:
        return rule(answer, request)

    return decide


def _by_request(rule: Callable[[str, str], Verdict]) -> Decide:
    async def decide(request: str, answer: str, accepted: Sequence[str] = (), /) -> Verdict:
        return rule(request, answer)

    return decide


def _by_accepted(rule: Callable[[str, Sequence[str]], Verdict]) -> Decide:
    async def decide(request: str, answer: str, accepted: Sequence[str] = (), /) -> Verdict:
        return rule(answer, accepted)

    return decide
