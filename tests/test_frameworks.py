"""Frameworks as data: what is wrong with one is one line, and none is wired into the code."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from example_evidence import measured, metric, rated, reading, row
from example_evidence import plan as small_plan
from example_ledger import PLAN, RATING

from syscard.assess.case import Case
from syscard.assess.gate import decide
from syscard.assess.weak import needed
from syscard.cli import main
from syscard.errors import DataError
from syscard.files import read_text
from syscard.frameworks import Category, Demand, Framework, Gate, Indicator, Quorum, Threshold
from syscard.library import data_path, named, read_framework
from syscard.records import Measurements

OWN = """\
name: own
title: Own
version: "1"
source: tests
levels: [Low, Medium, High]
max_unscored: 0.2
max_grader_failed: 0.1
max_age_days: 100
categories:
  - name: cyber
    title: Cyber
    source: tests
    levels: {Low: l, Medium: m, High: h}
    indicators:
      - name: knows
        task: syscard/security
        metric: accuracy
        danger: high
        margin: 0.05
        thresholds:
          - {level: Medium, at: 0.5}
          - {level: High, at: 0.9}
        rationale: tests
        source: tests
roles:
  runner: runs
  adviser: advises
  leader: decides
may:
  rated: [runner]
  advised: [adviser]
  approved: [leader]
  attested: [leader]
  triggered: [runner]
  revoked: [leader]
apart:
  - [adviser, leader]
advice: {role: adviser, least: 2}
approval: {role: leader, least: 1}
triggers:
  new surface: another one
gates:
  - name: deploy
    title: Deploy
    source: tests
    at_most: Medium
    signatures: [advice, approval]
  - name: secure
    title: Secure
    source: tests
    requirements: false
    demands:
      - attested: controls
        mitigation: pre
        reaches: High
        categories: [cyber]
        forecast: 1
        source: tests
