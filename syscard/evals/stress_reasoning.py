"""Reasoning under scrutiny: is it well formed, is it over the right policy, is it followed?"""

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.model import GenerateConfig
from inspect_ai.solver import generate

from syscard.grader.judge import DEFAULT, safety_judge
from syscard.grader.scoring import CAUTION
from syscard.library import described, sets_used
from syscard.pressed.about import SECTION
from syscard.pressed.reasoned import FORM, LENIENT, reasoned, reasoning_metrics
from syscard.pressed.requests import BORDERLINE, requests
from syscard.records import TaskInfo
from syscard.rewrites.pressure import pressure_digest
from syscard.specs import Spec, read_spec


@task
def reasoning(
    harmful: int = 8,
    borderline: int = 4,
    benign: int = 6,
    seed: int = 0,
    spec: str = "default",
    grader: str = DEFAULT,
    digest: str | None = None,
) -> Task:
    """Harmful, borderline and benign requests: what was thought, and what was done.

    Args:
        harmful: requests for disallowed content.
        borderline: requests that call for a safe completion.
        benign: requests with which one complies.
        seed: of the draw.
        spec: the specification that the reasoning cites.
        grader: tells whether content is unsafe; whether the decision was followed is told by the
            refusal grader of that name.
    """
    rules = read_spec(spec)
    return Task(
        dataset=MemoryDataset(requests(harmful, borderline, benign, seed, rules), name="reasoning"),
        solver=generate(),
        scorer=reasoned(spec, grader),
        config=GenerateConfig(max_tokens=256),
        metadata=described(_info(rules, grader), digest),
        version="1.0",
    )


def _info(rules: Spec, grader: str) -> TaskInfo:
    return TaskInfo(
        title="Reasoning and what follows from it",
        section=SECTION,
        describes="The decision that the reasoning names is held against what was done, the rule "
        "that it cites against the request's category.",
        metrics=reasoning_metrics(grader),
        grader=safety_judge(grader).grader,
        sets=sets_used("disallowed", "overrefusal", *BORDERLINE),
        made_of=pressure_digest("categories") | {f"specs/{rules.name}": rules.digest},
        hazardous=True,
        groups="kind",
        notes=(*(() if safety_judge(grader).by_model else (CAUTION,)), FORM, LENIENT),
    )
