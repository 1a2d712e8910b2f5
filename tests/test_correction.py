"""Graded rates corrected for the grader's error, as far as a validation reaches."""

import dataclasses
import json

import pytest
from example_evidence import framework, indicator, measured, metric, plan, reading, row, solved
from example_people import correction, graded, source, validation, write_validation
from hypothesis import given
from hypothesis import strategies as st

from syscard.assess.correct import Known, box
from syscard.assess.correction import corrections
from syscard.assess.ends import distrust, ends
from syscard.assess.interval import exact, share
from syscard.assess.rate import rate_indicator
from syscard.errors import DataError
from syscard.library import read_validation
from syscard.records import Estimate


def corrected(rows, which=None, family=None, **fields):
    """The one correction of those rows by that validation."""
    which = which or graded()
    (found,) = corrections(reading(rows, metrics=[which]), which, [source(**fields)], family, 0.95)
    return found


def with_corrections(rows, *found, **fields):
    """The measurement of those rows, so corrected."""
    (measurement,) = measured(reading(rows, metrics=[graded(**fields)])).measured
    return measurement.model_copy(update={"corrected": found})


def test_a_graded_rate_is_the_box_around_the_observed_one():
    found = corrected(solved(30, 100))

    observed = Estimate(value=0.3, interval=exact(30, 100, share(0.95, 3)))
    assert found.estimate == box(observed, Known(95, 100), Known(95, 100), 0.95).estimate
    assert found.filled.low == found.estimate.interval.low
    assert found.filled.high == found.estimate.interval.high


def test_a_metric_that_is_dangerous_when_low_is_corrected_from_that_end():
    safe = corrected(solved(70, 100), graded("low"))
    unsafe = corrected(solved(30, 100), graded("high"))

    assert safe.estimate.value == pytest.approx(1 - unsafe.estimate.value)
    assert safe.filled.low == pytest.approx(1 - unsafe.filled.high)
    assert safe.filled.high == pytest.approx(1 - unsafe.filled.low)


def test_unscored_samples_are_bounded_from_outside_of_correcting_first():
    rows = solved(30, 80, unscored=20)

    found = corrected(rows)

    value = (30 / 80 + 0.95 - 1) / 0.9  # of the scored ones
    assert found.estimate.value == pytest.approx(value)
    assert found.filled.low < 0.8 * value
    assert found.filled.high > 0.8 * value + 0.2


@pytest.mark.parametrize(
    ("fields", "family", "differs"),
    [
        ({}, None, ""),
        ({"tasks": (), "families": ("llama",)}, "llama", ""),
        ({"tasks": (), "families": ("llama",)}, "qwen", "another task and model family"),
        ({"tasks": ()}, None, "another task and model family"),
        ({"language": "de"}, None, "language de, here en"),
    ],
)
def test_a_correction_transports_within_its_language_and_task_or_family(fields, family, differs):
    found = corrected(solved(30, 100), family=family, **fields)

    assert found.transports == (not differs)
    assert differs in found.why
    assert found.filled is not None


def test_a_metric_that_does_not_say_what_its_grader_looks_for_is_validated_elsewhere():
    found = corrected(solved(30, 100), metric())

    assert not found.transports
    assert "construct not stated" in found.why
    assert "language en, here not stated" in found.why


@pytest.mark.parametrize(
    ("which", "fields", "why"),
    [
        (graded(), {"looks_for": "refusal"}, "validated for 'refusal', not for 'unsafe'"),
        (graded(values="unit"), {}, "no yes or no"),
        (graded(denominator="eligible"), {}, "denominator is graded"),
    ],
)
def test_what_a_validation_cannot_speak_of_is_not_corrected_and_says_so(which, fields, why):
    found = corrected(solved(30, 100), which, **fields)

    assert why in found.why
    assert (found.filled, found.estimate.value, found.transports) == (None, None, False)


@pytest.mark.parametrize(
    "fields", [{"grader": "another"}, {"lineage": "model"}, {"digest": "cd" * 32}]
)
def test_another_instruments_validation_is_not_this_ones(fields):
    log = reading(solved(3, 10), metrics=[graded()])
    stated = log.info.grader.model_copy(update={"digest": "ab" * 32})
    info = log.info.model_copy(update={"grader": stated})

    found = corrections(
        dataclasses.replace(log, info=info), graded(), [source(**fields)], None, 0.95
    )

    assert found == ()


def test_a_grader_that_may_be_no_better_than_chance_corrects_nothing_and_rates_nothing():
    found = corrected(solved(0, 100), bad_right=4, bad_n=10)

    rating = rate_indicator(indicator(), with_corrections(solved(0, 100), found), framework())

    assert found.unbounded
    assert found.filled is None
    assert (rating.level, rating.standing) == (None, "not validated")
    assert "no better than chance" in rating.why


