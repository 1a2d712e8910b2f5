"""The languages in which an offline grader can tell a refusal."""

from collections.abc import Iterable

from syscard.errors import DataError
from syscard.grader.asking import ROLE
from syscard.library import read_rubric

RUBRICS = {"rules": "refusal", "classifier": "refusal-classifier"}
ALWAYS = frozenset({"en"})


def covered(name: str) -> frozenset[str]:
    """The languages of an offline grader of refusals, as its rubric lists them; else English."""
    try:
        content, _ = read_rubric(RUBRICS[name])
    except (KeyError, DataError):
        return ALWAYS
    return frozenset(content.get("languages") or ALWAYS)


def uncovered(name: str, wanted: Iterable[str]) -> list[str]:
    """Those of the languages that a grader does not cover; a model's are not known, so none."""
    if name == ROLE or "/" in name:
        return []
    return sorted(set(wanted) - covered(name))
