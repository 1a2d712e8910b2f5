"""Frameworks: list them, copy one, check one."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from syscard.cli.options import FILE, Commands, force_option, json_option, talk

if TYPE_CHECKING:
    from syscard.framework_check import Told
    from syscard.records import Framework
    from syscard.yamltext import Lines


@click.group(cls=Commands)
def framework() -> None:
    """Look at a framework before anything is decided by it."""


@framework.command("check")
@click.argument("name")
@json_option
def framework_check(name: str, as_json: bool) -> None:
    """Say what a framework holds, or the first thing wrong with its line.

    NAME is a packaged one's, or a path. Ends with what is legal and weak.

    Example: syscard framework check my-framework.yaml
    """
    import json

    from syscard.assess.card.text import visible
    from syscard.assess.weak import weaknesses
    from syscard.assess.words import describe
    from syscard.framework_check import check_indicators
    from syscard.library import framework_lines, read_framework

    found, digest = read_framework(name)
    lines = framework_lines(name)
    tasks = _tasks(found, lines)
    check_indicators(found, {task: told.info.metrics for task, told in tasks.items()}, lines)
    weak = weaknesses(found, tasks)
    if as_json:
        record = {"framework": found.model_dump(mode="json"), "digest": digest, "weak": weak}
        click.echo(json.dumps(record, indent=1, sort_keys=True))
        return
    click.echo(describe(found))
    for line in weak:
        click.echo(f"weak: {visible(line)}")


@framework.command("list")
@json_option
def framework_list(as_json: bool) -> None:
    """The frameworks that the package has.

    Example: syscard framework list
    """
    import json

    from syscard.library import named, read_framework

    rows = []
    for name in named("frameworks"):
        found, digest = read_framework(name)
        rows.append({"name": name, "version": found.version, "title": found.title,
                     "levels": found.levels, "digest": digest})  # fmt: skip
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo(f"{row['name']:20} {row['version']:14} {row['title']}")


@framework.command("copy")
@click.argument("name")
@click.option("-o", "--out", type=FILE, default=Path("framework.yaml"), show_default=True)
@force_option
def framework_copy(name: str, out: Path, force: bool) -> None:
    """Copy a packaged framework by NAME (or one by path), to read it and to change it.

    Example: syscard framework copy release-colours -o framework.yaml
    """
    from syscard.files import check_free, read_text, write_text
    from syscard.library import data_path

    check_free(out, force)
    write_text(out, read_text(data_path("frameworks", name)))
    talk(f"Wrote {out}. Change it, then: syscard framework check {out}")


def _tasks(found: "Framework", lines: "Lines") -> "dict[str, Told]":
    """What each of our tasks that the framework names says of itself."""
    from syscard.jobs import told

    known: dict[str, Told] = {}
    for i, category in enumerate(found.categories):
        for j, indicator in enumerate(category.indicators):
            where = lines.where(("categories", i, "indicators", j, "task"))
            said = None if indicator.task in known else told(indicator.task, where)
            if said is not None:
                known[indicator.task] = said
    return known
