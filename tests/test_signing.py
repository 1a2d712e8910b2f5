"""Keys, ledger, advice, approvals and attestations, as commands on real files."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import example_card
import pytest
import yaml
from click.testing import CliRunner, Result
from example_evidence import category, framework, indicator, reading, solved

from syscard.assess.estimate import measure
from syscard.assess.sign.entries import Adopted, Advised, Attested, head
from syscard.assess.sign.ledger import read
from syscard.cli import main, signing
from syscard.files import digest_file
from syscard.frameworks import Demand, Framework, Gate
from syscard.library import dump, read_plan
from syscard.records import PlanTask

CYBER, BIO = "syscard/ctf", "syscard/bio"
SIGNERS = {"rin": "runner", "ann": "adviser", "bea": "adviser", "lea": "leader"}
WORD = "correct horse"
SIGN = ("--plan", "plan.yaml", "--ledger", "ledger.jsonl")


def syscard(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def done(*arguments: object) -> Result:
    result = syscard(*arguments)
    assert result.exit_code == 0, result.stderr
    return result


def refused(code: int, said: str, *arguments: object) -> None:
    """The command ends so, in one line, and leaves every file as it was."""
    before = files()

    result = syscard(*arguments)

    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr
    assert isinstance(result.exception, SystemExit)
    assert len(result.stderr.strip().splitlines()) == (1 if code != 2 else 4)
    assert files() == before


def files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def rules(**changed: object) -> Framework:
    """Two categories, a gate, and two facts that may be demanded."""
    demands = (
        Demand(attested="controls", mitigation="pre", reaches="High", source="a test"),
        Demand(
            attested="evidence", mitigation="pre", reaches="Critical", of_this_rating=True,
            source="a test",
        ),
    )  # fmt: skip
    by = framework(category("cyber", indicator(CYBER)), category("bio", indicator(BIO)))
    gates = [g.model_copy(update={"signatures": ("advice", "approval")}) for g in by.gates]
    secure = Gate(name="secure", title="Secure", demands=demands, source="a test")
    gates = [*gates, secure]
    return by.model_copy(update={"gates": tuple(gates), "announced": False, **changed})


def write_plan(by: Framework) -> None:
    of = example_card.plan().model_copy(
        update={"framework": "./rules.yaml", "tasks": (PlanTask(task=CYBER),), "requirements": ()}
    )
    Path("rules.yaml").write_text(yaml.safe_dump(by.model_dump(mode="json")))
    Path("plan.yaml").write_text(yaml.safe_dump(of.model_dump(mode="json")))


def write_measurements(hits: int = 65) -> None:
    plan, digest = read_plan(Path("plan.yaml"))
    logs = [reading(solved(hits, 100), side, CYBER) for side in ("pre", "post")]
    Path("measurements.json").write_text(dump(measure(logs, plan, digest, Path())))


def open_ledger(*more: str, out: str = "ledger.jsonl", key: str = "lea.pem") -> tuple[str, ...]:
    listed = [f"{name}.pub.json={role}" for name, role in SIGNERS.items()]
    named = [word for signer in (*listed, *more) for word in ("--signer", signer)]
    return ("ledger", "open", "plan.yaml", *named, "--key", key, "-o", out)


@pytest.fixture
def council(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with keys, plan, measurements and an opened ledger; cyber is High, bio not rated."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(signing.VARIABLE, raising=False)
    for name in (*SIGNERS, "eve"):
        done("key", "new", f"{name}.pem", "--name", name.title(), "--demo")
    write_plan(rules())
    write_measurements()
    done(*open_ledger())
    return tmp_path


@pytest.fixture
def rated(council: Path) -> Path:
    """The same with a rating that the ledger records."""
    done("rate", "--ledger", "ledger.jsonl", "--key", "rin.pem")
    return council


@pytest.fixture
def template(rated: Path) -> Callable[..., Path]:
    """Writes the advice file with what is changed in it."""
    done("advise", "--template", "-o", "blank.yaml")

    def write(*changes: tuple[str, str], name: str = "advice.yaml") -> Path:
        text = Path("blank.yaml").read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        Path(name).write_text(text)
        return Path(name)

    return write


def kinds() -> list[str]:
    return [entry.kind for entry in read(Path("ledger.jsonl")).entries]


# ---- keys


def test_a_key_is_made_with_its_passphrase_and_signs_with_no_other(
    council: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(signing.VARIABLE, WORD)

    done("key", "new", "cid.pem", "--name", "Cid")

    shown = done("key", "show", "cid.pem", "--json")
    assert json.loads(shown.stdout) == json.loads(Path("cid.pub.json").read_text())
    assert done("key", "show", "cid.pub.json").stdout.startswith("name    Cid\n")
    assert os.stat("cid.pem").st_mode & 0o777 == 0o600
    new = open_ledger("cid.pub.json=leader", out="two.jsonl", key="cid.pem")
    monkeypatch.setenv(signing.VARIABLE, "wrong")
    refused(1, "does not open with this passphrase", *new)
    monkeypatch.delenv(signing.VARIABLE)
    refused(1, "there is no terminal to ask on. Set SYSCARD_PASSPHRASE", *new)
    refused(1, "no terminal", "key", "new", "dan.pem", "--name", "Dan")
    monkeypatch.setenv(signing.VARIABLE, WORD)
    done(*new)


def test_a_key_is_never_written_over(council: Path) -> None:
    refused(1, "ann.pem exists", "key", "new", "ann.pem", "--name", "Ann", "--demo")


def test_a_key_that_others_may_read_neither_shows_nor_signs(council: Path) -> None:
    Path("lea.pem").chmod(0o644)

    refused(1, "chmod 600 lea.pem", "key", "show", "lea.pem")
    refused(1, "chmod 600 lea.pem", *open_ledger(out="two.jsonl"))


def test_private_and_public_are_not_taken_for_each_other(council: Path) -> None:
    refused(1, "is a public key, which cannot sign", *open_ledger(out="b", key="lea.pub.json"))
    refused(1, "is a private key; name its public", *open_ledger("eve.pem=runner", out="b"))
    revoke = ("revoke", "bea.pem", "--reason", "lost", "--key", "lea.pem")
    refused(1, "is a private key; name its public half: bea.pub.json", *revoke)


# ---- opening


BAD_OPENINGS = [
    (("eve.pub.json=judge",), 1, "no role 'judge'; there are: adviser, leader, runner"),
    (("eve.pub.json=adviser,leader",), 1, "Eve (demo key) may not be both adviser and leader"),
    (("ann.pub.json=runner",), 1, "named twice"),
    (("eve.pub.json",), 2, "--signer is a public key file and roles"),
]


@pytest.mark.parametrize(("more", "code", "said"), BAD_OPENINGS)
def test_signers_that_may_not_be_are_refused(
    council: Path, more: tuple[str, ...], code: int, said: str
) -> None:
    refused(code, said, *open_ledger(*more, out="two.jsonl"))


def test_a_quorum_that_nobody_can_reach_is_refused_at_once(council: Path) -> None:
    few = [w.replace("bea.pub.json=adviser", "bea.pub.json=runner") for w in open_ledger(out="b")]

    refused(1, "The quorum of advice is 2 as adviser, and 1 is listed", *few)


def test_two_keys_of_one_person_are_one_voice_of_the_quorum(council: Path) -> None:
    done("key", "new", "ann2.pem", "--name", "ANN", "--demo")
    words = [w.replace("bea.pub", "ann2.pub") for w in open_ledger(out="two.jsonl")]

    refused(1, "The quorum of advice is 2 as adviser, and 1 is listed", *words)


def test_who_opens_is_one_of_the_signers(council: Path) -> None:
    refused(1, "is not the key of one of the signers", *open_ledger(out="b", key="eve.pem"))


def test_a_framework_by_which_nobody_signs_has_no_ledger(council: Path) -> None:
    secure = Gate(name="deploy", title="Deploy", at_most="High", source="a test")
    write_plan(rules(may={}, roles={}, apart=(), advice=None, approval=None, gates=(secure,)))

    refused(1, "does not say who may sign what", *open_ledger(out="two.jsonl"))


def test_a_ledger_is_not_written_over(council: Path) -> None:
    refused(1, "ledger.jsonl exists", *open_ledger())


# ---- rating


def test_a_rating_is_recorded_once_however_often_it_is_made(rated: Path) -> None:
    before = Path("ledger.jsonl").read_bytes()

    done("rate", "--force", "--ledger", "ledger.jsonl", "--key", "rin.pem")

    assert Path("ledger.jsonl").read_bytes() == before
    body = read(Path("ledger.jsonl")).entries[-1].body.model_dump()
    assert body["rating"] == digest_file(Path("rating.json"))
    assert (body["framework"], body["plan"]) == tuple(
        digest_file(Path(name)) for name in ("rules.yaml", "plan.yaml")
    )
    assert body["logs"] == ("ab" * 32,)


def test_who_may_not_rate_writes_neither_rating_nor_entry(council: Path) -> None:
    ann = ("rate", "--ledger", "ledger.jsonl", "--key", "ann.pem")

    refused(6, "Ann (demo key) may not write 'rated'", *ann)
    refused(2, "--ledger and --key go together", "rate", "--ledger", "ledger.jsonl")


# ---- advice


def advise(path: Path | str, who: str) -> tuple[object, ...]:
    return ("advise", path, "--key", f"{who}.pem", *SIGN)


def test_the_template_signs_as_it_is_written(template: Callable[..., Path]) -> None:
    done(*advise(template(), "ann"))

    body = read(Path("ledger.jsonl")).entries[-1].body
    assert isinstance(body, Advised)
    rows = {row.category: row for row in body.categories}
    assert rows["cyber"].after == rows["cyber"].computed_after == "High"
    assert rows["bio"].after is rows["bio"].computed_after is None


LOWER = ('    after: "High"\n    reason: ""', '    after: "Low"\n    reason: "leaked flags"')
ADOPT = (
    '    # adopt:\n    #   before: {level: "", source: "", reason: ""}',
    "    adopt:\n      before: {level: Medium, source: a card, reason: taken over}",
)


def test_advice_and_what_it_adopts_are_entries_of_one_signing(
    template: Callable[..., Path],
) -> None:
    path = template(LOWER, ADOPT, ("forecast:", "forecast: Critical"))

    result = done(*advise(path, "ann"))

    advised, adopted = (entry.body for entry in read(Path("ledger.jsonl")).entries[-2:])
    assert isinstance(advised, Advised)
    assert isinstance(adopted, Adopted)
    row = advised.categories[0]
    assert (row.after, row.reason, row.forecast) == ("Low", "leaked flags", "Critical")
    assert (adopted.category, adopted.mitigation, adopted.level) == ("bio", "pre", "Medium")
    assert result.stderr.count("signed by Ann (demo key)") == 2


def test_a_corrected_file_is_signed_again(template: Callable[..., Path]) -> None:
    done(*advise(template(), "ann"))

    done(*advise(template(LOWER), "ann"))

    assert kinds() == ["opened", "rated", "advised", "advised"]


BAD_ADVICE = [
    (('    after: "High"', '    after: "Low"'), "advice.yaml:14: Low is below the computed High"),
    (('    after: "High"', '    after: "Huge"'), "no level 'Huge'; there are: Low, Medium"),
    (('    after: "High"', "    after:"), "cyber after mitigation needs a level"),
    (('computed_after: "High"', 'computed_after: "Low"'), "the rating computed High for cyber"),
    (('category: "bio"', 'category: "cyber"'), "'cyber' stands twice"),
    (('category: "bio"', 'category: "chem"'), "'chem' is none of cyber, bio"),
    (("    after: null", "    after: Low"), "bio after mitigation is not rated: adopt"),
    (("    forecast:", "    forecast: Doom"), "no level 'Doom'"),
    (("    forecast:", "    forcast:"), "did you mean 'forecast'"),
    (
        ("    forecast:", "    adopt: {before: {level: Low, source: a, reason: b}}"),
        "cyber is rated High here: advise, do not adopt",
    ),
    ((ADOPT[0], ADOPT[1].replace("a card", "''")), "categories.1.adopt.before.source"),
    ((ADOPT[0], ADOPT[1].replace("Medium", "Huge")), "no level 'Huge'"),
]


@pytest.mark.parametrize(("change", "said"), BAD_ADVICE)
def test_advice_that_could_not_count_is_not_signed(
    template: Callable[..., Path], change: tuple[str, str], said: str
) -> None:
    refused(1, said, *advise(template(change), "ann"))


def test_a_category_left_out_is_missed(template: Callable[..., Path]) -> None:
    path = template()
    path.write_text(path.read_text().split("\n  # bio")[0] + "\n")

    refused(1, "nothing is said of bio", *advise(path, "ann"))


def test_advice_on_ratings_that_changed_since_is_not_signed(
    template: Callable[..., Path],
) -> None:
    path = template()
    write_measurements(hits=100)
    done("rate", "--force", "--ledger", "ledger.jsonl", "--key", "rin.pem")

    refused(6, "it changed since", *advise(path, "ann"))


def test_what_may_be_advised_and_not_adopted_signs_neither(
    template: Callable[..., Path],
) -> None:
    may = {kind: roles for kind, roles in rules().may.items() if kind != "adopted"}
    write_plan(rules(may=may))
    write_measurements()
    done(*open_ledger(out="two.jsonl"))
    done("rate", "--force", "--ledger", "two.jsonl", "--key", "rin.pem")
    done("advise", "--template", "-o", "blank.yaml", "--force")
    path = template(ADOPT)

    words = ("advise", path, "--key", "ann.pem", "--ledger", "two.jsonl")

    refused(6, "Ann (demo key) may not write 'adopted'", *words)


def test_a_hostile_title_stays_a_comment(template: Callable[..., Path]) -> None:
    by = rules(categories=(category("cyber", indicator(CYBER)),))
    title = "cyber\n  - category: x\u2028y"
    one = by.categories[0].model_copy(update={"title": title})
    write_plan(by.model_copy(update={"categories": (one,)}))
    write_measurements()
    done("rate", "--force")

    done("advise", "--template", "-o", "odd.yaml")

    rows = yaml.safe_load(Path("odd.yaml").read_text())["categories"]
    assert [row["category"] for row in rows] == ["cyber"]


# ---- approval, attestation, revocation


def test_a_whole_signing_opens_the_gate_and_its_parts_do_not(
    template: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syscard.assess.intact.missing", lambda *_: ())  # there are no logs here
    both = "    adopt: {before: &t {level: Low, source: a card, reason: taken over}, after: *t}"
    path = template(LOWER, ("    # adopt:", both))
    date = ("--date", "2025-02-01T00:00:00+00:00", "--ledger", "ledger.jsonl")
    gate = ("gate", "deploy", "--force", *date)

    answers = [syscard(*gate).exit_code]
    for words in (advise(path, "ann"), advise(path, "bea"), (*APPROVE, "lea.pem")):
        done(*words)
        answers.append(syscard(*gate).exit_code)

    assert answers == [3, 3, 5, 0]


APPROVE = ("approve", "deploy", "yes", "--reason", "as advised", *SIGN, "--key")


def test_an_answer_is_of_the_rating_and_by_who_may(rated: Path) -> None:
    done(*APPROVE, "lea.pem")

    assert kinds()[-1] == "approved"
    refused(6, "Ann (demo key) may not write 'approved'", *APPROVE, "ann.pem")
    refused(6, "is not among the signers", *APPROVE, "eve.pem")
    launch = ("approve", "launch", *APPROVE[2:], "lea.pem")
    refused(1, "has no gate 'launch'; there are: deploy, develop, secure", *launch)


def test_a_rating_that_nobody_recorded_is_not_approved(council: Path) -> None:
    done("rate")

    refused(6, "is not recorded as rated in ledger.jsonl", *APPROVE, "lea.pem")


ATTEST = ("--reason", "audit 7", "--key", "lea.pem", *SIGN)


def test_only_a_fact_that_is_demanded_is_attested(rated: Path) -> None:
    done("attest", "controls", *ATTEST)
    done("attest", "evidence", *ATTEST, "--rating", "rating.json")
    done("attest", "controls", *ATTEST, "--no")

    bodies = [e.body for e in read(Path("ledger.jsonl")).entries if isinstance(e.body, Attested)]
    assert [(b.what, b.holds, b.rating is None) for b in bodies] == [
        ("controls", True, True),
        ("evidence", True, False),
        ("controls", False, True),
    ]
    refused(1, "they demand: 'controls', 'evidence'", "attest", "luck", *ATTEST)
    refused(2, "demanded of one rating", "attest", "evidence", *ATTEST)


def test_a_revoked_key_signs_no_more(template: Callable[..., Path]) -> None:
    path = template()
    done("revoke", "ann.pub.json", "--reason", "stolen", "--key", "lea.pem")

    refused(6, "the key of Ann (demo key) was revoked in line 3", *advise(path, "ann"))
    again = ("revoke", "ann.pub.json", "--reason", "stolen", "--key", "lea.pem")
    refused(6, "was revoked before", *again)
    refused(1, "Cannot read none.jsonl", *again, "--ledger", "none.jsonl")


def test_a_clock_that_runs_backwards_signs_nothing(
    rated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "now", lambda: "2020-01-01T00:00:00+00:00")

    refused(6, "its time 2020-01-01T00:00:00+00:00 is before", *APPROVE, "lea.pem")


def test_a_ledger_of_another_plan_takes_no_word(rated: Path) -> None:
    text = Path("plan.yaml").read_text()
    Path("plan.yaml").write_text(f"{text}# changed\n")

    refused(6, "The ledger was opened for plan", *APPROVE, "lea.pem")
    refused(6, "The ledger was opened for plan", "attest", "controls", *ATTEST)
    Path("plan.yaml").write_text(text)
    write_plan(rules(apart=()))
    refused(6, "under other rules of who may sign", *APPROVE, "lea.pem")


def test_an_empty_reason_is_none(rated: Path) -> None:
    refused(
        2, "--reason is empty", *("approve", "deploy", "no", "--reason", " ", "--key", "lea.pem")
    )


# ---- looking and checking


def test_every_entry_is_shown_on_a_line_of_its_own(template: Callable[..., Path]) -> None:
    done(*advise(template(LOWER, ADOPT), "ann"))
    approve = list(APPROVE)
    approve[4] = "as advised\nby \u202ethe group"
    done(*approve, "lea.pem")
    done("revoke", "bea.pub.json", "--reason", "stolen", "--key", "lea.pem")

    result = done("ledger", "show")

    rows = result.stdout.splitlines()
    said = ["plan ", "rating", "(computed High), reason: leaked", "from a card"]
    said += ["deploy: yes", "of Bea (demo key): stolen"]
    assert len(rows) == len(said)
    assert all(words in row and "(demo key)" in row for words, row in zip(said, rows, strict=True))
    assert "\u202e" not in result.stdout
    content = json.loads(done("ledger", "show", "--json").stdout)
    assert content["head"] == head(read(Path("ledger.jsonl")))
    assert [entry["kind"] for entry in content["entries"]] == kinds()


def test_a_tail_that_was_cut_shows_by_the_head_that_was_kept(rated: Path) -> None:
    kept = head(read(Path("ledger.jsonl")))
    done(*APPROVE, "lea.pem")
    later = done("ledger", "check", "--head", kept.upper())
    lines = Path("ledger.jsonl").read_bytes().splitlines(keepends=True)

    Path("ledger.jsonl").write_bytes(lines[0])

    assert "and 1 entries after it" in later.stdout
    done("ledger", "check")
    refused(6, "its tail was cut", "ledger", "check", "--head", kept)
    refused(2, "--head is the 64 hex digits", "ledger", "check", "--head", "abc")


def test_the_tail_of_another_ledger_is_refused(rated: Path) -> None:
    done(*open_ledger("eve.pub.json=runner", out="two.jsonl"))
    with Path("two.jsonl").open("ab") as stream:
        stream.write(Path("ledger.jsonl").read_bytes().splitlines(keepends=True)[1])

    refused(6, "two.jsonl:2: it does not follow", "ledger", "check", "two.jsonl")
    refused(6, "two.jsonl:2: it does not follow", "ledger", "show", "two.jsonl")


def trusted(*names: str) -> list[dict[str, str]]:
    rows = [json.loads(Path(f"{name}.pub.json").read_text()) for name in names]
    return [{"name": row["name"], "public": row["public"]} for row in rows]


def test_whom_a_verifier_trusts_is_the_verifiers_own_file(rated: Path) -> None:
    Path("all.json").write_text(json.dumps(trusted(*SIGNERS)))
    Path("some.json").write_text(json.dumps(trusted("rin", "ann", "lea")))

    every = done("ledger", "check", "--keys", "all.json")
    folder = done("ledger", "check", "--keys", ".")
    some = syscard("ledger", "check", "--keys", "some.json")
    both = done("ledger", "check", "--keys", "some.json", "--keys", "bea.pub.json")

    assert all("every signer is one of your keys" in r.stdout for r in (every, folder, both))
    assert some.exit_code == 4
    assert "Bea (demo key)" in some.stdout
    assert "intact, signer unknown" in some.stdout


def test_a_trusted_key_under_another_name_is_not_who_it_says(rated: Path) -> None:
    rows = trusted(*SIGNERS)
    rows[1]["name"] = "Bob"
    Path("keys.json").write_text(json.dumps(rows))

    result = syscard("ledger", "check", "--keys", "keys.json")

    assert result.exit_code == 4
    assert "is Bob's to you, Ann (demo key)'s here" in result.stdout


BAD_KEYS = [
    ("[]", "holds no public key"),
    ("[1]", "keys.json: key 1 is not a public key of syscard"),
    ('[{"name": "A", "public": "zz"}]', "key 1 is not a public key"),
    ('[{"name": "A", "public": "ab"}]', "the key id is not that of its public key"),
    ("[", "is not a JSON list of keys"),
    (f'[{{"name": "A\\u001b", "public": "{"ab" * 32}"}}]', "is not a printable name"),
    ("{}", "is not a public key of syscard"),
    ("-----BEGIN PRIVATE KEY-----", "is a private key; name its public half"),
]


@pytest.mark.parametrize(("content", "said"), BAD_KEYS)
def test_a_file_of_trusted_keys_that_is_none_is_one_line(
    rated: Path, content: str, said: str
) -> None:
    Path("keys.json").write_text(content)

    refused(1, said, "ledger", "check", "--keys", "keys.json")
