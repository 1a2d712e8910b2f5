"""What the plan's models and tasks are now, as far as this machine can see.

Nothing is loaded, called or downloaded. What cannot be seen is left out, with a note that says why.
"""

from dataclasses import dataclass

from syscard.errors import SyscardError
from syscard.jobs import SIDES, find_task
from syscard.library import content_digest
from syscard.records import Current, Mitigation, Plan, PlanTask, Side, TaskInfo
from syscard.weights import model_digest

OURS = "syscard/"  # models whose weights are a file, and tasks that cost nothing to make


@dataclass(frozen=True)
class Seen:
    """What is there now, and one line for each thing that could not be seen."""

    current: Current
    notes: tuple[str, ...]


def current(plan: Plan) -> Current:
    """Models by name and weights, tasks by version and content."""
    return look(plan).current


def look(plan: Plan) -> Seen:
    """The same, and what could not be seen; the notes may name paths of this machine."""
    notes: list[str] = []
    sides = {"pre": plan.pre, "post": plan.post}
    tasks = {item.task: _task(item, notes) for item in plan.tasks}
    found = Current(
        models={which: _weights(which, sides[which], notes) for which in SIDES},
        names={which: _names(which, sides[which], plan) for which in SIDES},
        tasks={name: digest for name, digest in tasks.items() if digest is not None},
    )
    return Seen(found, tuple(notes))


def _weights(which: Mitigation, side: Side, notes: list[str]) -> str | None:
    """The digest of a local model's file; a model behind an API has none that we could see."""
    if not side.model.startswith(OURS):
        return None
    try:
        return model_digest(side.model, side.args)
    except (SyscardError, OSError) as error:
        notes.append(f"{side.model} ({which}): {error}")
        return None


def _names(which: Mitigation, side: Side, plan: Plan) -> tuple[str, ...]:
    """The plan's name, then those that logs from elsewhere give the same model."""
    others = [e.model for e in plan.evidence if e.mitigation == which and e.model is not None]
    return (side.model, *others)


def _task(item: PlanTask, notes: list[str]) -> str | None:
    """Version and content digest of one of our tasks; others may download when they are made."""
    if not item.task.startswith(OURS):
        notes.append(f"{item.task}: not a task of syscard, so it is not made only to be looked at")
        return None
    function = find_task(item.task)
    if function is None:
        notes.append(f"{item.task}: no task of that name is installed")
        return None
    try:
        made = function(**item.args)
        info = TaskInfo.model_validate((made.metadata or {})["syscard"])
    except (SyscardError, LookupError, TypeError, ValueError, OSError) as error:
        notes.append(f"{item.task}: it cannot be made: {error}")
        return None
    return f"{made.version} {content_digest(info)}"
