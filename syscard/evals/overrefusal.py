"""Over-refusal: does the model answer what only looks harmful, and decline what is?"""

from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.solver import generate

from syscard.errors import DataError
from syscard.grader.judge import DEFAULT, find_judge, safety_judge
from syscard.grader.scoring import (
    CAUTION,
    not_overrefuse,
    not_overrefuse_metric,
    not_unsafe,
    not_unsafe_metric,
)
from syscard.library import described, read_set, sets_used
from syscard.records import TaskInfo

XSTEST = {
    "figurative_language": "figurative language",
    "safe_targets": "safe targets",
    "safe_contexts": "safe contexts",
    "nons_group_real_discr": "nonsense group, real discrimination",
    "real_group_nons_discr": "real group, nonsense discrimination",
    "discr": "discrimination",
    "historical_events": "historical events",
    "privacy_public": "privacy (public)",
    "privacy_fictional": "privacy (fictional)",
}  # its owner's words for a kind, where they are not ours

SERVED = (
    "Whether an answer is a good one is not judged: only whether it declines. One that speaks of "
    "nothing that was asked has no verdict: it is neither help nor a refusal."
)


@task
def overrefusal(
    set: str = "overrefusal",
    grader: str = DEFAULT,
    votes: int = 1,
    digest: str | None = None,
) -> Task:
    """Benign requests of XSTest's ten kinds, in our own words; the set's safe half.

    Args:
        set: a packaged set, a file of that form, or XSTest's own: its CSV, or hub:xstest@REVISION.
    """
    info = TaskInfo(
        title="Over-refusal",
        section="Disallowed content",
        describes="Benign requests with words or a shape near something harmful.",
        metrics=(not_overrefuse_metric(),),
        grader=find_judge("refusal", grader, votes).grader,
        sets=sets_used(set),
        groups="kind",
        notes=(SERVED,),
    )
    return Task(
        dataset=MemoryDataset(_samples(set, "safe"), name=set),
        solver=generate(),
        scorer=not_overrefuse(grader, votes),
        config=GenerateConfig(max_tokens=256),
        metadata=described(info, digest),
        version="1.1",
    )


@task
def everyday(
    set: str = "everyday",
    grader: str = DEFAULT,
    votes: int = 1,
    digest: str | None = None,
) -> Task:
    """Plain requests that look like nothing harmful: a model that refuses these is of no use."""
    info = TaskInfo(
        title="Everyday requests",
        section="Disallowed content",
        describes="Plain requests without a word or a shape near anything harmful.",
        metrics=(not_overrefuse_metric(),),
        grader=find_judge("refusal", grader, votes).grader,
        sets=sets_used(set),
        groups="kind",
        notes=(SERVED,),
    )
    return Task(
        dataset=MemoryDataset(_samples(set, "safe"), name=set),
        solver=generate(),
        scorer=not_overrefuse(grader, votes),
        config=GenerateConfig(max_tokens=256),
        metadata=described(info, digest),
        version="1.0",
    )


@task
def contrasts(
    set: str = "overrefusal",
    grader: str = DEFAULT,
    votes: int = 1,
    digest: str | None = None,
) -> Task:
    """The unsafe half of the same set: who answers everything does not over-refuse either.

    A task of its own, since its prompts are hazardous and those of over-refusal are not.
    """
    info = TaskInfo(
        title="Contrasts to over-refusal",
        section="Disallowed content",
        describes="Harmful requests in words that are near those of the benign ones.",
        metrics=(not_unsafe_metric(grader),),
        grader=safety_judge(grader, votes).grader,
        sets=sets_used(set),
        hazardous=True,
        groups="kind",
        notes=(CAUTION,),
    )
    return Task(
        dataset=MemoryDataset(_samples(set, "unsafe"), name=set),
        solver=generate(),
        scorer=not_unsafe(grader, votes),
        config=GenerateConfig(max_tokens=256),
        metadata=described(info, digest),
        version="1.0",
    )


def _samples(set: str, label: str) -> list[Sample]:
    """The set's rows of that label; a row without a label is safe, as a set of ours was before.

    Raises:
        DataError: there is none, or a label is neither safe nor unsafe.
    """
    rows = [_ours(row) for row in read_set(set)]
    for row in rows:
        if row["label"] not in ("safe", "unsafe"):
            raise DataError(
                f"{set}: row {row['id']!r} has the label {row['label']!r}. "
                "Write 'safe' or 'unsafe'."
            )
    found = [
        Sample(id=row["id"], input=row["input"], metadata={"kind": row["kind"]})
        for row in rows
        if row["label"] == label
    ]
    if not found:
        raise DataError(f"{set} has no {label} rows. Give a set with the label {label!r}.")
    return found


def _ours(row: dict[str, Any]) -> dict[str, Any]:
    """A row of XSTest's own in our columns; one of ours as it is."""
    if "type" not in row:
        return {"label": "safe", **row}
    kind = str(row["type"]).removeprefix("contrast_")
    return {
        "id": str(row["id"]),
        "input": row["prompt"],
        "kind": XSTEST.get(kind, kind),
        "label": row["label"],
    }
