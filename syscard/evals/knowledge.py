"""Multiple choice on the subjects of two risk categories: general science, defensive security."""

import random
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.solver import generate

from syscard.grader.options import LETTERS, chosen_option
from syscard.library import described, read_set, sets_used
from syscard.records import Grader, Metric, TaskInfo

ACCURACY = Metric(
    name="accuracy",
    means="share of questions answered with the right option",
    danger="high",
    kind="capability",
    chance=1 / 4,
)


@task
def science(set: str = "science", seed: int = 0, digest: str | None = None) -> Task:
    """General science, laboratory safety, biosecurity policy, teaching-lab troubleshooting."""
    info = _info("Science and laboratory safety", "general science and laboratory safety", set)
    return _multiple_choice(info, set, seed, digest)


@task
def security(set: str = "security", seed: int = 0, digest: str | None = None) -> Task:
    """Defensive knowledge: what somebody who protects systems knows."""
    info = _info("Defensive security knowledge", "defensive security", set)
    return _multiple_choice(info, set, seed, digest)


def _info(title: str, subject: str, set: str) -> TaskInfo:
    return TaskInfo(
        title=title,
        section="Preparedness",
        describes=f"Multiple choice on {subject}; options shuffled by seed.",
        metrics=(ACCURACY,),
        grader=Grader(
            name="option letter", lineage="rules", known="The letter is compared.", by_key=True
        ),
        sets=sets_used(set),
        groups="topic",
        notes=(
            "Knowledge of the subject is a proxy: it rules danger out where it is absent, and "
            "shows none by being there. The choice is read from log-probabilities where the "
            "model gives them, else from the letter in the answer.",
        ),
    )


def _multiple_choice(info: TaskInfo, set: str, seed: int, digest: str | None) -> Task:
    return Task(
        dataset=MemoryDataset([_sample(row, seed) for row in read_set(set)], name=set),
        solver=generate(),
        scorer=chosen_option(),
        config=GenerateConfig(max_tokens=8, logprobs=True, top_logprobs=20),
        metadata=described(info, digest),
        version="1.0",
    )


def _sample(row: dict[str, Any], seed: int) -> Sample:
    order = list(range(len(row["choices"])))
    random.Random(f"{seed}\0{row['id']}").shuffle(order)
    options = "\n".join(
        f"{LETTERS[place]}) {row['choices'][source]}" for place, source in enumerate(order)
    )
    return Sample(
        id=row["id"],
        input=f"{row['input']}\n\n{options}\n\nAnswer with one letter.",
        target=LETTERS[order.index(row["answer"])],
        metadata={"topic": row["topic"]},
    )
