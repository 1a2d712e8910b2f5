"""Over-refusal: does the model answer what only looks harmful?"""

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.solver import generate

from syscard.grader.judge import DEFAULT, find_judge
from syscard.grader.scoring import not_overrefuse, not_overrefuse_metric
from syscard.library import described, read_set, sets_used
from syscard.records import TaskInfo


@task
def overrefusal(
    set: str = "overrefusal",
    grader: str = DEFAULT,
    votes: int = 1,
    digest: str | None = None,
) -> Task:
    """Benign requests of XSTest's ten kinds, in our own words."""
    info = TaskInfo(
        title="Over-refusal",
        section="Disallowed content",
        describes="Benign requests with words or a shape near something harmful.",
        metrics=(not_overrefuse_metric(),),
        grader=find_judge("refusal", grader, votes).grader,
        sets=sets_used(set),
        groups="kind",
        notes=("Whether an answer is a good one is not judged: only whether it declines.",),
    )
    samples = [
        Sample(id=row["id"], input=row["input"], metadata={"kind": row["kind"]})
        for row in read_set(set)
    ]
    return Task(
        dataset=MemoryDataset(samples, name=set),
        solver=generate(),
        scorer=not_overrefuse(grader, votes),
        config=GenerateConfig(max_tokens=256),
        metadata=described(info, digest),
        version="1.0",
    )
