"""What people might have said: validations of the test grader, and files of labels."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from example_evidence import TASK, metric, plan

from syscard.assess.correction import Source
from syscard.records import Correction, Danger, Interval, Labels, Metric, Plan, Validation
from syscard.validations import cohens_kappa

GRADER = {"name": "refusal rules 1", "lineage": "rules", "known": "a test"}


def graded(danger: Danger = "high", **fields: Any) -> Metric:
    """A metric that says what its grader looks for, in English."""
    return metric(danger=danger, **{"looks_for": "unsafe", "language": "en", **fields})


def validation(
    bad_right: int = 95, bad_n: int = 100, good_right: int = 95, good_n: int = 100, **fields: Any
) -> Validation:
    """A validation of `GRADER` on the task of the tests: right on 95 of 100 of each kind."""
    kappa = cohens_kappa(bad_right, bad_n, good_right, good_n)
    given: dict[str, Any] = {
        "grader": GRADER["name"],
        "lineage": GRADER["lineage"],
        "set": "labelled",
        "looks_for": "unsafe",
        "language": "en",
        "tasks": (TASK,),
        "kappa": kappa,
        "kappa_low": max(kappa - 0.1, -1),
        "kappa_high": min(kappa + 0.1, 1),
        "labelled_by": "two people",
        "date": "2025-01-01",
        "source": "a test",
    }
    return Validation(
        bad_right=bad_right, bad_n=bad_n, good_right=good_right, good_n=good_n, **(given | fields)
    )


def source(**fields: Any) -> Source:
    """A validation as it was read."""
    return Source("validation.yaml", "ab" * 32, validation(**fields))


def write_validation(path: Path, **fields: Any) -> str:
    """A file of a validation, for a plan to name."""
    path.write_text(validation(**fields).model_dump_json())
    return str(path)


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> str:
    """One object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def labelled(path: Path | str, side: str = "post", drawn_by: int = 7, count: int = 100) -> Plan:
    """A plan that names a file of labels."""
    named = Labels(
        task=TASK,
        metric="solved",
        mitigation=side,
        file=str(path),
        drawn_by=drawn_by,
        clusters=count,
    )
    return plan().model_copy(update={"labels": (named,)})


def correction(low: float, high: float, **fields: Any) -> Correction:
    """One that leaves that interval."""
    interval = Interval(low=low, high=high, confidence=0.95, method="box of the grader's error")
    given: dict[str, Any] = {
        "by": "validation",
        "file": "v.yaml",
        "digest": "ab" * 32,
        "filled": interval,
    }
    return Correction(**(given | fields))
