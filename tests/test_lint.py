"""Lint: fires on what does not add up, by rule and not by name, and is silent on the sound."""

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from example_card import example_card

from syscard.assess.lint import cards as lint_card
from syscard.assess.lint import numbers as lint_numbers
from syscard.assess.lint import words as lint_words
from syscard.assess.lint.finding import Finding, Sheet
from syscard.assess.lint.lint import CARD_RULES, SHEET_RULES, lint
from syscard.assess.lint.listed import GRAVEST, listed
from syscard.cli import main
from syscard.cli.lints import lint as command
from syscard.library import dump
from syscard.reported import Publication, read_reported

EXAMPLE = Path(__file__).parent.parent / "examples" / "o3-mini"
SOUND = """\
id: paper
title: A paper
publisher: Somebody
date: "2025-01-31"
source: here
model: m
checkpoint: final
exceptions: [early]
tables:
  - id: A
    title: Helpfulness
    section: Safety
    source: Table 1
    compares: [m, o]
    columns: [{label: m, model: m, also_called: [M]}, {label: o, model: o}]
    each: {metric: complied, kind: share, better: up, decimals: 2, set: benign, n: 50}
    rows:
      - {label: All, values: [.90, .80]}
    claims:
      - {row: All, column: m, says: better, against: [o], text: m complies more}
      - {row: All, column: o, says: not better, against: [m], text: o does not}
    stated:
      - {what: items, said: [{where: text, value: 50}, {where: caption, value: 50}]}
  - id: B
    title: Helpfulness by type
    section: Safety
    source: Table 2
    part_of: Table 2
    columns: [{label: m, model: m}, {label: o, model: o}]
    each: {metric: complied, kind: share, better: up, decimals: 2}
    rows:
      - {label: first, set: first, values: [.92, .84]}
      - {label: second, set: second, values: [.88, .76]}
      - {label: Overall, set: benign, n: 50, values: [.90, .80]}
    wholes: [{how: mean, row: Overall}]
  - id: C
    title: By type once more
    section: Safety
    source: Table 3
    part_of: Table 2
    columns: [{label: m, model: m}, {label: o, model: o}]
    each: {metric: complied, kind: share, better: up, decimals: 2}
    rows:
      - {label: first, values: [.92, .84]}
      - {label: second, values: [.88, .76]}
    wholes: [{how: not stated, table: A, row: All}]
  - id: D
    title: Side by side
    section: Red teaming
    source: Table 4
    columns: [{label: rated}]
    each: {metric: safer, kind: win rate, decimals: 3}
    rows:
      - {label: m over o, model: m, over: [m, o], values: [{value: .733, low: .693, high: .773}]}
      - {label: m over p, model: m, over: [m, p], values: [.519]}
      - {label: p over o, model: p, over: [p, o], values: [.718]}
  - id: E
    title: Tasks
    section: Capability
    source: Table 5
    columns: [{label: m, model: m}, {label: o, model: o}]
    each: {metric: solved, better: up, decimals: 2}
    rows:
      - {label: tried, kind: share, n: 1, attempts: 10, values: [.30, 1]}
      - {label: at least once, kind: pass@10, n: 4, attempts: 10, values: [.75, 1]}
      - label: against people
        kind: pass@1
        n: 400
        bars: [{label: expert, at: .5}]
        values: [{value: .70, low: .65, high: .75}, {value: .40, low: .35, high: .45}]
      - {label: conversations, kind: count, decimals: 0, values: [3, 4]}
    claims:
      - {row: against people, column: m, says: above, against: [expert], text: above an expert}
"""
THIRD = "source: Table 3\n    part_of: Table 2\n    columns: [{label: m,"
CLAIM = "{row: against people, column: m, says: above, against: [expert], text: above an expert}"


def sheet(text: str = SOUND, file: str = "a.yaml") -> Sheet:
    return Sheet(file, Publication.model_validate(yaml.safe_load(text)))


def rules(found: list[Finding]) -> set[str]:
    return {finding.rule for finding in found}


def test_a_sound_table_is_passed_in_silence() -> None:
    assert lint([sheet()]) == []


