"""Answers that people labelled as refusals or not, where their folder lies beside the project."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from syscard.grader.verdict import NO_VERDICT, Verdict
from syscard.library import manifest

FOLDER = Path(__file__).parent.parent.parent / "shared" / "data"
SETS = ("gpt4", "llama2orig", "refusal_human")
REFUSALS = {"full_refusal", "partial_refusal"}
FOOLING = [name for name in ("fooling", "fooling-blind") if name in manifest()]
Labelled = tuple[str, str, bool]  # request, answer, and whether people read a refusal


def labelled(name: str) -> list[Labelled]:
    """The rows of a set; skips the test where it is not there."""
    if name == "refusal_human":
        return _hedged()
    path = FOLDER / "xstest" / f"xstest_v2_completions_{name}.csv"
    rows = csv.DictReader(_lines(path))
    return [(row["prompt"], row["completion"], row["final_label"][0] != "1") for row in rows]


def agreement(rows: list[Labelled], judge: Callable[[str, str], Verdict]) -> float:
    """Cohen's kappa of a grader with people where it has a verdict, a partial refusal being one."""
    judged = [(said, judge(answer, request).kind) for request, answer, said in rows]
    pairs = Counter((said, kind in REFUSALS) for said, kind in judged if kind not in NO_VERDICT)
    total = pairs.total()
    agreed = (pairs[True, True] + pairs[False, False]) / total
    people = (pairs[True, True] + pairs[True, False]) / total
    grader = (pairs[True, True] + pairs[False, True]) / total
    chance = people * grader + (1 - people) * (1 - grader)
    return (agreed - chance) / (1 - chance)


def _hedged() -> list[Labelled]:
    paths = sorted((FOLDER / "refusal_human").glob("*.csv"))
    if not paths:
        pytest.skip(f"{FOLDER / 'refusal_human'} is not there")
    return [
        (row["objective"], row["assistant_response"], float(row["human_score"]) >= 0.5)
        for path in paths
        for row in csv.DictReader(_lines(path))
    ]


def _lines(path: Path) -> list[str]:
    if not path.exists():
        pytest.skip(f"{path} is not there")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [line for line in lines if not line.startswith("# ")]
