"""Win rates from side-by-side ratings: the likeliest, with honest draws, and bad lines named."""

import itertools
import json

import numpy as np
import pytest

from syscard.assess.winrate import Preference, fit, implied, read_preferences, win_rates
from syscard.errors import DataError

LINE = {"conversation": "c1", "rater": "r1", "model_a": "x", "model_b": "y", "outcome": "a"}


def rated(outcomes: str, a: str = "x", b: str = "y", at: int = 0) -> list[Preference]:
    words = {"a": "a", "b": "b", "=": "equal", "?": "unknown"}
    return [
        Preference(f"c{at + n}", f"r{n % 5}", a, b, words[outcome])
        for n, outcome in enumerate(outcomes)
    ]


@pytest.mark.parametrize(
    ("mini_over_4o", "o1_over_4o", "mini_over_o1", "printed"),
    [
        pytest.param(0.733, 0.718, 0.5188, 0.519, id="self"),
        pytest.param(0.831, 0.828, 0.5053, 0.504, id="peer"),
        pytest.param(0.824, 0.824, 0.5000, 0.499, id="third party"),
    ],
)
def test_the_published_win_rates_agree_with_each_other(
    mini_over_4o, o1_over_4o, mini_over_o1, printed
):
    found = implied(mini_over_4o, o1_over_4o)

    assert found == pytest.approx(mini_over_o1, abs=5e-5)
    assert found == pytest.approx(printed, abs=0.002)


def test_two_models_win_as_often_as_they_were_preferred():
    found = win_rates(rated("a" * 30 + "b" * 10), "conversation", 0.95, 1, draws=200)

    both = found.over["x", "y"], found.over["y", "x"]
    assert [one.value for one in both] == pytest.approx([0.75, 0.25])
    assert both[0].interval.low == pytest.approx(1 - both[1].interval.high)
    assert 0.55 < both[0].interval.low < 0.75 < both[0].interval.high < 0.95


def test_equal_is_half_a_win_each_and_unknown_is_counted_and_says_nothing():
    found = win_rates(rated("a=?b=??a"), "conversation", 0.95, 1, draws=50)

    assert found.over["x", "y"].value == pytest.approx(3 / 5)
    assert (found.rated, found.unknown, found.clusters) == (5, 3, 5)


def test_three_models_get_the_rates_that_made_their_games():
    strength = np.array([1.2, 0.0, -0.7])
    truth = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
    games = np.array([[0, 40, 10], [40, 0, 300], [10, 300, 0]])

    found = fit(games * truth)

    assert found == pytest.approx(truth, abs=1e-6)


def test_no_other_strengths_are_likelier():
    wins = np.array([[0, 7, 9], [4, 0, 5.5], [2, 6.5, 0]])
    rates = fit(wins)
    strength = np.log(rates[:, 0] / (1 - rates[:, 0]))

    def likelihood(s: np.ndarray) -> float:
        return float(-(wins * np.log1p(np.exp(s[None, :] - s[:, None]))).sum())

    best = likelihood(strength)
    for nudge in itertools.product([-0.01, 0, 0.01], repeat=3):
        assert likelihood(strength + nudge) <= best + 1e-9


def test_a_model_that_never_lost_has_one_and_not_an_error():
    found = win_rates(rated("a" * 20), "conversation", 0.95, 1, draws=50)

    assert found.over["x", "y"].value == pytest.approx(1, abs=1e-6)
    assert found.over["y", "x"].value == pytest.approx(0, abs=1e-6)


def test_raters_who_agree_with_themselves_widen_the_interval_only_when_drawn_whole():
    ratings = [
        Preference(f"c{rater}-{n}", f"r{rater}", "x", "y", "a" if rater < 6 else "b")
        for rater in range(8)
        for n in range(20)
    ]

    widths = []
    for by in ("conversation", "rater"):
        found = win_rates(ratings, by, 0.95, 1, draws=300).over["x", "y"].interval
        widths.append(found.high - found.low)

    assert widths[1] > 2 * widths[0]


def test_a_draw_without_a_pair_widens_to_everything():
    ratings = [*rated("ab" * 20), *rated("a", "y", "z", at=90)]

    found = win_rates(ratings, "conversation", 0.95, 1, draws=100).over["x", "z"]

    assert (found.interval.low, found.interval.high) == pytest.approx((0, 1), abs=1e-6)


def test_the_order_of_the_ratings_changes_no_digit():
    ratings = [*rated("aab=ab"), *rated("abba=", "y", "z", at=50)]

    there = win_rates(ratings, "conversation", 0.95, 1, draws=50)
    back = win_rates(ratings[::-1], "conversation", 0.95, 1, draws=50)

    assert there == back


@pytest.mark.parametrize(
    "ratings",
    [
        pytest.param([], id="none"),
        pytest.param(rated("??"), id="all unknown"),
        pytest.param([*rated("ab"), *rated("ab", "v", "w", at=9)], id="two worlds"),
    ],
)
def test_models_that_nothing_compares_are_an_error(ratings):
    with pytest.raises(DataError, match="compare"):
        win_rates(ratings, "conversation", 0.95, 1)


def test_a_file_is_read_line_by_line(tmp_path):
    path = tmp_path / "ratings.jsonl"
    second = {**LINE, "conversation": "c 2", "outcome": "equal"}
    path.write_text(f"{json.dumps(LINE)}\n\n{json.dumps(second)}\n")

    found = read_preferences(path)

    assert found == [Preference(**LINE), Preference(**second)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", "not an object with conversation, rater"),
        (json.dumps({**LINE, "note": "x"}), "and nothing else"),
        (json.dumps({k: v for k, v in LINE.items() if k != "rater"}), "not an object with"),
        (json.dumps({**LINE, "rater": 7}), "rater is 7"),
        (json.dumps({**LINE, "conversation": " "}), "conversation is ' '"),
        (json.dumps({**LINE, "outcome": "A"}), "outcome is 'A'"),
        (json.dumps({**LINE, "model_b": "x"}), "compared with itself"),
        (json.dumps({**LINE, "model_a": "y", "model_b": "x"}), "on line 1 already"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(tmp_path, line, words):
    path = tmp_path / "ratings.jsonl"
    path.write_text(f"{json.dumps(LINE)}\n{line}\n")

    with pytest.raises(DataError, match="line 2") as error:
        read_preferences(path)

    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_an_empty_or_missing_file_is_an_error(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")

    for path in (empty, tmp_path / "none.jsonl"):
        with pytest.raises(DataError):
            read_preferences(path)
