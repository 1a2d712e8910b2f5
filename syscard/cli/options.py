"""What the commands share: how an error is said, and the options that several take."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from syscard.errors import SyscardError

FILE = click.Path(path_type=Path)
MEASUREMENTS, RATING = Path("measurements.json"), Path("rating.json")


class Command(click.Command):
    """A command whose help ends with the line of its docstring that begins with "Example:"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        text, found, example = (kwargs.get("help") or "").rpartition("Example:")
        if found:
            kwargs |= {"help": text, "epilog": f"Example: {example.strip()}"}
        super().__init__(*args, **kwargs)


class Commands(Command, click.Group):
    """Turns what a reader can mend into one line and an exit code."""

    command_class = Command
    group_class = type

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SyscardError as error:
            from syscard.assess.card.text import visible

            click.echo(f"Error: {visible(' '.join(str(error).split()))}", err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)


def talk(line: str) -> None:
    """Say something to the person, not to the pipe."""
    click.echo(line, err=True)


plan_option = click.option(
    "--plan", "plan_file", type=FILE, default=Path("plan.yaml"), show_default=True,
    help="The plan that the evidence is for.",
)  # fmt: skip
force_option = click.option("--force", is_flag=True, help="Write over what is there.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the record on stdout.")


def number(ctx: click.Context, option: click.Parameter, value: float) -> float:
    """A number that is one: a range lets "nan" through."""
    if value != value:
        raise click.BadParameter("it is not a number", ctx, option)
    return value


def date_of(stated: str | None) -> str:
    """The clock's word, or the one that was given."""
    if stated is None:
        return datetime.now(UTC).isoformat(timespec="seconds")
    try:
        moment = datetime.fromisoformat(stated)
    except ValueError as error:
        raise click.UsageError(f"--date is an ISO 8601 date, not {stated!r}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
