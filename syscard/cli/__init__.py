"""The commands: each reads files, calls one function, and writes files.

Standard output is data, standard error is talk. Heavy imports stand inside the command that
needs them, so that `--help` answers at once.
"""

import click

from syscard import __version__
from syscard.cli import (
    ablating,  # noqa: F401  # its commands, and those of training, join the group of aligning
    aligning,
    cards,
    diffs,
    frameworks,
    graders,
    ledgers,
    levels,
    lints,
    people,
    plans,
    runs,
    serving,
    sets,
    specs,
    status,
    stressing,
    training,  # noqa: F401
)
from syscard.cli.options import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """From a language model to a system card whose every number can be recomputed.

    \b
    plan -> run -> measure -> rate -> gate -> card

    \b
    Exit codes: 0 yes, 1 error, 2 usage, 3 no, 4 inconclusive, 5 awaits signatures,
    6 integrity broken, 7 run incomplete.

    Example: syscard init openai/gpt-4o-mini
    """


for command in (
    plans.init, plans.plan, frameworks.framework, runs.run,
    levels.measure, levels.rate, levels.gate, cards.card, cards.show, cards.verify, diffs.diff,
    ledgers.key, ledgers.ledger, people.advise, people.approve, people.attest, people.revoke,
    status.status, status.trigger, status.watch, lints.lint, sets.sets,
    graders.validate_grader, specs.spec, aligning.align,
    serving.serve, stressing.stress,
):  # fmt: skip
    main.add_command(command)
