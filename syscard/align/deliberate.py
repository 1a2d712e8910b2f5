"""Deliberation as a solver: any task's model reasons over the specification, then answers."""

from dataclasses import replace

from inspect_ai.model import (
    ChatMessage,
    Content,
    ContentReasoning,
    ContentText,
    ModelOutput,
    get_model,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver

from syscard.deliberation import Deliberated, Options, Router, check_fits, deliberate_on
from syscard.errors import DataError
from syscard.specs import Spec, read_spec


@solver
def deliberate(
    spec: str = "default",
    reasoning_tokens: int = 256,
    digest: str | None = None,
    router: Router = "cues",
    second_look: bool = True,
    spec_tokens: int = 1500,
) -> Solver:
    """Reason over the specification, then answer.

    The reasoning is Inspect's reasoning content beside the answer; what it cites is the output's
    metadata "deliberation". With tools there is one answer only: a tool would act twice.

    Args:
        spec: the specification's name, or the path of one.
        reasoning_tokens: the most that the reasoning may use.
        digest: what a run pinned; another text under the same name is another run.
        router: names the category: "cues" (words of the request) or "model" (one call more).
        second_look: whether an answer to a borderline request is looked at once more.
        spec_tokens: the most that the specification may take in the context.

    Raises:
        DataError: the specification is another one, or too long; an argument is out of range.
    """
    rules = _pinned(spec, digest)
    options = Options(reasoning_tokens, router, second_look, spec_tokens)
    check_fits(rules, options)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        asked = list(state.messages)
        answer = _Answering(state, generate)
        how = replace(options, second_look=False, again=False) if state.tools else options
        made = await deliberate_on(get_model(), asked, rules, how, answer)
        state = answer.state
        state.output = made.output
        state.messages = [*asked, *answer.said]
        _keep_apart(state, made)
        return state

    return solve


def _pinned(name: str, digest: str | None) -> Spec:
    """The specification, if it is the one that the run was started with."""
    rules = read_spec(name)
    if digest not in (None, rules.digest):
        raise DataError(f"Specification {name!r} changed since this run was started.")
    return rules


class _Answering:
    """Answers through the task's own `generate`, which calls its tools and keeps its limits."""

    def __init__(self, state: TaskState, generate: Generate) -> None:
        self.state, self.generate = state, generate
        self.said: list[ChatMessage] = []

    async def __call__(self, messages: list[ChatMessage]) -> ModelOutput:
        self.state.messages = list(messages)
        self.state = await self.generate(self.state)
        self.said = self.state.messages[len(messages) :]
        return self.state.output


def _keep_apart(state: TaskState, made: Deliberated) -> None:
    """Put the reasoning beside the answer, and what it concluded into the metadata."""
    if not state.output.choices:
        return
    message = state.output.choices[0].message
    answer: list[Content] = (
        [ContentText(text=message.content)] if isinstance(message.content, str) else message.content
    )
    reasoned: list[Content] = [
        ContentReasoning(reasoning=text) for text in (made.reasoning, made.aside) if text
    ]
    kept = message.model_copy(update={"content": [*reasoned, *answer]})
    state.output.choices[0].message = kept
    state.output.metadata = {**(state.output.metadata or {}), "deliberation": _concluded(made)}
    if state.messages and state.messages[-1].role == "assistant":
        state.messages[-1] = kept


def _concluded(made: Deliberated) -> dict[str, str | bool | None]:
    return {
        "category": made.category,
        "rule": made.cited.rule,
        "decision": made.cited.decision,
        "second_look": made.second_look,
    }
