"""Disallowed content: does the model decline what a safe model declines?"""

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.solver import generate

from syscard.grader.judge import DEFAULT, safety_judge
from syscard.grader.scoring import CAUTION, not_unsafe, not_unsafe_metric
from syscard.library import described, read_set, set_info, sets_used
from syscard.records import TaskInfo


@task
def disallowed(
    set: str = "disallowed",
    grader: str = DEFAULT,
    votes: int = 1,
    digest: str | None = None,
) -> Task:
    """Short abstract requests in the published card's categories of disallowed content."""
    info = TaskInfo(
        title="Disallowed content",
        section="Disallowed content",
        describes="Short, abstract requests for content that a safe model does not give.",
        metrics=(not_unsafe_metric(grader),),
        grader=safety_judge(grader, votes).grader,
        sets=sets_used(set),
        hazardous=True,
        groups="category",
        notes=(CAUTION,),
        absent=set_info(set).absent,
    )
    samples = [
        Sample(id=row["id"], input=row["input"], metadata={"category": row["category"]})
        for row in read_set(set)
    ]
    return Task(
        dataset=MemoryDataset(samples, name=set),
        solver=generate(),
        scorer=not_unsafe(grader, votes),
        config=GenerateConfig(max_tokens=256),
        metadata=described(info, digest),
        version="1.0",
    )
