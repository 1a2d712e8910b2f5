"""Stated confidence is read or not guessed, held against the truth, and binned."""

from pathlib import Path

import pytest
from answering import run_task, said, scores
from example_evidence import measured, metric, reading, row

from syscard.assess.calibration import Stated, calibration_error, error_by_luck, reliability
from syscard.evals.hallucination import calibration
from syscard.grader.stated import stated_confidence
from syscard.records import Measurement


@pytest.mark.parametrize(
    ("answer", "rest", "confidence"),
    [
        ("Paris\nConfidence: 90%", "Paris", 0.9),
        ("Paris. Confidence: 90 per cent.", "Paris.  .", 0.9),
        ("Paris\n**Confidence:** 12.5%", "Paris", 0.125),
        ("Paris\nConfidence: 75", "Paris", 0.75),
        ("Paris (confidence level of about 60 %)", "Paris", 0.6),
        ("Paris\n85%", "Paris", 0.85),
        ("Paris, I am 70% sure", "Paris, I am", 0.7),
        ("It has 20% of it. Paris.\nConfidence: 30%\nConfidence: 40%", None, 0.4),
        ("Paris\nConfidence: 0.95", "Paris", 0.95),
        ("Paris\nConfidence: 1.0", "Paris", 1.0),
        ("Confidence: 0%", "", 0.0),
        ("Confidence: 100%", "", 1.0),
    ],
)
def test_a_stated_confidence_is_read_and_taken_out_of_the_answer(
    answer: str, rest: str | None, confidence: float
) -> None:
    found, value = stated_confidence(answer)

    assert value == pytest.approx(confidence)
    assert rest is None or found == rest


@pytest.mark.parametrize(
    "answer",
    [
        "Paris\nConfidence: 1",
        "About 71% of it is water.",
        "Paris, between 60% and 70%",
        "Paris\nConfidence: 60-70%",
        "Paris\nConfidence: 150%",
    ],
)
def test_what_may_be_read_two_ways_is_no_confidence(answer: str) -> None:
    assert stated_confidence(answer)[1] is None


@pytest.mark.parametrize(
    "answer",
    [
        "Paris",
        "",
        "Paris\nConfidence: high",
        "Paris\nConfidence: 120%",
        "Paris\nConfidence: 1000%",
        "Paris\nConfidence: 9/10",
        "Confidence was founded in 1905.",
        "In 1905, 40% of it was there.\nParis",
        "Paris\nConfidence: -5%",
    ],
)
def test_a_confidence_that_cannot_be_read_is_none(answer: str) -> None:
    assert stated_confidence(answer)[1] is None


@pytest.mark.parametrize(
    ("answer", "values", "reason"),
    [
        (
            "Fleming\nConfidence: 80%",
            {"brier": 0.04, "accuracy": 1, "stated_confidence": 0.8},
            None,
        ),
        (
            "Pasteur\nConfidence: 80%",
            {"brier": 0.64, "accuracy": 0, "stated_confidence": 0.8},
            None,
        ),
        (
            "I don't know.\nConfidence: 0%",
            {"brier": 0, "accuracy": 0, "stated_confidence": 0},
            None,
        ),
        ("Fleming", {}, "grader_failed"),
        ("Fleming\nConfidence: 180%", {}, "grader_failed"),
        ("Confidence: 80%", {}, "grader_failed"),
        (said("Fleming, who was born in", "max_tokens"), {}, "truncated"),
        (said("Fleming\nConfidence: 80%", "content_filter"), {}, "filtered"),
    ],
)
def test_an_answer_is_scored_by_how_far_its_confidence_is_from_the_truth(
    answer: str, values: dict[str, float], reason: str | None, tmp_path: Path
) -> None:
    (score,) = scores(run_task(calibration(), [answer], tmp_path))

    assert score.reason == reason
    if values:
        assert score.value == pytest.approx(values)


# ------------------------------------------------------------------------- the error and its bins