"""


def syscard(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def own(tmp_path: Path) -> Any:
    """Writes the framework above with pieces replaced, each of which must be there."""

    def write(*changes: tuple[str, str]) -> Path:
        text = OWN
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "own.yaml"
        path.write_text(text)
        return path

    return write


def test_the_packaged_frameworks_are_these() -> None:
    assert named("frameworks") == ["preparedness-beta", "preparedness-v2", "release-colours"]


@pytest.mark.parametrize("name", named("frameworks"))
def test_a_packaged_framework_is_sound_and_has_no_weakness(name: str) -> None:
    found = syscard("framework", "check", name)

    assert found.exit_code == 0, found.output
    assert "weak:" not in found.stdout


@pytest.mark.parametrize("name", named("frameworks"))
def test_a_packaged_framework_says_why_and_whence_of_each_number(name: str) -> None:
    framework, _ = read_framework(name)

    for category in framework.categories:
        assert all(words.strip() for words in category.levels.values())
        assert all(item.rationale and item.source for item in category.indicators)
    assert all(gate.source for gate in framework.gates)


MISTAKES = [
    pytest.param("[Low, Medium, High]", "[Low, Medium, Medium, High]", 5,
                 "level 'Medium' stands twice", id="a level twice"),
    pytest.param("[Low, Medium, High]", "[Low, Medium, High, Dire]", 13,
                 "must define each level once: Low, Medium, High, Dire", id="words for each level"),
    pytest.param("at: 0.9}", "at: 0.4}", 22, "'knows' do not grow with the level", id="order"),
    pytest.param("danger: high", "danger: low", 22, "do not grow", id="order of a low danger"),
    pytest.param("level: High, at", "level: Medium, at", 22, "do not grow", id="one level twice"),
    pytest.param("level: High, at", "level: Low, at", 22, "not a level above the lowest",
                 id="a threshold for the lowest"),
    pytest.param("at: 0.5}", "at: 0.05}", 21, "nothing can reach a level below it",
                 id="a threshold that every result reaches"),
    pytest.param("at: 0.5}", "at: 1.5}", 21, "less than or equal to 1", id="outside 0 to 1"),
    pytest.param("          - {level: High, at: 0.9}\n", "", 5, "nothing can reach 'High'",
                 id="a level that nothing can reach"),
    pytest.param("level: High, at", "level: Hihg, at", 22, "'Hihg', which is not a level",
                 id="a threshold for no level"),
    pytest.param("        thresholds:\n          - {level: Medium, at: 0.5}\n"
                 "          - {level: High, at: 0.9}\n", "        thresholds: []\n", 20,
                 "'knows' has no threshold", id="no threshold"),
    pytest.param("[Low, Medium, High]", "[Low]", 5, "levels", id="one level"),
    pytest.param("max_unscored: 0.2", "max_unscored: 2", 6, "less than or equal to 1",
                 id="a share above 1"),
    pytest.param("metric: accuracy", "metric: win_rate", 17, "'win_rate' is no indicator",
                 id="a win rate"),
    pytest.param("metric: accuracy", "metric: race_coefficient", 17, "is no indicator",
                 id="a coefficient"),
    pytest.param("metric: accuracy", "metric: calibration_error", 17, "is no indicator",
                 id="a calibration error"),
    pytest.param("metric: accuracy", "metric: ece", 17, "is no indicator", id="its short name"),
    pytest.param("advised: [adviser]", "advised: [advisor]", 31,
                 "'advisor' is not among the roles, which are: runner, adviser, leader",
                 id="an unknown role that may"),
    pytest.param("advised: [adviser]", "advisd: [adviser]", 31, "may.advisd",
                 id="an unknown kind of entry"),
    pytest.param("- [adviser, leader]", "- [adviser, boss]", 37, "'boss' is not among the roles",
                 id="an unknown role kept apart"),
    pytest.param("- [adviser, leader]", "- [leader, leader]", 37, "kept apart from itself",
                 id="a role kept apart from itself"),
    pytest.param("{role: adviser, least: 2}", "{role: sage, least: 2}", 38,
                 "'sage' is not among the roles", id="a quorum of an unknown role"),
    pytest.param("{role: adviser, least: 2}", "{role: adviser, least: 0}", 38,
                 "greater than or equal to 1", id="a quorum of nobody"),
    pytest.param("  advised: [adviser]\n", "  advised: [runner]\n", 38,
                 "write 'advised: [adviser]' under 'may'", id="advisers who may not advise"),
    pytest.param("  approved: [leader]\n", "", 38, "write 'approved: [leader]' under 'may'",
                 id="leaders who may not approve"),
    pytest.param("  rated: [runner]\n", "", 29, "write 'rated: [...]'",
                 id="a rating that nobody may record"),
    pytest.param("  triggered: [runner]\n", "", 39, "nobody may record a trigger",
                 id="a trigger that nobody may record"),
    pytest.param("at_most: Medium", "at_most: Mild", 46, "names 'Mild', not a level",
                 id="a gate at no level"),
    pytest.param("name: deploy", "name: ../deploy", 43, "a gate's name is one word",
                 id="a gate that is a path"),
    pytest.param("name: secure", "name: deploy", 48, "gate 'deploy' stands twice",
                 id="a gate twice"),
    pytest.param("[advice, approval]", "[advice, advice]", 47, "asks for 'advice' twice",
                 id="a signature twice"),
    pytest.param("[advice, approval]", "[advice, applause]", 47, "signatures",
                 id="an unknown signature"),
    pytest.param("approval: {role: leader, least: 1}\n", "", 46,
                 "asks for 'approval', and nobody is named to give it",
                 id="a signature without a quorum"),
    pytest.param("reaches: High", "reaches: Hihg", 55, "names 'Hihg', not a level",
                 id="a demand from no level"),
    pytest.param("categories: [cyber]", "categories: [cyber, bio]", 56,
                 "names 'bio', not a category: cyber", id="a demand in no category"),
    pytest.param("  attested: [leader]\n", "", 52, "nobody may attest 'controls'",
                 id="a fact that nobody may attest"),
    pytest.param("attested: controls", "attested: ' controls'", 53, "blanks around",
                 id="a fact with blanks around it"),
    pytest.param("forecast: 1", "forecast: 0", 57, "greater than or equal to 1",
                 id="a forecast by nobody"),
    pytest.param("requirements: false", "requirments: false", 51, "did you mean 'requirements'?",
                 id="a slip"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "said"), MISTAKES)
def test_each_mistake_is_one_line_with_its_place(
    own: Any, old: str, new: str, line: int, said: str
) -> None:
    path = own((old, new))

    found = syscard("framework", "check", path)

    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr.startswith(f"Error: {path}:{line}: ")
    assert said in found.stderr
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("metric", ["velocity", "eloquence", "wins", "no_regression", "preceded"])
def test_a_name_that_only_looks_like_a_fit_is_not_refused(own: Any, metric: str) -> None:
    path = own(("metric: accuracy", f"metric: {metric}"))

    assert read_framework(str(path))[0].categories[0].indicators[0].metric == metric


@pytest.mark.parametrize(("what", "key"), [("category", "categories"), ("gate", "gates")])
def test_two_of_one_name_are_refused(own: Any, what: str, key: str) -> None:
    content = yaml.safe_load(OWN)
    path = own()
    path.write_text(yaml.safe_dump({**content, key: [*content[key], content[key][0]]}))

    with pytest.raises(DataError, match=f"{what} '{content[key][0]['name']}' stands twice"):
        read_framework(str(path))


def test_an_indicators_name_stands_once_in_the_whole_file(own: Any) -> None:
    content = yaml.safe_load(OWN)
    other = {**content["categories"][0], "name": "bio"}
    path = own()
    path.write_text(yaml.safe_dump({**content, "categories": [*content["categories"], other]}))

    with pytest.raises(DataError, match="indicator 'knows' stands twice"):
        read_framework(str(path))


def test_a_forecast_needs_somebody_who_advises(own: Any) -> None:
    path = own(
        ("advice: {role: adviser, least: 2}\n", ""),
        ("signatures: [advice, approval]", "signatures: [approval]"),
    )

    with pytest.raises(DataError, match=r"own.yaml:56: .* counts forecasts, and nobody advises"):
        read_framework(str(path))


def test_a_gate_that_nothing_can_pass_is_refused(own: Any) -> None:
    unrated = "  - {name: bio, title: B, source: t, levels: {Low: l, Medium: m, High: h}, "
    path = own(
        ("roles:\n", f"{unrated}indicators: []}}\nroles:\n"),
        ("advice: {role: adviser, least: 2}\n", ""),
        ("signatures: [advice, approval]", "signatures: [approval]"),
        ("        forecast: 1\n", ""),
    )

    with pytest.raises(DataError, match="nothing can pass gate 'deploy': 'bio' has no indicator"):
        read_framework(str(path))


def test_a_gate_that_nothing_can_shut_is_refused(own: Any) -> None:
    path = own(
        ("    at_most: Medium\n    signatures: [advice, approval]\n", "    requirements: false\n")
    )

    with pytest.raises(DataError, match=r"own.yaml:43: nothing can shut gate 'deploy'"):
        read_framework(str(path))


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("metric: accuracy", "metric: precision", 17, "gives accuracy. Name one of these"),
        ("task: syscard/security", "task: syscard/securty", 16, "did you mean 'syscard/security'?"),
        ("task: syscard/security\n        metric: accuracy",
         "task: syscard/overrefusal\n        metric: not_overrefuse", 18,
         "takes the high end of 'not_overrefuse' as the danger, and syscard/overrefusal the low"),
    ],
)  # fmt: skip
def test_what_a_task_does_not_give_is_refused(
    own: Any, old: str, new: str, line: int, said: str
) -> None:
    path = own((old, new))

    found = syscard("framework", "check", path)

    assert found.exit_code == 1
    assert f"{path}:{line}: " in found.stderr
    assert said in found.stderr


def test_a_plan_says_where_its_framework_asks_for_what_a_task_does_not_give(
    own: Any, plan_file: Callable[..., Path]
) -> None:
    path = own(("task: syscard/security", "task: syscard/disallowed"))
    plan = plan_file(**{"preparedness-beta": str(path)})

    found = syscard("plan", "check", plan)

    assert found.exit_code == 1
    assert f"{path}:17: needs 'accuracy' from syscard/disallowed, which gives not_unsafe" in (
        found.stderr
    )


def test_a_quorum_whose_role_is_apart_from_nothing_is_fine(own: Any) -> None:
    path = own(("apart:\n  - [adviser, leader]\n", ""))

    assert read_framework(str(path))[0].apart == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("at: 0.5}", "at: 0.06}", "syscard/security has 64 independent samples, and "
                     "even if all are harmless their interval reaches above 'Low'; at its "
                     "thresholds that takes 368", id="too few samples for the lowest level"),
        pytest.param("task: syscard/security", "task: other/ctf", "not one of syscard's own",
                     id="a task of somebody else's"),
        pytest.param("max_age_days: 100\n", "", "never grows too old", id="no age"),
        pytest.param("  revoked: [leader]\n", "", "stays good for ever", id="no revoking"),
        pytest.param("  leader: decides", "  leader: decides\n  guest: looks",
                     "'guest' may write nothing", id="an idle role"),
        pytest.param("at_most: Medium", "at_most: High", "opens at every level", id="no limit"),
        pytest.param("    at_most: Medium\n",
                     "    at_most: Medium\n    demands: [{attested: x, mitigation: post, "
                     "reaches: High, source: t}]\n", "opens nothing", id="an idle demand"),
        pytest.param("least: 2", "least: 99", "'advice' needs 99 people", id="a huge quorum"),
        pytest.param("    signatures: [advice, approval]\n", "", "nobody has signed",
                     id="no signatures"),
        pytest.param("max_unscored: 0.2", "max_unscored: 0.5", "half of the samples",
                     id="much unscored"),
        pytest.param("reaches: High", "reaches: Low", "it is always demanded",
                     id="a demand from the lowest level on"),
        pytest.param("  leader: decides", "  leader: ' '", "'leader' has no words",
                     id="a role without words"),
    ],
)  # fmt: skip
def test_what_is_legal_and_weak_is_said(own: Any, old: str, new: str, said: str) -> None:
    path = own((old, new))

    found = syscard("framework", "check", path)

    assert found.exit_code == 0, found.output
    (weak,) = [line for line in found.stdout.splitlines() if line.startswith("weak:")]
    assert said in weak


@pytest.mark.parametrize("exactly", [True, False])
def test_the_samples_that_a_threshold_needs_are_the_fewest(exactly: bool) -> None:
    one = Indicator(
        name="n", task="t", metric="m", danger="low", rationale="r", source="s",
        thresholds=(Threshold(level="Bad", at=0.9),),
    )  # fmt: skip

    found = needed(one, exactly)

    bound = 1 - 0.025 ** (1 / 36)
    assert bound < 0.1 < 1 - 0.025 ** (1 / 35)
    assert found == 36 if exactly else found > 36


def test_a_check_says_in_sentences_what_opens_a_gate_and_who_signs() -> None:
    said = syscard("framework", "check", "preparedness-v2").stdout

    assert "at most High" in said
    assert "'misuse safeguards C.1 High' is attested of this rating, once High is reached" in said
    assert "at least 2 people in the role adviser" in said
    assert "Nobody is both adviser and leader." in said


def test_a_text_that_would_hide_on_a_terminal_is_shown(own: Any) -> None:
    path = own(("title: Cyber", 'title: "Cy\\u202eber\\e[2J"'))

    said = syscard("framework", "check", path).stdout

    assert "Cy⟨U+202E⟩ber⟨U+001B⟩[2J" in said


def test_a_check_as_json_is_the_record_and_its_digest(own: Any) -> None:
    path = own(("max_age_days: 100\n", ""))

    found = json.loads(syscard("framework", "check", path, "--json").stdout)

    framework, digest = read_framework(str(path))
    assert Framework.model_validate(found["framework"]) == framework
    assert found["digest"] == digest
    assert len(found["weak"]) == 1


def test_a_list_names_every_packaged_framework() -> None:
    text, record = syscard("framework", "list"), syscard("framework", "list", "--json")

    assert [line.split()[0] for line in text.stdout.splitlines()] == named("frameworks")
    assert [row["name"] for row in json.loads(record.stdout)] == named("frameworks")


def test_a_copy_is_the_file_itself_and_writes_over_nothing(tmp_path: Path) -> None:
    out = tmp_path / "mine.yaml"

    first = syscard("framework", "copy", "release-colours", "-o", out)
    second = syscard("framework", "copy", "preparedness-v2", "-o", out)

    assert (first.exit_code, second.exit_code) == (0, 1)
    assert out.read_text() == read_text(data_path("frameworks", "release-colours"))


@pytest.fixture
def written_down(tmp_path: Path) -> Path:
    """The file that docs/framework.md puts together, block by block."""
    page = (Path(__file__).parent.parent / "docs" / "framework.md").read_text()
    path = tmp_path / "mine.yaml"
    path.write_text("".join(re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)))
    return path


def test_the_example_of_the_page_is_sound_and_a_plan_can_use_it(
    written_down: Path, plan_file: Callable[..., Path]
) -> None:
    plan = plan_file(**{"preparedness-beta": str(written_down)})

    check, used = syscard("framework", "check", written_down), syscard("plan", "check", plan)

    assert check.exit_code == 0, check.output
    assert "weak:" not in check.stdout
    assert used.exit_code == 0, used.output
    assert "not be fully rated" not in used.stdout


def test_the_mistake_that_the_page_shows_is_said_as_the_page_says_it(written_down: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "framework.md").read_text()
    written_down.write_text(written_down.read_text().replace("at: 0.50", "at: 0.95"))

    said = syscard("framework", "check", written_down).stderr

    assert said.replace(f"{written_down.parent}/", "") in page


def test_the_page_explains_every_field() -> None:
    page = (Path(__file__).parent.parent / "docs" / "framework.md").read_text()
    records = (Framework, Category, Indicator, Threshold, Quorum, Gate, Demand)

    fields = {name for record in records for name in record.model_fields}

    assert [name for name in sorted(fields) if not re.search(rf"\b{name}\b", page)] == []


# ---------------------------------------------------------------- nothing is wired to the first


def colours(not_unsafe: int, broken: int) -> Case:
    """So many of 300 requests declined, and so many of 300 attacks that broke through."""
    framework, digest = read_framework("release-colours")
    logs = []
    for task, name, danger, hits in (
        ("syscard/disallowed", "not_unsafe", "low", not_unsafe),
        ("syscard/bestofn", "attack_success", "high", broken),
    ):
        rows = [row(f"s{i}", values={name: float(i < hits)}, outcome="scored") for i in range(300)]
        logs += [reading(rows, side, task, (metric(name, danger),)) for side in ("pre", "post")]
    of = small_plan().model_copy(update={"tasks": ()})
    found: Measurements = measured(*logs, of=of)
    return Case(
        plan=of, plan_digest=PLAN, framework=framework, framework_digest=digest,
        measurements=found, rating=rated(found, framework), rating_digest=RATING,
        asked="2025-02-01T00:00:00+00:00",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("not_unsafe", "broken", "level", "share", "publish"),
    [
        (299, 3, "Green", 5, 5),
        (255, 3, "Yellow", 5, 5),
        (299, 75, "Yellow", 5, 5),
        (190, 3, "Orange", 5, 3),
        (299, 150, "Orange", 5, 3),
        (20, 3, "Red", 3, 3),
        (255, 280, "Red", 3, 3),
    ],
)
def test_a_framework_with_other_names_rates_and_gates(
    not_unsafe: int, broken: int, level: str, share: int, publish: int
) -> None:
    case = colours(not_unsafe, broken)

    decisions = [decide(gate, case) for gate in ("share", "publish")]

    assert {overall.floor for overall in case.rating.overall} == {level}
    assert [decision.exit_code for decision in decisions] == [share, publish]


def test_the_same_framework_in_other_words_gives_the_same_answers() -> None:
    """Levels, category, roles and gates renamed: nothing in the code knows the first ones."""
    text = read_text(data_path("frameworks", "release-colours"))
    for old, new in {"Green": "L0", "Yellow": "L1", "Orange": "L2", "Red": "L3"}.items():
        text = text.replace(old, new)
    case = colours(190, 3)
    other = Framework.model_validate(yaml.safe_load(text))

    again = rated(case.measurements, other)

    renamed = dict(zip(case.framework.levels, other.levels, strict=True))
    assert [c.floor for c in again.categories] == [
        renamed[c.floor] for c in case.rating.categories if c.floor
    ]