@pytest.mark.parametrize(
    ("rule", "old", "new", "says"),
    [
        ("value-in-range", ".92, .84", "1.92, .84", "1.92 is not between 0 and 1"),
        ("value-in-range", "values: [3, 4]", "values: [3, 4.5]", "4.5 is not a whole number"),
        ("interval-holds-value", "low: .693", "low: .74", "0.733 lies outside its interval"),
        ("whole-of-its-parts", "[.88, .76]", "[.80, .76]", "0.9 is not 0.86, the simple mean"),
        (
            "whole-of-its-parts",
            "each: {metric: complied, kind: share, better: up, decimals: 2}\n    rows:\n"
            "      - {label: first, values: [.92, .84]}",
            "each: {metric: complied, kind: share, better: up, decimals: 2}\n    rows:\n"
            "      - {label: first, values: [.99, .84]}",
            "the weights that would give it are not stated",
        ),
        (
            "whole-of-its-parts",
            "- {label: second, values: [.88",
            "- {label: second, values: [.97",
            "no weights give it",
        ),
        ("one-value-each", "n: 50, values: [.90, .80]", "n: 50, values: [.90, .70]", "0.8 here"),
        ("one-n-each", "set: benign, n: 50, values", "set: benign, n: 500, values", "n is 500"),
        ("rate-possible-at-n", "values: [.30, 1]", "values: [.17, 1]", "of 10 outcomes"),
        ("rate-possible-at-n", "[.75, 1]", "[.36, 1]", "of 40 outcomes rounds to 0.36"),
        ("kind-as-labelled", "[.75, 1]", "[.90, 1]", "labelled pass@10"),
        ("kind-as-labelled", "n: 4, attempts: 10", "n: 4, attempts: 4", "with 4 attempts"),
        ("win-rates-agree", "values: [.519]", "values: [.55]", "a Bradley-Terry model has"),
        ("one-label-each", "also_called: [M]", "also_called: [M2]", "the text 'M2'"),
        (
            "one-label-each",
            THIRD,
            THIRD.replace("label: m", "label: m-jan"),
            "is 'm' in the other tables",
        ),
        ("stated-once", "where: caption, value: 50", "where: caption, value: 47", "47 (caption)"),
        ("compared-as-listed", "compares: [m, o]", "compares: [m, m, o]", "lists m twice"),
        ("compared-as-listed", "compares: [m, o]", "compares: [m, o, p]", "p, which no column is"),
        ("compared-as-listed", "compares: [m, o]", "compares: [m]", "column o is not in"),
        (
            "same-comparators",
            f"{THIRD} model: m}}, {{label: o, model: o}}]",
            f"{THIRD} model: m}}, {{label: p, model: p}}]",
            "only here p",
        ),
        ("own-checkpoint", "{label: m over o,", "{label: m over o, checkpoint: early,", "says"),
        ("own-checkpoint", "{label: m over o,", "{label: m over o, checkpoint: x,", "not among"),
        ("claims-hold", "says: better, against: [o]", "says: worse, against: [o]", "not worse"),
        ("claims-hold", "All, values: [.90, .80]", "All, values: [.90, null]", "no value stands"),
        ("claims-hold", "column: o, says: not better", "column: o, says: not worse", "is worse"),
        ("claims-hold", "low: .65", "low: .45", "holds expert (0.5) as well"),
        ("claims-hold", CLAIM, CLAIM.replace("column: m", "column: o"), "is not above"),
        ("threshold-has-interval", "{value: .70, low: .65, high: .75}", ".70", "and settles it"),
        ("threshold-has-interval", "{value: .70, low: .65, high: .75}", ".52", "does not settle"),
    ],
)
def test_each_rule_finds_its_flaw_and_only_where_it_is(
    rule: str, old: str, new: str, says: str
) -> None:
    assert old in SOUND
    altered = sheet(SOUND.replace(old, new, 1))

    found = [finding for finding in lint([altered]) if finding.rule == rule]

    assert any(says in finding.says for finding in found), found
    assert lint([sheet()]) == []


