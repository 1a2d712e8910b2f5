"""Write docs/cli.md from the commands' own help.

python docs/make_cli.py
"""

from pathlib import Path

import click
from click.testing import CliRunner

from syscard.cli import main

HEAD = "# Commands\n\nWritten from `--help` by `python docs/make_cli.py`; a test compares them.\n"


def pages(command: click.Command, words: tuple[str, ...]) -> list[str]:
    """The help of a command and of those below it."""
    text = CliRunner().invoke(main, [*words[1:], "--help"], prog_name="syscard").output
    found = [f"\n## {' '.join(words)}\n\n```\n{text.rstrip()}\n```\n"]
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            found += pages(command.commands[name], (*words, name))
    return found


def render() -> str:
    """The whole page."""
    return HEAD + "".join(pages(main, ("syscard",)))


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(render())
