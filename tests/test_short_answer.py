"""Short answers, judged offline: what is the accepted one in other words, and what is not."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from syscard.errors import DataError
from syscard.grader.judge import find_judge
from syscard.grader.short import short_answer
from syscard.grader.wording import spoken

LABELLED = Path(__file__).parents[2] / "shared" / "data" / "short_answer_human" / "TQ.json"
SYSTEMS = ("fid", "gpt35", "chatgpt", "gpt4", "newbing")

CORRECT = [
    ("Paris.", ["Paris"]),
    ("The capital is **Paris**, on the Seine.", ["Paris"]),
    ("It has seven of them.", ["7"]),
    ("It has 7.", ["seven"]),
    ("Twenty-one", ["21"]),
    ("Two hundred and five", ["205"]),
    ("about 1,500 metres", ["one thousand five hundred meters"]),
    ("1500m", ["1,500 meters"]),
    ("£50m", ["50 million pounds"]),
    ("In the 1920's", ["1920s"]),
    ("On October 21st, 1805.", ["21 October 1805"]),
    ("21 Oct 1805", ["October 21, 1805"]),
    ("King Henry the Eighth", ["Henry VIII"]),
    ("World War Two", ["World War II"]),
    ("W.H. Auden", ["W. H. Auden"]),
    ("It was Sir Isaac Newton.", ["Isaac Newton"]),
    ("Curie, Marie", ["Marie Curie"]),
    ("Marie Curie", ["Curie, Marie"]),
    ("Curie", ["Marie Curie"]),
    ("M. Curie", ["Marie Curie"]),
    ("It was found by Curie in 1898.", ["Marie Curie"]),
    ("Marie Skłodowska Curie", ["Marie Curie"]),
    ("Gabriel Garcia Marquez", ["Gabriel García Márquez"]),
    ("Tchaikovski wrote it.", ["Pyotr Tchaikovsky"]),
    ("A beekeeper", ["Bee keeper"]),
    ("Foxes", ["Fox"]),
    ("a colour theatre", ["Color theater"]),
    ("The structure of the atom", ["Atomic structure", "Atom structure"]),
    ("The Thames", ["River Thames"]),
    ("Argentina and Chile", ["Chile and Argentina"]),
    ("1. Chile\n2. Argentina", ["Chile and Argentina"]),
    ("Mercury", ["Mercury (planet)"]),
    ("Cartier", ["(Jacques) Cartier"]),
    ("Secretariat", ["Secretariat, who won three races"]),
    ("Akrotiri", ["Akrotiri or Dhekelia"]),
    ("I don't know for certain, but I think it is Paris.", ["Paris"]),
    ("Not Lyon but Paris", ["Paris"]),
    ("Zero", ["None"]),
    ("The The", ["The The"]),
    ("Rock & Roll", ["rock and roll"]),
]
INCORRECT = [
    ("Treaty", ["Treaty of Versailles"]),
    ("It is a lake.", ["Lake Victoria"]),
    ("The Ocean", ["Indian Ocean"]),
    ("Pierre Curie", ["Marie Curie", "Curie"]),
    ("Lyon.", ["Paris"]),
    ("Parisian", ["Paris"]),
    ("It is not Paris, it is Lyon.", ["Paris"]),
    ("It isn't Paris.", ["Paris"]),
    ("Lyon rather than Paris", ["Paris"]),
    ("Pierre Curie", ["Marie Curie"]),
    ("It was Irène Curie who found it.", ["Marie Curie"]),
    ("Marie, who lived in Paris", ["Marie Curie"]),
    ("8", ["7"]),
    ("17", ["7"]),
    ("1805", ["1815"]),
    ("22 October 1805", ["21 October 1805"]),
    ("Henry VII", ["Henry VIII"]),
    ("World War I", ["World War II"]),
    ("Chile", ["Chile and Argentina"]),
    ("The street was Bold Street.", ["Hope Street"]),
    ("The series is good.", ["The New Series"]),
    ("It is in the box.", ["In (unit)"]),
    ("Austria", ["Australia"]),
    ("Iran", ["Iraq"]),
    ("Yes", ["Paris"]),
    ("the", ["The Wall"]),
]
ABSTAINED = [
    ("I don't know.", ["Paris"]),
    ("I'm sorry, but I can't answer that.", ["Paris"]),
    ("I don't have information on that.", ["Paris"]),
]


@pytest.mark.parametrize(("answer", "accepted"), CORRECT)
def test_an_accepted_answer_in_other_words_is_correct(answer: str, accepted: list[str]) -> None:
    verdict = short_answer(answer, accepted)

    assert verdict.kind == "correct"
    assert verdict.why.startswith("gives ")


@pytest.mark.parametrize(("answer", "accepted"), INCORRECT)
def test_another_answer_is_incorrect(answer: str, accepted: list[str]) -> None:
    verdict = short_answer(answer, accepted)

    assert verdict.kind == "incorrect", verdict.why


@pytest.mark.parametrize(("answer", "accepted"), ABSTAINED)
def test_an_answer_that_says_that_it_does_not_know_abstains(
    answer: str, accepted: list[str]
) -> None:
    verdict = short_answer(answer, accepted)

    assert verdict.kind == "abstained"


@pytest.mark.parametrize("answer", ["", " ", "\n"])
def test_an_empty_answer_is_none(answer: str) -> None:
    verdict = short_answer(answer, ["Paris"])

    assert verdict.kind == "empty"


@pytest.mark.parametrize("accepted", [[], [""], ["?!"]])
def test_a_question_without_an_accepted_answer_is_refused(accepted: list[str]) -> None:
    with pytest.raises(DataError, match="no accepted answer"):
        short_answer("Paris", accepted)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one thousand, five hundred", ["1500"]),
        ("sixty-five thousand", ["65000"]),
        ("three or four", ["3", "or", "4"]),
        ("4 million dollars", ["4000000", "dollars"]),
        ("two thousand and one", ["2001"]),
        ("nine one one", ["9", "1", "1"]),
        ("Louis XIV's 3rd palace", ["louis", "14", "3", "palace"]),
        ("£2.5m", ["2500000"]),
        ("J.R.R. Tolkien", ["j", "r", "r", "tolkien"]),
        ("‘The Mill on the Floss’ by", ["the", "mill", "on", "the", "floss", "by"]),
    ],
)
def test_what_is_written_in_many_ways_has_one_wording(text: str, words: list[str]) -> None:
    found = spoken(text)

    assert found == words


@pytest.mark.parametrize("text", ["one " * 12_000, "a." * 25_000, "1," * 25_000, "II " * 16_000])
def test_a_long_answer_is_judged_in_little_time(text: str) -> None:
    begun = time.monotonic()

    short_answer(text, ["Marie Curie", "21 October 1805"])

    assert time.monotonic() - begun < 2


def test_the_grader_is_found_by_its_rubric_and_is_given_the_accepted_answers() -> None:
    judge = find_judge("short-answer", "rules")

    verdict = anyio.run(lambda: judge.decide("Who?", "Curie", ["Marie Curie"]))

    assert verdict.kind == "correct"
    assert judge.grader.lineage == "rules"


# -------------------------------------------------------------------- against people's own labels


def labelled(held_out: bool) -> list[tuple[str, list[str], bool]]:
    """Answers of one half, which a digest of the question draws, with people's verdicts."""
    rows: list[dict[str, Any]] = json.loads(LABELLED.read_text())
    found = []
    for row in rows:
        digit = int(hashlib.sha256(row["question"].encode()).hexdigest()[-1], 16)
        if row["improper"] or (digit % 2 == 1) != held_out:
            continue
        accepted = row["golden_answer"].split("/")
        found += [(row[f"answer_{s}"], accepted, row[f"judge_{s}"]) for s in SYSTEMS]
    return found


@pytest.mark.skipif(not LABELLED.exists(), reason="needs shared/data/short_answer_human")
@pytest.mark.parametrize("held_out", [False, True])
def test_the_rules_agree_with_people_on_both_halves(held_out: bool) -> None:
    rows = labelled(held_out)

    pairs = [
        (short_answer(answer, right).kind == "correct", label) for answer, right, label in rows
    ]

    both = sum(said == label for said, label in pairs) / len(pairs)
    said, label = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
    chance = said * label + (1 - said) * (1 - label)
    assert (both - chance) / (1 - chance) >= 0.80
