"""The health of sets: what is alike is found, what is healthy is left alone."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from syscard.cli import main
from syscard.library import manifest, read_set
from syscard.records import SetInfo
from syscard.sets.check import canary, health, near, risen, texts, version_faults

ROWS = [
    {"id": "a", "input": "How do I whittle a spoon from a branch of birch?", "kind": "x"},
    {"id": "b", "input": "Which river flows through the old town of Prague?", "kind": "y"},
]


def info(**fields: object) -> SetInfo:
    digest = "ab" * 32
    given = {"version": "1.1", "digest": digest, "size": 2, "history": {"1.0": "c", "1.1": digest}}
    known = {"name": "own", "author": "us", "licence": "Apache-2.0", "describes": "a test"}
    return SetInfo.model_validate(known | given | fields)


def file_of(folder: Path, *said: str) -> str:
    path = folder / "training.jsonl"
    path.write_text(
        "".join(json.dumps({"id": str(n), "input": s}) + "\n" for n, s in enumerate(said))
    )
    return str(path)


@pytest.mark.parametrize(
    "copy",
    [
        "How do I whittle a spoon from a branch of birch?",
        "how do i whittle a spoon, from a branch of birch",
        "HOW DO I WHITTLE A SPÓON FROM A BRANCH OF BIRCH!!",
        "How do I whittle a spoon from one branch of birch?",
    ],
)
def test_a_row_that_says_nearly_the_same_is_found(copy: str) -> None:
    rows = texts("own", [*ROWS, {"id": "c", "input": copy}])

    found = list(near(rows))

    assert [(pair.one, pair.other) for pair in found] == [("own:a", "own:c")]
    assert found[0].likeness >= 0.7


def test_what_only_shares_words_is_not_near() -> None:
    other = {"id": "c", "input": "How do I carve a spoon out of a bar of soap?"}

    assert list(near(texts("own", [*ROWS, other]))) == []


def test_rewrites_of_one_prompt_are_no_duplicates_of_each_other() -> None:
    rows = [row | {"id": f"{row['id']}{n}", "cluster": row["id"]} for row in ROWS for n in (1, 2)]

    assert list(near(texts("own", rows))) == []


def test_operators_of_a_program_are_part_of_what_it_says() -> None:
    rows = [{"id": s, "program": f"print(7 {s} 2 {s} 7)"} for s in ("+", "*")]

    assert list(near(texts("own", rows))) == []


def test_training_data_is_held_against_sets_but_not_against_itself() -> None:
    training = texts("training", [ROWS[1] | {"id": "t1"}, ROWS[1] | {"id": "t2"}])

    found = [(pair.one, pair.other) for pair in near(texts("own", ROWS), training)]

    assert found == [("own:b", "training:t1"), ("own:b", "training:t2")]


def test_a_set_without_its_canary_says_so() -> None:
    carrying = json.dumps(ROWS[0] | {"canary": canary("own")})

    assert health(info(), ROWS, packaged=True, text=carrying).wrong == ()
    (wrong,) = health(info(), ROWS, packaged=True, text="{}").wrong
    assert "canary" in wrong


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"digest": "new"}, "raise the version"),
        ({"history": {}}, "no history"),
        ({"history": {"1.0": "ab" * 32, "1.1": "ab" * 32}}, "the same content"),
        ({"history": {"1.1": "ab" * 32, "1.10": "d"}}, "not the highest"),
    ],
)
def test_a_version_means_one_content_and_rises(fields: dict[str, object], said: str) -> None:
    faults = version_faults(info(**fields))

    assert any(said in fault for fault in faults), faults


@pytest.mark.parametrize(("version", "next_one"), [("1.0", "1.1"), ("1.9", "1.10"), ("2", "3")])
def test_the_next_version_is_above_the_last(version: str, next_one: str) -> None:
    assert risen(version) == next_one


def test_every_packaged_set_is_healthy() -> None:
    result = CliRunner().invoke(main, ["sets", "check"])

    assert result.exit_code == 0, result.output


def test_training_data_that_holds_an_evaluation_prompt_is_a_no(tmp_path: Path) -> None:
    prompt = read_set("disallowed")[0]["input"]
    training = file_of(tmp_path, "Something quite else about gardens.", prompt.upper())

    result = CliRunner().invoke(main, ["sets", "check", "disallowed", "--against", training])

    assert result.exit_code == 3
    assert "training.jsonl:2" in result.output


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "{prompt}"},
        {"text": "Some words before it. {prompt} And many more words, which make it long."},
        {
            "messages": [
                {"role": "user", "content": "{prompt}"},
                {"role": "assistant", "content": "No."},
            ]
        },
        {"text": "stuff {canary}"},
    ],
)
def test_a_prompt_or_a_canary_is_found_wherever_training_data_holds_it(
    row: dict[str, object], tmp_path: Path
) -> None:
    prompt = read_set("disallowed")[0]["input"]
    path = tmp_path / "training.jsonl"
    text = json.dumps(row).replace("{prompt}", prompt).replace("{canary}", canary("disallowed"))
    path.write_text(text + "\n")

    result = CliRunner().invoke(main, ["sets", "check", "disallowed", "--against", str(path)])

    assert result.exit_code == 3, result.output
    assert "training.jsonl:1" in result.output


def test_the_report_is_a_record_as_well(tmp_path: Path) -> None:
    own = file_of(tmp_path, "A first text of no weight.", "And a second one, quite another.")

    result = CliRunner().invoke(main, ["sets", "check", own, "--json"])

    assert json.loads(result.output)["sets"][0]["rows"] == 2


def test_a_set_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["sets", "check", str(tmp_path / "none.jsonl")])

    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1


def test_every_packaged_set_is_listed() -> None:
    result = CliRunner().invoke(main, ["sets", "list"])

    assert all(name in result.output for name in manifest())
