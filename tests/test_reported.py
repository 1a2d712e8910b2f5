"""Reported tables: read with their lines, kept as printed, shown as somebody else's."""

import re
from pathlib import Path
from typing import Any

import pytest
from example_card import HOSTILE

from syscard.assess.card.published import shown, would_say
from syscard.assess.card.render import _environment
from syscard.assess.interval import exact
from syscard.errors import DataError
from syscard.reported import Publication, cells, read_reported

EXAMPLE = Path(__file__).parent.parent / "examples" / "o3-mini"
TEXT = """\
id: paper
title: A paper
publisher: Somebody
date: "2025-01-31"
source: here
model: m
checkpoint: launched
tables:
  - id: T1
    title: Refusals
    section: Safety
    source: Table 1
    columns: [{label: m, model: m}, {label: other, model: o}]
    each: {metric: not_unsafe, kind: share, decimals: 2}
    rows:
      - {label: hate, n: 50, values: [.90, null]}
      - {label: self-harm, values: [{value: .85, chart: true}, {value: .8, low: .7, high: .9}]}
"""


def written(tmp_path: Path, text: str = TEXT) -> Path:
    path = tmp_path / "reported.yaml"
    path.write_text(text)
    return path


def rendered(publication: Publication, form: str) -> str:
    source = (
        f'{{% from "reported.{form}.j2" import reported_tables, reported_explained with context %}}'
        "{{ reported_explained(0.95) }}{{ reported_tables(tables) }}"
    )
    return _environment(form).from_string(source).render(tables=shown(publication, 0.95))


def test_a_table_keeps_its_values_its_marks_and_its_gaps(tmp_path: Path) -> None:
    publication, digest = read_reported(written(tmp_path))

    found = list(cells(publication.tables[0]))

    assert [cell.value.value for cell in found] == [0.90, 0.85, 0.8]
    assert [cell.value.chart for cell in found] == [False, True, False]
    assert found[0].half == pytest.approx(0.005)
    assert found[1].half == pytest.approx(0.01)  # read off a figure
    assert len(digest) == 64


def test_a_publication_survives_being_a_part_of_a_card(tmp_path: Path) -> None:
    publication, _ = read_reported(written(tmp_path))

    again = Publication.model_validate_json(publication.model_dump_json())

    assert again == publication


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: share", "kind: shared", r":13: tables\.0.*kind|kind: String should match"),
        ("label: hate, n: 50", "label: hate, size: 50", r":16: unknown key.*size"),
        ("values: [.90, null]", "values: [.90]", "'hate' has 1 values for 2 columns"),
        ("label: self-harm", "label: hate", "row 'hate' stands twice"),
        ("values: [.90, null]", "values: [.nan, null]", "finite number"),
        ("n: 50", "n: 0", "greater than or equal to 1"),
        ("title: A paper\n", "", "'title' is missing"),
        ("  - id: T1", "  - id: T1\n    wholes: [{how: mean, row: All}]", "no row 'All'"),
        ("  - id: T1", "  - id: T1\n    part: [", "not YAML"),
        ("    each: {metric: not_unsafe,", "    each: {metric: not_unsafe, bars: 3,", "bars"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line_with_its_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = written(tmp_path, TEXT.replace(old, new, 1))

    with pytest.raises(DataError, match=said) as raised:
        read_reported(path)

    assert str(raised.value).startswith(f"{path}:")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"n": 108, "kind": "pass@1"}, exact(25, 108, 0.95)),
        ({"n": 1, "attempts": 100, "kind": "share"}, exact(23, 100, 0.95)),
        ({"n": None, "kind": "share"}, None),
        ({"n": 108, "kind": "mean"}, None),
        ({"n": 108, "kind": "win rate"}, None),
    ],
)
def test_an_exact_interval_is_said_only_of_rates_with_a_known_n(
    tmp_path: Path, fields: dict[str, Any], expected: object
) -> None:
    publication, _ = read_reported(written(tmp_path))
    cell = next(cells(publication.tables[0]))
    cell = cell._replace(
        row=cell.row.model_copy(update=fields),
        value=cell.value.model_copy(update={"value": 0.23}),
    )

    found = would_say(cell, 0.95)

    assert found == expected


