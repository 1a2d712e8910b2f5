"""A judge that sees the specification scores reasoning and answer; the lowest score counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from inspect_ai.model import Model

from syscard.distill.teacher import Dropped
from syscard.examples import Example
from syscard.grader.asking import config_for, vote
from syscard.grader.fence import fence, nonce
from syscard.grader.refusal import judge_refusal
from syscard.grader.rubric import Rubric, form, load_rubric
from syscard.record import Record
from syscard.specs import DECISIONS, Budget, Spec, about_tokens, spec_text

RUBRIC = "deliberation"
HIGHEST = 10


class Vote(Record):
    """One score of the judge, 1 to 10; None where it gave none, and why."""

    score: int | None
    why: str


@dataclass(frozen=True)
class Judging:
    """How the judge is asked."""

    spec: Spec
    votes: int
    tokens: int  # that the specification may take up
    hints: bool = False  # say what the rules for refusals determined


async def judge(model: Model, example: Example, how: Judging) -> tuple[Vote, ...]:
    """The judge's votes on an example, each asked for anew, failed ones among them."""
    rubric, _ = load_rubric(RUBRIC)
    config = config_for(model, rubric, how.votes)
    mark = _mark(rubric, example)
    prompt = judge_prompt(example, how)
    readings = [await vote(model, rubric, mark, prompt, config) for _ in range(how.votes)]
    return tuple(
        Vote(score=None if one.score is None else int(one.score), why=one.why) for one in readings
    )


def judge_prompt(example: Example, how: Judging) -> str:
    """What the judge is asked of an example; every text that is not ours stands fenced."""
    rubric, _ = load_rubric(RUBRIC)
    mark = _mark(rubric, example)
    text = rubric.prompt.format(
        content=spec_text(how.spec, example.category, Budget(how.tokens, about_tokens)),
        style="\n".join(
            f"- {one.capitalize()}: {' '.join(how.spec.style_of(one, example.category).split())}"
            for one in DECISIONS
        ),
        request="\n".join(
            fence(turn["content"], f"{turn['role']} message", mark) for turn in example.turns
        ),
        answer=f"{fence(example.thought, 'reasoning', mark)}\n"
        f"{fence(example.answer, 'answer', mark)}",
        kinds="\n".join(f"- {kind}: {means.strip()}" for kind, means in rubric.kinds.items()),
        accepted="",
    )
    return f"{text.rstrip()}\n\n{_hint(rubric, example) if how.hints else ''}{form(rubric, mark)}"


def judged(votes: Sequence[Vote], threshold: int) -> Dropped | None:
    """Why the votes keep an example out; None where they do not.

    One vote that failed leaves it not judged: the others may have been the kinder ones.
    """
    scores = [one.score for one in votes if one.score is not None]
    failed = [one.why for one in votes if one.score is None]
    if failed or not scores:
        return Dropped("not judged", failed[0] if failed else "the judge was not asked")
    least = min(scores)
    if least < threshold:
        why = next(one.why for one in votes if one.score == least)
        return Dropped("below the threshold", f"{least} of {HIGHEST}: {why}")
    return None


def _mark(rubric: Rubric, example: Example) -> str:
    turns = (f"{turn['role']}: {turn['content']}" for turn in example.turns)
    return nonce(rubric.name, rubric.version, *turns, example.thought, example.answer)


def _hint(rubric: Rubric, example: Example) -> str:
    kind = judge_refusal(example.answer).kind or "unread"
    return f"{str(rubric.elements['hint']).format(kind=repr(kind)).strip()}\n\n"
