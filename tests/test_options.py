"""The option that a model chooses, read from letters and from log-probabilities."""

import pytest
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    Logprob,
    Logprobs,
    ModelOutput,
    TopLogprob,
)

from syscard.grader.answers import choose

LETTERS = [TopLogprob(token=" B", logprob=-0.1), TopLogprob(token="A", logprob=-2.0)]


def output(tokens: list[str], answer: str, informed: int) -> ModelOutput:
    """An answer in tokens, of which one carries the letters' log-probabilities."""
    content = [
        Logprob(token=token, logprob=-0.1, top_logprobs=LETTERS if place == informed else [])
        for place, token in enumerate(tokens)
    ]
    message = ChatMessageAssistant(content=answer)
    choice = ChatCompletionChoice(message=message, logprobs=Logprobs(content=content))
    return ModelOutput(model="m", choices=[choice])


@pytest.mark.parametrize(
    ("tokens", "answer", "informed"),
    [
        ([" The", " answer"], "The answer", 0),
        (["<think>", "A sum.", "</", "think", ">", "\n\n", "The", " last"], "The last", 6),
    ],
)
def test_the_choice_is_read_at_the_answers_first_token(
    tokens: list[str], answer: str, informed: int
) -> None:
    chosen, how = choose(output(tokens, answer, informed), 4)

    assert (chosen, how) == (1, "by the log-probabilities of the letters")


def test_what_the_reasoning_weighed_is_no_choice() -> None:
    tokens = ["<think>", "B?", "</", "think", ">", "\n\n", "Hm"]

    assert choose(output(tokens, "Hm", informed=1), 4)[0] is None


def test_reasoning_that_was_cut_chooses_nothing() -> None:
    assert choose(output(["<think>", "B"], "", informed=1), 4)[0] is None
