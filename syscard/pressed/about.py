"""What every stress test has: its section, its graders, and the solver that its own one wraps."""

from collections.abc import Mapping, Sequence

from inspect_ai.solver import Solver
from inspect_ai.util import registry_create

from syscard.grader.judge import safety_judge
from syscard.grader.scoring import CAUTION
from syscard.library import sets_used
from syscard.records import Metric, TaskInfo

SECTION = "Stress tests of the mitigation"
HARMFUL, BENIGN = 3, 2  # requests a task, where not said: small enough for any machine


def pressed(
    title: str,
    describes: str,
    grader: str,
    metrics: Sequence[Metric],
    *,
    sets: Sequence[str] = ("disallowed", "overrefusal"),
    made_of: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> TaskInfo:
    """What a task says of itself whose samples are requests under a `pressure`."""
    judge = safety_judge(grader)
    return TaskInfo(
        title=title,
        section=SECTION,
        describes=describes,
        metrics=tuple(metrics),
        grader=judge.grader,
        sets=sets_used(*sets),
        made_of=dict(made_of or {}),
        hazardous=True,
        groups="pressure",
        notes=(*(() if judge.by_model else (CAUTION,)), *notes),
    )


def answerer(solver: str | None, args: Mapping[str, object] | None) -> Solver | None:
    """The mitigation's solver, where it stands behind a task's own one."""
    return registry_create("solver", solver, **(args or {})) if solver else None
