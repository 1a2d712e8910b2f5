"""The reinforcement stage, really run: a few steps of GRPO on a tiny model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

import tiny

import syscard.align.rl as module
from syscard.align.rl import RlOptions, rehearse, rl
from syscard.align.sft import SftOptions, sft
from syscard.errors import SetupError
from syscard.tuning.alarms import Step
from syscard.tuning.record import read_training
from syscard.tuning.reward import Scored, score

QUICK = RlOptions(
    steps=2, prompts=2, answers=2, max_answer=16, sampler="transformers", save_steps=1, rank=2
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.folder(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def supervised(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("supervised") / "out"
    options = SftOptions(epochs=1, batch=4, held_out=0, rank=2)
    sft(str(base), tiny.examples(), out, options, lambda line: None)
    return out


def quiet(line: str) -> None:
    pass


def test_it_goes_on_from_the_supervised_adapter_and_says_what_rewarded_it(
    base: Path, supervised: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    record = rl(str(base), tiny.examples(), out, QUICK, quiet, start=supervised)

    assert read_training(out) == record
    assert record.parent == read_training(supervised).adapter_digest
    assert record.rewarded_by == ("rules",)
    assert record.steps == 2
    assert "rewards/overrefusal/mean" in (out / "curves.svg").read_text()


def test_it_can_start_from_the_base_alone(base: Path, tmp_path: Path) -> None:
    record = rl(str(base), tiny.examples(), tmp_path / "out", QUICK, quiet)

    assert record.parent is None


def test_a_start_upon_another_base_is_refused(supervised: Path, tmp_path: Path) -> None:
    other = tiny.folder(tmp_path / "other", seed=9)

    with pytest.raises(SetupError, match="was trained on weights"):
        rl(str(other), tiny.examples(), tmp_path / "out", QUICK, quiet, start=supervised)


def test_a_rehearsal_takes_one_step_and_keeps_nothing(
    base: Path, supervised: Path, tmp_path: Path
) -> None:
    said = rehearse(str(base), tiny.examples(), QUICK, start=supervised)

    assert said.startswith("one step of 2 prompts and 4 answers")
    assert not list(tmp_path.iterdir())


def test_alarms_look_at_the_steps_before_a_resumption(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    given = (str(base), tiny.examples(), tmp_path / "out", QUICK.model_copy(update={"steps": 3}))

    def look(steps: Sequence[Step]) -> list[str]:
        seen.append(len(steps))
        return []

    def killed(*given: Any) -> Scored:
        if max(seen, default=0) == 2:
            raise KeyboardInterrupt
        return score(*given)

    monkeypatch.setattr(module, "alarms", look)
    monkeypatch.setattr(module, "score", killed)
    with pytest.raises(KeyboardInterrupt):
        rl(*given, quiet)
    before = len(seen)
    monkeypatch.setattr(module, "score", score)
    rl(*given, quiet)

    assert seen[:before] == [1, 2]
    assert seen[before:] == [1, 2, 3]


def test_what_is_finished_is_not_trained_again(base: Path, tmp_path: Path) -> None:
    first = rl(str(base), tiny.examples(), tmp_path / "out", QUICK, quiet)

    assert rl(str(base), tiny.examples(), tmp_path / "out", QUICK, quiet) == first
