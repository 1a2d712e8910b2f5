"""Serve models where an application expects OpenAI's."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syscard.cli.options import FILE, Command, number, talk

if TYPE_CHECKING:
    from syscard.serve.answer import Deliberation, Served

COUNT = click.IntRange(min=1)


@click.command(cls=Command)
@click.option(
    "--model", "models", multiple=True, required=True, metavar="NAME=INSPECT_MODEL",
    help="A model, under the name that applications ask for; repeatable.",
)  # fmt: skip
@click.option("--bare", multiple=True, metavar="NAME", help="Serve this one without deliberation.")
@click.option(
    "-M", "model_args", multiple=True, metavar="[NAME.]KEY=VALUE",
    help="An argument of one model, or of all; base_url among them.",
)  # fmt: skip
@click.option("--spec", default="default", show_default=True, help="The specification: name, path.")
@click.option("--spec-tokens", type=COUNT, default=1500, show_default=True, help="Of it, at most.")
@click.option("--reasoning-tokens", type=COUNT, default=256, show_default=True)
@click.option("--router", type=click.Choice(["cues", "model"]), default="cues", show_default=True)
@click.option("--second-look/--no-second-look", default=True, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--keys-file", type=FILE, help="Who may ask: one key a line.")
@click.option("--max-connections", type=COUNT, default=8, show_default=True, help="Run at once.")
@click.option("--max-waiting", type=click.IntRange(min=0), default=32, show_default=True)
@click.option("--max-tokens", type=COUNT, default=1024, show_default=True, help="Of an answer.")
@click.option("--max-request-bytes", type=COUNT, default=1_000_000, show_default=True)
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=120, show_default=True,
    callback=number, help="Seconds for a request, waiting included.",
)  # fmt: skip
@click.option("--log-dir", type=FILE, default=Path("logs/serve"), show_default=True)
@click.option("--log-requests", is_flag=True, help="Log conversations and answers as well.")
def serve(**options: Any) -> None:
    """Put deliberation in front of a model, behind OpenAI's chat completions.

    Stops on SIGTERM when what runs has ended, and prints what it all cost.

    Example: syscard serve --model safe=syscard/smollm2 --model plain=syscard/smollm2 --bare plain
    """
    from syscard.errors import IncompleteError, SetupError

    names = _named(options)
    try:
        from syscard.serve.server import serve as run
    except ImportError as error:
        raise SetupError(f"{error.name} is missing: pip install 'syscard[web]'.") from error

    table, ended = run(_served(names, options), _settings(options), talk)
    click.echo(table)
    if not ended:
        raise IncompleteError("Stopped by a second signal, before every request had ended.")


def _named(options: dict[str, Any]) -> dict[str, str]:
    """The models by their names, in order."""
    names: dict[str, str] = {}
    for item in options["models"]:
        name, sign, model = item.partition("=")
        if not name or not sign or not model:
            raise click.UsageError(f"--model stands NAME=INSPECT_MODEL, not {item!r}")
        if name in names:
            raise click.UsageError(f"--model names {name!r} twice")
        names[name] = model
    for name in options["bare"]:
        if name not in names:
            raise click.UsageError(f"--bare names {name!r}; there are: {', '.join(names)}")
    return names


def _served(names: dict[str, str], options: dict[str, Any]) -> "list[Served]":
    """Every model, made; two of one model's weights share them."""
    from inspect_ai.model import GenerateConfig

    from syscard.grader.asking import named_model
    from syscard.serve.answer import Served

    how = _deliberation(options)
    config = GenerateConfig(max_connections=options["max_connections"], max_retries=2)
    found = []
    for name, inspect_name in names.items():
        args = _args(name, names, options["model_args"])
        base_url = args.pop("base_url", None)
        model = named_model(inspect_name, config=config, base_url=base_url, **args)
        found.append(Served(name, model, None if name in options["bare"] else how))
    return found


def _deliberation(options: dict[str, Any]) -> "Deliberation":
    from syscard.deliberation import Options, check_fits
    from syscard.serve.answer import Deliberation
    from syscard.specs import read_spec

    spec = read_spec(options["spec"])
    how = Options(
        reasoning_tokens=options["reasoning_tokens"],
        router=options["router"],
        second_look=options["second_look"],
        spec_tokens=options["spec_tokens"],
        temperature=0.0,  # what the reasoning concludes is no matter of the client's temperature
    )
    check_fits(spec, how)
    return Deliberation(spec, how)


def _args(name: str, names: dict[str, str], items: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of one model: those of all, and its own."""
    import yaml

    found: dict[str, Any] = {}
    for item in items:
        key, sign, value = item.partition("=")
        whose = next((n for n in sorted(names, key=len)[::-1] if key.startswith(f"{n}.")), None)
        key = key if whose is None else key.removeprefix(f"{whose}.")
        if not sign or not key.isidentifier():
            raise click.UsageError(f"-M stands [NAME.]KEY=VALUE, not {item!r}")
        if whose in (None, name):
            found[key] = yaml.safe_load(value)
    return found


def _settings(options: dict[str, Any]) -> Any:
    from syscard.serve.app import Limits
    from syscard.serve.keys import read_keys
    from syscard.serve.server import Settings

    file = options["keys_file"]
    return Settings(
        host=options["host"],
        port=options["port"],
        keys=None if file is None else read_keys(file),
        max_connections=options["max_connections"],
        max_waiting=options["max_waiting"],
        log_dir=options["log_dir"],
        limits=Limits(
            max_tokens=options["max_tokens"],
            max_request_bytes=options["max_request_bytes"],
            timeout=options["timeout"],
            log_requests=options["log_requests"],
        ),
    )
