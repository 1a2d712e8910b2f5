"""Which logs are the plan's evidence, which are set aside, and which did not finish."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from syscard.assess.measure import read_status
from syscard.errors import EvidenceError
from syscard.files import read_text
from syscard.records import Plan


@dataclass(frozen=True)
class Found:
    """Logs to measure, and the rest with the reason for each."""

    logs: tuple[Path, ...]
    set_aside: tuple[str, ...]
    unfinished: tuple[str, ...]


def collect(paths: Sequence[Path], plan: Plan) -> Found:
    """The logs under `paths`, and those that the plan names as evidence.

    Raises:
        EvidenceError: a path is not there, or not one log was found.
    """
    logs: list[Path] = []
    aside: list[str] = []
    for path in paths:
        if not path.exists():
            raise EvidenceError(f"{path} does not exist. Name a log, or a folder of logs.")
        inside, outside = _folder(path) if path.is_dir() else ([path], [])
        logs += inside
        aside += outside
    known = {path.resolve() for path in logs}
    logs += [p for e in plan.evidence if (p := Path(e.log)).resolve() not in known]
    if not logs and plan.tasks:
        raise EvidenceError(
            f"No .eval log in {', '.join(map(str, paths))}. Run the plan first: syscard run."
        )
    finished, unfinished = [], []
    for log in dict.fromkeys(logs):
        status = read_status(log)
        if status == "success":
            finished.append(log)
        else:
            unfinished.append(f"{log.name} has status {status!r}")
    return Found(tuple(finished), tuple(aside), tuple(unfinished))


def _folder(folder: Path) -> tuple[list[Path], list[str]]:
    """The logs that `run.json` names, the others set aside; without it, every log."""
    everything = sorted(folder.rglob("*.eval"))
    index = folder / "run.json"
    if not index.exists():
        return everything, []
    try:
        entries = json.loads(read_text(index))["logs"]
        named = [folder / entry["log"] for entry in entries]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise EvidenceError(
            f"{index} is not what `syscard run` writes. Run the plan again."
        ) from error
    missing = [path for path in named if not path.exists()]
    if missing:
        raise EvidenceError(
            f"{missing[0]} is named by {index} and is not there. Run the plan again."
        )
    chosen = {path.resolve() for path in named}
    others = [path for path in everything if path.resolve() not in chosen]
    return named, [f"{path.relative_to(folder)}: not in run.json" for path in others]
