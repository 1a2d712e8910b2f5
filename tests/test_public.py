"""A public card: what is withheld stands nowhere in it, and the rest can still be checked."""

import html
import json
import zipfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from example_bundle import Example, copied
from test_run import go

from syscard.assess.card.bundle import Public, Written
from syscard.assess.card.leaks import LEAST, Secrets, check_leaks
from syscard.assess.card.public import Disclosure, salted
from syscard.assess.card.verify import verify
from syscard.assess.measure import read_log, read_views
from syscard.cli import main
from syscard.errors import DataError
from syscard.files import digest_file
from syscard.keys import PublicKey, read_trusted
from syscard.records import SampleView

HAZARDOUS, HARMLESS = "syscard/disallowed", "syscard/overrefusal"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """A case with a hazardous task, of which another model's log stands beside ours as well."""
    folder = tmp_path_factory.mktemp("example") / "case"
    log = folder / "theirs" / "log.eval"
    named = (
        f"references:\n  - {{label: theirs, task: {HAZARDOUS}, metric: not_unsafe, log: {log}}}\n"
    )
    found = Example(folder, named)
    theirs = next(p for p in go(folder / "plan.yaml", folder / "theirs") if "disallowed" in p.name)
    theirs.rename(log)
    return found


@pytest.fixture(scope="module")
def published(example: Example, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Written]:
    folder = tmp_path_factory.mktemp("public") / "card"
    return folder, example.bundle(folder, public=Public((), salt), key=example.key())


@pytest.fixture
def trusted(example: Example) -> dict[str, PublicKey]:
    return read_trusted(example.trusted)


def salt(log: str, name: str, epoch: int, part: str) -> str:
    """As random as a test needs."""
    return f"salt of {log[:8]} {name} {epoch} {part}"


