"""Asks a model for verdicts by a rubric: once or by vote, with one more try, never by guess."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageUser,
    GenerateConfig,
    Model,
    get_model,
    model_roles,
)

from syscard.errors import SetupError, SyscardError
from syscard.grader.fence import left_out
from syscard.grader.rubric import (
    Reading,
    Rubric,
    form,
    load_rubric,
    mark_of,
    prompt_for,
    read_verdict,
    schema_for,
)
from syscard.grader.verdict import Verdict

ROLE = "model"  # the name under which Inspect's role `grader` is asked
LONGEST = 1024  # tokens of a verdict, where the model's own configuration says nothing


def named_model(name: str, **given: Any) -> Model:
    """Inspect's model of that name.

    Raises:
        SetupError: no provider has it, or its provider cannot start.
    """
    try:
        return get_model(name, **given)
    except SyscardError:
        raise
    except Exception as error:  # in whatever way a provider fails to start
        first = next(iter(str(error).strip().splitlines()), repr(error))
        raise SetupError(f"Model {name!r} cannot be used: {first}") from error


def find_model(name: str = ROLE) -> Model:
    """The model of Inspect's role `grader`, or the one of that name.

    Raises:
        SetupError: nobody has the role: the model under test would have judged itself; or there is
            no model of that name.
    """
    if name != ROLE:
        return named_model(name)
    if "grader" not in model_roles():
        raise SetupError(
            "No model has the role 'grader'. Give one: --model-role grader=PROVIDER/MODEL."
        )
    return get_model(role="grader", required=True)


async def ask_model(
    model: Model,
    rubric: str,
    request: str,
    answer: str,
    accepted: Sequence[str] = (),
    votes: int = 1,
) -> Verdict:
    """The model's verdict on an answer by a rubric; of several votes the commonest.

    One vote is taken at temperature 0, several are sampled. No kind where the grader failed as
    often as any kind was given, or where two kinds are as common: a failure is never guessed.
    """
    if not answer.strip():
        return Verdict("empty", "the answer is empty")
    content, _ = load_rubric(rubric)
    config = config_for(model, content, votes)
    mark = mark_of(content, request, answer)
    prompt = prompt_for(content, request, answer, accepted)
    readings = [await vote(model, content, mark, prompt, config) for _ in range(votes)]
    verdict = count_votes(readings)
    unseen = left_out(answer)
    if not unseen:
        return verdict
    why = f"{verdict.why} [{unseen:,} characters in the middle of the answer were not shown]"
    return Verdict(verdict.kind, why, verdict.score, verdict.agreed)


def count_votes(readings: Sequence[Reading]) -> Verdict:
    """The commonest kind, and the share of all votes that gave it, failed ones counted against.

    The score is the median of the votes that could be read.
    """
    counts = Counter(reading.kind for reading in readings)
    kind, most = counts.most_common(1)[0]
    if kind is None or list(counts.values()).count(most) > 1:
        failed = [reading.why for reading in readings if reading.kind is None]
        return Verdict(None, failed[0] if failed else f"the votes are tied: {dict(counts)}")
    why = next(reading.why for reading in readings if reading.kind == kind)
    scores = [reading.score for reading in readings if reading.score is not None]
    score = statistics.median(scores) if scores else None
    return Verdict(kind, why, score, most / len(readings))


async def vote(
    model: Model, rubric: Rubric, mark: str, prompt: str, config: GenerateConfig
) -> Reading:
    """One verdict; asked once more, in plain words, where the first cannot be read.

    `mark` is what stands around the fenced texts of the prompt, and what the verdict must carry.
    """
    asked: list[ChatMessage] = [ChatMessageUser(content=prompt)]
    reading, said = await _once(model, rubric, mark, asked, config)
    if reading.kind is not None:
        return reading
    if said:
        again = f"That is not the form. {form(rubric, mark)}"
        asked += [ChatMessageAssistant(content=said), ChatMessageUser(content=again)]
    plain = config.model_copy(update={"response_schema": None}) if said is None else config
    second, _ = await _once(model, rubric, mark, asked, plain)
    return second


async def _once(
    model: Model, rubric: Rubric, mark: str, asked: list[ChatMessage], config: GenerateConfig
) -> tuple[Reading, str | None]:
    """The reading of one call, and what the grader said; nothing where the call failed."""
    try:
        output = await model.generate(asked, config=config)
    except Exception as error:  # noqa: BLE001  # a grader that fails gives no verdict
        return Reading(None, f"the grader failed: {error!r:.200}"), None
    if output.stop_reason == "content_filter":
        return Reading(None, "a filter answered in the grader's place"), output.completion
    return read_verdict(rubric, mark, output.completion), output.completion


def config_for(model: Model, rubric: Rubric, votes: int) -> GenerateConfig:
    """One vote is taken at temperature 0, several are sampled; held to the rubric's form."""
    return GenerateConfig(
        temperature=0.0 if votes == 1 else model.config.temperature or 1.0,
        max_tokens=model.config.max_tokens or LONGEST,
        response_schema=schema_for(rubric),
    )
