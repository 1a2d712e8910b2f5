"""`status`, `trigger` and the watch list, as a person or a nightly job uses them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from example_evidence import reading, row
from example_ledger import Council
from test_run import go

from syscard.assess.estimate import measure
from syscard.assess.sign.entries import RunEnded, RunStarted, Triggered
from syscard.assess.sign.ledger import read
from syscard.cli import main
from syscard.cli.signing import open_key
from syscard.current import look
from syscard.errors import DataError
from syscard.evals.disallowed import disallowed
from syscard.files import digest_bytes
from syscard.keys import make_key
from syscard.library import dump, read_framework, read_plan
from syscard.records import Evidence, TaskInfo
from syscard.watch import read_watch

WEIGHTS, SET = b"GGUF weights", '{"id": "a", "category": "x", "input": "hello"}\n'
CHANGED = {
    "pre: {model: scripted/answers}": "pre: {model: syscard/local, args: {gguf: weights.gguf}}",
    "  - {task: syscard/disallowed, limit: 6}\n": "",
    "task: syscard/overrefusal, limit: 6": "task: syscard/disallowed, args: {set: ./set.jsonl}",
}
REQUIRED = """\
requirements:
  - {task: syscard/disallowed, metric: not_unsafe, at_least: 0.5}
"""
DAY = ("--date", "2026-02-01T00:00:00+00:00")
WATCH = """\
items:
  - what: rules know English only
    kind: limit
    since: 2026-01-01
    owner: Ann
    review: {review}
    link: https://example.org/1
  - {{what: closed long ago, kind: incident, since: 2025-01-01, owner: Bea,
     review: 2025-02-01, closed: 2025-01-15}}
"""


def syscard(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def told(*arguments: object) -> dict:
    """The status as JSON; its exit code stands in it as well."""
    result = syscard("status", "--json", *DAY, *arguments)
    content = json.loads(result.stdout)
    assert content["exit_code"] == result.exit_code
    return content


def whats(content: dict) -> set[tuple[str, str]]:
    return {(item["what"], item["mitigation"]) for item in content["stale"]}


def write_measurements(plan_file: Path, version: str = "1.1", **fields: object) -> None:
    """What `syscard measure` would write of one task on both sides, run on 31 January 2026."""
    plan, digest = read_plan(plan_file)
    info = TaskInfo.model_validate((disallowed(set="./set.jsonl").metadata or {})["syscard"])
    readings = []
    for side, model in (("pre", plan.pre.model), ("post", plan.post.model)):
        found = reading(
            [row("a", values={"not_unsafe": 1.0}, outcome="scored")],
            side, "syscard/disallowed", info.metrics, version=version,
        )  # fmt: skip
        given = {
            "path": f"logs/small/{side}/disallowed/{side}.eval",
            "sha256": digest_bytes(side.encode()),
            "created": "2026-01-31T12:30:00+00:00",
            "model": model,
            "model_digest": digest_bytes(WEIGHTS) if side == "pre" else None,
            **fields,
        }
        log = found.log.model_copy(update=given)
        readings.append(replace(found, log=log, info=info))
    Path("measurements.json").write_text(dump(measure(readings, plan, digest)))


@pytest.fixture
def here(plan_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a plan, weights, a set, and measurements of one task."""
    monkeypatch.chdir(tmp_path)
    Path("weights.gguf").write_bytes(WEIGHTS)
    Path("set.jsonl").write_text(SET)
    write_measurements(plan_file(REQUIRED, **CHANGED))
    return tmp_path


@pytest.fixture
def council(here: Path) -> Council:
    """The plan's ledger, in which both runs stand."""
    plan, digest = read_plan(Path("plan.yaml"))
    found = Council(here, read_framework(plan.framework)[0], digest)
    for side in ("pre", "post"):
        run = RunStarted(
            plan=digest, mitigation=side, task="syscard/disallowed", model=None, seed=1
        )
        begun = found.sign("Rin", "run_started", run)
        end = RunEnded(started=begun.sequence, log=digest_bytes(side.encode()), **run.model_dump())
        found.sign("Rin", "run_ended", end)
    return found


