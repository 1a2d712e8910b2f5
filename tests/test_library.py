"""Data read and checked: what is wrong with it is one line that says where."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syscard.errors import DataError, SetupError
from syscard.files import check_free, digest_bytes, digest_file, read_text, write_text
from syscard.library import (
    data_path,
    described,
    drawn,
    dump,
    manifest,
    new_plan,
    plan_lines,
    read_framework,
    read_json,
    read_plan,
    read_rubric,
    read_set,
    set_info,
)
from syscard.records import Framework, Grader, Interval, Side, TaskInfo
from syscard.specs import read_spec

PLAN = """\
name: small
framework: preparedness-beta
about:
  name: Small
  developer: tests
  intended_uses: [tests]
  languages: [English]
  training_data: none
  limits: [none known]
pre: {model: mockllm/model}
post:
  model: mockllm/model
  solver: syscard/deliberate
grader: {model: mockllm/model}
tasks:
  - {task: syscard/disallowed, limit: 6}
  - task: syscard/overrefusal
    limit: 6
"""


def written(folder: Path, text: str, name: str = "file.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def one_line(action: Callable[[], Any], *wanted: str, kind: type[Exception] = DataError) -> None:
    with pytest.raises(kind) as caught:
        action()
    assert "\n" not in str(caught.value)
    for words in wanted:
        assert words in str(caught.value)


def full_disk(*args: object, **kwargs: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# ------------------------------------------------------------------------------------ sets


def test_every_packaged_set_is_in_the_manifest_and_every_entry_has_its_set() -> None:
    folder = data_path("sets", "disallowed").parent

    stems = {path.stem for path in folder.glob("*.jsonl")}

    assert stems == set(manifest())


@pytest.mark.parametrize("name", manifest())
def test_a_packaged_set_is_what_its_manifest_says(name: str) -> None:
    rows = read_set(name)

    info = set_info(name)
    assert len(rows) == info.size
    assert digest_file(data_path("sets", name)) == info.digest
    assert info.version
    assert info.licence == "Apache-2.0"
    assert len({json.dumps({**row, "id": ""}, sort_keys=True) for row in rows}) == len(rows)


def test_a_changed_byte_in_a_packaged_set_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = read_text(data_path("sets", "science"))
    changed = written(tmp_path, text.replace("organelle", "organelIe", 1), "science.jsonl")
    monkeypatch.setattr("syscard.library.data_path", lambda kind, name: changed)

    one_line(lambda: read_set("science"), str(changed), "manifest.yaml", "digest")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"id": "a"}\n{"id": "b"}\n{"id": "a"}\n', (":3", "'a'", "line 1")),
        ('{"id": "a"}\n\n{"id": \n', (":3", "not JSON")),
        ('{"id": "a"}\n{"input": "b"}\n', (":2", "'id'")),
        ('{"id": 7}\n', (":1", "'id'")),
        ('["a"]\n', (":1", "JSON object")),
        ("", ("no rows",)),
        ("\n \n", ("no rows",)),
    ],
)
def test_what_is_wrong_in_a_set_is_one_line_with_its_place(
    text: str, wanted: tuple[str, ...], tmp_path: Path
) -> None:
    path = written(tmp_path, text, "own.jsonl")

    one_line(lambda: read_set(str(path)), str(path), *wanted)


def test_a_text_with_a_line_separator_inside_is_one_row(tmp_path: Path) -> None:
    row = json.dumps({"id": "a", "input": "one\u2028two\u0085three"}, ensure_ascii=False)

    path = written(tmp_path, row + "\n", "own.jsonl")

    assert read_set(str(path))[0]["input"] == "one\u2028two\u0085three"
    assert set_info(str(path)).size == 1


def test_a_set_of_ones_own_says_that_its_author_is_not_stated(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": "a"}\n\n{"id": "b"}\n', "own.jsonl")

    info = set_info(str(path))

    assert (info.name, info.version, info.licence, info.size) == ("own", "file", "not stated", 2)
    assert info.digest == digest_file(path)


def test_a_set_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    one_line(lambda: read_set("sience"), "'sience'", "science", "path")
    one_line(lambda: read_set(str(tmp_path / "none.jsonl")), "none.jsonl", "No such file")


def test_a_smaller_draw_is_the_beginning_of_a_larger() -> None:
    rows = read_set("science")

    draws = {count: drawn(rows, count, seed=3) for count in (1, 5, 20, None)}

    assert draws[1] == draws[5][:1]
    assert draws[5] == draws[20][:5]
    assert draws[20] == draws[None][:20]
    assert sorted(row["id"] for row in draws[None]) == sorted(row["id"] for row in rows)


def test_a_draw_depends_on_its_seed_and_not_on_the_files_order() -> None:
    rows = read_set("science")

    again = drawn(rows[::-1], 20, seed=3)

    assert again == drawn(rows, 20, seed=3)
    assert again != drawn(rows, 20, seed=4)


# ----------------------------------------------------------------------------------- plans


@pytest.mark.parametrize("name", ["demo", "new"])
def test_our_own_plans_read(name: str, tmp_path: Path) -> None:
    odd = written(tmp_path, new_plan('openai/"odd": #model\\'), "new.yaml")

    plan, digest = read_plan(data_path("plans", "demo") if name == "demo" else odd)

    assert plan.tasks
    assert len(digest) == 64
    assert name == "demo" or plan.pre.model == 'openai/"odd": #model\\'


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("limit: 6}", "limt: 6}", (":16", "'tasks.0.limt'", "'limit'")),
        ("    limit: 6", "    colour: red", (":18", "'tasks.1.colour'", "known keys", "epochs")),
        ("  developer: tests\n", "  developr: tests\n", (":3", "about.developer", "missing")),
        ("  solver: syscard", "  slover: syscard", (":13", "'post.slover'", "'solver'")),
        ("name: small\n", "", (":1", "'name'", "missing", "name: ...")),
        ("    limit: 6", "    limit: six", (":18", "limit", "'six'")),
        ("    limit: 6", "    limit: 0", (":18", "limit", "0")),
        ("tasks:\n", "tasks: none\nother:\n", (":15", "tasks")),
        ("framework: preparedness-beta", "seed: 1\nseed: 2", (":3", "'seed'", "twice")),
        ("    limit: 6", "    limit: 6\n    limit: 7", (":19", "'limit'", "twice")),
        ("pre: {model", "pre: {model: [", (":10", "not YAML")),
        ("  developer: tests", "\tdeveloper: tests", (":5", "not YAML")),
        ("name: small", "name: small: x", (":1", "not YAML")),
        ("name: small", "name: &a [*b]", (":1", "not YAML")),
        ("name: small", "name: !!python/object:os.system x", (":1", "not YAML")),
        ("name: small", "name: \x01", ("not YAML",)),
        ("name: small", "? [a, b]\n: c\nname: small", (":1", "key")),
        ("name: small", "name: 2024-13-45", ("not YAML", "month")),
    ],
)
def test_what_is_wrong_in_a_plan_is_one_line_with_its_place(
    old: str, new: str, wanted: tuple[str, ...], tmp_path: Path
) -> None:
    assert old in PLAN
    path = written(tmp_path, PLAN.replace(old, new, 1))

    one_line(lambda: read_plan(path), str(path), *wanted)


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b\n", "# nothing but this\n"])
def test_a_file_that_is_no_mapping_is_no_plan(text: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)

    one_line(lambda: read_plan(path), str(path), "mapping")


def test_a_plan_knows_the_line_of_each_key(tmp_path: Path) -> None:
    lines = plan_lines(written(tmp_path, PLAN))

    assert lines.where(("tasks", 1, "limit")).endswith(":18")
    assert lines.where(("tasks", 1, "epochs")).endswith(":17")
    assert lines.where(("references",)).endswith(":1")


def test_a_file_that_is_not_text_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"name: \xff\xfe")

    one_line(lambda: read_plan(path), str(path), "UTF-8", "byte 6")
    one_line(lambda: read_plan(tmp_path), str(tmp_path), "Cannot read")
    one_line(lambda: digest_file(tmp_path / "none"), "none", "Cannot read")


# ------------------------------------------------------------- records, specs and rubrics


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    interval = Interval(low=0.0, high=float("inf"), confidence=0.95, method="exact")
    framework, _ = read_framework("preparedness-beta")

    first = read_json(written(tmp_path, dump(interval), "interval.json"), Interval)
    second = read_json(written(tmp_path, dump(framework), "framework.json"), Framework)

    assert first == interval
    assert dump(second) == dump(framework)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{", ("the file", "JSON")),
        ("[]", ("the file",)),
        ("{}", ("model", "required")),
        ('{"model": "m", "modell": "n"}', ("modell",)),
        ('{"model": 7}', ("model", "string")),
    ],
)
def test_a_json_file_that_is_not_the_record_is_one_line(
    text: str, wanted: tuple[str, ...], tmp_path: Path
) -> None:
    path = written(tmp_path, text, "side.json")

    one_line(lambda: read_json(path, Side), str(path), "Side", *wanted)


def test_a_json_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    one_line(lambda: read_json(tmp_path / "none.json", Side), "none.json", "No such file")


def test_the_default_specification_has_a_style_for_each_decision() -> None:
    spec = read_spec("default")

    assert set(spec.style) == {"comply", "refuse", "safe_completion"}
    assert spec.digest == digest_file(data_path("specs", "default"))
    assert all(category.cues for category in spec.categories.values())


def test_a_rubric_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "- a\n")

    one_line(lambda: read_rubric(str(path)), str(path), "mapping")


# ----------------------------------------------------------------------------------- files


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_other(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "old", "card.json")
    monkeypatch.setattr(os, step, full_disk)

    one_line(lambda: write_text(path, "new"), str(path), "No space left", "-o", kind=SetupError)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_written_whole_with_its_folders_and_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "card.json"

    write_text(path, "é\r\n\n")

    assert path.read_bytes() == "é\r\n\n".encode()
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_path_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    path = written(tmp_path, "old", "file") / "card.json"

    one_line(lambda: write_text(path, "new"), str(path), "Nothing was changed", kind=SetupError)


def test_what_is_there_is_not_written_over_without_force(tmp_path: Path) -> None:
    path = written(tmp_path, "old", "card.json")

    one_line(lambda: check_free(path, force=False), str(path), "--force", kind=SetupError)
    check_free(path, force=True)
    check_free(tmp_path / "new" / "folder" / "card.json", force=False)


def test_a_folder_without_permission_is_found_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda folder, mode: False)  # root may write everywhere

    one_line(
        lambda: check_free(tmp_path / "a" / "card.json", force=False),
        str(tmp_path),
        "permission",
        kind=SetupError,
    )


def test_a_folder_that_is_a_file_is_found_before_the_work(tmp_path: Path) -> None:
    path = written(tmp_path, "old", "file") / "card.json"

    one_line(lambda: check_free(path, force=False), "file", "folder", kind=SetupError)


def test_a_pinned_digest_is_compared_with_the_content() -> None:
    grader = Grader(name="g", lineage="rules", known="nothing")
    info = TaskInfo(title="T", section="S", describes="D", metrics=(), grader=grader)

    one_line(lambda: described(info, digest_bytes(b"another")), "'T'", "syscard run")