def test_a_sum_that_is_off_by_one_is_found() -> None:
    text = SOUND.replace(
        "- {label: conversations, kind: count, decimals: 0, values: [3, 4]}",
        "- {label: low, kind: count, decimals: 0, values: [3, 4]}\n"
        "      - {label: high, kind: count, decimals: 0, values: [1, 1]}\n"
        "      - {label: all, kind: count, decimals: 0, values: [4, 6]}\n"
        "    wholes: [{how: sum, row: all, parts: [low, high]}]",
    )

    found = lint([sheet(text)])

    assert [(f.rule, f.row, f.column) for f in found] == [("whole-of-its-parts", "all", "o")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[.92, .84]", "[.93, .84]"),  # the mean of rounded rows may be off by their rounding
        ("values: [.519]", "values: [.520]"),  # so may a win rate
        ("also_called: [M]", "also_called: [' m ']"),  # case and blanks make no other name
        ("kind: share, n: 1, attempts: 10, values: [.30", "kind: mean, n: 1, values: [.37"),
    ],
)
def test_what_rounding_or_spelling_explains_is_no_finding(old: str, new: str) -> None:
    assert lint([sheet(SOUND.replace(old, new))]) == []


def test_two_documents_are_held_against_each_other() -> None:
    other = SOUND.replace(".90, .80", ".94, .84").replace("[.92, .84]", "[.96, .88]")
    other = other.replace("[.88, .76]", "[.92, .80]").replace("A paper", "Another")

    alone, together = lint([sheet(other)]), lint([sheet(), sheet(other, "b.yaml")])

    assert rules(alone) == set()
    assert rules(together) == {"one-value-each"}
    assert all("Another" in f.says or "b.yaml" in f.file for f in together)


def test_another_checkpoint_is_not_held_to_the_same_value() -> None:
    other = SOUND.replace("n: 50, values: [.90, .80]", "n: 50, checkpoint: early, values: [.7, .6]")

    found = lint([sheet(other)])

    assert "one-value-each" not in rules(found)


# ---------------------------------------------------------------- the published tables


@pytest.fixture(scope="module")
def published() -> list[Finding]:
    files = ("reported.yaml", "alignment-paper.yaml")
    return lint([Sheet(name, read_reported(EXAMPLE / name)[0]) for name in files])


@pytest.mark.parametrize(
    ("rule", "place", "says"),
    [
        ("compared-as-listed", "T1", "lists GPT-4o twice"),
        ("one-label-each", "T3", "'GPT-4o'"),
        ("claims-hold", "T4", "0.96 against 0.94"),
        ("stated-once", "T18-explicit", "fixed effects"),
        ("stated-once", "rn-questions", "9 (text"),
        ("rate-possible-at-n", "T11", "0.17"),
        ("rate-possible-at-n", "T11", "0.83"),
        ("rate-possible-at-n", "T11", "0.92"),
        ("kind-as-labelled", "T11", "pass@10"),
        ("own-checkpoint", "swebench", "not among the exceptions"),
        ("own-checkpoint", "changemyview", "as the document says"),
        ("stated-once", "swebench", "500"),
        ("one-label-each", "T7", "'o3-mini'"),
        ("same-comparators", "T18-implicit", "gpt-4o-mini"),
        ("one-value-each", "T1", "0.88 here, 0.9 in"),
        ("one-value-each", "T1", "0.9 here, 0.94 in"),
        ("whole-of-its-parts", "T1", "0.8 is not 0.772"),
        ("threshold-has-interval", "wetlab", "does not settle it"),
    ],
)
def test_it_finds_what_is_known_to_be_wrong_with_the_published_tables(
    published: list[Finding], rule: str, place: str, says: str
) -> None:
    found = [f for f in published if (f.rule, f.table) == (rule, place) and says in f.says]

    assert found, [f.line for f in published if f.rule == rule]


def test_it_finds_nothing_wrong_where_the_published_tables_agree(published: list[Finding]) -> None:
    tables = {finding.table for finding in published}

    assert "win-rates-agree" not in rules(published)  # they agree to 0.2 points
    assert "value-in-range" not in rules(published)
    assert {
        "T5",
        "T6",
        "T14",
        "T15",
        "T17",
        "ctf",
        "rn-probing",
        "games",
        "mlebench",
    } & tables == set()


def test_no_rule_knows_a_name() -> None:
    files = [Path(str(module.__file__)) for module in (lint_numbers, lint_words, lint_card)]
    names = r"o3|o1\b|gpt|openai|xstest|personqa|strongreject|swe-?bench|bbq"

    assert [re.findall(names, file.read_text(), re.IGNORECASE) for file in files] == [[], [], []]