def test_a_rate_that_no_count_gives_gets_the_intervals_of_both_neighbours(tmp_path: Path) -> None:
    publication, _ = read_reported(written(tmp_path))
    cell = next(cells(publication.tables[0]))
    cell = cell._replace(
        row=cell.row.model_copy(update={"n": 10}),
        value=cell.value.model_copy(update={"value": 0.92}),
    )

    found = would_say(cell, 0.95)

    assert found is not None
    assert (found.low, found.high) == (exact(9, 10, 0.95).low, exact(10, 10, 0.95).high)


@pytest.mark.parametrize("form", ["html", "md"])
def test_a_page_marks_a_value_as_reported_and_says_what_n_would_give(
    tmp_path: Path, form: str
) -> None:
    publication, _ = read_reported(written(tmp_path))

    page = rendered(publication, form)

    assert "eported" in page
    assert "A paper (Somebody, 2025" in page
    assert "90%" in page
    assert "exact at n: 78.2% to 96.7%" in page
    assert "read off a figure" in page
    assert "not transcribed" in page
    assert "printed: 70% to 90%" in page


@pytest.mark.parametrize("form", ["html", "md"])
def test_a_rate_that_no_count_gives_is_marked_so(tmp_path: Path, form: str) -> None:
    publication, _ = read_reported(written(tmp_path))
    table = publication.tables[0]
    value = table.rows[0].values[0]
    assert value is not None
    odd = value.model_copy(update={"value": 0.92})
    row = table.rows[0].model_copy(update={"n": 10, "values": (odd, *table.rows[0].values[1:])})
    table = table.model_copy(update={"rows": (row, *table.rows[1:])})

    page = rendered(publication.model_copy(update={"tables": (table,)}), form)

    assert page.count("no whole count of 10 gives this") == 1


@pytest.mark.parametrize("form", ["html", "md"])
@pytest.mark.parametrize(("rows", "folded"), [(8, 0), (9, 1)])
def test_what_all_rows_share_is_said_once_and_a_long_table_folds(
    tmp_path: Path, form: str, rows: int, folded: int
) -> None:
    publication, _ = read_reported(written(tmp_path))
    table = publication.tables[0]
    row = table.rows[0].model_copy(update={"better": "up"})
    many = tuple(row.model_copy(update={"id": str(n)}) for n in range(rows))
    table = table.model_copy(update={"rows": many, "wholes": (), "claims": (), "stated": ()})

    page = rendered(publication.model_copy(update={"tables": (table,)}), form)

    assert page.count("higher is better") == 1
    assert page.count("<details open>") == (folded if form == "html" else 0)


@pytest.mark.parametrize("form", ["html", "md"])
def test_text_of_a_publication_stays_text(tmp_path: Path, form: str) -> None:
    publication, _ = read_reported(written(tmp_path))
    table = publication.tables[0]
    row = table.rows[0].model_copy(update={"label": HOSTILE, "note": HOSTILE, "metric": HOSTILE})
    column = table.columns[0].model_copy(update={"label": HOSTILE, "checkpoint": HOSTILE})
    evil = table.model_copy(
        update={
            "title": HOSTILE,
            "note": HOSTILE,
            "source": HOSTILE,
            "rows": (row, *table.rows[1:]),
            "columns": (column, *table.columns[1:]),
        }
    )
    hostile = publication.model_copy(update={"tables": (evil,), "title": HOSTILE})

    page = rendered(hostile, form)

    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    if form == "md":
        assert not re.search(r"[^\\]\]\(", page)
        assert all(len(line.split("|")) in (1, 6) for line in page.splitlines())


def test_the_published_tables_are_all_there() -> None:
    card, _ = read_reported(EXAMPLE / "reported.yaml")
    paper, _ = read_reported(EXAMPLE / "alignment-paper.yaml")
    tables = {table.id: table for table in card.tables}

    assert {f"T{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 11, 14, 15, 16, 17)} <= set(tables)
    assert {"T18-explicit", "T18-implicit", "arena", "swebench", "changemyview"} <= set(tables)
    assert len(list(cells(tables["T14"]))) == 14 * 4
    assert len(list(cells(paper.tables[0]))) == 9 * 4
    assert all(table.source for table in (*card.tables, *paper.tables))
