"""A bundle in a stranger's hands: what is whole holds, what was altered is named."""

import io
import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from example_bundle import Example, copied, framework

from syscard.assess.card import recompute
from syscard.assess.card.bundle import write_card
from syscard.assess.card.unpack import check_log, opened
from syscard.assess.card.verify import Verified, verify
from syscard.assess.case import Files
from syscard.assess.sign.entries import Ledger, line_of
from syscard.assess.sign.trust import strangers
from syscard.cli import main
from syscard.cli.cards import _short
from syscard.errors import DataError, LedgerError
from syscard.files import digest_bytes
from syscard.keys import PublicKey, make_key, read_trusted


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return Example(tmp_path_factory.mktemp("example"), twice=True)


@pytest.fixture(scope="module")
def whole(example: Example, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that a ledger stands behind, and an envelope."""
    folder = tmp_path_factory.mktemp("whole") / "card"
    example.bundle(folder, key=example.key())
    return folder


@pytest.fixture(scope="module")
def plain(example: Example, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without an envelope."""
    folder = tmp_path_factory.mktemp("plain") / "card"
    example.bundle(folder)
    return folder


@pytest.fixture
def trusted(example: Example) -> dict[str, PublicKey]:
    return read_trusted(example.trusted)


def asked(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


def states(found: Verified) -> dict[str, str]:
    return {check.name: check.state for check in found.checks}


def test_a_whole_bundle_by_people_one_knows_is_a_yes(whole: Path, example: Example) -> None:
    result = asked(whole, "--keys", example.trusted, "--json")

    found = Verified.model_validate_json(result.stdout)
    assert result.exit_code == found.exit_code == 0
    assert set(states(found).values()) == {"held", "not checked"}
    assert states(found) == dict.fromkeys(states(found), "held") | {
        "disclosed": "not checked",
    }
    assert {signer.name: signer.roles for signer in found.signers} == {
        "Rin (demo key)": ("runner",),
        "Ann (demo key)": ("adviser",),
        "Bea (demo key)": ("adviser",),
        "Lea (demo key)": ("leader",),
        "Release (demo key)": (),
    }


def test_what_nobody_can_check_is_said(whole: Path, example: Example) -> None:
    result = asked(whole, "--keys", example.trusted)

    said = [line for line in result.stdout.splitlines() if line.startswith("not checked: ")]
    for words in ("clocks", "had read what they signed", "API", "nothing was cut", "fresh today"):
        assert any(words in line for line in said), words


def test_without_keys_the_signer_is_unknown(whole: Path) -> None:
    result = asked(whole)

    assert result.exit_code == 4
    assert result.stdout.splitlines()[-1] == "intact, signer unknown"


def test_a_key_that_is_not_trusted_is_unknown_too(whole: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "keys" / "else.pem", "Else", "", demo=True)

    result = asked(whole, "--keys", tmp_path / "keys")

    assert result.exit_code == 4
    assert "not among your keys: Rin" in result.stdout


def test_a_key_under_another_name_breaks_the_bundle(
    whole: Path, example: Example, tmp_path: Path
) -> None:
    rin = example.council.keys["Rin"].owner
    (tmp_path / "keys.json").write_text(json.dumps([{"name": "Mallory", "public": rin.public}]))

    result = asked(whole, "--keys", tmp_path / "keys.json")

    assert result.exit_code == 6
    assert "is Mallory's by your keys" in result.stdout


def test_without_a_ledger_nobody_signed(example: Example, tmp_path: Path) -> None:
    files = example.files

    with chdir(example.folder):
        unsigned = Files(files.plan, files.measurements, files.rating)
        write_card(tmp_path / "card", unsigned, created="2026-12-01")

    result = asked(tmp_path / "card", "--keys", example.trusted)

    assert result.exit_code == 4
    assert result.stdout.splitlines()[-1] == "intact, nobody signed"


def test_a_card_that_nobody_signed_is_never_a_yes(plain: Path, example: Example) -> None:
    result = asked(plain, "--keys", example.trusted)

    assert result.exit_code == 4
    assert "nobody whom you know signed the card" in result.stdout.splitlines()[-1]


def test_a_tail_cut_before_a_card_was_written_again_is_no_yes_and_a_kept_head_shows_it(
    example: Example, tmp_path: Path
) -> None:
    entries = example.council.ledger().entries
    lines = [line_of(entry) for entry in entries]
    kept = tmp_path / "ledger.jsonl"
    kept.write_bytes(b"".join(lines[:-1]))
    files = Files(example.files.plan, example.files.measurements, example.files.rating, kept)
    with chdir(example.folder):
        write_card(tmp_path / "card", files, created="2026-12-01")

    result = asked(tmp_path / "card", "--keys", example.trusted)
    missed = asked(tmp_path / "card", "--head", digest_bytes(lines[-1]))
    there = asked(tmp_path / "card", "--head", digest_bytes(lines[-2]))

    assert result.exit_code == there.exit_code == 4
    assert "0 after your head" in there.stdout
    assert missed.exit_code == 6
    assert "its tail was cut" in missed.stdout


def test_a_head_that_is_no_digest_is_a_wrong_call(whole: Path) -> None:
    assert asked(whole, "--head", "abc").exit_code == 2


def test_people_whom_the_ledger_lists_and_nobody_knows_are_named(
    whole: Path, trusted: dict[str, PublicKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "syscard.assess.card.people.strangers", lambda *_, signed: ["Zoe (key 00) is none of yours"]
    )

    found = verify(whole, trusted)

    assert found.exit_code == 4
    assert "the ledger lists people: Zoe" in found.answer


def test_those_who_never_signed_are_told_from_those_who_did(example: Example) -> None:
    found = example.council.ledger()
    opened_only = Ledger(entries=found.entries[:1])

    assert strangers(found, {}, signed=False) == []
    assert [line.split(" (")[0] for line in strangers(opened_only, {}, signed=True)] == ["Lea"]
    assert len(strangers(opened_only, {}, signed=False)) == 3


@pytest.mark.parametrize("name", ["preparedness-beta", "Preparedness_Beta"])
def test_a_framework_that_only_bears_a_shipped_ones_name_is_no_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    ours = framework().model_copy(update={"name": name, "version": "other"})
    monkeypatch.setattr("example_bundle.framework", lambda: ours)
    example = Example(tmp_path / "case")
    example.bundle(tmp_path / "card", key=example.key())

    found = verify(tmp_path / "card", read_trusted(example.trusted))

    assert found.exit_code == 4
    assert states(found)["framework"] == "not checked"
    assert "only bears the name" in found.answer


LITTER = (".DS_Store", "samples/Thumbs.db", "desktop.ini", "__MACOSX/evidence/._plan.yaml")


def test_what_a_desktop_leaves_is_ignored_and_named(
    whole: Path, trusted: dict[str, PublicKey], tmp_path: Path
) -> None:
    folder = copied(whole, tmp_path)
    for name in LITTER:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("litter")

    found = verify(folder, trusted)

    assert found.exit_code == 0
    for name in LITTER:
        assert any(line.startswith(f"{name}: left by a desktop") for line in found.unchecked)


def test_a_long_list_is_cut_on_the_screen_and_whole_in_json() -> None:
    line = f"Runs that do not belong together: {'; '.join(f'log {n}' for n in range(20))}."

    shown = _short(line)

    assert shown.endswith("log 0; log 1; log 2; and 17 more (--json).")


def test_a_bomb_in_the_plan_is_refused_in_a_line(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    old = digest_bytes((folder / "evidence/plan.yaml").read_bytes())
    bomb = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [" + "*b, " * 400_000 + "]\n"
    (folder / "evidence/plan.yaml").write_text(bomb)
    for path in (folder / "card.json", *folder.glob("evidence/*.json")):
        path.write_text(path.read_text().replace(old, digest_bytes(bomb.encode())))

    found = verify(folder)

    assert found.exit_code == 6


def test_memory_that_runs_out_is_a_line_and_no_crash(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("syscard.assess.card.checks.open_case", greedy)

    found = verify(whole)

    assert found.exit_code == 6
    assert found.first.startswith("MemoryError while it was computed again")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_folder_or_a_pipe_is_no_ledger(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "ledger"
    make(path)

    result = CliRunner().invoke(main, ["ledger", "check", str(path)])

    assert result.exit_code == 1
    assert "is no file: name the ledger itself" in result.stderr


def test_a_log_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", b"0" * 5_000_000)
    data = path.read_bytes()
    path.write_bytes(data.replace((5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))

    with pytest.raises(LedgerError, match="not as large as it says"):
        check_log(path)


Edit = Callable[[Path], object]


def replaced(name: str, old: str, new: str) -> Edit:
    def edit(folder: Path) -> None:
        path = next(folder.glob(name))
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return edit


def flipped(name: str) -> Edit:
    def edit(folder: Path) -> None:
        path = next(folder.glob(name))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)

    return edit


def cut(folder: Path) -> None:
    path = folder / "evidence/ledger.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def link(folder: Path) -> None:
    (folder / "card.md").unlink()
    (folder / "card.md").symlink_to("/etc/hostname")


ALTERED: list[tuple[str, Edit, str, str]] = [
    ("a byte of a log", flipped("evidence/logs/*"), "logs", "is not the log that was measured"),
    ("a number in the page", replaced("index.html", "100%", "99%"), "pages", "index.html is not"),
    ("a samples page", replaced("samples/*", "epoch 1", "epoch 2"), "pages", "samples/"),
    ("the Markdown", replaced("card.md", "# ", "## "), "pages", "card.md is not"),
    ("a number in the card", replaced("card.json", '"clusters": 6', '"clusters": 60'), "card",
     "card.json: evaluations.0.compared.0.clusters is 60 there, and 6 when"),
    ("blanks in the card", replaced("card.json", "{\n", "{ \n"), "card", "not as syscard writes"),
    ("a measurement", replaced("evidence/measurements.json", '"clusters": 6', '"clusters": 60'),
     "records", "evidence/measurements.json is not the file"),
    ("the rating", replaced("evidence/rating.json", '"Low"', '"High"'), "records", "rating"),
    ("blanks in the rating", replaced("evidence/rating.json", "{\n", "{ \n"), "records",
     "rating.json is not as a command"),
    ("a decision", replaced("evidence/decisions/1-*", '"exit_code": 0', '"exit_code": 3'),
     "decisions", "1-deploy.json does not follow"),
    ("the plan", replaced("evidence/plan.yaml", "limit: 6", "limit: 5"), "records", "plan.yaml"),
    ("the framework", replaced("evidence/framework.yaml", "0.3", "0.9"), "records", "framework"),
    ("a word in the ledger", replaced("evidence/ledger.jsonl", "as advised", "as wanted "),
     "ledger", "the signature is not that of"),
    ("the ledger's tail", cut, "ledger", "its tail was cut or replaced"),
    ("a file too many", lambda f: (f / "evidence/notes.txt").write_text("hi"), "files",
     "evidence/notes.txt lies in the bundle, and the card does not name it"),
    ("a page dropped", lambda f: (f / "samples/disallowed.html").unlink(), "files",
     "samples/disallowed.html is named by the card"),
    ("a link", link, "files", "card.md is a link"),
    ("a card that is none", lambda f: (f / "card.json").write_text("[]"), "files", "no card"),
    ("a card nested without end", lambda f: (f / "card.json").write_text("[" * 100_000), "files",
     "no card"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "check", "said"), [row[1:] for row in ALTERED], ids=[row[0] for row in ALTERED]
)
def test_an_alteration_is_named_and_breaks_the_bundle(
    whole: Path,
    trusted: dict[str, PublicKey],
    tmp_path: Path,
    edit: Edit,
    check: str,
    said: str,
) -> None:
    folder = copied(whole, tmp_path)
    edit(folder)

    found = verify(folder, trusted)

    assert found.exit_code == 6
    assert next(c.name for c in found.checks if c.state == "failed") == check
    assert said in found.first
    assert str(tmp_path) not in found.first


def test_the_first_thing_that_fails_ends_the_checks(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    flipped("evidence/logs/*")(folder)

    result = asked(folder)

    assert result.exit_code == 6
    assert result.stdout.count("an earlier check failed") == 9
    assert result.stdout.splitlines()[-1].startswith("no: this does not hold: evidence/logs/")


def test_a_log_of_another_honest_run_is_no_substitute(
    whole: Path, example: Example, trusted: dict[str, PublicKey], tmp_path: Path
) -> None:
    folder = copied(whole, tmp_path)
    first, second = sorted(folder.glob("evidence/logs/*_overrefusal_*"))[:2]
    first.write_bytes(second.read_bytes())

    found = verify(folder, trusted)

    assert found.exit_code == 6
    assert first.name in found.first


def test_a_ledger_that_says_nothing_of_the_rating_vouches_for_nothing(
    example: Example, tmp_path: Path
) -> None:
    lines = [line_of(e) for e in example.council.ledger().entries if e.kind.startswith("run_")]
    opened_line = line_of(example.council.ledger().entries[0])
    kept = tmp_path / "ledger.jsonl"
    kept.write_bytes(opened_line + b"".join(lines))
    files = Files(example.files.plan, example.files.measurements, example.files.rating, kept)
    with chdir(example.folder):
        write_card(tmp_path / "card", files, created="2026-12-01")

    result = asked(tmp_path / "card", "--keys", example.trusted)

    assert result.exit_code == 4
    assert result.stdout.splitlines()[-1] == "intact, and no signature speaks of this rating"


def zipped(folder: Path, at: Path) -> Path:
    packed = at / "some name.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder.parent))
    return packed


def tarred(folder: Path, at: Path) -> Path:
    packed = at / "card.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(folder, "renamed")
    return packed


def moved(folder: Path, at: Path) -> Path:
    return Path(shutil.copytree(folder, at / "ein anderer Ort é"))


@pytest.mark.parametrize("pack", [zipped, tarred, moved])
def test_moving_and_packing_change_nothing(
    whole: Path, example: Example, tmp_path: Path, pack: Callable[[Path, Path], Path]
) -> None:
    result = asked(pack(whole, tmp_path), "--keys", example.trusted)

    assert result.exit_code == 0


def member(name: str, kind: bytes = tarfile.REGTYPE) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with tarfile.open(path, "w") as archive:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            info.size = 2 if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(b"hi"))

    return write


HOSTILE = [
    ("a way up", member("../outside.txt"), LedgerError, "outside of the bundle"),
    ("a root", member("/tmp/outside.txt"), LedgerError, "outside of the bundle"),
    ("a backslash", member("..\\outside.txt"), LedgerError, "outside of the bundle"),
    ("a link", member("card.json", tarfile.SYMTYPE), LedgerError, "is a link"),
    ("a hard link", member("card.json", tarfile.LNKTYPE), LedgerError, "is a link"),
    ("a device", member("card.json", tarfile.CHRTYPE), LedgerError, "is a link"),
    ("no card", member("x.txt"), DataError, "no card.json"),
    ("no archive", lambda path: path.write_text("hi"), DataError, "no zip or tar"),
]


@pytest.mark.parametrize(
    ("write", "error", "said"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE]
)
def test_a_hostile_archive_writes_nothing_elsewhere(
    tmp_path: Path, write: Callable[[Path], None], error: type[Exception], said: str
) -> None:
    packed = tmp_path / "in" / "bundle.tar"
    packed.parent.mkdir()
    write(packed)

    with pytest.raises(error, match=said), opened(packed):
        pass

    assert sorted(tmp_path.rglob("*")) == [packed.parent, packed]


def test_a_bundle_of_another_version_is_not_cried_at(plain: Path, tmp_path: Path) -> None:
    folder = copied(plain, tmp_path)
    for path in (folder / "card.json", folder / "index.html", folder / "card.md"):
        text = path.read_text()
        path.write_text(
            text.replace('"syscard": "0', '"syscard": "9').replace("by syscard 0", "by syscard 9")
        )

    found = verify(folder)

    assert found.exit_code == 4
    assert states(found)["pages"] == "not checked"
    assert states(found)["numbers"] == "held"
    assert "Words and pages: they are of syscard 9" in found.unchecked[-1]


def test_claiming_another_version_hides_nothing(plain: Path, tmp_path: Path) -> None:
    folder = copied(plain, tmp_path)
    replaced("card.json", '"syscard": "0', '"syscard": "9')(folder)

    found = verify(folder)

    assert found.exit_code == 6
    assert "name different versions" in found.first


def test_nothing_is_a_bundle_that_is_not_there(tmp_path: Path) -> None:
    result = asked(tmp_path / "nowhere")

    assert result.exit_code == 1
    assert "There is no bundle at" in result.stderr
    assert os.listdir(tmp_path) == []


def test_a_card_that_another_version_shaped_otherwise_is_not_verified(
    whole: Path, tmp_path: Path
) -> None:
    folder = copied(whole, tmp_path)
    content = json.loads((folder / "card.json").read_text()) | {"syscard": "9.0", "mood": "good"}
    (folder / "card.json").write_text(json.dumps(content))

    found = verify(folder)

    assert found.exit_code == 4
    assert found.answer == "not verified"
    assert "written by syscard 9.0" in found.first
    assert set(states(found).values()) == {"not checked"}


def test_a_processor_that_rounds_otherwise_is_no_forger(
    whole: Path, trusted: dict[str, PublicKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nudged(*arguments: object) -> object:
        found = measure(*arguments)  # type: ignore[arg-type]
        first, *rest = found.measured
        value = (first.estimate.value or 0.0) + 1e-14
        estimate = first.estimate.model_copy(update={"value": value})
        changed = (first.model_copy(update={"estimate": estimate}), *rest)
        return found.model_copy(update={"measured": changed})

    measure = recompute.measure
    monkeypatch.setattr(recompute, "measure", nudged)

    assert verify(whole, trusted).exit_code == 0


def test_a_hostile_name_does_nothing_to_the_terminal(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    (folder / "\x1b[31mred\u202e.txt").write_text("hi")

    result = asked(folder)

    assert result.exit_code == 6
    assert "⟨U+001B⟩[31mred⟨U+202E⟩.txt lies in the bundle" in result.stdout
    assert "\x1b" not in result.stdout


def test_records_that_no_command_wrote_are_broken_and_no_crash(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nonsense(*_: object, **__: object) -> None:
        raise StopIteration

    monkeypatch.setattr("syscard.assess.card.checks.open_case", nonsense)

    found = verify(whole)

    assert found.exit_code == 6
    assert found.first.startswith("StopIteration while it was computed again")
