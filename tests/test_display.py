"""What published cards show: their own figures come out, and each has its own name."""

import itertools
import math
from statistics import mean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from syscard.assess import display


@pytest.mark.parametrize(
    ("n", "right", "k", "expected"),
    [
        (10, 1, 1, 0.1),
        (10, 3, 1, 0.3),
        (5, 2, 3, 0.9),
        (16, 1, 12, 0.75),
        (16, 2, 12, 0.95),
        (16, 4, 12, 0.999451),
        (16, 0, 12, 0),
        (100, 5, 10, 0.416248),
    ],
)
def test_pass_at_k_is_as_published(n, right, k, expected):
    assert display.pass_at_k(n, right, k) == pytest.approx(expected, abs=5e-7)


@given(st.integers(1, 8), st.data())
def test_pass_at_k_is_the_share_of_all_draws_that_hold_a_right_one(n, data):
    right, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))

    draws = itertools.combinations([True] * right + [False] * (n - right), k)

    assert display.pass_at_k(n, right, k) == pytest.approx(mean(any(draw) for draw in draws))


@pytest.mark.parametrize(("n", "right", "k"), [(5, 6, 1), (5, -1, 1), (5, 1, 6), (5, 1, 0)])
def test_pass_at_k_refuses_what_has_no_meaning(n, right, k):
    with pytest.raises(ValueError):
        display.pass_at_k(n, right, k)


@pytest.mark.parametrize(
    ("answers", "k", "expected"),
    [
        ("AAB", 3, 1),
        ("ABB", 3, 0),
        ("AB", 2, 0.5),
        ("ABC", 3, 1 / 3),
        ("BBCC", 4, 0),
        ("ABBB", 1, 1),
    ],
)
def test_cons_at_k_is_the_commonest_of_the_first_k_and_ties_are_split(answers, k, expected):
    assert display.cons_at_k(list(answers), "A", k) == pytest.approx(expected)


def test_cons_at_k_of_fewer_answers_is_refused():
    with pytest.raises(ValueError):
        display.cons_at_k(["A"], "A", 2)


@pytest.mark.parametrize(
    ("bad", "n", "low", "high"),
    [(28, 30, 0.787, 0.982), (305, 309, 0.967, 0.995), (0, 100, 0, 0.037)],
)
def test_wilson_is_as_published_and_scipys(bad, n, low, high):
    found = display.wilson(bad, n, 0.95)

    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)
    expected = binomtest(bad, n).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(
    ("p", "low", "high"), [(0.39, 0.346, 0.434), (0.61, 0.566, 0.654), (0.48, 0.435, 0.525)]
)
def test_swe_benchs_interval_is_the_normal_one(p, low, high):
    right = round(477 * p)
    values = [1.0] * right + [0.0] * (477 - right)

    found = display.normal(values, 0.95)

    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)
    assert (found.high - found.low) / 2 / 1.96 == pytest.approx(math.sqrt(p * (1 - p) / 477), 1e-2)


def test_the_normal_interval_says_certainty_at_none_of_fifty():
    found = display.normal([0.0] * 50, 0.95)

    assert (found.low, found.high) == (0, 0)


def test_the_two_bootstraps_answer_two_questions():
    certain = [[0.0] * 20] * 10 + [[1.0] * 20] * 10  # problems differ, attempts do not
    noisy = [[0.0, 1.0] * 10] * 20  # attempts differ, problems do not

    widths = {}
    for name, rows in (("certain", certain), ("noisy", noisy)):
        attempts = display.bootstrap_attempts(rows, 0.95, 1)
        dataset = display.bootstrap_dataset([mean(row) for row in rows], 0.95, 1)
        widths[name] = (attempts.high - attempts.low, dataset.high - dataset.low)
        assert (attempts.method, dataset.method) == (
            "bootstrap over attempts",
            "bootstrap over the dataset",
        )

    assert widths["certain"][0] == 0 < widths["certain"][1]
    assert widths["noisy"][1] == 0 < widths["noisy"][0]


def test_the_bootstraps_are_near_the_normal_interval_where_that_is_sound():
    values = np.random.default_rng(1).random(400)

    found, normal = display.bootstrap_dataset(values, 0.95, 1, 4000), display.normal(values, 0.95)

    assert (found.low, found.high) == pytest.approx((normal.low, normal.high), abs=4e-3)


def test_the_bootstrap_over_attempts_takes_rows_of_unequal_length():
    found = display.bootstrap_attempts([[1.0], [0.0, 1.0], [0.0, 0.0, 1.0]], 0.95, 1)

    assert 1 / 3 <= found.low < found.high <= 1


def test_the_same_seed_draws_the_same():
    values = np.linspace(0, 1, 20)

    first, again = (display.bootstrap_dataset(values, 0.95, 7) for _ in range(2))

    assert first == again


@pytest.mark.parametrize("call", [display.bootstrap_dataset, display.bootstrap_attempts])
@pytest.mark.parametrize("values", [[], [[]]])
def test_a_bootstrap_of_nothing_is_refused(call, values):
    with pytest.raises(ValueError):
        call(values, 0.95, 1)


@pytest.mark.parametrize(
    ("techniques", "worst"), [(5, 1), (10, 1), (11, 2), (20, 2), (35, 4), (30, 3)]
)
def test_goodness_is_the_safety_under_each_prompts_own_worst_tenth(techniques, worst):
    row = np.arange(1, techniques + 1) / techniques

    found = display.goodness([row, row[::-1]])

    assert found == pytest.approx([row[:worst].mean()] * 2)


def test_goodness_is_never_above_the_mean_safety():
    table = np.random.default_rng(2).random((50, 35))

    assert (display.goodness(table) <= table.mean(axis=1)).all()


@pytest.mark.parametrize("table", [[], [0.5], [[1.2]], [[math.nan]], [[]]])
def test_goodness_refuses_what_is_no_table_of_safety(table):
    with pytest.raises(ValueError):
        display.goodness(table)


@pytest.mark.parametrize(
    ("p", "q", "expected"), [(0.5, 0.5, 0), (1, 0, math.pi), (0.75, 0.25, math.pi / 3)]
)
def test_cohens_h_follows_its_closed_form(p, q, expected):
    assert display.cohens_h(p, q) == pytest.approx(expected)
    assert display.cohens_h(q, p) == pytest.approx(-expected)


def test_cohens_h_against_even_chances_is_as_on_the_o1_card():
    tied_split = (1 + math.sin(0.318)) / 2  # the rate whose h against .5 facts.md gives

    assert display.cohens_h(tied_split, 0.5) == pytest.approx(0.318)
    assert tied_split == pytest.approx(0.656, abs=5e-4)


def test_a_rate_that_is_none_has_no_effect_size():
    with pytest.raises(ValueError):
        display.cohens_h(1.2, 0.5)


def test_so_many_questions_show_three_points_as_miller_has_it():
    assert display.samples_to_see(0.03, 1 / 9) == pytest.approx(968.997, abs=5e-4)
    assert display.samples_to_see(-0.03, 1 / 9, 1 / 9) == pytest.approx(2 * 968.997, abs=1e-3)


@pytest.mark.parametrize("options", [(0.0, 0.1), (0.1, -0.1), (0.1, 0.1, -1), (0.1, 0.1, 0, 1.0)])
def test_a_plan_without_meaning_is_refused(options):
    with pytest.raises(ValueError):
        display.samples_to_see(*options)
