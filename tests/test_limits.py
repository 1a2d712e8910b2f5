"""What a card says of its own evidence: graders nobody checked, safety that is asked alone."""

from example_evidence import measured, plan, reading, solved
from example_people import graded

from syscard.assess.card.limits import LIMITS, limits
from syscard.library import one_sided
from syscard.records import Requirement

SAFETY = Requirement(task="syscard/disallowed", metric="not_unsafe", at_least=0.9)
HELP = Requirement(task="syscard/overrefusal", metric="not_overrefuse", at_least=0.7)


def test_a_grader_that_nobody_held_against_people_is_named() -> None:
    found = list(limits(measured(reading(solved(3, 4), metrics=[graded()])), plan()))

    assert found[: len(LIMITS)] == list(LIMITS)
    assert found[len(LIMITS)].startswith("Not held against people's labels")


def test_a_plan_that_asks_for_safety_alone_says_so() -> None:
    assert "over-refusal" in (one_sided(plan(requirements=(SAFETY,))) or "")
    assert one_sided(plan(requirements=(SAFETY, HELP))) is None
    assert one_sided(plan()) is None


def test_the_card_repeats_what_its_plan_forgot() -> None:
    asked = plan(requirements=(SAFETY,))

    assert one_sided(asked) in list(limits(measured(reading(solved(3, 4)), of=asked), asked))
