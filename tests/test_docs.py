"""What the documents say is what the code does."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_the_page_of_commands_is_what_help_says() -> None:
    source = ROOT / "docs" / "make_cli.py"
    spec = importlib.util.spec_from_file_location("make_cli", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    assert (ROOT / "docs" / "cli.md").read_text() == module.render()


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
def test_every_file_that_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_map_in_the_readme_names_what_is_there() -> None:
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"^  (\w+\.py|\w+/)", text, flags=re.MULTILINE))
    rooms = {p.name + ("/" if p.is_dir() else "") for p in (ROOT / "syscard").iterdir()}
    rooms -= {"__init__.py", "__pycache__/", "py.typed", "web/"}

    assert named == rooms