def test_every_rule_says_what_it_holds() -> None:
    assert all(rule.__doc__ for rule in (*SHEET_RULES, *CARD_RULES))


# ---------------------------------------------------------------- the command


def run(*files: Path, options: tuple[str, ...] = ()) -> tuple[int, str]:
    result = CliRunner().invoke(command, [*map(str, files), *options])
    return result.exit_code, result.stdout


def test_the_command_answers_three_where_something_was_found(tmp_path: Path) -> None:
    (tmp_path / "sound.yaml").write_text(SOUND)
    (tmp_path / "bad.yaml").write_text(SOUND.replace("values: [.519]", "values: [.55]"))

    sound, bad = run(tmp_path / "sound.yaml"), run(tmp_path / "bad.yaml")

    assert sound == (0, "")
    assert bad[0] == 3
    assert re.fullmatch(r".*bad\.yaml: D / m over o / rated: .* \[win-rates-agree\]\n", bad[1])


def test_the_command_reads_a_card_and_its_folder(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(dump(example_card()))

    assert run(tmp_path) == (0, "")
    assert run(tmp_path / "card.json") == (0, "")


def test_the_command_prints_records_for_a_machine(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(SOUND.replace("compares: [m, o]", "compares: [m, m, o]"))

    code, out = run(tmp_path / "bad.yaml", options=("--json",))

    assert code == 3
    assert [(f["rule"], f["table"]) for f in json.loads(out)] == [("compared-as-listed", "A")]


def test_what_a_table_repeats_is_one_line_and_each_finding_for_a_machine(tmp_path: Path) -> None:
    text = SOUND.replace("values: [.92, .84]", "values: [1.92, 1.84]")
    (tmp_path / "bad.yaml").write_text(text)

    _, out = run(tmp_path / "bad.yaml")
    _, records = run(tmp_path / "bad.yaml", options=("--json",))

    first = out.splitlines()[0]
    assert "B: 2 findings, at first / m; first / o; the first: 1.92" in first
    assert len([f for f in json.loads(records) if f["rule"] == "value-in-range"]) == 4


def test_the_gravest_comes_first_and_what_the_document_declares_last() -> None:
    rules = ("one-label-each", "value-in-range", "own-checkpoint", "gates-follow", "unheard-of")
    found = [Finding(rule=rule, file="f", says="s") for rule in rules]
    found.insert(0, Finding(rule="gates-follow", file="f", says="s", declared=True))

    lines = listed(found)

    assert [line.partition("[")[2] for line in lines] == [
        "gates-follow]", "value-in-range]", "own-checkpoint]", "one-label-each]", "unheard-of]",
        "gates-follow, declared]",
    ]  # fmt: skip


def test_every_rule_has_its_place_among_the_others() -> None:
    files = [Path(module.__file__ or "") for module in (lint_card, lint_numbers, lint_words)]
    rules = {name for f in files for name in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', f.read_text())}

    assert rules == set(GRAVEST)


@pytest.mark.parametrize("name", ["measurements.json", ""], ids=["another record", "a folder"])
def test_what_is_no_card_is_told_what_to_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "measurements.json").write_text("{}")

    result = CliRunner().invoke(main, ["lint", str(tmp_path / name)])

    assert result.exit_code == 1
    assert "a card folder, its card.json, or reported tables (YAML)" in result.stderr


def test_a_hostile_name_can_neither_hide_nor_begin_a_line(tmp_path: Path) -> None:
    evil = '"m\\e[31m\\n0 findings\\u202e"'
    text = SOUND.replace("compares: [m, o]", f"compares: [m, m, o, {evil}]")
    (tmp_path / "bad.yaml").write_text(text)

    _, out = run(tmp_path / "bad.yaml")

    assert out.count("\n") == 1
    assert "⟨U+202E⟩" in out
    assert "\x1b" not in out
    assert "\u202e" not in out


@pytest.mark.parametrize(
    ("name", "text"), [("bad.yaml", "id: paper\n"), ("card.json", "{}"), ("no.yaml", None)]
)
def test_a_file_that_is_no_card_is_an_error_of_one_line(
    tmp_path: Path, name: str, text: str | None
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)

    result = CliRunner().invoke(main, ["lint", str(tmp_path / name)])

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