def trigger(what: str, *more: object, key: str = "Lea") -> Result:
    named = ("--key", f"{key}.pem", "--ledger", "ledger.jsonl")
    return syscard("trigger", what, "--reason", "it speaks now", *named, *more)


# ---------------------------------------------------------------- status


def test_what_was_just_run_and_measured_is_fresh(
    plan_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(plan_file(), tmp_path / "kept")
    monkeypatch.chdir(tmp_path)
    assert syscard("measure", "kept").exit_code == 0

    fresh = syscard("status", "--json")
    old = syscard("status", "--json", "--date", "2199-01-01")

    assert json.loads(fresh.stdout)["stale"] == []
    assert fresh.exit_code == 0
    assert json.loads(old.stdout)["rerun"][:2] == [
        "syscard run plan.yaml --log-dir kept-2199-01-01",
        "syscard measure kept-2199-01-01 --plan plan.yaml -o measurements.json --force",
    ]


def test_fresh_evidence_answers_yes_and_says_what_it_could_not_see(council: Council) -> None:
    Path("watch.yaml").write_text(WATCH.format(review="2026-03-01"))

    content = told("--ledger", council.path, "--watch", "watch.yaml")

    assert content["exit_code"] == 0
    assert content["fresh"] is True
    assert (content["stale"], content["closes"], content["rerun"]) == ([], [], [])
    assert content["not_seen"] == [
        "scripted/refuses (post): its weights cannot be seen from here; only its name was compared"
    ]


def test_a_nightly_job_reads_all_that_it_needs(here: Path) -> None:
    Path("weights.gguf").write_bytes(b"GGUF other weights")

    content = told()

    assert set(content) == {
        "asked", "plan", "fresh", "exit_code", "models", "stale", "plan_changed", "missing",
        "closes", "rerun", "watch", "not_seen",
    }  # fmt: skip
    assert content["models"] == {"pre": "syscard/local", "post": "scripted/refuses"}
    assert set(content["stale"][0]) == {"what", "task", "mitigation", "why", "rerun"}
    assert set(content["watch"]) == {"open", "overdue"}


def test_other_weights_make_that_side_stale_and_say_what_to_run(here: Path) -> None:
    Path("weights.gguf").write_bytes(b"GGUF other weights")

    content = told()

    assert (content["exit_code"], content["fresh"]) == (4, False)
    assert whats(content) == {("model", "pre")}
    assert content["rerun"] == [
        "syscard run plan.yaml --log-dir logs/small --only syscard/disallowed",
        "syscard measure logs/small --plan plan.yaml -o measurements.json --force",
        "syscard rate measurements.json --plan plan.yaml --force",
    ]


def test_every_command_that_status_names_is_one(here: Path) -> None:
    Path("weights.gguf").write_bytes(b"GGUF other weights")

    for line in told()["rerun"]:
        words = line.split()
        options = {word for word in words if word.startswith("--")}
        text = syscard(words[1], "--help").output
        assert all(option in text for option in options)


def test_another_set_makes_both_sides_stale_and_closes_what_requires_it(here: Path) -> None:
    Path("set.jsonl").write_text(SET.replace("hello", "good day"))

    content = told()

    assert whats(content) == {("task", "pre"), ("task", "post")}
    assert content["closes"] == ["deploy"]


def test_another_version_of_a_task_is_named(here: Path) -> None:
    write_measurements(Path("plan.yaml"), version="0.9")

    result = syscard("status", *DAY)

    assert result.exit_code == 4
    assert "syscard/disallowed: the task is version 1.1, its log is of version 0.9" in result.stdout
    assert "Gates that this closes:\n  deploy\n" in result.stdout


@pytest.mark.parametrize(
    ("date", "expected"),
    [("2026-07-30T12:30:00+00:00", set()), ("2026-07-31", {("age", "pre"), ("age", "post")})],
)
def test_evidence_grows_old(date: str, expected: set[tuple[str, str]], here: Path) -> None:
    content = told("--date", date)

    assert whats(content) == expected
    assert any(f"logs/small-{date}" in line for line in content["rerun"]) is bool(expected)


def test_the_name_of_a_model_behind_an_api_is_compared(here: Path) -> None:
    write_measurements(Path("plan.yaml"), model="scripted/other", model_digest=None)

    content = told()

    assert whats(content) == {("model", "pre"), ("model", "post")}


@pytest.mark.parametrize(
    ("file", "words"), [("weights.gguf", "no file weights.gguf"), ("set.jsonl", "cannot be made")]
)
def test_what_is_not_here_is_not_seen_and_not_stale(file: str, words: str, here: Path) -> None:
    Path(file).unlink()

    content = told()

    assert (content["exit_code"], content["stale"]) == (0, [])
    assert any(words in line for line in content["not_seen"])


def test_tasks_of_others_are_not_made_to_be_looked_at(plan_file: Callable[..., Path]) -> None:
    plan, _ = read_plan(plan_file("  - {task: suite_not_installed/x}\n  - {task: syscard/no}\n"))

    seen = look(plan)

    assert set(seen.current.tasks) == {"syscard/disallowed", "syscard/overrefusal"}
    assert [note.split(":")[0] for note in seen.notes] == ["suite_not_installed/x", "syscard/no"]


def test_a_task_is_its_own_version_and_a_model_every_name_of_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, _ = read_plan(Path("plan.yaml"))
    served = Evidence(log="x.eval", digest="ab" * 32, mitigation="post", model="served/alias")
    made = disallowed(set="./set.jsonl")
    made.version = 7
    monkeypatch.setattr("syscard.current.find_task", lambda name: lambda **args: made)

    seen = look(plan.model_copy(update={"evidence": (served,)})).current

    assert seen.tasks["syscard/disallowed"].split()[0] == "7"
    assert seen.names == {
        "pre": ("syscard/local",), "post": ("scripted/refuses", "served/alias"),
    }  # fmt: skip


def test_a_plan_that_changed_since_closes_every_gate(here: Path) -> None:
    path = Path("plan.yaml")
    path.write_text(path.read_text() + "# a word more\n")

    content = told()

    assert (content["exit_code"], content["plan_changed"]) == (4, True)
    assert content["closes"] == ["deploy", "develop", "secure"]
    assert content["rerun"][0] == "syscard run plan.yaml --log-dir logs/small"


def test_what_was_planned_and_not_measured_is_not_fresh(here: Path) -> None:
    found = json.loads(Path("measurements.json").read_text())
    found["incomplete"] = ["syscard/disallowed (post) has no log"]
    Path("measurements.json").write_text(json.dumps(found))

    content = told()

    assert (content["exit_code"], content["fresh"]) == (4, False)
    assert content["missing"] == found["incomplete"]


def test_a_task_that_syscard_did_not_run_is_not_offered_as_a_command(here: Path) -> None:
    text = Path("measurements.json").read_text()
    Path("measurements.json").write_text(text.replace("syscard/disallowed", "theirs/x"))

    rerun = told("--date", "2027-01-01T00:00:00+00:00")["rerun"]

    assert [line.split()[0] for line in rerun] == ["#", "syscard", "syscard"]
    assert '"theirs/x"' in rerun[0]


def test_words_of_others_hide_nothing_on_a_terminal(here: Path) -> None:
    write_measurements(Path("plan.yaml"), version="\x1b[2Jold\n\u202eend")

    result = syscard("status", *DAY)

    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "⟨U+001B⟩" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--measurements", "none.json"), 1, "none.json"),
        (("none.yaml",), 1, "none.yaml"),
        (("--ledger", "none.jsonl"), 1, "none.jsonl"),
        (("--watch", "none.yaml"), 1, "none.yaml"),
        (("--date", "soon"), 2, "ISO 8601"),
    ],
)
def test_what_is_not_there_is_one_line(arguments, code: int, words: str, here: Path) -> None:
    result = syscard("status", *arguments)

    assert result.exit_code == code
    assert words in result.stderr
    assert result.stdout == ""


