"""An ablation: read from a file, paired with its base, seeds pooled, and what was not run said."""

import json
from pathlib import Path

import pytest
from example_evidence import TASK, reading, row

import syscard.ablate as ablate_module
from syscard.ablate import examples_of
from syscard.ablation import Train, Where, read_ablation
from syscard.align.sft import SftOptions
from syscard.assess.arms import Ablated, ArmTable, arm_table, breakdowns, lengths
from syscard.assess.armtext import as_markdown
from syscard.errors import DataError
from syscard.library import data_path, read_plan
from syscard.records import SampleView
from syscard.verdict import Reading

N = 40


def side(share: float, which: str = "post") -> dict[str, Reading]:
    """A log in which the first `share` of the samples is solved."""
    rows = [row(f"s{place}", float(place < share * N)) for place in range(N)]
    return {TASK: reading(rows, which)}  # type: ignore[arg-type]


BASE = {0: side(0.1, "pre")}


def table(seeds: dict[int, dict[str, Reading]], planned: tuple[int, ...] = (1, 2, 3)) -> ArmTable:
    return arm_table(("arm", "what it is", planned), seeds, ("base", BASE), 0.95)


def test_an_arm_is_paired_with_the_base_on_the_same_samples() -> None:
    (cell,) = table({1: side(0.6)}).cells

    assert cell.difference.value == pytest.approx(0.5)
    assert cell.difference.interval
    assert cell.difference.interval.low > 0.2
    assert cell.clusters == N


def test_seeds_are_averaged_and_add_no_samples() -> None:
    (one,) = table({1: side(0.6)}).cells
    (three,) = table({1: side(0.6), 2: side(0.6), 3: side(0.6)}).cells

    assert three.clusters == N
    assert three.difference == one.difference


def test_an_arm_against_another_is_paired_seed_by_seed() -> None:
    others = {1: side(0.5), 2: side(0.7)}

    found = arm_table(("arm", "", (1, 2)), {1: side(0.6), 2: side(0.8)}, ("other", others), 0.95)

    assert found.cells[0].difference.value == pytest.approx(0.1)


def test_what_was_not_run_says_so() -> None:
    found = Ablated(
        name="n", digest="", confidence=0.95, contrasts=(), breakdowns=(), lengths=(),
        arms=(table({1: side(0.6)}), table({})),
    )  # fmt: skip

    text = as_markdown(found)

    assert "| arm | what it is | 1, 2 not run |" in text
    assert "| arm | what it is | not run |" in text
    assert f"| {TASK} solved ↓ | 0.60 of {N}<br>+0.50 (" in text


def test_a_name_in_the_report_cannot_forge_a_row() -> None:
    hostile = arm_table(("arm", "x\n| forged |", (1,)), {1: side(0.6)}, ("base", BASE), 0.95)
    found = Ablated(
        name="n",
        digest="",
        confidence=0.95,
        contrasts=(),
        breakdowns=(),
        lengths=(),
        arms=(hostile,),
    )

    assert not any(line.startswith("| forged") for line in as_markdown(found).splitlines())


def test_a_breakdown_has_a_row_for_each_group_and_a_column_for_each_arm() -> None:
    kinds = ("plain", "base64")
    rows = [row(f"s{n}", float(n % 2), group=kinds[n % 2]) for n in range(N)]
    seeds = {1: {TASK: reading(rows, "post")}, 2: {TASK: reading(rows, "post")}}
    parts = breakdowns("arm", seeds, 0.95) + breakdowns("other", {1: side(0.5)}, 0.95)
    found = Ablated(
        name="n", digest="", confidence=0.95, contrasts=(), breakdowns=tuple(parts), lengths=(),
        arms=(),
    )  # fmt: skip

    text = as_markdown(found)

    assert f"| {TASK} solved | plain | 0.00 |" in text
    assert f"| {TASK} solved | base64 | 1.00 |" in text
    assert "other" not in text


def test_answers_are_grouped_by_the_length_of_their_reasoning() -> None:
    views = [
        SampleView(
            task=TASK, mitigation="post", id=f"s{n}", epoch=1, prompt="p", answer="a", target="",
            reasoning="word " * (5 if n % 2 else 30), outcome="scored",
            values={"solved": float(n % 2)}, why="", log="l",
        )
        for n in range(20)
    ]  # fmt: skip

    found = lengths("arm", side(0.5)[TASK], views, 0.95)
    together = reading([row(f"s{n}", 1.0, cluster=f"c{n % 2}") for n in range(20)], "post")
    pooled = lengths("arm", together, views, 0.95)

    assert [(one.words, one.clusters, one.estimate.value) for one in found] == [
        ("under 12 words", 10, 1.0),
        ("24 to 47 words", 10, 0.0),
    ]
    assert [one.clusters for one in pooled] == [1, 1]


