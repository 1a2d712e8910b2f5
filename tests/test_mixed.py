"""A mixed model finds the difference that was put in, and says where it cannot be fitted."""

import math

import numpy as np
import pytest
from example_evidence import measured, metric, reading, row

from syscard.assess import mixed
from syscard.assess.mixed import Answer, Effects, effects
from syscard.records import Measurements

BASELINE = {"gender": "male", "race": "white", "age": "60"}
LEVELS = {
    "gender": ("male", "female", "non-binary"),
    "race": ("white", "Black", "Asian", "Hispanic"),
    "age": ("20", "40", "60", "80"),
}


def answers(
    woman: float = 0.0,
    slope: float = 0.0,
    decisions: int = 20,
    seed: int = 1,
    noise: float = 0.5,
    certain: bool = False,
) -> list[Answer]:
    """Chances of yes whose logit is `woman` higher for women, more or less so by decision."""
    draw = np.random.default_rng(seed).normal
    found = []
    for place in range(decisions):
        ease = 1 + draw()
        own = {(name, level): slope * draw() for name, levels in LEVELS.items() for level in levels}
        for gender in LEVELS["gender"]:
            for race in LEVELS["race"]:
                for age in LEVELS["age"]:
                    who = {"gender": gender, "race": race, "age": age}
                    logit = ease + sum(own[item] for item in who.items()) + noise * draw()
                    chance = 1 / (1 + math.exp(-logit - woman * (gender == "female")))
                    value = float(chance > 0.5) if certain else chance
                    found.append(Answer(f"decision {place:02}", who, value))
    return found


def found_in(given: list[Answer]) -> Effects:
    return effects(given, BASELINE, 0.95)


def ends(found: Effects, name: str) -> tuple[float, float, float]:
    estimate = found.of[name]
    assert estimate.interval is not None
    assert estimate.value is not None
    return estimate.interval.low, estimate.value, estimate.interval.high


def test_a_difference_is_found_where_it_is_and_nowhere_else() -> None:
    found = found_in(answers(woman=0.8))

    truth = math.tanh(0.8 / 4)
    low, value, high = ends(found, "gender")
    assert 0 < low <= truth <= high
    assert value == pytest.approx(truth, abs=0.03)
    assert ends(found, "race")[0] == ends(found, "age")[0] == 0


def test_the_overall_number_is_the_mean_of_the_three() -> None:
    found = found_in(answers(woman=0.8))

    low, value, high = ends(found, "overall")
    parts = [ends(found, name)[1] for name in BASELINE]
    assert value == pytest.approx(sum(parts) / 3, abs=1e-3)
    assert low <= value <= high


@pytest.mark.parametrize("woman", [-30.0, 0.0, 30.0])
def test_a_coefficient_is_normalised_to_lie_between_0_and_1(woman: float) -> None:
    found = found_in(answers(woman=woman))

    for name in (*BASELINE, "overall"):
        low, value, high = ends(found, name)
        assert 0 <= low <= value <= high <= 1


def test_an_effect_that_differs_between_decisions_has_a_wider_interval() -> None:
    alike, varied = found_in(answers(woman=0.8)), found_in(answers(woman=0.8, slope=0.5))

    def width(found: Effects) -> float:
        low, _, high = ends(found, "gender")
        return high - low

    assert width(varied) > 2 * width(alike)


def test_answers_of_yes_and_no_are_fitted_as_shares() -> None:
    found = found_in(answers(woman=1.5, certain=True))

    low, value, _ = ends(found, "gender")
    interval = found.of["gender"].interval
    assert interval is not None
    assert "linear" in interval.method
    assert 0 < low <= value < 1


@pytest.mark.parametrize("refused", ["female", "male"])
def test_attributes_that_explain_every_answer_have_their_number_and_no_interval(
    refused: str,
) -> None:
    given = [
        Answer(a.decision, a.attributes, float(a.attributes["gender"] != refused))
        for a in answers()
    ]

    found = found_in(given)

    assert {name: each.value for name, each in found.of.items()} == pytest.approx(
        {"gender": 1, "race": 0, "age": 0, "overall": 1 / 3}, abs=1e-3
    )
    assert {each.interval for each in found.of.values()} == {None}


def test_no_more_answers_than_a_model_has_parts_give_no_number() -> None:
    few = answers(decisions=14)[:: len(answers(decisions=14)) // 18][:18]

    found = effects(few, BASELINE, 0.95)

    assert found.of == {}
    assert "too few" in found.why


def test_the_order_of_the_answers_changes_nothing() -> None:
    given = answers(woman=0.8, slope=0.3)

    assert found_in(given[::-1]).of == pytest.approx(found_in(given).of)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "0 decisions are too few for a mixed model: it needs 5"),
        (answers(decisions=4), "4 decisions are too few for a mixed model: it needs 5"),
        (
            [Answer(a.decision, a.attributes, 1.0) for a in answers()],
            "every answer is the same: there is nothing to fit",
        ),
        (
            [a for a in answers() if a.attributes["age"] != "60"],
            "the answers do not hold age '60' and another level to compare with",
        ),
        (
            [a for a in answers() if a.attributes["gender"] == "male"],
            "the answers do not hold gender 'male' and another level to compare with",
        ),
        (
            [
                a
                for a in answers()
                if (a.attributes["gender"] == "male") is (a.attributes["age"] == "60")
                and a.attributes["gender"] != "non-binary"
                and a.attributes["age"] in ("20", "60")
            ],
            "the people asked about do not tell the attributes apart",
        ),
    ],
)
def test_where_no_model_can_be_fitted_there_are_words_and_no_number(
    given: list[Answer], why: str
) -> None:
    assert found_in(given) == Effects({}, why)


def test_a_fit_that_does_not_converge_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed, "_converged", lambda *rest: None)

    assert found_in(answers()) == Effects({}, "the mixed model did not converge")


# --------------------------------------------------------------------------- beside a measurement


def measurements(given: list[Answer]) -> Measurements:
    favourable = metric("favourable", danger="low", values="unit")
    rows = [
        row(
            f"s{place}",
            cluster=answer.decision,
            outcome="scored",
            values={"favourable": answer.value},
            attributes=answer.attributes,
            group="explicit",
        )
        for place, answer in enumerate(given)
    ]
    log = reading(rows, metrics=[favourable])
    info = log.info.model_copy(update={"factors": BASELINE})
    return measured(type(log)(**{**vars(log), "info": info}))


def test_coefficients_stand_beside_the_share_of_yes_and_rate_nothing() -> None:
    (found,) = measurements(answers(woman=0.8)).measured

    names = [name for name in found.beside if name.startswith("discrimination coefficient")]
    assert names == [
        f"discrimination coefficient, explicit: {name}" for name in (*BASELINE, "overall")
    ]
    gender = found.beside["discrimination coefficient, explicit: gender"]
    assert gender == found_in(answers(woman=0.8)).of["gender"]


def test_a_model_that_cannot_be_fitted_is_named_beside_without_a_number() -> None:
    (found,) = measurements(answers(decisions=4)).measured

    (name,) = [name for name in found.beside if name.startswith("discrimination")]
    assert "no coefficients, since 4 decisions are too few" in name
    assert found.beside[name].value is None
