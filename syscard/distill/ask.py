"""Asks teacher and judge in one Inspect task, whose log is kept and gone on from."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path

from inspect_ai import Task, eval_set
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import EvalLog, EvalSample, read_eval_log
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from syscard.distill.assemble import AT_ODDS, prompt_id
from syscard.distill.judge import Judging, Vote, judge, judged
from syscard.distill.teacher import Dropped, at_odds, formed, instructions
from syscard.examples import Example, Prompt
from syscard.grader.asking import named_model
from syscard.specs import Spec, read_spec

ROLES = {
    "user": ChatMessageUser,
    "assistant": ChatMessageAssistant,
    "system": ChatMessageSystem,
}
SCORER = "deliberation"
FLUSHES = 500  # about how often the log is written: a kill loses a five-hundredth of the work


@dataclass(frozen=True)
class Models:
    """Who is asked, and how many at a time."""

    teacher: str | Model
    judge: str | Model
    max_connections: int = 8
    display: str = "none"
    family: str | None = None  # of the judge, as a plan's grader names it

    @property
    def lineages(self) -> tuple[str, ...]:
        """The judge's, by name and by family: `rewarded_by` of what its choice trains."""
        names = dict.fromkeys((str(self.judge), self.family))
        return tuple(f"model:{name}" for name in names if name)

    def check(self) -> None:
        """Both are there.

        Raises:
            SetupError: no provider has one of them, or its provider cannot start.
        """
        for name in (self.teacher, self.judge):
            if isinstance(name, str):
                named_model(name)


@dataclass(frozen=True)
class Asking:
    """All that decides what the models say."""

    spec: str
    votes: int
    hints: bool
    seed: int
    tokens: int  # that the specification may take up
    max_tokens: int  # of reasoning and answer

    @property
    def judging(self) -> Judging:
        """How the judge is asked."""
        return Judging(read_spec(self.spec), self.votes, self.tokens, self.hints)


@solver
def teach(spec: str, tokens: int) -> Solver:
    """Answers with `spec(category)` and the form of reasoning in context."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        told = instructions(read_spec(spec), state.metadata["prompt"]["category"], tokens)
        state.messages.insert(0, ChatMessageSystem(content=told))
        return await generate(state)

    return solve


@scorer(metrics=[mean()], name=SCORER)
def deliberation(spec: str, votes: int, tokens: int, hints: bool) -> Scorer:
    """The lowest of the judge's scores, of 10; none of what is dropped before a judge is asked."""
    how = Judging(read_spec(spec), votes, tokens, hints)

    async def score(state: TaskState, target: Target) -> Score:
        prompt = Prompt.model_validate(state.metadata["prompt"])
        example = consistent(prompt, state.output, how.spec)
        if isinstance(example, Dropped):
            return Score.unscored(reason=example.filter, explanation=example.why)
        given = await judge(get_model(role="grader", required=True), example, how)
        said = {"votes": [one.model_dump() for one in given]}
        failed = judged(given, threshold=1)
        if failed is not None:
            return Score.unscored(reason=failed.filter, explanation=failed.why, metadata=said)
        return Score(value=min(one.score or 0 for one in given), metadata=said)

    return score


def consistent(
    prompt: Prompt, output: ModelOutput, spec: Spec, source: str = ""
) -> Example | Dropped:
    """The example that a teacher's answer makes, if the answer does what was decided."""
    example = formed(prompt, output, spec, source)
    if isinstance(example, Dropped):
        return example
    odd = at_odds(example)
    return example if odd is None else Dropped(AT_ODDS, odd)


def ask(
    prompts: Sequence[Prompt], asking: Asking, models: Models, folder: Path
) -> dict[str, EvalSample]:
    """What teacher and judge said to each prompt, by its id; only what is missing is asked.

    A prompt on which an endpoint failed is there with its error, and is asked again next time.
    """
    with redirect_stdout(sys.stderr):  # where Inspect says that all is done
        log = copy_context().run(_run, prompts, asking, models, folder)
    samples = read_eval_log(log.location).samples or []
    return {str(sample.id): sample for sample in samples}


def votes_of(sample: EvalSample) -> tuple[Vote, ...]:
    """What the judge said of a prompt; nothing where it was not asked."""
    score = (sample.scores or {}).get(SCORER)
    said = (score.metadata or {}).get("votes", ()) if score else ()
    return tuple(Vote.model_validate(one) for one in said)


def _run(prompts: Sequence[Prompt], asking: Asking, models: Models, folder: Path) -> EvalLog:
    """The log as it is after asking; in a context of its own the judge's role ends with it."""
    _, logs = eval_set(
        _task(prompts, asking),
        log_dir=str(folder),
        model=models.teacher,
        model_roles={"grader": models.judge},
        max_connections=models.max_connections,
        display=models.display,  # type: ignore[arg-type]
        fail_on_error=True,  # so that the log is not whole, and errors are owed again
        continue_on_fail=True,
        retry_on_error=1,
        retry_attempts=1,
        ctl_server=False,
        log_dir_allow_dirty=True,
        score_display=False,
        log_buffer=max(1, len(prompts) // FLUSHES),
    )
    return logs[0]


def _task(prompts: Sequence[Prompt], asking: Asking) -> Task:
    samples = [
        Sample(
            id=prompt_id(prompt),
            input=[_message(turn["role"], turn["content"]) for turn in prompt.turns],
            metadata={"prompt": prompt.model_dump(mode="json")},
        )
        for prompt in prompts
    ]
    return Task(
        name="deliberations",
        dataset=MemoryDataset(samples, name="prompts"),
        solver=teach(asking.spec, asking.tokens),
        scorer=deliberation(asking.spec, asking.votes, asking.tokens, asking.hints),
        config=GenerateConfig(max_tokens=asking.max_tokens, seed=asking.seed),
        version="1.0",
    )


def _message(role: str, content: str) -> ChatMessage:
    message: ChatMessage = ROLES[role](content=content)
    return message