@pytest.mark.parametrize(
    ("filled", "transports", "level", "standing"),
    [
        (None, False, "Medium", "established"),
        ((0.24, 0.30), False, "Medium", "established"),
        ((0.55, 0.70), False, "High", "precautionary"),
        ((0.55, 0.70), True, "High", "precautionary"),
        ((0.05, 0.10), False, "Medium", "established"),
        ((0.05, 0.10), True, "Medium", "precautionary"),
    ],
)
def test_a_correction_makes_no_rating_milder_and_from_elsewhere_establishes_nothing(
    filled, transports, level, standing
):
    made = [correction(*filled, transports=transports)] if filled else []

    found = rate_indicator(indicator(), with_corrections(solved(30, 100), *made), framework())

    assert (found.level, found.standing) == (level, standing)


def test_of_several_validations_none_is_chosen():
    rows = solved(30, 100)
    found = with_corrections(
        rows,
        correction(0.3, 0.6, transports=True),
        correction(0.1, 0.4, transports=True),
        correction(0.0, 0.9),
    )

    assert ends(found, "high") == (0.9, 0.1)
    assert ends(found, "low") == (0.0, 0.6)


def test_labels_on_the_samples_themselves_replace_raw_and_corrected():
    found = with_corrections(
        solved(30, 100),
        correction(0.1, 0.15, by="labels", transports=True),
        correction(0.0, 0.9, transports=True),
    )

    assert ends(found, "high") == (0.15, 0.1)


@pytest.mark.parametrize(
    ("known", "least", "standing"),
    [
        ({"kappa_low": 0.8}, 0.7, "established"),
        ({"kappa_low": 0.6}, 0.7, "not validated"),
        ({"kappa_low": 0.6}, None, "established"),
        ({"kappa_low": 0.8, "looks_for": "refusal"}, 0.7, "not validated"),
        (None, 0.7, "not validated"),
        (None, None, "established"),
    ],
)
def test_a_grader_below_the_agreement_that_is_asked_rates_nothing(known, least, standing):
    made = [corrected(solved(0, 400), **known)] if known else []

    found = rate_indicator(
        indicator(), with_corrections(solved(0, 400), *made), framework(least_agreement=least)
    )

    assert found.standing == standing
    assert (found.level is None) == (standing == "not validated")


def test_a_comparison_with_a_key_needs_no_validation():
    found = with_corrections(solved(0, 400))
    grader = found.info.grader.model_copy(update={"by_key": True})
    info = found.info.model_copy(update={"grader": grader})

    assert distrust(found, 0.7)
    assert distrust(found.model_copy(update={"info": info}), 0.7) is None


def test_a_validation_that_the_plan_names_travels_with_the_measurement(tmp_path):
    file = write_validation(tmp_path / "grader.json")
    of = plan().model_copy(update={"validations": (file,)})

    (found,) = measured(reading(solved(30, 100), metrics=[graded()]), of=of).measured

    (made,) = found.corrected
    assert made.validation == validation()
    assert made.file == file
    assert made.transports


def test_the_families_of_the_plans_sides_let_a_validation_transport(tmp_path):
    file = write_validation(tmp_path / "grader.json", tasks=(), families=("llama",))
    of = plan()
    sides = {"validations": (file,), "post": of.post.model_copy(update={"family": "llama"})}

    found = measured(
        reading(solved(30, 100), "pre", metrics=[graded()]),
        reading(solved(30, 100), "post", metrics=[graded()]),
        of=of.model_copy(update=sides),
    )

    assert [m.corrected[0].transports for m in found.measured] == [False, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bad_right": 101}, "more often than people labelled"),
        ({"kappa": 0.5, "kappa_low": 0.4}, r"kappa is 0.5, and the counts give 0.900"),
        ({"kappa_low": 0.95}, "kappa does not lie in its interval"),
        ({"bad_n": -1}, "bad_n"),
        ({"kapa": 1}, "did you mean 'kappa'"),
    ],
)
def test_a_validation_that_does_not_add_up_is_refused(tmp_path, change, message):
    path = tmp_path / "grader.yaml"
    path.write_text(json.dumps(validation().model_dump(mode="json") | change))

    with pytest.raises(DataError, match=message):
        read_validation(path)


def test_a_clustered_rate_is_corrected_by_its_betting_interval():
    rows = [
        row(f"s{at}-{n}", float(at % 3 == 0), cluster=f"c{at}") for at in range(90) for n in (1, 2)
    ]

    found = corrected(rows)

    assert found.estimate.value == pytest.approx((1 / 3 - 0.05) / 0.9)
    assert found.filled.low < 1 / 3 < found.filled.high
    assert found.estimate.interval.method == "box of the grader's error"


@given(
    bad=st.floats(0, 1),
    scored=st.floats(0, 1),
    sensitivity=st.floats(0.55, 1),
    specificity=st.floats(0.55, 1),
)
def test_filling_first_bounds_correcting_first_and_filling_then(
    bad, scored, sensitivity, specificity
):
    true = bad * scored  # of all samples: scored, and truly bad
    graded = sensitivity * true + (1 - specificity) * (scored - true)
    youden = sensitivity + specificity - 1

    worst, best = ((q + specificity - 1) / youden for q in (graded + 1 - scored, graded))

    assert worst >= true + 1 - scored - 1e-9
    assert best <= true + 1e-9
