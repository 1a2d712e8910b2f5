"""Win rates from people's side-by-side ratings of anonymised models, for the red-team section.

Shown with their own intervals, and no indicators: nothing is rated on a Bradley-Terry model.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from syscard.errors import DataError
from syscard.files import read_text
from syscard.records import Estimate, Interval

Outcome = Literal["a", "b", "equal", "unknown"]
Array = NDArray[np.float64]

FIELDS = ("conversation", "rater", "model_a", "model_b", "outcome")
DRAWS = 1000
RIDGE = 1e-7  # keeps a model that never lost from running to infinity; below any printed digit
LONGEST_STEP = 2.0  # in log odds: Newton's full step can overshoot where a model never lost


@dataclass(frozen=True)
class Preference:
    """One rater's word on one conversation: which of two models was the safer."""

    conversation: str
    rater: str
    model_a: str
    model_b: str
    outcome: Outcome


@dataclass(frozen=True)
class WinRates:
    """`over[a, b]`: the chance that a is preferred to b, with what stood behind it."""

    over: dict[tuple[str, str], Estimate]
    rated: int
    unknown: int
    clusters: int


def read_preferences(path: Path) -> list[Preference]:
    """One preference a line of JSON; empty lines are passed over, and none may be there twice.

    Which conversations count (in the published cards: with an unsafe answer) is the file's.

    Raises:
        DataError: no file, no preference, or a line that is not one: which, and what is wrong.
    """
    found, seen = [], dict[tuple[str, str, frozenset[str]], int]()
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        one = _preference(line, f"{path}, line {number}")
        key = (one.conversation, one.rater, frozenset((one.model_a, one.model_b)))
        if first := seen.get(key):
            raise DataError(
                f"{path}, line {number}: {one.rater!r} rated the same two models in conversation "
                f"{one.conversation!r} on line {first} already. Keep one of the two."
            )
        seen[key] = number
        found.append(one)
    if not found:
        raise DataError(f"{path} holds no ratings. Each line is an object with {_named(FIELDS)}.")
    return found


def win_rates(
    preferences: Sequence[Preference],
    by: Literal["conversation", "rater"],
    confidence: float,
    seed: int,
    draws: int = DRAWS,
) -> WinRates:
    """Bradley-Terry win rates by maximum likelihood, with a percentile bootstrap.

    "equal" is half a win for each; "unknown" says nothing, is left out and counted. Whole
    conversations (or raters: the wider, where a few people rate much) are drawn again, since the
    ratings within one go together. A draw that leaves a pair uncompared counts as 0 for the low
    end and as 1 for the high one: to leave it out would narrow the interval.

    Raises:
        DataError: no rating but unknown, or models that no chain of ratings compares.
        ValueError: a confidence outside (0, 1).
    """
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    told = [preference for preference in preferences if preference.outcome != "unknown"]
    models = sorted({name for one in told for name in (one.model_a, one.model_b)})
    groups = sorted({getattr(one, by) for one in told})
    wins = _wins(told, models, groups, by)
    whole = wins.sum(axis=0)
    if not told or len(set(_components(whole))) > 1:
        raise DataError("The ratings compare no two models, or not all by a chain of pairs.")
    rates = fit(whole)
    low, high = _bootstrap(wins, confidence, np.random.default_rng(seed), draws)
    over = {
        (a, b): _estimate(float(rates[i, j]), float(low[i, j]), float(high[i, j]), confidence, by)
        for i, a in enumerate(models)
        for j, b in enumerate(models)
        if i != j
    }
    return WinRates(over, len(told), len(preferences) - len(told), len(groups))


