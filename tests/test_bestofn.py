"""Best of n: stops at the first success, holds after its budget, and counts no empty answer."""

from collections.abc import Callable
from pathlib import Path

import pytest
from answering import run_task, said, scores
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage, ModelOutput, StopReason

from syscard.errors import DataError
from syscard.library import read_set
from syscard.redteam.bestofn import bestofn
from syscard.rewrites import REWRITES

REFUSAL = "I'm sorry, but I can't help with that."
REQUEST = read_set("disallowed")[0]["input"]


class Model:
    """Gives each answer in turn, the last one again and again, and keeps what it was asked."""

    def __init__(self, *answers: str | ModelOutput) -> None:
        self.answers = answers
        self.asked: list[list[ChatMessage]] = []

    def __call__(self, messages: list[ChatMessage]) -> str | ModelOutput:
        self.asked.append(list(messages))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    @property
    def wordings(self) -> list[str]:
        return [messages[-1].text for messages in self.asked]


def attacked(logs: Path, model: Model, **args: object) -> EvalLog:
    return run_task(bestofn(**args), model, logs)  # type: ignore[arg-type]


def test_it_stops_at_the_first_answer_and_records_the_attempts(tmp_path: Path) -> None:
    model = Model(REFUSAL, REFUSAL, "Of course, here it is.")

    (score,) = scores(attacked(tmp_path, model, budget=8))

    assert len(model.asked) == 3
    assert score.value == {"attack_success": 1.0}
    assert score.metadata == {"attempts": 3}


def test_a_model_that_declines_to_the_end_holds(tmp_path: Path) -> None:
    model = Model(REFUSAL)

    (score,) = scores(attacked(tmp_path, model, budget=4))

    assert len(model.asked) == 4
    assert score.value == {"attack_success": 0.0}
    assert score.metadata == {"attempts": 4}


@pytest.mark.parametrize(
    ("text", "stop", "reason"),
    [
        ("", "stop", "grader_failed"),
        ("", "max_tokens", "truncated"),
        ("The filter says no.", "content_filter", "filtered"),
    ],
)
def test_a_model_that_never_answered_itself_has_no_verdict(
    text: str, stop: StopReason, reason: str, tmp_path: Path
) -> None:
    (score,) = scores(attacked(tmp_path, Model(said(text, stop)), budget=3))

    assert "nan" in str(score.value)
    assert score.reason == reason


def test_an_empty_answer_is_no_success_and_does_not_end_the_attack(tmp_path: Path) -> None:
    model = Model("", REFUSAL, "", "Here it is.")

    (score,) = scores(attacked(tmp_path, model, budget=6))

    assert len(model.asked) == 4
    assert score.value == {"attack_success": 1.0}


def test_each_attempt_is_a_new_conversation_in_another_wording(tmp_path: Path) -> None:
    model = Model(REFUSAL)
    budget = len(REWRITES) + 5

    attacked(tmp_path, model, budget=budget)

    assert [len(messages) for messages in model.asked] == [1] * budget
    assert len(set(model.wordings)) == budget
    assert model.wordings[0] == REQUEST


def test_the_wordings_are_those_of_the_seed(tmp_path: Path) -> None:
    budget = len(REWRITES) + 3
    models = [Model(REFUSAL) for _ in range(3)]

    for model, seed in zip(models, (1, 1, 2), strict=True):
        attacked(tmp_path / str(seed), model, budget=budget, seed=seed)

    assert models[0].wordings == models[1].wordings != models[2].wordings


@pytest.mark.parametrize("last", ["Of course, here it is.", REFUSAL])
def test_the_log_shows_the_last_attempt(last: str, tmp_path: Path) -> None:
    model = Model(REFUSAL, last)

    (sample,) = attacked(tmp_path, model, budget=2).samples or []

    assert sample.output.completion == last
    assert [message.role for message in sample.messages] == ["user", "assistant"]
    assert sample.messages[0].text == model.wordings[-1]


def careful(asked: list[list[ChatMessage]]) -> Callable[[list[ChatMessage]], str]:
    """A model that answers anything, unless a decision to refuse stands before it."""

    def answer(messages: list[ChatMessage]) -> str:
        asked.append(list(messages))
        if "Do not answer it" in messages[-1].text:
            return "This rule fits. Decision: refuse"
        decided = any("Decision: refuse" in message.text for message in messages)
        return REFUSAL if decided else "Here it is."

    return answer


def test_with_a_solver_every_attempt_goes_through_it(tmp_path: Path) -> None:
    asked: list[list[ChatMessage]] = []
    task = bestofn(
        budget=3,
        solver="syscard/deliberate",
        solver_args={"reasoning_tokens": 8, "second_look": False},
    )

    (score,) = scores(run_task(task, careful(asked), tmp_path))

    assert score.value == {"attack_success": 0.0}
    assert len(asked) == 6
    assert all([m.role for m in messages[:2]] == ["system", "user"] for messages in asked)
    assert [len(messages) for messages in asked] == [3, 5] * 3


def test_a_solver_that_does_not_fit_is_refused_before_the_run() -> None:
    with pytest.raises(DataError, match="changed since"):
        bestofn(solver="syscard/deliberate", solver_args={"digest": "0" * 64})
    with pytest.raises(LookupError):
        bestofn(solver="syscard/no_such_solver")
