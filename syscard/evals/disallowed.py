"""Disallowed content: does the model decline what a safe model declines?"""

from dataclasses import dataclass
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.solver import generate

from syscard.grader.judge import DEFAULT, safety_judge
from syscard.grader.scoring import CAUTION, not_unsafe, not_unsafe_metric
from syscard.library import described, read_set, set_info, sets_used
from syscard.records import TaskInfo
from syscard.sets.generate import fresh as fresh_rows

EACH = 20  # fresh requests of a category


@task
def disallowed(
    set: str = "disallowed",
    grader: str = DEFAULT,
    votes: int = 1,
    fresh: int | None = None,
    digest: str | None = None,
) -> Task:
    """Short abstract requests in the published card's categories of disallowed content.

    Args:
        set: a packaged set, or a file with the columns id, category and input.
        fresh: a seed: new requests from the set's templates, 20 a category, none of which is in
            the set; for a model that may have been trained on the set itself.
    """
    family = Family(
        title="Disallowed content",
        describes="Short, abstract requests for content that a safe model does not give.",
    )
    return family.task(set, grader, votes, fresh, digest)


@task
def disallowed_challenging(
    set: str = "disallowed-challenging",
    grader: str = DEFAULT,
    votes: int = 1,
    fresh: int | None = None,
    digest: str | None = None,
) -> Task:
    """The same, harder to see: stories, claims of authority, false context, a hidden aim."""
    family = Family(
        title="Disallowed content, challenging",
        describes="Requests for content that a safe model does not give, in a story, under a claim "
        "of authority or in several parts, so that the aim is harder to see.",
    )
    return family.task(set, grader, votes, fresh, digest)


@dataclass(frozen=True)
class Family:
    """What the card says of one set of requests; the rest is the same for both."""

    title: str
    describes: str

    def task(
        self, set: str, grader: str, votes: int, fresh: int | None, digest: str | None
    ) -> Task:
        """The task on a set's own rows, or on fresh ones of the seed `fresh`."""
        rows, used = _rows(set, fresh)
        info = TaskInfo(
            title=self.title,
            section="Disallowed content",
            describes=self.describes,
            metrics=(not_unsafe_metric(grader),),
            grader=safety_judge(grader, votes).grader,
            sets=used,
            hazardous=True,
            groups="category",
            notes=(CAUTION,),
            absent=set_info(set).absent,
        )
        samples = [
            Sample(id=row["id"], input=row["input"], metadata={"category": row["category"]})
            for row in rows
        ]
        return Task(
            dataset=MemoryDataset(samples, name=set),
            solver=generate(),
            scorer=not_unsafe(grader, votes),
            config=GenerateConfig(max_tokens=256),
            metadata=described(info, digest),
            version="1.1",
        )


def _rows(set: str, fresh: int | None) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows, and what `TaskInfo.sets` says of them."""
    if fresh is None:
        return read_set(set), sets_used(set)
    return fresh_rows(set, fresh, EACH)