def test_a_reason_is_told_once_for_all_the_tasks_that_it_makes_stale(here: Path) -> None:
    found = json.loads(Path("measurements.json").read_text())
    other = [{**m, "task": "theirs/x"} for m in found["measured"]]
    Path("measurements.json").write_text(
        json.dumps(found | {"measured": found["measured"] + other})
    )

    result = syscard("status", "--date", "2027-01-01T00:00:00+00:00")

    told = [line for line in result.stdout.splitlines() if line.endswith("(age)")]
    assert [line.split(":")[0].strip() for line in told] == ["syscard/disallowed, theirs/x"] * 2


# ---------------------------------------------------------------- triggers


def test_a_trigger_makes_everything_before_it_stale(
    council: Council, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syscard.cli.signing.now", lambda: "2026-01-31T18:00:00+00:00")

    done = trigger("New  Surface")
    content = told("--ledger", council.path)

    last = read(council.path).entries[-1]
    assert done.exit_code == 0
    assert last.body == Triggered(what="new surface", reason="it speaks now")
    assert whats(content) == {("trigger", "pre"), ("trigger", "post")}
    assert "it speaks now" in content["stale"][0]["why"]
    signed = "--ledger ledger.jsonl --key RUNNER.pem"
    note, *commands = [line.replace(str(council.path), "ledger.jsonl") for line in content["rerun"]]
    assert note == "# RUNNER.pem is a placeholder: write the key of who runs and rates"
    assert commands == [
        f"syscard run plan.yaml --log-dir logs/small-2026-02-01 {signed}",
        "syscard measure logs/small-2026-02-01 --plan plan.yaml -o measurements.json --force",
        f"syscard rate measurements.json --plan plan.yaml {signed} --force",
        "# whoever advised on or approved the old rating signs again, of the new one",
        "syscard gate deploy --plan plan.yaml --measurements measurements.json "
        "--ledger ledger.jsonl --force",
    ]


@pytest.mark.parametrize(
    ("what", "more", "code", "words"),
    [
        ("moon", (), 1, "'effective compute', 'capability gain', 'changed mitigation'"),
        ("new surface", ("--reason", " "), 2, "--reason is empty"),
        ("new surface", ("--key", "none.pem"), 1, "none.pem"),
        ("new surface", ("--key", "Zoe.pem"), 6, "not among the signers"),
        ("new surface", ("--ledger", "none.jsonl"), 1, "none.jsonl"),
    ],
    ids=["unknown", "no reason", "no key", "a stranger's key", "no ledger"],
)
def test_a_refused_trigger_changes_nothing(what, more, code, words, council: Council) -> None:
    make_key(Path("Zoe.pem"), "Zoe", "", demo=True)
    before = council.path.read_bytes()

    result = trigger(what, *more)

    assert result.exit_code == code
    assert words in " ".join(result.stderr.split())
    assert council.path.read_bytes() == before
    assert not Path("none.jsonl").exists()


def test_a_ledger_of_another_plan_is_not_looked_at(council: Council) -> None:
    path = Path("plan.yaml")
    path.write_text(path.read_text() + "# another plan\n")
    before = council.path.read_bytes()

    status, added = syscard("status", "--ledger", council.path), trigger("new surface")

    assert (status.exit_code, added.exit_code) == (6, 6)
    assert "opened for plan 'small'" in status.stderr
    assert council.path.read_bytes() == before


def test_a_broken_ledger_is_no_ledger(council: Council) -> None:
    data = council.path.read_bytes()
    council.path.write_bytes(data.replace(b'"seed":1', b'"seed":2', 1))

    status, added = syscard("status", "--ledger", council.path), trigger("new surface")

    assert (status.exit_code, added.exit_code) == (6, 6)
    assert "ledger.jsonl:2" in status.stderr


# ---------------------------------------------------------------- the watch list


@pytest.mark.parametrize(
    ("review", "code", "late"),
    [("2026-02-02", 0, 0), ("2026-02-01", 0, 0), ("2026-01-31", 4, 1)],
)
def test_a_review_is_overdue_the_day_after_its_day(
    review: str, code: int, late: int, here: Path
) -> None:
    Path("watch.yaml").write_text(WATCH.format(review=review))

    content = told("--watch", "watch.yaml")

    assert content["exit_code"] == code
    assert content["fresh"] is True
    assert [item["what"] for item in content["watch"]["open"]] == ["rules know English only"]
    assert len(content["watch"]["overdue"]) == late


@pytest.mark.parametrize(("closed", "open_"), [("2026-02-01", 1), ("2026-02-02", 2)])
def test_what_is_to_be_closed_is_open_until_then(closed: str, open_: int, here: Path) -> None:
    text = WATCH.format(review="2026-03-01").replace("closed: 2025-01-15", f"closed: {closed}")
    Path("watch.yaml").write_text(text)

    content = told("--watch", "watch.yaml")

    assert len(content["watch"]["open"]) == open_
    assert len(content["watch"]["overdue"]) == open_ - 1


def test_the_watch_list_is_shown_with_owner_and_day(here: Path) -> None:
    Path("watch.yaml").write_text(WATCH.format(review="2026-01-31"))

    result = syscard("status", *DAY, "--watch", "watch.yaml")

    assert (
        "limit: rules know English only (since 2026-01-01; Ann; review OVERDUE since 2026-01-31; "
        "https://example.org/1)"
    ) in result.stdout


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind: limit", "kind: rumour", "watch.yaml:3: items.0.kind"),
        ("owner: Ann", "owner: ' '", "watch.yaml:5: items.0.owner"),
        ("link: h", "links: h", "watch.yaml:7: unknown key 'items.0.links'; did you mean 'link'?"),
        ("    owner: Ann\n", "", "watch.yaml:2: 'items.0.owner' is missing"),
        ("review: 2026-03-01", "review: soon", "watch.yaml:6: items.0.review: 'soon' is no date"),
        ("review: 2026-03-01", "review: 2026-13-30",
         "watch.yaml:6: '2026-13-30' is no date; write YYYY-MM-DD."),
        ("closed: 2025-01-15", "closed: 2025-02-30", "watch.yaml:9: '2025-02-30' is no date"),
        ("review: 2026-03-01", "review: 2025-03-01", "'review' 2025-03-01 is before 'since'"),
        ("https://", "javascript:", "watch.yaml:7: items.0.link"),
        ("closed: 2025-01-15", "closed: 2024-01-15", "'closed' 2024-01-15 is before 'since'"),
        ("items:", "things:", "'items' is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_watch_list_is_said_with_its_line(
    old: str, new: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "watch.yaml"
    path.write_text(WATCH.format(review="2026-03-01").replace(old, new))

    with pytest.raises(DataError) as caught:
        read_watch(path)

    assert words in str(caught.value)


def test_a_new_watch_list_is_empty_and_its_example_is_one(here: Path) -> None:
    made, again = syscard("watch", "new"), syscard("watch", "new")

    text = Path("watch.yaml").read_text()
    _, _, example = text.partition("items: []\n")
    Path("example.yaml").write_text(example.replace("# ", "", 1).replace("\n# ", "\n"))
    assert (made.exit_code, again.exit_code) == (0, 1)
    assert read_watch(Path("watch.yaml")).items == ()
    assert [item.kind for item in read_watch(Path("example.yaml")).items] == ["limit", "incident"]


# ---------------------------------------------------------------- opening a key


@pytest.mark.parametrize(
    ("passphrase", "words"),
    [("wrong", "does not open with this passphrase"), (None, "Set SYSCARD_PASSPHRASE")],
    ids=["wrong", "none, and nobody to ask"],
)
def test_a_key_that_does_not_open_signs_nothing(
    passphrase: str | None, words: str, council: Council, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_key(Path("locked.pem"), "Lea", "right")
    monkeypatch.delenv("SYSCARD_PASSPHRASE", raising=False)
    if passphrase is not None:
        monkeypatch.setenv("SYSCARD_PASSPHRASE", passphrase)
    before = council.path.read_bytes()

    result = trigger("new surface", key="locked")

    assert result.exit_code == 1
    assert words in result.stderr
    assert council.path.read_bytes() == before


def test_the_environment_opens_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_key(tmp_path / "key.pem", "Ann", "right")
    monkeypatch.setenv("SYSCARD_PASSPHRASE", "right")

    key = open_key(tmp_path / "key.pem")

    assert key.owner == made
