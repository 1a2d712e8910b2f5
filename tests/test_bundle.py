"""What a card's folder holds, and what never gets into one."""

import json
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
from example_bundle import WHEN, Example
from example_card import example_card, hostile_card

from syscard.assess.card.bundle import write_card
from syscard.assess.card.recompute import read_card, stated
from syscard.assess.card.render import render_html, render_json, render_markdown
from syscard.assess.card.verify import verify
from syscard.assess.case import Files
from syscard.assess.sign.entries import Attested
from syscard.errors import DataError, LedgerError
from syscard.files import digest_file
from syscard.keys import read_trusted
from syscard.library import read_plan

RATINGS = (
    {"conversation": "c1", "rater": "r1", "model_a": "x", "model_b": "y", "outcome": "a"},
    {"conversation": "c2", "rater": "r1", "model_a": "x", "model_b": "y", "outcome": "b"},
    {"conversation": "c3", "rater": "r2", "model_a": "x", "model_b": "y", "outcome": "a"},
)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """A case whose plan names other files: people's ratings, and another model's log."""
    folder = tmp_path_factory.mktemp("example") / "case"
    folder.mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in RATINGS)
    (folder / "ratings.jsonl").write_text(lines)
    named = (
        "preferences:\n  - {title: side by side, file: ratings.jsonl, source: a test}\n"
        "references:\n"
        "  - {label: theirs, task: syscard/overrefusal, metric: not_overrefuse, log: theirs.eval}\n"
        "  - {label: printed, task: syscard/overrefusal, metric: not_overrefuse, value: 0.9,"
        " source: a card}\n"
    )
    with chdir(folder):
        found = Example(folder, named)
    log = next((folder / "logs/pre/overrefusal").glob("*.eval"))
    shutil.copy(log, folder / "theirs.eval")
    return found


def test_a_bundle_holds_its_evidence_and_needs_nothing_else(
    example: Example, tmp_path: Path
) -> None:
    example.bundle(tmp_path / "card", key=example.key())
    elsewhere = Path(shutil.move(tmp_path / "card", tmp_path / "elsewhere"))
    gone = example.folder.rename(example.folder.with_name("gone"))

    try:
        found = verify(elsewhere, read_trusted(gone / "keys"))
    finally:
        gone.rename(example.folder)

    inside = {path.relative_to(elsewhere).as_posix() for path in elsewhere.rglob("*")}
    assert found.exit_code == 0, found.first
    assert {"evidence/plan.yaml", "evidence/framework.yaml", "evidence/ledger.jsonl"} < inside
    assert len(list(elsewhere.glob("evidence/logs/*.eval"))) == 4
    assert {path.name.partition("-")[2] for path in elsewhere.glob("evidence/files/*")} == {
        "ratings.jsonl",
        "theirs.eval",
    }


def test_a_file_that_the_plan_names_cannot_be_changed(example: Example, tmp_path: Path) -> None:
    example.bundle(tmp_path / "card")
    path = next(tmp_path.glob("card/evidence/files/*ratings.jsonl"))
    path.write_text(path.read_text().replace('"outcome": "b"', '"outcome": "a"'))

    found = verify(tmp_path / "card")

    assert found.exit_code == 6
    assert found.first.startswith("ratings.jsonl is not the file that the card names")


def test_ratings_swapped_with_their_digest_do_not_give_the_measured_numbers(
    example: Example, tmp_path: Path
) -> None:
    example.bundle(tmp_path / "card")
    path = next(tmp_path.glob("card/evidence/files/*ratings.jsonl"))
    old = digest_file(path)
    path.write_text(path.read_text().replace('"outcome": "b"', '"outcome": "a"'))
    new = digest_file(path)
    path.rename(path.with_name(path.name.replace(old[:16], new[:16])))
    card = tmp_path / "card" / "card.json"
    card.write_text(
        card.read_text().replace(f'"ratings.jsonl": "{old}"', f'"ratings.jsonl": "{new}"')
    )

    found = verify(tmp_path / "card")

    assert found.exit_code == 6
    assert "The measurements do not follow from their logs: wins.0." in found.first


@pytest.mark.parametrize("card", [example_card(), hostile_card()], ids=["plain", "hostile"])
def test_every_page_is_what_the_cards_own_json_renders_to(card: object) -> None:
    text = render_json(card)  # type: ignore[arg-type]

    again = read_card(text)

    assert render_json(again) == text
    assert stated(again) == again
    assert render_html(again) == render_html(stated(card))  # type: ignore[arg-type]
    assert render_markdown(again) == render_markdown(stated(card))  # type: ignore[arg-type]


def test_a_plan_with_a_secret_is_not_published(example: Example, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    text = example.files.plan.read_text()
    plan.write_text(text.replace("scripted/answers}", "scripted/answers, args: {api_key: sk-1}}"))
    secret = Example.__new__(Example)
    secret.folder, secret.council, secret.framework = tmp_path, example.council, example.framework
    for name in ("ratings.jsonl", "framework.yaml"):
        shutil.copy(example.folder / name, tmp_path)
    secret.plan, secret.plan_digest = read_plan(plan)
    secret.rate(*example.logs)
    files = Files(plan, tmp_path / "measurements.json", tmp_path / "rating.json")

    with pytest.raises(DataError, match=r"pre\.args\.api_key, which looks like a secret"):
        write_card(tmp_path / "card", files, created=WHEN)

    assert not (tmp_path / "card").exists()


def test_a_decision_is_asked_again_once_the_ledger_has_grown(tmp_path: Path) -> None:
    example = Example(tmp_path / "case")
    example.council.sign("Lea", "attested", Attested(what="something", reason="seen"))

    with pytest.raises(LedgerError, match="this ledger, which was another then"):
        example.bundle(tmp_path / "card")
    example.ask()
    example.bundle(tmp_path / "card", key=example.key())

    assert verify(tmp_path / "card", read_trusted(example.trusted)).exit_code == 0


def test_nothing_is_left_behind_where_a_card_is_refused(example: Example, tmp_path: Path) -> None:
    log = example.folder / "theirs.eval"
    kept = log.read_bytes()
    log.unlink()
    try:
        with pytest.raises(DataError, match=r"names theirs\.eval, which is not there"):
            example.bundle(tmp_path / "card")
    finally:
        log.write_bytes(kept)

    assert list(tmp_path.iterdir()) == []
