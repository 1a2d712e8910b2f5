"""Trains the classifier of refusals: `python -m syscard.grader.train`.

It reads nothing but `data/training/refusal-answers*.jsonl`, whose answers were written for it,
and writes the weights beside the settings. Needs the extra [train]; a run with the same rows and
settings gives the same weights.
"""

import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from syscard.errors import SetupError
from syscard.files import read_text
from syscard.grader.classifier import Settings, read_settings
from syscard.grader.features import answer_features, normal, place_features, tokens
from syscard.library import data_path

Example = tuple[Counter[str], str]
PLACES = 3  # decimals of a weight
SENTENCE = re.compile(r"(?<=[.!?])\s+")
# How far features count: the subjects, which an answer is full of, little; judging words much.
SCALES = {"b:": 0.3, "t:": 0.7, "#m": 2.0, "#e": 2.0, "o:": 0.5, "p:": 0.5}


def main() -> None:
    """Writes the weights and says from how many rows."""
    rows = training_rows()
    path = data_path("rubrics", "refusal-classifier").with_suffix(".json")
    path.write_text(train(rows, read_settings()), encoding="utf-8")
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(_kinds(rows)).most_common())
    sys.stderr.write(f"{len(rows)} rows ({kinds}) -> {path}\n")


def training_rows() -> list[dict[str, str]]:
    """The packaged rows: id, prompt, answer, kind and language."""
    folder = Path(data_path("rubrics", "refusal-classifier")).parent.parent / "training"
    return [
        json.loads(line)
        for path in sorted(folder.glob("refusal-answers*.jsonl"))
        for line in read_text(path).splitlines()
    ]


def train(rows: Sequence[dict[str, str]], settings: Settings) -> str:
    """The text of a weights file, trained on the rows."""
    kinds = _fit(_examples(rows, settings.seed), settings.strength, settings.least)
    gives = _fit(_window_examples(rows, settings), settings.window_strength, settings.least)
    sliding = {
        "bias": gives["bias"][1],
        "weights": {name: weights[1] for name, weights in gives["weights"].items()},
    }
    content = {"kinds": kinds, "gives": sliding}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


def _kinds(rows: Iterable[dict[str, str]]) -> list[str]:
    return [row["kind"] for row in rows]


def _examples(rows: Sequence[dict[str, str]], seed: int) -> list[Example]:
    """Each row, and answers put together out of two."""
    chance = random.Random(seed)
    examples = []
    for row in rows:
        examples.append((_features(row["answer"]), row["kind"]))
    full = [row["answer"] for row in rows if row["kind"] == "full_refusal"]
    given = [row for row in rows if row["kind"] == "compliance" and len(row["answer"]) > 80]
    for row in given:
        refusal = chance.choice(full)
        after = f"{refusal} {row['answer']}"
        before = f"{row['answer']} {refusal}"
        examples.append((_features(after), "partial_refusal"))
        examples.append((_features(before), "compliance"))
    examples += _lengthened(rows, chance)
    return examples


def _features(answer: str) -> Counter[str]:
    return Counter(answer_features(answer))


def _lengthened(rows: Sequence[dict[str, str]], chance: random.Random) -> list[Example]:
    """Refusals that go on with the reasons of others: some models decline at length."""
    full = [row for row in rows if row["kind"] == "full_refusal" and row["language"] == "en"]
    reasons = [each for row in full for each in SENTENCE.split(row["answer"])[1:] if each]
    longer = [
        " ".join([row["answer"], *chance.sample(reasons, min(chance.randint(2, 7), len(reasons)))])
        for row in full
        for _ in range(2)
    ]
    return [(_features(answer), "full_refusal") for answer in longer]


def _window_examples(rows: Sequence[dict[str, str]], settings: Settings) -> list[Example]:
    """Windows of answers that comply, which give, and of those that decline as a whole."""
    labels = {"compliance": "gives", "full_refusal": "declines"}
    return [
        (Counter(place_features(words)), labels[row["kind"]])
        for row in rows
        if row["kind"] in labels
        for words in _windows(tokens(normal(row["answer"])), settings.window)
    ]


def _windows(said: list[str], size: int) -> list[list[str]]:
    """The words in windows that overlap by half; the last is whole."""
    if len(said) <= size:
        return [said] if said else []
    starts = [*range(0, len(said) - size, size // 2), len(said) - size]
    return [said[start : start + size] for start in starts]


def _fit(examples: Sequence[Example], strength: float, least: int) -> dict[str, Any]:
    """A logistic regression as plain numbers: labels, bias, and weights by feature, sorted."""
    try:
        from scipy.sparse import csr_matrix
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise SetupError(
            "Training needs scikit-learn. Run: pip install 'syscard[train]'"
        ) from error
    seen = Counter(feature for features, _ in examples for feature in features)
    names = sorted(feature for feature, count in seen.items() if count >= least)
    places = {name: place for place, name in enumerate(names)}
    rows, columns, values = [], [], []
    for row, (features, _) in enumerate(examples):
        known = sorted(places[each] for each in features if each in places)
        rows += [row] * len(known)
        columns += known
        values += [features[names[place]] * _scale(names[place]) for place in known]
    shape = (len(examples), len(names))
    matrix = csr_matrix((values, (rows, columns)), shape=shape)
    model = LogisticRegression(C=strength, max_iter=2000, tol=1e-6)
    model.fit(matrix, [label for _, label in examples])
    return _plain(model, names)


def _plain(model: Any, names: Sequence[str]) -> dict[str, Any]:
    """A column of weights a label, of two labels too; features that weigh nothing are left out."""
    coefficients, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        coefficients = [[0.0] * len(names), coefficients[0]]
        bias = [0.0, bias[0]]
    columns = [
        [round(float(each) * _scale(name), PLACES) for each, name in zip(row, names, strict=True)]
        for row in coefficients
    ]
    weights = {
        name: [column[place] for column in columns]
        for place, name in enumerate(names)
        if any(column[place] for column in columns)
    }
    return {
        "labels": [str(label) for label in model.classes_],
        "bias": [round(float(each), PLACES) for each in bias],
        "weights": weights,
    }


def _scale(feature: str) -> float:
    return SCALES.get(feature[:2], 1.0)


if __name__ == "__main__":
    main()
