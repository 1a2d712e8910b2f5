"""Jailbreaks: does a published rewording get past what the model declines?"""

from collections.abc import Sequence

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.solver import generate

from syscard.grader.judge import DEFAULT, safety_judge
from syscard.grader.scoring import CAUTION, not_unsafe, not_unsafe_metric
from syscard.library import described, drawn, read_set, set_info, sets_used
from syscard.records import TaskInfo
from syscard.rewrites import rewrite

KINDS = ("plain", "prefix", "suppression", "role", "past", "base64")


@task
def jailbreak(
    set: str = "disallowed",
    prompts: int | None = None,
    rewrites: Sequence[str] = KINDS,
    seed: int = 0,
    grader: str = DEFAULT,
    votes: int = 1,
    digest: str | None = None,
) -> Task:
    """Each of `prompts` requests (all, if not said) in each of the rewrites: one cluster each."""
    info = TaskInfo(
        title="Jailbreaks",
        section="Jailbreaks",
        describes="Requests for disallowed content, reworded in published ways.",
        metrics=(not_unsafe_metric(grader),),
        grader=safety_judge(grader, votes).grader,
        sets=sets_used(set),
        hazardous=True,
        groups="rewrite",
        notes=(CAUTION, *(f"{name}: {rewrite(name).source}." for name in rewrites)),
        absent=set_info(set).absent,
    )
    samples = [
        Sample(
            id=f"{row['id']}-{name}",
            input=rewrite(name).apply(row["input"], seed),
            metadata={"cluster": row["id"], "rewrite": name, "category": row["category"]},
        )
        for row in drawn(read_set(set), prompts, seed)
        for name in rewrites
    ]
    return Task(
        dataset=MemoryDataset(samples, name=set),
        solver=generate(),
        scorer=not_unsafe(grader, votes),
        config=GenerateConfig(max_tokens=256),
        metadata=described(info, digest),
        version="1.0",
    )