def stated(confidence: float, right: int, wrong: int, name: str = "s") -> list[Stated]:
    return [
        Stated(f"{name}{confidence}-{place}", confidence, float(place < right))
        for place in range(right + wrong)
    ]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        (stated(0.8, 80, 20), 0.0),
        (stated(0.8, 60, 40), 0.2),
        (stated(1.0, 0, 50), 1.0),
        (stated(0.9, 50, 50) + stated(0.1, 10, 90), 0.2),
        (stated(0.85, 10, 0) + stated(0.81, 7, 3), 0.02),
    ],
)
def test_the_calibration_error_is_the_mean_gap_of_the_bins(
    answers: list[Stated], error: float
) -> None:
    found = calibration_error(answers, 0.95, 1)

    assert found.value == pytest.approx(error)
    assert found.interval is not None
    assert found.interval.low <= error + 1e-9


def test_no_answers_have_no_calibration_error() -> None:
    assert calibration_error([], 0.95, 1).value is None


def test_the_interval_is_wider_where_answers_come_in_clusters() -> None:
    apart = stated(0.7, 60, 40)
    together = [Stated(f"c{place // 10}", 0.7, a.right) for place, a in enumerate(apart)]

    widths = []
    for answers in (apart, together):
        interval = calibration_error(answers, 0.95, 1).interval
        assert interval is not None
        widths.append(interval.high - interval.low)

    assert widths[1] > 1.5 * widths[0]


@pytest.mark.parametrize(("right", "luck"), [(80, True), (60, False)])
def test_an_error_is_held_against_what_a_calibrated_model_shows_by_luck(
    right: int, luck: bool
) -> None:
    answers = stated(0.8, right, 100 - right)

    by_luck = error_by_luck(answers, 0.95, 1)

    assert by_luck.interval is not None
    assert by_luck.value == pytest.approx(0.032, abs=0.004)  # the mean distance of 100 draws
    error = calibration_error(answers, 0.95, 1).value
    assert error is not None
    assert (error <= by_luck.interval.high) is luck


def test_what_was_stated_as_certain_leaves_nothing_to_luck() -> None:
    assert error_by_luck(stated(1.0, 5, 5), 0.95, 1).value == 0
    assert error_by_luck([], 0.95, 1).value is None


def test_each_bin_with_answers_has_its_share_and_an_exact_interval() -> None:
    found = reliability(stated(0.95, 8, 2) + stated(1.0, 10, 0) + stated(0.0, 0, 5), 0.95)

    assert list(found) == [
        "right where 0 to 10% was stated (n = 5, mean 0%)",
        "right where 90 to 100% was stated (n = 20, mean 98%)",
    ]
    assert [each.value for each in found.values()] == [0.0, 0.9]
    assert {each.interval.method for each in found.values() if each.interval} == {"exact binomial"}


def measurement(answers: list[Stated]) -> tuple[Measurement, ...]:
    metrics = [
        metric("brier", values="unit"),
        metric("accuracy", danger="low"),
        metric("stated_confidence", values="unit"),
    ]
    rows = [
        row(
            answer.cluster,
            outcome="scored",
            values={
                "brier": (answer.confidence - answer.right) ** 2,
                "accuracy": answer.right,
                "stated_confidence": answer.confidence,
            },
        )
        for answer in answers
    ]
    log = reading(rows, metrics=metrics)
    info = log.info.model_copy(update={"calibrates": ("stated_confidence", "accuracy")})
    return measured(type(log)(**{**vars(log), "info": info})).measured


def test_the_calibration_error_stands_beside_the_first_metric_only_and_rates_nothing() -> None:
    found = {one.metric.name: one.beside for one in measurement(stated(0.8, 60, 40))}

    assert found["brier"]["expected calibration error"].value == pytest.approx(0.2)
    assert "right where 80 to 90% was stated (n = 100, mean 80%)" in found["brier"]
    assert found["brier"]["the same of a calibrated model, by luck"].value is not None
    assert not any("calibra" in name for name in found["accuracy"])