ABLATION = """\
name: small
plan: plan.yaml
arms:
  - {name: prompt, means: in the prompt, side: {model: m, solver: syscard/deliberate}}
  - {name: sft, means: supervised, train: {stage: sft}, seeds: [1, 2]}
  - {name: rl, means: reinforced, train: {stage: rl, start: sft}}
contrasts:
  - {arm: rl, over: sft, means: what reinforcement adds}
"""


def written(tmp_path: Path, text: str = ABLATION) -> Path:
    path = tmp_path / "ablation.yaml"
    path.write_text(text)
    return path


def test_an_ablations_plan_lies_beside_it_or_has_a_name(tmp_path: Path) -> None:
    named = read_ablation(written(tmp_path, ABLATION.replace("plan.yaml", "demo")))
    (tmp_path / "plan.yaml").write_text("name: x")

    beside = read_ablation(written(tmp_path))

    assert named.plan == "demo"
    assert beside.plan == str(tmp_path / "plan.yaml")


def test_every_seed_of_an_arm_has_a_folder_of_its_own(tmp_path: Path) -> None:
    found = read_ablation(written(tmp_path))

    assert [one.folder for one in found.runs] == ["prompt-1", "sft-1", "sft-2", "rl-1"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("start: sft", "start: sfd", "starts from 'sfd', no arm here"),
        ("over: sft", "over: dpo", "names 'dpo', which is no arm here"),
        ("name: prompt", "name: sft", "two arms are named 'sft'"),
        (", train: {stage: rl, start: sft}", "", "give one of them"),
        ("stage: rl", "stage: dpo", "ablation.yaml:6"),
    ],
)
def test_an_ablation_that_does_not_add_up_is_refused(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    assert old in ABLATION

    with pytest.raises(DataError, match=said):
        read_ablation(written(tmp_path, ABLATION.replace(old, new)))


def test_the_ablation_of_the_benchmark_is_one() -> None:
    found = read_ablation(Path(__file__).parent.parent / "benchmarks" / "align" / "ablation.yaml")

    assert len(found.runs) == 14


def test_the_options_of_a_stage_hold_for_all_of_its_arms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ABLATION.replace("arms:", "options: {sft: {epochs: 1, rank: 4}}\narms:")
    text = text.replace("train: {stage: sft},", "train: {stage: sft, options: {rank: 8}},")
    where = Where(read_ablation(written(tmp_path, text)), tmp_path / "out")
    trained: list[SftOptions] = []
    for name, does in {
        "sft": lambda *told, spec: trained.append(told[3]),
        "export": lambda *told: None,
        "_run": lambda *told: None,
    }.items():
        monkeypatch.setattr(ablate_module, name, does)
    monkeypatch.setattr(Where, "plan", read_plan(data_path("plans", "demo"))[0])

    ablate_module.ablate(where, print, ["sft"])

    assert [(one.epochs, one.rank, one.seed) for one in trained] == [(1, 8, 1), (1, 8, 2)]


def test_a_bad_option_of_an_arm_is_told_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ABLATION.replace("arms:", "options: {sft: {rankk: 4}}\narms:")
    monkeypatch.setattr(Where, "plan", read_plan(data_path("plans", "demo"))[0])
    monkeypatch.setattr(ablate_module, "_run", lambda *told: pytest.fail("it was run"))

    with pytest.raises(DataError, match=r"arm 'sft': rankk: Extra inputs are not permitted"):
        ablate_module.ablate(Where(read_ablation(written(tmp_path, text)), tmp_path), print)


def test_an_arm_that_was_cut_off_is_not_taken_for_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read_plan(data_path("plans", "demo"))[0]
    monkeypatch.setattr(Where, "plan", plan)
    where = Where(read_ablation(written(tmp_path)), tmp_path / "out")
    logs = where.logs()
    logs.mkdir(parents=True)
    finished = [{"task": item.task} for item in plan.tasks]

    (logs / "run.json").write_text(json.dumps({"logs": finished[1:]}))
    assert not where.done()
    assert ablate_module.missing(where)[0] == "base"

    (logs / "run.json").write_text(json.dumps({"logs": finished}))
    assert where.done()


def test_categories_and_techniques_are_left_out_of_training() -> None:
    found = examples_of(Train(stage="sft", leave_out=("self-harm", "language")))

    assert {one.technique for one in found} == {"", "rewording", "spelling"}
    assert "self-harm" not in {one.category for one in found}


def test_what_is_nowhere_in_the_data_cannot_be_left_out() -> None:
    with pytest.raises(DataError, match=r"No example is of 'gambling'.*rewording, self-harm"):
        examples_of(Train(stage="sft", leave_out=("gambling",)))
