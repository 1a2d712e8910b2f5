"""An ablation, made: each arm trained where it is not yet, exported, and run on the plan's tasks.

One command that can be killed at any moment: what has an adapter is not trained again, and what
has a log is not run again.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from syscard.ablation import ArmRun, Train, Where
from syscard.align.export import export
from syscard.align.rl import RlOptions, rl
from syscard.align.sft import SftOptions, sft
from syscard.errors import DataError
from syscard.examples import Example, packaged_examples, read_examples
from syscard.jobs import jobs
from syscard.library import plan_lines
from syscard.records import Mitigation, Plan
from syscard.run import Options, run
from syscard.tuning.recipe import read_options

Talk = Callable[[str], None]
TRAINED = "trained"


def ablate(where: Where, talk: Talk, only: Sequence[str] = ()) -> None:
    """Make what is missing of the base and of every arm, or of those whose name holds `only`.

    Raises:
        SyscardError: an arm cannot be trained or run; what was made is kept.
    """
    plan = where.plan
    for one in where.ablation.runs:
        _options(where, one)  # a mistake is told before anything is run
    _run(where, plan, "pre", where.logs(), talk)
    for one in where.ablation.runs:
        if only and not any(part in one.folder for part in only):
            continue
        if one.arm.train is not None and not where.adapter(one).exists():
            talk(f"{one.folder}: training")
            _train(where, one, talk)
        talk(f"{one.folder}: evaluating")
        _run(where, where.plan_of(one), "post", where.logs(one), talk)


def missing(where: Where) -> list[str]:
    """The arms, each with its seed, that have not been run to the end."""
    every = (None, *where.ablation.runs)
    return [one.folder if one else "base" for one in every if not where.done(one)]


def _run(where: Where, plan: Plan, mitigation: Mitigation, folder: Path, talk: Talk) -> None:
    every = jobs(plan, plan_lines(where.plan_file))
    chosen = [job for job in every if job.mitigation == mitigation]
    run(plan, chosen, Options(folder, where.max_connections), talk, chosen)


def _train(where: Where, one: ArmRun, talk: Talk) -> None:
    train = one.arm.train
    assert train is not None
    trained = where.folder / one.folder / TRAINED
    base, examples = where.plan.pre.model, examples_of(train)
    options = _options(where, one)
    if isinstance(options, SftOptions):
        sft(base, examples, trained, options, talk, spec=where.ablation.spec)
    elif options is not None:
        start = None
        if train.start is not None:
            start = where.folder / f"{train.start}-{one.seed}" / TRAINED
        rl(base, examples, trained, options, talk, start=start, spec=where.ablation.spec)
    export(trained, where.adapter(one))


def _options(where: Where, one: ArmRun) -> SftOptions | RlOptions | None:
    """How an arm is trained: its stage's options, its own over them; None where nothing is."""
    train = one.arm.train
    if train is None:
        return None
    told = {**where.ablation.options.get(train.stage, {}), **train.options, "seed": one.seed}
    kind: type[SftOptions | RlOptions] = SftOptions if train.stage == "sft" else RlOptions
    return read_options(kind, told, f"arm {one.arm.name!r}")


def examples_of(train: Train) -> list[Example]:
    """What an arm is trained on.

    Raises:
        DataError: what it leaves out is nowhere in the data, or is all of it.
    """
    found = packaged_examples() if train.data is None else read_examples(Path(train.data))
    known = {name for one in found for name in (one.category, one.technique)} - {""}
    unknown = [name for name in train.leave_out if name not in known]
    if unknown:
        raise DataError(
            f"No example is of {unknown[0]!r}, so it cannot be left out. There are "
            f"{', '.join(sorted(known))}."
        )
    left = [one for one in found if not {one.category, one.technique} & set(train.leave_out)]
    if not left:
        raise DataError(f"Without {', '.join(train.leave_out)} no example is left.")
    return left
