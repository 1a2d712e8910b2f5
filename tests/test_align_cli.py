"""The stages' commands: who chose the data is kept, and a bad option is one line."""

from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("trl")

import tiny

from syscard.cli import main
from syscard.examples import write_examples
from syscard.tuning.record import read_training

CARD = """{"name": "n", "spec": {"name": "default", "version": "2.0", "digest": "d"},
"sources": [], "seed": 1, "filters": [], "clear_of": [], "chosen_by": ["rules", "model:judge"],
"rows": 0, "counts": {}, "digest": "d", "versions": {}}"""


def test_an_adapters_record_keeps_who_chose_its_data(tmp_path: Path) -> None:
    base = tiny.folder(tmp_path / "base")
    (tmp_path / "examples.jsonl").write_text(write_examples(tiny.examples()))
    (tmp_path / "datacard.json").write_text(CARD)
    out = tmp_path / "out"
    told = ["align", "sft", str(tmp_path / "examples.jsonl"), "-o", str(out), "--base", str(base)]

    done = CliRunner().invoke(main, [*told, "--epochs", "1", "--rank", "2"])

    assert done.exit_code == 0, done.output
    assert read_training(out).rewarded_by == ("model:judge", "rules")


@pytest.mark.parametrize("stage", ["sft", "rl"])
def test_an_unknown_option_of_a_recipe_is_one_line(stage: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"name: n\nmodels: []\nneeds: {{}}\n{stage}: {{rankk: 3}}\n")

    done = CliRunner().invoke(
        main, ["align", stage, "-o", str(tmp_path / "out"), "--recipe", str(recipe)]
    )

    assert done.exit_code == 1
    assert "recipe.yaml" in done.output
    assert "rankk" in done.output
    assert "Traceback" not in done.output
