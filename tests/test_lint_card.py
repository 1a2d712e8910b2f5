"""Lint of a card of ours: each rule fires on a small alteration, and none on a sound card."""

from typing import Any

import pytest
from example_card import estimate, example_card

from syscard.assess.lint.finding import Finding
from syscard.assess.lint.lint import lint
from syscard.records import Card, Reference


def rules(found: list[Finding]) -> set[str]:
    return {finding.rule for finding in found}


def altered(card: Card, where: str, **fields: Any) -> Card:
    """The example card with fields of one of its records changed."""
    first = card.evaluations[0]
    if where == "measured":
        new = first.measured[1].model_copy(update=fields)
        first = first.model_copy(update={"measured": (first.measured[0], new, *first.measured[2:])})
    if where == "compared":
        new_one = first.compared[1].model_copy(update=fields)
        first = first.model_copy(update={"compared": (first.compared[0], new_one)})
    return card.model_copy(update={"evaluations": (first, *card.evaluations[1:])})


def test_a_sound_card_is_passed_in_silence() -> None:
    assert lint([], [("card.json", example_card())]) == []


@pytest.mark.parametrize(
    ("rule", "where", "fields", "says"),
    [
        ("measured-once", "measured", {"mitigation": "pre"}, "stands 2 times"),
        ("value-within-ends", "measured", {"estimate": estimate(0.95, 0.96, 1.0)}, "outside"),
        ("value-within-ends", "measured", {"worst": estimate(0.99)}, "not in that order"),
        ("counts-add-up", "measured", {"clusters": 43}, "43 clusters of 42 samples"),
        ("counts-add-up", "measured", {"clusters": 19}, "group 'hate': 20 of 19 clusters"),
        ("sides-comparable", "measured", {"task_version": "2.0.0"}, "1.0.0 and 2.0.0"),
        ("difference-of-sides", "compared", {"difference": estimate(0.1)}, "is not"),
    ],
)
def test_each_rule_of_a_card_finds_its_flaw(
    rule: str, where: str, fields: dict[str, Any], says: str
) -> None:
    card = altered(example_card(), where, **fields)

    found = [f for f in lint([], [("card.json", card)]) if f.rule == rule]

    assert any(says in finding.says for finding in found), found


def test_another_grader_on_one_side_is_found() -> None:
    card = example_card()
    info = card.evaluations[0].measured[1].info
    grader = info.grader.model_copy(update={"name": "another"})

    found = lint(
        [], [("c", altered(card, "measured", info=info.model_copy(update={"grader": grader})))]
    )

    assert rules(found) == {"sides-comparable"}


def test_pairs_of_different_samples_are_found() -> None:
    card = example_card()
    first = card.evaluations[0]
    paired = first.compared[0].model_copy(update={"left_out": 0})
    card = card.model_copy(
        update={
            "evaluations": (
                first.model_copy(update={"compared": (paired, *first.compared[1:])}),
                *card.evaluations[1:],
            )
        }
    )

    found = lint([], [("c", altered(card, "measured", samples="00" * 32))])

    assert rules(found) == {"sides-comparable"}
    assert lint([], [("c", card)]) == []


def test_a_reference_with_two_values_is_found() -> None:
    card = example_card()
    known = {"label": "GPT", "task": "t", "metric": "m", "source": "s"}
    references = (Reference(**known, value=0.88), Reference(**known, value=0.9))
    plan = card.plan.model_copy(update={"references": references})

    found = lint([], [("c", card.model_copy(update={"plan": plan}))])

    assert rules(found) == {"one-value-each"}


def test_a_level_and_a_gate_that_do_not_follow_are_found() -> None:
    card = example_card()
    floor = card.rating.categories[0].model_copy(update={"floor": "Low"})
    rating = card.rating.model_copy(update={"categories": (floor, *card.rating.categories[1:])})
    opened = card.decisions[0].model_copy(update={"exit_code": 0, "answer": "yes"})
    card = card.model_copy(update={"rating": rating, "decisions": (opened, *card.decisions[1:])})

    found = lint([], [("c", card)])

    assert rules(found) == {"levels-follow", "gates-follow"}
    assert any("answers 0, and its conditions give 3" in f.says for f in found)


@pytest.mark.parametrize(("clusters", "fires"), [(5, True), (100, False)])
def test_too_few_clusters_for_a_threshold_are_found(clusters: int, fires: bool) -> None:
    card = example_card()
    task = next(e for e in card.evaluations if e.task == "syscard/ctf")
    few = task.model_copy(
        update={
            "measured": tuple(m.model_copy(update={"clusters": clusters}) for m in task.measured)
        }
    )
    rest = tuple(few if e.task == few.task else e for e in card.evaluations)

    found = lint([], [("c", card.model_copy(update={"evaluations": rest}))])

    assert ("n-can-settle" in rules(found)) is fires
