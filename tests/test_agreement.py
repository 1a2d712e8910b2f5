"""How far a grader agrees with people: counts to rates, with intervals that hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syscard.agreements import GraderAgreement, Held
from syscard.assess.agreement import Labels, ac1_at, agree, kappa_at, pooled_rows, rates
from syscard.assess.ceiling import nominal_alpha
from syscard.assess.constructs import CONSTRUCTS, NOT_DECLINED, REFUSAL, UNSAFE, WORDS
from syscard.assess.correct import Known
from syscard.assess.correction import known_of
from syscard.assess.interval import exact, share
from syscard.assess.tabulate import tabulate
from syscard.grader.scoring import ANSWERED, SAFE
from syscard.library import read_validation
from syscard.records import Grader
from syscard.validate.validate import Stated, as_yaml, file_of, record
from syscard.validations import Validation, cohens_kappa, gwets_ac1

GRADER = Grader(name="refusal rules 1", lineage="rules", known="a test", digest="ab" * 32)
LABELS = Labels(
    grader=GRADER, model=None, set="a.csv", digest="cd" * 32, language="en", labelled_by="two"
)


def held(people, kind, number=0, prompt=None, raters=(), **fields):
    """One answer, labelled and graded."""
    given = {"response": f"answer {number}", "why": "so", "agreed": None, **fields}
    name = prompt or f"prompt {number}"
    return Held(id=str(number), prompt=name, people=people, kind=kind, raters=raters, **given)


def answers(*groups):
    """`(people, kind, times)` as answers to as many prompts."""
    rows = [(people, kind) for people, kind, times in groups for _ in range(times)]
    return [held(people, kind, number) for number, (people, kind) in enumerate(rows)]


MIXED = answers(
    ("full_refusal", "full_refusal", 40),
    ("partial_refusal", "compliance", 5),
    ("partial_refusal", "full_refusal", 3),
    ("compliance", "compliance", 50),
    ("compliance", "full_refusal", 2),
)


def test_the_two_constructs_of_a_refusal_count_a_partial_one_on_opposite_sides():
    refusal = agree(MIXED, REFUSAL, LABELS, 0.95).rates
    declined = agree(MIXED, NOT_DECLINED, LABELS, 0.95).rates

    assert (refusal.bad_right, refusal.bad_n) == (43, 48)
    assert (refusal.good_right, refusal.good_n) == (50, 52)
    assert (declined.bad_right, declined.bad_n) == (55, 60)
    assert (declined.good_right, declined.good_n) == (40, 40)


def test_what_is_good_is_what_the_scorers_call_good():
    assert REFUSAL.good == ANSWERED
    assert NOT_DECLINED.good | UNSAFE.good == SAFE


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda one: one.looks_for)
def test_every_construct_is_of_words_that_labels_may_have(construct):
    assert construct.good < WORDS[construct.rubric]


def test_prompts_that_stand_once_have_exact_intervals():
    found = agree(MIXED, REFUSAL, LABELS, 0.95)

    assert found.rates.sensitivity.interval == exact(43, 48, 0.95)
    assert found.rates.specificity.interval == exact(50, 52, 0.95)
    assert found.tallies == ()


def test_answers_to_one_prompt_are_one_cluster_and_their_interval_is_no_binomial():
    thrice = [
        held(one.people, one.kind, number, prompt=one.prompt)
        for number, one in enumerate(one for one in MIXED for _ in range(3))
    ]

    once, found = agree(MIXED, REFUSAL, LABELS, 0.95), agree(thrice, REFUSAL, LABELS, 0.95)

    around, of_once = found.rates.sensitivity.interval, once.rates.sensitivity.interval
    assert found.rates.sensitivity.value == once.rates.sensitivity.value
    assert around.method == "betting"
    assert around.high - around.low >= 0.9 * (of_once.high - of_once.low)
    assert sum(tally[1] * tally[4] for tally in found.tallies) == 3 * 48


def test_no_order_of_rows_changes_a_digit():
    twice = [*MIXED, *(held("compliance", "compliance", 200 + i, f"prompt {i}") for i in range(30))]

    assert agree(twice, REFUSAL, LABELS, 0.95) == agree(twice[::-1], REFUSAL, LABELS, 0.95)


@pytest.mark.parametrize(
    ("counts", "kappa", "ac1"),
    [
        ((20, 25, 15, 25), 0.4, 0.4059),  # the example of Cohen's kappa in every textbook
        (
            (118, 123, 0, 2),
            -0.0231,
            0.9408,
        ),  # where nearly all is bad, kappa falls and AC1 does not
        ((10, 10, 10, 10), 1.0, 1.0),
        ((5, 10, 5, 10), 0.0, 0.0),
    ],
)
def test_kappa_and_ac1_are_those_of_the_papers(counts, kappa, ac1):
    assert cohens_kappa(*counts) == pytest.approx(kappa, abs=1e-3)
    assert gwets_ac1(*counts) == pytest.approx(ac1, abs=1e-3)


UNIT = st.floats(0.01, 0.99)


@given(sensitivity=UNIT, specificity=UNIT, prevalence=UNIT, more=st.floats(0, 0.5))
def test_kappa_and_ac1_rise_with_sensitivity_and_specificity(
    sensitivity, specificity, prevalence, more
):
    at = np.array([prevalence])
    for statistic in (kappa_at, ac1_at):
        here = statistic(sensitivity, specificity, at)[0]

        assert statistic(min(1.0, sensitivity + more), specificity, at)[0] >= here - 1e-9
        assert statistic(sensitivity, min(1.0, specificity + more), at)[0] >= here - 1e-9


@given(
    bad=st.integers(1, 60), good=st.integers(1, 60), seen=st.floats(0, 1), passed=st.floats(0, 1)
)
@settings(max_examples=40, deadline=None)
def test_the_box_holds_its_own_value(bad, good, seen, passed):
    right = round(seen * bad), round(passed * good)
    counts = [(1, 1, 0, 0)] * right[0] + [(0, 1, 0, 0)] * (bad - right[0])
    counts += [(0, 0, 1, 1)] * right[1] + [(0, 0, 0, 1)] * (good - right[1])

    found = rates(counts, 1, 0.95)

    assert found.kappa.interval.low <= found.kappa.value <= found.kappa.interval.high
    assert found.kappa.value == cohens_kappa(right[0], bad, right[1], good)
    assert found.ac1.interval.low <= found.ac1.value <= found.ac1.interval.high


def test_a_grader_that_was_never_wrong_keeps_the_width_that_its_counts_deserve():
    found = rates([(1, 1, 0, 0)] * 20 + [(0, 0, 1, 1)] * 20, 1, 0.95)

    assert found.kappa.value == 1
    assert found.kappa.interval.low < 0.75


def test_the_interval_of_kappa_covers_it_at_the_confidence_that_it_states():
    generator, n, p, se, sp = np.random.default_rng(1), 60, 0.4, 0.97, 0.95
    truth = float(kappa_at(se, sp, np.array([p]))[0])
    missed = 0
    for _ in range(400):
        bad = int(generator.binomial(n, p))
        right = generator.binomial(bad, se), generator.binomial(n - bad, sp)
        counts = [(1, 1, 0, 0)] * right[0] + [(0, 1, 0, 0)] * (bad - right[0])
        counts += [(0, 0, 1, 1)] * right[1] + [(0, 0, 0, 1)] * (n - bad - right[1])
        around = rates(counts, 1, 0.95).kappa.interval
        missed += not around.low <= truth <= around.high

    assert missed / 400 <= 0.05


@pytest.mark.parametrize(
    ("people", "says"),
    [
        ("compliance", "people call every graded answer good, so sensitivity and kappa"),
        ("full_refusal", "people call every graded answer bad, so specificity and kappa"),
    ],
)
def test_one_class_only_leaves_kappa_undefined_and_says_so(people, says):
    found = agree(answers((people, "compliance", 30)), REFUSAL, LABELS, 0.95)

    assert found.rates.kappa.value is None
    assert says in found.rates.undefined[0]
    assert record(found, Stated("2025-01-01")) is None
    assert "undefined" in tabulate(one_grader(found))


def test_failures_are_counted_apart_and_bounded_as_wrong():
    rows = [*MIXED, *(held("compliance", None, 500 + i) for i in range(10))]

    found = agree(rows, REFUSAL, LABELS, 0.95)

    assert (found.failed, found.rates.good_n, found.failed_wrong.good_n) == (10, 52, 62)
    assert found.rates.specificity.value == 50 / 52
    assert found.failed_wrong.specificity.value == 50 / 62
    assert found.failed_wrong.kappa.value < found.rates.kappa.value
    assert found.confusion["compliance"]["no verdict"] == 10


def test_a_grader_that_always_fails_has_no_rates_and_no_record():
    found = agree(answers(("compliance", None, 5)), REFUSAL, LABELS, 0.95)

    assert found.rates.kappa.value is None
    assert found.rates.undefined == ("nothing was graded, so nothing is defined",)
    assert record(found, Stated("2025-01-01")) is None


def test_alpha_is_that_of_krippendorffs_own_example():
    """His nominal data of four observers and twelve units, one missing: alpha 0.743."""
    data = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    counts = np.array(
        [[sum(row[unit] == value for row in data) for value in range(1, 6)] for unit in range(12)],
        dtype=float,
    )

    assert nominal_alpha(counts) == pytest.approx(0.743, abs=5e-4)


def test_people_among_themselves_are_the_ceiling_where_two_rated():
    rated = [
        held(one.people, one.kind, i, raters=(one.people, "compliance" if i == 0 else one.people))
        for i, one in enumerate(MIXED)
    ]

    found = agree(rated, REFUSAL, LABELS, 0.95).ceiling

    assert (found.answers, found.raters) == (100, 2)
    assert 0.95 < found.kappa.value < 1
    assert found.kappa.value == pytest.approx(found.alpha.value, abs=0.01)
    assert found.kappa.interval.method == "cluster bootstrap (decides nothing)"
    assert agree(MIXED, REFUSAL, LABELS, 0.95).ceiling is None


def test_many_raters_have_alpha_and_no_kappa_of_two():
    rated = [held(one.people, one.kind, i, raters=(one.people,) * 5) for i, one in enumerate(MIXED)]

    found = agree(rated, REFUSAL, LABELS, 0.95).ceiling

    assert (found.raters, found.alpha.value, found.kappa.value) == (5, 1.0, None)


def test_disagreements_come_in_an_order_that_no_file_order_changes():
    found = agree(MIXED, REFUSAL, LABELS, 0.95).worst
    again = agree(MIXED[::-1], REFUSAL, LABELS, 0.95).worst

    assert found == again
    assert len(found) == 7
    assert {(one.people, one.kind) for one in found} == {
        ("partial_refusal", "compliance"),
        ("compliance", "full_refusal"),
    }


def test_where_a_grader_is_surest_stands_first():
    sure = held("compliance", "full_refusal", 900, agreed=1.0)
    unsure = [held("compliance", "full_refusal", 901 + i, agreed=0.6) for i in range(12)]

    worst = agree([*unsure, sure], REFUSAL, LABELS, 0.95).worst

    assert (len(worst), worst[0].id) == (10, "900")


def test_an_answer_that_stands_in_two_sets_is_pooled_once():
    other = [held("compliance", "compliance", 300)]

    assert len(pooled_rows([MIXED, [*MIXED[:20], *other]])) == len(MIXED) + 1


def one_grader(found):
    """As a command would have it."""
    return GraderAgreement(
        syscard="0", asked="rules", confidence=0.95, votes=1, found=(found,), without=("b: none",)
    )


def test_a_hostile_answer_neither_hides_nor_breaks_a_line():
    rows = [
        *MIXED,
        held("compliance", "full_refusal", 999, response="a\u202eb\n\x1b[2Jc" + "x" * 999),
    ]

    text = tabulate(one_grader(agree(rows, REFUSAL, LABELS, 0.95)))

    assert "a⟨U+202E⟩b ⟨U+001B⟩[2Jc" in text
    assert max(map(len, text.split("\n"))) < 400
    assert "no such grader: b: none" in text


def test_a_record_says_what_the_counts_say_and_reads_back(tmp_path):
    found = agree([*MIXED, held("compliance", None, 700)], REFUSAL, LABELS, 0.95)

    made = record(found, Stated("2025-01-01", ("llama",), ("syscard/overrefusal",)))
    path = tmp_path / file_of(made)
    path.write_text(as_yaml(made))

    assert read_validation(path)[0] == made
    assert path.name == "refusal-rules-1.a.refusal.yaml"
    assert (made.looks_for, made.failed, made.clusters) == ("refusal", 1, 101)
    assert made.kappa == pytest.approx(cohens_kappa(43, 48, 50, 52), abs=1e-6)


def test_a_record_of_clusters_corrects_with_their_interval():
    pairs = [
        held(one.people, one.kind, number, prompt=one.prompt)
        for number, one in enumerate(one for one in MIXED for _ in range(2))
    ]
    made = record(agree(pairs, REFUSAL, LABELS, 0.95), Stated("2025-01-01"))

    sensitivity, specificity = known_of(made)

    naive = Known(made.bad_right, made.bad_n).interval(share(0.95, 3))
    around = sensitivity.interval(share(0.95, 3))
    assert around.method == "betting"
    assert around.high - around.low > naive.high - naive.low
    assert specificity.rate == made.good_right / made.good_n


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tallies": ((1, 2, 0, 0, 1),)}, "the tallies sum to"),
        ({"tallies": ((3, 2, 0, 0, 1),)}, "right more often than people labelled"),
        ({"ac1": 0.1}, "AC1 is 0.1, and the counts give"),
        ({"ac1_low": None}, "AC1 stands with both its ends"),
    ],
)
def test_a_record_that_does_not_add_up_is_refused(change, why):
    made = record(agree(MIXED, REFUSAL, LABELS, 0.95), Stated("2025-01-01"))

    with pytest.raises(ValueError, match=why):
        Validation.model_validate(made.model_dump() | change)
