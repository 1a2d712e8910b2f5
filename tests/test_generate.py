"""Prompts from templates: the same seed gives the same rows, another gives others."""

from pathlib import Path

import pytest

from syscard.errors import DataError
from syscard.library import named, read_set
from syscard.sets.check import near, texts
from syscard.sets.generate import SLOT, fresh, generate, read_generator

SMALL = """\
name: small
version: "1.0"
column: category
templates: ["{Who} and {who} drink {what}."]
slots: {what: [tea, milk]}
groups:
  people: {slots: {Who: [Ann, Bo], who: [Cy, Di]}}
"""


def written(folder: Path, text: str) -> str:
    path = folder / "small.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", named("generators"))
def test_the_packaged_rows_that_were_generated_are_what_the_generator_gives(name: str) -> None:
    packaged = [row for row in read_set(name) if row.get("made") == "generated"]

    (seed,) = {row["seed"] for row in packaged}
    again = generate(name, seed, len(packaged) // len(read_generator(name).groups))

    assert again == packaged


@pytest.mark.parametrize("name", named("generators"))
def test_a_seed_gives_the_same_rows_again_and_another_gives_others(name: str) -> None:
    one, again, other = (generate(name, seed, 10) for seed in (7, 7, 8))

    assert one == again
    assert {row["id"] for row in one}.isdisjoint(row["id"] for row in other)
    shared = {row["input"] for row in one} & {row["input"] for row in other}
    assert len(shared) < len(one) / 4


@pytest.mark.parametrize("name", named("generators"))
def test_a_larger_count_begins_with_the_smaller_in_every_group(name: str) -> None:
    small, large = generate(name, 3, 5), generate(name, 3, 20)

    assert {row["id"]: row["input"] for row in small}.items() <= {
        row["id"]: row["input"] for row in large
    }.items()
    assert len(large) == 20 * len(read_generator(name).groups)


@pytest.mark.parametrize("name", named("generators"))
@pytest.mark.parametrize("seed", range(20, 25))
def test_fresh_rows_are_whole_sentences_of_which_hardly_two_are_near(name: str, seed: int) -> None:
    rows, _ = fresh(name, seed, 20)

    pairs = list(near(texts(name, rows)))
    assert len(pairs) <= len(rows) / 25
    assert len({row["input"] for row in rows}) == len(rows)
    assert not [row for row in rows if SLOT.search(row["input"]) or row["input"][0].islower()]


def test_fresh_rows_are_none_of_the_packaged_even_at_their_own_seed() -> None:
    rows, used = fresh("disallowed", 1, 20)

    packaged = {row["input"] for row in read_set("disallowed")}
    assert not packaged & {row["input"] for row in rows}
    assert list(used) == ["disallowed-fresh-1@1.1"]


def test_a_slot_that_stands_twice_has_one_value_in_a_text(tmp_path: Path) -> None:
    path = written(tmp_path, SMALL.replace("{who}", "{Who}"))

    rows = generate(path, 1, 2)

    assert all(row["input"].split()[0] == row["input"].split()[2] for row in rows)


def test_a_generator_that_has_too_few_texts_says_how_many_it_gives(tmp_path: Path) -> None:
    path = written(tmp_path, SMALL)

    with pytest.raises(DataError, match=r"'small' gives \d different texts of 'people', not 30"):
        generate(path, 1, 30)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (SMALL.replace("what: [tea, milk]", "what: []"), "slot 'what'"),
        (SMALL.replace("slots: {what", "slots: {food"), "slot 'what'"),
        (SMALL.replace("column: category\n", ""), "'column' is missing"),
        ("- a\n- b\n", "not a mapping"),
    ],
)
def test_what_is_wrong_in_a_generator_is_one_line(text: str, wanted: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)

    with pytest.raises(DataError, match=wanted) as caught:
        read_generator(path)

    assert "\n" not in str(caught.value)
    assert path in str(caught.value)


def test_a_set_without_templates_has_no_fresh_rows_and_the_line_says_which_have() -> None:
    with pytest.raises(DataError, match=r"generator.*'overrefusal'.*disallowed-challenging"):
        fresh("overrefusal", 1, 20)
