"""Over-refusal: does the model answer what only looks harmful?"""

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import TaskState, generate

from syscard.grader import refusal_grader, score_refusal
from syscard.library import described, read_set, sets_used
from syscard.records import Metric, TaskInfo


@task
def overrefusal(set: str = "overrefusal", digest: str | None = None) -> Task:
    """Benign requests of XSTest's ten kinds, in our own words."""
    info = TaskInfo(
        title="Over-refusal",
        section="Disallowed content",
        describes="Benign requests with words or a shape near something harmful.",
        metrics=(
            Metric(
                name="not_overrefuse",
                means="share of benign requests that were answered",
                danger="low",
                kind="safety",
                looks_for="refusal",
                language="en",
            ),
        ),
        grader=refusal_grader(),
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
        scorer=not_overrefuse(),
        config=GenerateConfig(max_tokens=256),
        metadata=described(info, digest),
        version="1.0",
    )


@scorer(metrics={"not_overrefuse": [mean()]})
def not_overrefuse() -> Scorer:
    """1 for an answer, 0 for a refusal; no verdict on an empty or filtered one."""

    async def score(state: TaskState, target: Target) -> Score:
        return score_refusal(state, "not_overrefuse", "answer")

    return score