def fit(wins: Array) -> Array:
    """Bradley-Terry win rates, shape (models, models), from wins[i, j] of i over j.

    By Newton's method on the log odds. A model that never lost is given 1 and not refused, as
    maximum likelihood in the limit has it; nan for a pair that no chain of ratings compares.
    """
    games = wins + wins.T
    strength = np.zeros(len(wins))
    for _ in range(100):
        rates = _rates(strength)
        slope = (wins - games * rates).sum(axis=1) - RIDGE * strength
        pull = games * rates * (1 - rates)
        curve = np.diag(pull.sum(axis=1) + RIDGE) - pull
        step = np.linalg.solve(curve, slope)
        longest = float(np.abs(step).max())
        strength += step * min(1.0, LONGEST_STEP / max(longest, 1e-300))
        if longest < 1e-10:
            break
    part = _components(wins)
    return np.where(part[:, None] == part[None, :], _rates(strength), np.nan)


def implied(a_over_c: float, b_over_c: float) -> float:
    """The win rate of a over b that a Bradley-Terry model has, from each one's over a third.

    Raises:
        ValueError: a rate that is not between 0 and 1: it implies nothing.
    """
    if not (0 < a_over_c < 1 and 0 < b_over_c < 1):
        raise ValueError(f"win rates between 0 and 1, not {a_over_c} and {b_over_c}")
    odds = a_over_c / (1 - a_over_c) * (1 - b_over_c) / b_over_c
    return odds / (1 + odds)


def _preference(line: str, where: str) -> Preference:
    try:
        data: Any = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where} is not JSON: {error}. Write one object a line.") from error
    if not isinstance(data, dict) or set(data) != set(FIELDS):
        raise DataError(f"{where}: not an object with {_named(FIELDS)} and nothing else.")
    for name in FIELDS:
        if not isinstance(data[name], str) or not data[name].strip():
            raise DataError(f"{where}: {name} is {data[name]!r}. Give it a text that is not empty.")
    if data["outcome"] not in get_args(Outcome):
        raise DataError(
            f"{where}: outcome is {data['outcome']!r}. Give one of {_named(get_args(Outcome))}."
        )
    if data["model_a"] == data["model_b"]:
        raise DataError(f"{where}: {data['model_a']!r} is compared with itself. Name two models.")
    return Preference(**data)


def _named(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _wins(told: Sequence[Preference], models: list[str], groups: list[str], by: str) -> Array:
    """Wins of row over column, a table a group; a tie is half a win for each."""
    at, place = {m: i for i, m in enumerate(models)}, {g: i for i, g in enumerate(groups)}
    wins = np.zeros((len(groups), len(models), len(models)))
    for one in told:
        a, b, group = at[one.model_a], at[one.model_b], place[getattr(one, by)]
        share = {"a": 1.0, "b": 0.0, "equal": 0.5}[one.outcome]
        wins[group, a, b] += share
        wins[group, b, a] += 1 - share
    return wins


def _bootstrap(
    wins: Array, confidence: float, generator: np.random.Generator, draws: int
) -> tuple[Array, Array]:
    """The ends of every pair's win rate, over whole groups drawn again."""
    places = (generator.integers(len(wins), size=len(wins)) for _ in range(draws))
    drawn = np.stack([fit(wins[place].sum(axis=0)) for place in places])
    tail = (1 - confidence) / 2
    low = np.quantile(np.where(np.isnan(drawn), 0, drawn), tail, axis=0)
    high = np.quantile(np.where(np.isnan(drawn), 1, drawn), 1 - tail, axis=0)
    return np.asarray(low), np.asarray(high)


def _components(wins: Array) -> NDArray[np.int32]:
    return np.asarray(connected_components(wins > 0, directed=False)[1])


def _rates(strength: Array) -> Array:
    gaps = strength[:, None] - strength[None, :]
    return np.asarray(0.5 * (1 + np.tanh(gaps / 2)))


def _estimate(value: float, low: float, high: float, confidence: float, by: str) -> Estimate:
    method = f"Bradley-Terry, bootstrap by {by}"
    interval = Interval(low=low, high=high, confidence=confidence, method=method)
    return Estimate(value=value, interval=interval)
