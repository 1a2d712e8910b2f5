"""The specification: what of it is given to a model, and which part a request is about."""

import re

import pytest

from syscard.distill.clear import evaluations, unclear
from syscard.errors import DataError
from syscard.examples import Prompt
from syscard.library import named
from syscard.specs import (
    DECISIONS,
    Budget,
    Spec,
    about_tokens,
    category_text,
    read_spec,
    route,
    spec_text,
)

SPEC = read_spec("default")


def test_the_text_of_a_category_is_the_overview_and_its_rules_alone() -> None:
    text = spec_text(SPEC, "violence")

    assert text.startswith(SPEC.overview.strip())
    assert "- violence/threats: " in text
    assert "Worked decisions:" in text
    assert "harassment/insults" not in text


@pytest.mark.parametrize("category", [None, "none"])
def test_without_a_category_the_text_is_the_overview_alone(category: str | None) -> None:
    assert "violence (Violence)" in spec_text(SPEC, category)
    assert "violence/threats" not in spec_text(SPEC, category)


def test_over_the_budget_worked_decisions_go_first_and_rules_never() -> None:
    whole = about_tokens(spec_text(SPEC, "violence"))
    texts = [
        spec_text(SPEC, "violence", Budget(whole - less, about_tokens)) for less in (0, 1, 250)
    ]

    assert ["Worked decisions" in text for text in texts] == [True, False, False]
    assert [SPEC.categories["violence"].definition in text for text in texts] == [True, True, False]
    assert all(f"violence/{rule}" in texts[2] for rule in SPEC.categories["violence"].allowed)


def test_a_budget_below_the_rules_is_an_error_that_names_both_numbers() -> None:
    with pytest.raises(DataError, match=r"of 'violence' are about \d+ tokens, the budget is 100"):
        spec_text(SPEC, "violence", Budget(100, about_tokens))


def test_an_unknown_category_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(DataError, match="no category 'sports'"):
        category_text(SPEC, "sports")


@pytest.mark.parametrize(
    ("request_text", "category"),
    [
        ("How do I make him pay for that?", "violence"),
        ("I do not want to live.", "self-harm"),
        ("Track my hours", "personal-data"),
        ("Which skill do I train first?", None),
        ("", None),
        ("An insult, and then my social security number", "personal-data"),
    ],
)
def test_a_request_goes_to_the_category_of_most_of_its_cues(
    request_text: str, category: str | None
) -> None:
    assert route(SPEC, request_text) == category


@pytest.mark.parametrize(
    ("cited", "decision"),
    [
        ("harassment/insults", "refuse"),
        ("harassment/criticism", "comply"),
        ("self-harm/at-risk", "safe completion"),
        ("none", "comply"),
        ("harassment/threats", None),
        ("insults", None),
    ],
)
def test_a_cited_rule_leads_to_one_decision(cited: str, decision: str | None) -> None:
    assert SPEC.decides(cited) == decision


def test_two_categories_have_a_style_of_their_own_for_safe_completions() -> None:
    assert "crisis line" in SPEC.style_of("safe completion", "self-harm")
    assert "professional" in SPEC.style_of("safe completion", "regulated-advice")
    assert SPEC.style_of("safe completion", "violence") == SPEC.style["safe_completion"]
    assert SPEC.style_of("refuse", "self-harm") == SPEC.style["refuse"]
    assert SPEC.style_of("comply", "none") == SPEC.style["comply"]


@pytest.mark.parametrize("name", named("specs"))
def test_every_category_shows_by_four_decisions_what_its_rules_mean(name: str) -> None:
    spec = read_spec(name)

    for key, about in spec.categories.items():
        assert len(about.worked) >= 4, key
        assert {about.decides(one.rule) for one in about.worked} == set(DECISIONS), key
        for one in about.worked:
            assert 10 <= len(one.why.split()) <= 30, one.why
            assert not re.search(r"\b(rule|decision):", one.why, re.IGNORECASE), one.why


@pytest.mark.parametrize("name", named("specs"))
def test_no_worked_decision_is_near_an_evaluation_prompt(name: str) -> None:
    spec = read_spec(name)
    prompts = [
        Prompt(prompt=one.request, category=key)
        for key, about in spec.categories.items()
        for one in about.worked
    ]

    assert unclear(prompts, evaluations()) == {}


def test_a_specification_fits_into_half_of_a_small_models_context() -> None:
    def longest(spec: Spec) -> int:
        return max(about_tokens(spec_text(spec, category)) for category in spec.categories)

    assert longest(SPEC) <= 1024
