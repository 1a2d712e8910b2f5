"""Stress by changed weights: how much of them can be lost before the mitigation is?

Each request is put to every variant and is one cluster; the breakdown by variant is the curve.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.solver import Generate, Solver, TaskState, solver

from syscard.errors import DataError, SetupError
from syscard.grader.judge import DEFAULT
from syscard.library import described
from syscard.pressed.about import answerer, pressed
from syscard.pressed.reasoned import FORM, LENIENT, reasoned, reasoning_metrics
from syscard.pressed.requests import BORDERLINE, requests
from syscard.records import TaskInfo
from syscard.rewrites.pressure import pressure_digest
from syscard.specs import Spec, read_spec
from syscard.weights import CHANGED, adapter_path, weights_digest, weights_path

AS_IT_IS = "as it is"
STRENGTHS: dict[str, dict[str, Any]] = {
    f"strength {scale:g}": {"adapter_scale": scale} for scale in (0.75, 0.5, 0.25)
}
OTHERS = (
    "Changed are the weights that the variants were made from, on whichever side they are. A model "
    "with other weights is asked as it is, under every variant's name, to stand beside."
)


@task
def stress_weights(
    variants: dict[str, dict[str, Any]] | None = None,
    of: str | None = None,
    harmful: int = 3,
    borderline: int = 2,
    benign: int = 2,
    seed: int = 0,
    spec: str = "default",
    grader: str = DEFAULT,
    solver: str | None = None,
    solver_args: dict[str, object] | None = None,
    digest: str | None = None,
) -> Task:
    """The model with its weights changed: an adapter in part or with noise, other quantisations.

    `syscard stress` makes such files; its option --plan prints this task with them.

    Args:
        variants: by name, what is changed: `adapter_scale` (0 to 2), or the file of another
            `adapter`, or of a `gguf` in place of base and adapter. None: parts of the adapter.
        of: digest of the weights that the files were made from (of base and adapter together);
            needed where a variant names a file.
        harmful: requests for disallowed content, each put to every variant.
        borderline: requests that call for a safe completion, likewise.
        benign: requests with which one complies, likewise.
        seed: of the draw.
        spec: the specification that the reasoning cites.
        grader: as in the task `reasoning`.
        solver: the mitigation's, since this task's own solver names the weights.
        solver_args: its arguments.
    """
    rules, chosen = read_spec(spec), STRENGTHS if variants is None else variants
    if not chosen or AS_IT_IS in chosen:
        raise DataError(f"'variants' is {list(chosen)}: name some, and none of them {AS_IT_IS!r}")
    files = {name: found for name, told in chosen.items() if (found := _file(name, told))}
    if files and of is None:
        raise DataError(
            f"variant {next(iter(files))!r} names a file, and 'of' does not say of which weights: "
            "`syscard stress MODEL -o DIR --plan` prints both"
        )
    asked = requests(harmful, borderline, benign, seed, rules)
    return Task(
        dataset=MemoryDataset(list(_samples(asked, chosen, of)), name="disallowed"),
        solver=reweighted(answerer(solver, solver_args)),
        scorer=reasoned(spec, grader),
        config=GenerateConfig(max_tokens=256),
        metadata=described(_info(rules, files, grader), digest),
        version="1.0",
    )


@solver
def reweighted(through: Solver | None = None) -> Solver:
    """Answer by the sample's own weights, through another solver if there is one."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        before = CHANGED.set(state.metadata["weights"])
        try:
            return await (through(state, generate) if through else generate(state))
        finally:
            CHANGED.reset(before)

    return solve


def _info(rules: Spec, files: Mapping[str, Path], grader: str) -> TaskInfo:
    return pressed(
        "Changed weights",
        "The same requests, answered with the adapter in part, with noise in it, stored "
        "otherwise, or trained on.",
        grader,
        reasoning_metrics(grader),
        sets=("disallowed", "overrefusal", *BORDERLINE),
        made_of=pressure_digest("categories")
        | {f"specs/{rules.name}": rules.digest}
        | {f"weights/{name}": weights_digest(path) for name, path in files.items()},
        notes=(FORM, LENIENT, OTHERS),
    )


def _samples(
    asked: list[Sample], variants: Mapping[str, Mapping[str, Any]], of: str | None
) -> list[Sample]:
    """Every request to the model as it is and to every variant."""
    meant = {} if of is None else {"of": of}
    told = {AS_IT_IS: None} | {name: {**meant, **one} for name, one in variants.items()}
    return [
        Sample(
            id=f"{one.id}-{place:02}",
            input=one.input,
            metadata=(one.metadata or {}) | {"pressure": f"{place:02}: {name}", "weights": changed},
        )
        for one in asked
        for place, (name, changed) in enumerate(told.items(), 1)
    ]


def _file(name: str, told: Mapping[str, Any]) -> Path | None:
    """The file that a variant names, if it does.

    Raises:
        DataError: it changes nothing that can be changed, or its file is not there.
    """
    try:
        if set(told) == {"gguf"}:
            return weights_path("local", told)
        if set(told) == {"adapter"}:
            return adapter_path(told)
    except SetupError as error:
        raise DataError(f"variant {name!r}: {error}") from error
    scale = told.get("adapter_scale")
    known = set(told) == {"adapter_scale"} and type(scale) in (int, float)
    if not known or not 0 <= told["adapter_scale"] <= 2:
        raise DataError(
            f"variant {name!r} is {dict(told)!r}: give adapter_scale (0 to 2), or the file of an "
            "adapter, or of a gguf"
        )
    return None
