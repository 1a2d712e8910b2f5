"""A model that says what a test gives it, and tasks run on it: for tests where the words matter."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatMessage,
    Logprob,
    Logprobs,
    Model,
    ModelOutput,
    ModelUsage,
    StopReason,
    TopLogprob,
    get_model,
)
from inspect_ai.scorer import Score

Says = Callable[[list[ChatMessage]], ModelOutput | str]


def said(text: str, stop: StopReason = "stop") -> ModelOutput:
    """An answer with its usage set, or Inspect would download a tokenizer to count."""
    output = ModelOutput.from_content("mockllm/model", text, stop_reason=stop)
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


def said_with(text: str, token: str, **tops: float) -> ModelOutput:
    """An answer with the log-probabilities of its first token."""
    output = said(text)
    likely = [TopLogprob(token=name, logprob=value) for name, value in tops.items()]
    first = Logprob(token=token, logprob=-0.1, top_logprobs=likely)
    output.choices[0].logprobs = Logprobs(content=[first])
    return output


def answering(answers: Says | Iterable[ModelOutput | str]) -> Model:
    """A model that answers with a function of the messages, or with each of a list in turn."""
    left = None if callable(answers) else iter(answers)

    def answer(messages: list[ChatMessage], *rest: Any) -> ModelOutput:
        given = answers(messages) if callable(answers) else next(left or iter(()))
        return said(given) if isinstance(given, str) else given

    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


def run_task(
    task: Task,
    answers: Says | Iterable[ModelOutput | str],
    logs: Path,
    limit: int = 1,
    grader: Model | None = None,
) -> EvalLog:
    """The finished log of a task on such a model, the first `limit` samples, one at a time."""
    log = eval(
        task,
        model=answering(answers),
        model_roles={"grader": grader} if grader else None,
        display="none",
        log_dir=str(logs),
        ctl_server=False,
        max_samples=1,
        limit=limit,
    )[0]
    assert log.status == "success", log.error
    return log


def scores(log: EvalLog) -> list[Score]:
    """The one score of each sample, in the log's order."""
    return [score for sample in log.samples or [] for score in (sample.scores or {}).values()]
