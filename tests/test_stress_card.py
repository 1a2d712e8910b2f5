"""The card's limits of the mitigation: every stress test of the plan, both sides, nothing else."""

import re

import pytest
from example_card import example_card, refusals

from syscard.assess.card.layout import STRESS
from syscard.assess.card.render import render_html, render_markdown
from syscard.pressed.about import SECTION
from syscard.records import Card

HEADING = "Limits of the mitigation"


def pressed_card(title: str = "Prefilled answers") -> Card:
    """The example's card with one stress test beside its other evaluations."""
    plain = refusals()
    info = plain.info.model_copy(update={"section": STRESS, "title": title})
    measured = tuple(
        one.model_copy(update={"task": "syscard/stress_prefill", "info": info})
        for one in plain.measured
    )
    test = plain.model_copy(
        update={
            "task": "syscard/stress_prefill",
            "info": info,
            "measured": measured,
            "compared": tuple(
                one.model_copy(update={"task": "syscard/stress_prefill"}) for one in plain.compared
            ),
            "references": (),
            "page": "samples/stress_prefill.html",
        }
    )
    card = example_card()
    return card.model_copy(update={"evaluations": (*card.evaluations, test)})


def section(page: str) -> str:
    """What stands under the heading, up to the next chapter."""
    return page.partition(HEADING)[2].partition("Sets and licences")[0]


def test_the_card_knows_the_tasks_by_the_section_that_they_name() -> None:
    assert STRESS == SECTION


def test_a_stress_test_is_a_row_with_both_sides_and_their_difference() -> None:
    rows = [line for line in section(render_markdown(pressed_card())).splitlines() if "|" in line]

    first = [re.split(r" \| ", row)[0] for row in rows[2:]]
    assert [name for name in first if "–" not in name] == ["| Prefilled answers"] * 2
    assert "72.5% of 40 (56.1% to 85.4%)" in rows[2]
    assert "95.0% of 40 (83.1% to 99.4%)" in rows[2]
    assert "+22.5 points (+8.1 to +36.9 points)" in rows[2]


def test_each_pressure_of_a_test_has_a_row_of_its_own() -> None:
    rows = [line for line in section(render_markdown(pressed_card())).splitlines() if "|" in line]

    groups = refusals().measured[0].groups
    parts = [row for row in rows if row.startswith("| –")]
    assert len(groups) > 1
    assert [re.split(r" \| ", row)[0] for row in parts[: len(groups)]] == [
        f"| – {group.name}" for group in groups
    ]
    assert all(f"of {group.clusters}" in row for group, row in zip(groups, parts, strict=False))


def test_both_pages_of_the_card_have_the_same_rows() -> None:
    card = pressed_card()

    html, markdown = section(render_html(card)), section(render_markdown(card))

    numbers = re.compile(r"[+−]?\d+\.\d")
    assert numbers.findall(re.sub(r"<[^>]*>", " ", html)) == numbers.findall(markdown)


def test_a_row_leads_to_the_tests_own_evaluation() -> None:
    page = render_html(pressed_card())

    (anchor,) = set(re.findall(r'href="#(eval-[^"]*stress[^"]*)"', section(page)))

    assert f'id="{anchor}"' in page


@pytest.mark.parametrize("render", [render_html, render_markdown])
def test_a_plan_without_stress_tests_has_no_such_section(render: object) -> None:
    assert callable(render)

    assert HEADING not in render(example_card())


def test_a_hostile_title_is_only_text() -> None:
    card = pressed_card("<script>alert(1)</script> | x")

    assert "<script>alert" not in render_html(card)
