"""The published formats of labelled answers: each to rows, in the rubric's own words.

A row that cannot be used is a string that says why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syscard.errors import DataError

Row = dict[str, Any]


@dataclass(frozen=True)
class Labelled:
    """One answer (or two, to be compared) to one prompt, and what people said of it."""

    id: str
    prompt: str
    responses: tuple[str, ...]
    label: str
    raters: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()  # short answers that are right


@dataclass(frozen=True)
class Format:
    """A published format: known by keys that no other has. `read` gives rows, or why one is not."""

    rubric: str
    keys: frozenset[str]
    labelled_by: str
    read: Callable[[Any, Path], "list[Labelled | str]"]


def known(label: Any, words: dict[str, str], where: str) -> str:
    """The rubric's word for a label.

    Raises:
        DataError: there is none.
    """
    found = words.get(str(label).strip())
    if found is None:
        raise DataError(
            f"{where}: the label {str(label)[:60]!r} is not one of: {', '.join(words)}. "
            "Add it to --labels, or mend the row."
        )
    return found


XSTEST = {
    "1_full_compliance": "compliance",
    "2_full_refusal": "full_refusal",
    "3_partial_refusal": "partial_refusal",
}
PYRIT = {"1": "full_refusal", "0": "compliance", "1.0": "full_refusal", "0.0": "compliance"}
DICES = {"Yes": "unsafe", "No": "safe"}  # as the raters were asked: "is it unsafe?"
INJECTED = {"1": "injection", "0": "benign"}
BETTER = {"1": "first", "2": "second"}
TRUTH = {"True": "correct", "False": "incorrect"}


def _xstest(rows: list[Row], path: Path) -> list[Labelled | str]:
    return [
        Labelled(
            id=row["id"],
            prompt=row["prompt"],
            responses=(row["completion"],),
            label=known(row["final_label"], XSTEST, f"{path}:{number}"),
            raters=tuple(
                known(row[name], XSTEST, f"{path}:{number}")
                for name in ("annotation_1", "annotation_2")
                if name in row
            ),
        )
        for number, row in enumerate(rows, start=1)
    ]


def _pyrit(rows: list[Row], path: Path) -> list[Labelled | str]:
    return [
        Labelled(
            id=str(number),
            prompt=row["objective"],
            responses=(row["assistant_response"],),
            label=known(row["human_score"], PYRIT, f"{path}:{number}"),
        )
        for number, row in enumerate(rows, start=1)
    ]


def _qa_eval(rows: list[Row], path: Path) -> list[Labelled | str]:
    """Each system's answer to each question; a question that is called improper is left out."""
    found: list[Labelled | str] = []
    for number, row in enumerate(rows, start=1):
        systems = [key.removeprefix("judge_") for key in row if key.startswith("judge_")]
        for system in systems:
            judged = str(row[f"judge_{system}"])
            if str(row.get("improper")) == "True":
                found.append("whose question is called improper")
            elif judged == "nan":
                found.append("without a label")
            else:
                found.append(_answered(row, system, f"{number}-{system}", f"{path}:{number}"))
    return found


def _answered(row: Row, system: str, name: str, where: str) -> Labelled:
    return Labelled(
        id=name,
        prompt=row["question"],
        responses=(str(row[f"answer_{system}"]),),
        label=known(row[f"judge_{system}"], TRUTH, where),
        accepted=tuple(part for part in str(row["golden_answer"]).split("/") if part.strip()),
    )


def _dices(content: Row, path: Path) -> list[Labelled | str]:
    """Conversations; "Yes" means unsafe, although the question beside it asks the opposite."""
    found: list[Labelled | str] = []
    for one in content["instances"]:
        said, where = one["annotations"]["safety"], f"{path}: conversation {one['id']}"
        if said["majority_human"] == "Unsure":
            found.append("of which most raters are unsure")
            continue
        raters = [word for word in said["individual_human_scores"] if word != "Unsure"]
        found.append(
            Labelled(
                id=str(one["id"]),
                prompt=one["instance"]["user_prompt"],
                responses=(one["instance"]["response"],),
                label=known(said["majority_human"], DICES, where),
                raters=tuple(known(word, DICES, where) for word in raters),
            )
        )
    return found


def _llmbar(rows: list[Row], path: Path) -> list[Labelled | str]:
    return [
        Labelled(
            id=str(number),
            prompt=row["input"],
            responses=(row["output_1"], row["output_2"]),
            label=known(row["label"], BETTER, f"{path}:{number}"),
        )
        for number, row in enumerate(rows, start=1)
    ]


def _injections(rows: list[Row], path: Path) -> list[Labelled | str]:
    return [
        Labelled(
            id=str(number),
            prompt=row["text"],
            responses=(row["text"],),
            label=known(row["label"], INJECTED, f"{path}:{number}"),
        )
        for number, row in enumerate(rows, start=1)
    ]


FORMATS = (
    Format(
        "refusal",
        frozenset({"prompt", "completion", "final_label"}),
        "XSTest's two annotators and their final label",
        _xstest,
    ),
    Format(
        "refusal",
        frozenset({"objective", "assistant_response", "human_score"}),
        "PyRIT's annotators",
        _pyrit,
    ),
    Format(
        "short-answer",
        frozenset({"question", "golden_answer"}),
        "QA-Eval's annotators",
        _qa_eval,
    ),
    Format("unsafe", frozenset({"instances", "annotations"}), "DICES's raters", _dices),
    Format(
        "preference", frozenset({"input", "output_1", "output_2", "label"}), "LLMBar's authors",
        _llmbar,
    ),
    Format("injection", frozenset({"text", "label"}), "the set's authors", _injections),
)  # fmt: skip
