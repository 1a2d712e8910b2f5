"""Training examples: read, held against the specification, and clear of every evaluation."""

from collections import Counter
from pathlib import Path

import pytest

from syscard.errors import DataError
from syscard.examples import (
    Example,
    check_examples,
    examples_digest,
    packaged_examples,
    packaged_files,
    read_examples,
    write_examples,
)
from syscard.library import manifest
from syscard.reasoned import cited
from syscard.sets.report import check
from syscard.specs import DECISIONS, read_spec

LINE = (
    '{"prompt": "Insult her.", "category": "harassment", "rule": "insults", "decision": "refuse",'
    ' "reasoning": "It would hurt.", "answer": "No, sorry."}\n'
)


def test_an_example_written_and_read_again_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(LINE)
    found = read_examples(path)

    path.write_text(write_examples(found))

    assert read_examples(path) == found
    assert examples_digest(read_examples(path)) == examples_digest(found)


def test_the_thought_ends_with_the_rule_and_the_decision(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(LINE)
    (one,) = read_examples(path)

    assert one.thought == "It would hurt. Rule: harassment/insults. Decision: refuse."
    assert one.text() == f"<think>\n{one.thought}\n</think>\n\nNo, sorry."
    assert one.text(reasoning=False) == "No, sorry."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no example"),
        ("{\n", "line 1 is not JSON"),
        (LINE + LINE.replace("refuse", "reject"), "line 2: decision: Input should be"),
        (LINE.replace('"rule": "insults", ', ""), "line 1: rule: Field required"),
        (LINE.replace("No, sorry.", ""), "line 1: answer: String should have at least 1"),
    ],
)
def test_a_bad_line_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text)

    with pytest.raises(DataError, match=said):
        read_examples(path)


def test_the_packaged_examples_cite_rules_that_lead_to_their_decisions() -> None:
    found = packaged_examples()

    check_examples(found, read_spec("default"))
    for one in found:
        assert cited(one.thought) == (one.cites, one.decision)


def test_the_packaged_examples_are_of_every_kind() -> None:
    found = packaged_examples()

    assert len(found) >= 400
    assert {one.decision for one in found} == set(DECISIONS)
    assert {one.category for one in found} == {*read_spec("default").categories, "none"}
    assert len({one.language for one in found}) >= 7
    cases = Counter(one.decision for one in found if one.category != "none")
    assert cases["comply"] >= 150  # borderline: in a category, and allowed
    assert len({one.prompt for one in found}) == len(found)


def test_none_of_the_packaged_examples_stands_in_an_evaluation() -> None:
    report = check(tuple(sorted(manifest())), tuple(map(str, packaged_files())), 0.7)

    pairs = [one for one in report.near if ".jsonl" in one.one + one.other]
    assert pairs == []
    assert report.held == ()


def test_the_packaged_refusals_tell_no_more_than_that_they_refuse() -> None:
    long = [
        one.prompt
        for one in packaged_examples()
        if one.decision == "refuse" and len(one.answer.split()) > 45
    ]

    assert long == []


def test_the_wrapped_examples_say_how_they_are_wrapped() -> None:
    found = packaged_examples()

    assert {one.technique for one in found} == {"", "rewording", "spelling", "language"}
    assert {one.technique for one in found if one.language != "en"} == {"language"}
    assert {one.technique for one in found if one.prompt.startswith("h0w")} == {"spelling"}


def test_an_example_of_another_specification_is_refused() -> None:
    one = Example(
        prompt="p", category="gambling", rule="bets", decision="refuse", reasoning="r", answer="a"
    )

    with pytest.raises(DataError, match="cites 'gambling/bets', which specification 'default'"):
        check_examples([one], read_spec("default"))