def syscard(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def texts(example: Example, task: str) -> list[SampleView]:
    """All samples of the logs of a task."""
    logs = [read_log(path, example.plan) for path in example.logs]
    return [
        view for log in logs if log.task == task for view in read_views(log, Path(log.log.path))
    ]


def bytes_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, and every member of a log, as it reads once unpacked."""
    for path in folder.rglob("*"):
        if path.suffix == ".eval":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"{path.name}/{name}", archive.read(name)
        elif path.is_file():
            yield path.name, path.read_bytes()


def holding(folder: Path, text: str) -> list[str]:
    """The files in which the text stands, as it is or as JSON or HTML writes it."""
    forms = {text, json.dumps(text)[1:-1], html.escape(text), html.escape(text, quote=False)}
    return [name for name, data in bytes_of(folder) if any(f.encode() in data for f in forms)]


def test_no_withheld_text_stands_in_the_bundle(
    example: Example, published: tuple[Path, Written], tmp_path: Path
) -> None:
    folder, _ = published
    example.bundle(tmp_path / "whole")
    prompts = {view.prompt for view in texts(example, HAZARDOUS)}

    assert min(map(len, prompts)) >= LEAST
    for prompt in prompts:
        assert holding(tmp_path / "whole", prompt) != []
        assert holding(folder, prompt) == []
    (page,) = folder.glob("samples/disallowed.html")
    for path in (page, *folder.glob("evidence/rows/*")):
        for view in texts(example, HAZARDOUS):
            assert view.answer not in html.unescape(path.read_text())


def test_logs_of_which_nothing_is_withheld_are_there_whole(
    published: tuple[Path, Written], trusted: dict[str, PublicKey]
) -> None:
    folder, written = published

    found = verify(folder, trusted)

    assert found.exit_code == 0
    assert len(list(folder.glob("evidence/logs/*_overrefusal_*"))) == 2
    assert list(folder.glob("evidence/logs/*_disallowed_*")) == []
    assert list(folder.glob("evidence/files/*")) == []
    assert [(held.task, held.mitigation, held.samples, held.of) for held in found.withheld] == [
        (HAZARDOUS, "pre", 6, 6),
        (HAZARDOUS, "post", 6, 6),
        (HAZARDOUS, "pre", 6, 6),
    ]
    assert sum("6 of 6 samples are withheld" in line for line in found.unchecked) == 3
    assert len(written.withheld) == 18


def test_pages_show_the_digest_in_place_of_the_text(published: tuple[Path, Written]) -> None:
    folder, written = published

    page = (folder / "samples/disallowed.html").read_text()

    item = next(item for item in written.withheld if "theirs" not in item.log)
    assert f"withheld; salted SHA-256 {salted(item.prompt_salt, 'prompt', item.prompt)}" in page
    assert f"withheld; salted SHA-256 {salted(item.answer_salt, 'answer', item.answer)}" in page


ALTERED = [
    ("an outcome", '"not_unsafe": 1.0', '"not_unsafe": 0.0'),
    ("a count", '"outcome": "scored"', '"outcome": "filtered"'),
    ("a digest", 'salted SHA-256 ', 'salted SHA-256 0'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), [row[1:] for row in ALTERED], ids=[r[0] for r in ALTERED])
def test_rows_that_were_altered_break_the_bundle(
    example: Example, published: tuple[Path, Written], tmp_path: Path, old: str, new: str
) -> None:
    folder = copied(published[0], tmp_path)
    rows = next(p for p in sorted(folder.glob("evidence/rows/*")) if old in p.read_text())
    before = digest_file(rows)
    rows.write_text(rows.read_text().replace(old, new))
    (folder / "card.json").write_text(
        (folder / "card.json").read_text().replace(before, digest_file(rows))
    )

    found = verify(folder, read_trusted(example.trusted))

    assert found.exit_code == 6
    assert next(c.name for c in found.checks if c.state == "failed") in ("logs", "numbers")


def test_one_sample_can_be_withheld_by_name(
    example: Example, tmp_path: Path, trusted: dict[str, PublicKey]
) -> None:
    view = texts(example, HARMLESS)[0]

    example.bundle(
        tmp_path / "card", public=Public((f"{HARMLESS}:{view.id}",), salt), key=example.key()
    )
    found = verify(tmp_path / "card", trusted)

    assert found.exit_code == 0
    assert [h.samples for h in found.withheld if h.task == HARMLESS] == [1, 1]
    assert holding(tmp_path / "card", view.prompt) == []
    others = [other for other in texts(example, HARMLESS) if other.prompt != view.prompt]
    assert all(holding(tmp_path / "card", other.prompt) for other in others)


def test_the_author_names_a_task_and_keeps_the_salts(example: Example, tmp_path: Path) -> None:
    def publish(*more: object) -> Result:
        return syscard(
            "card", *example.decisions, "--plan", files.plan, "--measurements", files.measurements,
            "--rating", files.rating, "--ledger", files.ledger, "-o", tmp_path / "card",
            "--date", "2026-12-01", "--public", "--withhold", HARMLESS, *more,
        )  # fmt: skip

    files = example.files
    with chdir(tmp_path):
        first = publish()
        before = {p: p.read_bytes() for p in (tmp_path / "card").rglob("*") if p.is_file()}
        again = publish("--force")
    kept = tmp_path / "card.withheld.jsonl"

    assert first.exit_code == again.exit_code == 0, first.output
    assert {p: p.read_bytes() for p in (tmp_path / "card").rglob("*") if p.is_file()} == before
    assert kept.stat().st_mode & 0o777 == 0o600
    assert len(kept.read_text().splitlines()) == 30
    assert list((tmp_path / "card").glob("evidence/logs/*")) == []


def test_a_disclosed_sample_is_checked(
    published: tuple[Path, Written], example: Example, tmp_path: Path
) -> None:
    folder, written = published
    item = written.withheld[3]
    (tmp_path / "told.jsonl").write_text(item.model_dump_json() + "\n")
    false = item.model_copy(update={"answer": "I would never."})
    (tmp_path / "false.jsonl").write_text(false.model_dump_json() + "\n")

    told = syscard(
        "verify", folder, "--keys", example.trusted, "--disclosed", tmp_path / "told.jsonl"
    )
    lied = syscard(
        "verify", folder, "--keys", example.trusted, "--disclosed", tmp_path / "false.jsonl"
    )

    assert told.exit_code == 0
    assert "+ What was disclosed is what was withheld. samples: 1." in told.stdout
    assert lied.exit_code == 6
    assert "The disclosed answer is not that of sample" in lied.stdout


def test_a_prompt_cannot_be_guessed_from_its_digest_without_the_salt(
    published: tuple[Path, Written],
) -> None:
    item: Disclosure = published[1].withheld[0]

    assert salted("", "prompt", item.prompt) != salted(item.prompt_salt, "prompt", item.prompt)
    assert salted(item.prompt_salt, "answer", item.prompt) != salted(
        item.prompt_salt, "prompt", item.prompt
    )


WRONG = [
    ((f"{HARMLESS}:nobody",), "No log has 'syscard/overrefusal:nobody' to withhold"),
    (("syscard/nothing",), "No log has 'syscard/nothing' to withhold"),
]


@pytest.mark.parametrize(("withhold", "said"), WRONG)
def test_what_is_not_there_cannot_be_withheld(
    example: Example, tmp_path: Path, withhold: tuple[str, ...], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        example.bundle(tmp_path / "card", public=Public(withhold, salt))

    assert list(tmp_path.iterdir()) == []


def test_unsalted_digests_of_texts_are_not_published(tmp_path: Path) -> None:
    example = Example(tmp_path / "case")
    with chdir(example.folder):
        measured = syscard("measure", "logs", "--plan", "plan.yaml", "--digests", "--force")
        rated = syscard("rate", "--plan", "plan.yaml", "--force")
        card = syscard("card", "--plan", "plan.yaml", "--public")

    assert (measured.exit_code, rated.exit_code) == (0, 0), measured.output + rated.output
    assert card.exit_code == 1
    assert "Measure again without --digests" in card.stderr


def test_salts_never_lie_in_the_bundle(example: Example, tmp_path: Path) -> None:
    result = syscard("card", "--public", "-o", tmp_path / "card", "--salts", tmp_path / "card/s")

    assert result.exit_code == 2
    assert "outside of the card's folder" in result.stderr


LONG_ANSWER = "I would rather tell you of something that is wholly harmless instead."


def sample(**given: str) -> SampleView:
    fields = {
        "log": "l",
        "task": "t",
        "mitigation": "pre",
        "id": "s1",
        "epoch": 1,
        "outcome": "scored",
    }
    texts = {"prompt": "", "answer": "", "reasoning": "", "target": "", "why": ""}
    return SampleView.model_validate(fields | {"values": {}} | texts | given)


LEAKS = [
    ("an answer as an answer", {"answer": LONG_ANSWER}, f"Well. {LONG_ANSWER}"),
    ("a target in a score", {"target": LONG_ANSWER}, f"expected: {LONG_ANSWER}"),
    ("a reasoning", {"reasoning": LONG_ANSWER}, LONG_ANSWER),
    ("a prompt with quotes", {"prompt": 'Say "it" in öther\nwords, twice.'},
     json.dumps({"inner": 'Say "it" in öther\nwords, twice.'})),
    ("a short prompt as a whole field", {"prompt": "How?"}, "How?"),
]  # fmt: skip


@pytest.mark.parametrize(("held", "text"), [r[1:] for r in LEAKS], ids=[r[0] for r in LEAKS])
def test_a_withheld_text_in_any_member_of_a_log_is_named(
    tmp_path: Path, held: dict[str, str], text: str
) -> None:
    (tmp_path / "evidence/logs").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "evidence/logs/a.eval", "w") as archive:
        archive.writestr("header.json", json.dumps({"eval": {"metadata": {"note": text}}}))
    secrets = Secrets()
    secrets.add(sample(**held))

    with pytest.raises(DataError, match=r"evidence/logs/a\.eval, header\.json"):
        check_leaks(secrets, {}, tmp_path)


def test_every_sample_that_shares_a_withheld_answer_is_named(tmp_path: Path) -> None:
    secrets = Secrets()
    secrets.add(sample(answer=LONG_ANSWER))
    shared = [sample(task="open", id=f"o{n}", answer=LONG_ANSWER) for n in range(12)]

    with pytest.raises(DataError) as raised:
        check_leaks(secrets, {"a": shared}, tmp_path)

    assert "open:o0 (pre); open:o1 (pre)" in str(raised.value)
    assert "and 2 more. Withhold it there, too" in str(raised.value)


def test_short_answers_and_short_prompts_inside_others_are_nobodys(tmp_path: Path) -> None:
    secrets = Secrets()
    secrets.add(sample(prompt="How?", answer="No."))
    (tmp_path / "notes.json").write_text(json.dumps(["How? Like this.", "No."]))

    check_leaks(secrets, {}, tmp_path)


def test_a_public_card_that_nobody_signed_is_no_yes(
    example: Example, tmp_path: Path, trusted: dict[str, PublicKey]
) -> None:
    example.bundle(tmp_path / "card", public=Public((), salt))

    assert verify(tmp_path / "card", trusted).exit_code == 4
