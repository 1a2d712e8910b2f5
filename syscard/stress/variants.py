"""The weights' variants of a local model: how much can be lost before the mitigation is?

Each is a file beside the logs, made once; the folder bears the digest of what it was made from.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syscard.adapters import check_base, read_adapter
from syscard.stress.continued import Continue
from syscard.tuning.tensors import merged, noised, stored_as
from syscard.weights import adapter_path, model_digest, weights_digest, weights_path

NOISE = (0.05, 0.1, 0.2)
STRENGTHS = (0.75, 0.5, 0.25, 0.0)
ADAPTER_KINDS = ("F32", "Q8_0")
MODEL_KINDS = ("Q8_0", "Q4_1", "Q4_0")
STEPS = (5, 10, 20, 40)
FAMILIES = ("noise", "strength", "storage", "fine-tuning")
ADAPTED = ("adapter", "adapter_scale", "digest")
Args = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """The model that is put under stress, as Inspect is told of it."""

    model: str
    args: Mapping[str, Any]
    base_url: str | None = None
    solver: str | None = None
    solver_args: Mapping[str, Any] | None = None

    @property
    def base(self) -> Path | None:
        """The weights' file; None for a model that runs elsewhere."""
        if not self.model.startswith("syscard/"):
            return None
        return weights_path(self.model, self.args)

    @property
    def adapter(self) -> Path | None:
        """The adapter's file, None without one.

        Raises:
            SetupError: there is no such file, it is no adapter, or one of another base.
        """
        path, base = adapter_path(self.args), self.base
        if path is not None and base is not None:
            check_base(read_adapter(path), weights_digest(base), self.model)
        return path

    @property
    def strength(self) -> float:
        """How much of the adapter is used as it is."""
        return float(self.args.get("adapter_scale", 1.0))

    @property
    def digest(self) -> str | None:
        """What the model answers by, adapter and all, where it can be seen."""
        return None if self.base is None else model_digest(self.model, self.args)

    @property
    def bare(self) -> Args:
        """The arguments without the adapter's."""
        return {key: value for key, value in self.args.items() if key not in ADAPTED}


@dataclass(frozen=True)
class Variant:
    """Weights that are not quite those that were trained; `build` makes the file and names it."""

    name: str
    what: str
    kind: str
    dose: float | None
    build: Callable[[], tuple[str, Args]]  # the model's name and arguments


@dataclass(frozen=True)
class Wanted:
    """Which variants: some of `FAMILIES`, with the seed of the noise and how tuning goes on."""

    families: Sequence[str] = FAMILIES
    seed: int = 0
    steps: Sequence[int] = STEPS
    tuning: Continue | None = None  # None: no trainer, or no harmless data


def variants(subject: Subject, folder: Path, wanted: Wanted) -> Iterator[Variant]:
    """Every variant that the model allows. What it does not, `missing` says."""
    base, adapter = subject.base, subject.adapter
    if base is None:
        return
    made = folder / (subject.digest or "")[:12]
    if adapter is not None:
        yield from _noise(subject, adapter, made, wanted)
        yield from _strength(subject, wanted)
    yield from _storage(subject, base, adapter, made, wanted)
    if adapter is not None and wanted.tuning is not None and "fine-tuning" in wanted.families:
        yield from _tuned(subject, made, wanted)


def missing(subject: Subject, wanted: Wanted) -> dict[str, str]:
    """Families that were wanted and cannot be run, and why."""
    if subject.base is None:
        why = "the weights of this model are not on this machine"
        return dict.fromkeys(wanted.families, why)
    without = "it changes an adapter, and none was given with -M adapter=PATH"
    found = {}
    if subject.adapter is None:
        found = {name: without for name in wanted.families if name != "storage"}
    elif "fine-tuning" in wanted.families and wanted.tuning is None:
        found["fine-tuning"] = (
            "it needs the folder of the training and harmless data: --tuned and --harmless"
        )
    return found


def _noise(subject: Subject, adapter: Path, made: Path, wanted: Wanted) -> Iterator[Variant]:
    for share in NOISE if "noise" in wanted.families else ():
        name = f"noise {100 * share:g}%"
        yield Variant(
            name,
            f"The adapter with gaussian noise of {100 * share:g}% of each tensor's deviation.",
            "noise",
            share,
            _adapted(
                subject,
                made,
                f"noise-{share:g}-{wanted.seed}",
                _noising(adapter, share, wanted.seed),
            ),
        )


def _noising(adapter: Path, share: float, seed: int) -> Callable[[Path], Path]:
    return lambda out: noised(adapter, out, share, seed)


def _strength(subject: Subject, wanted: Wanted) -> Iterator[Variant]:
    for factor in STRENGTHS if "strength" in wanted.families else ():
        what = f"The adapter at {factor:g} of its strength." if factor else "The base without it."
        args = {**subject.args, "adapter_scale": factor * subject.strength}
        yield Variant(f"strength {factor:g}", what, "strength", factor, _as_is(subject.model, args))


def _as_is(model: str, args: Args) -> Callable[[], tuple[str, Args]]:
    return lambda: (model, args)


def _storage(
    subject: Subject, base: Path, adapter: Path | None, made: Path, wanted: Wanted
) -> Iterator[Variant]:
    if "storage" not in wanted.families:
        return
    for kind in ADAPTER_KINDS if adapter is not None else ():
        yield Variant(
            f"adapter {kind}",
            f"The adapter stored as {kind}.",
            "storage",
            None,
            _adapted(subject, made, f"adapter-{kind}", _storing(adapter, kind)),
        )
    for kind in MODEL_KINDS:
        what = "Base and adapter in one file, " if adapter is not None else "The model, "
        yield Variant(
            f"merged {kind}" if adapter is not None else f"model {kind}",
            f"{what}every matrix but the embeddings stored as {kind}.",
            "storage",
            None,
            _whole(subject, base, adapter, made / f"merged-{kind}.gguf", kind),
        )


def _storing(adapter: Path | None, kind: str) -> Callable[[Path], Path]:
    assert adapter is not None
    return lambda out: stored_as(adapter, out, kind)


def _tuned(subject: Subject, made: Path, wanted: Wanted) -> Iterator[Variant]:
    files = {steps: made / f"tuned-{steps}.gguf" for steps in wanted.steps}
    for steps in wanted.steps:
        yield Variant(
            f"{steps} more steps",
            f"The adapter trained for {steps} more steps on harmless requests and answers.",
            "fine-tuning",
            float(steps),
            _adapted(subject, made, f"tuned-{steps}", _going_on(wanted, files)),
        )


def _going_on(wanted: Wanted, files: Mapping[int, Path]) -> Callable[[Path], Path]:
    """One training for all of its steps, whichever file is missing."""

    def make(out: Path) -> Path:
        assert wanted.tuning is not None
        out.parent.mkdir(parents=True, exist_ok=True)
        wanted.tuning(files)
        return out

    return make


def _adapted(
    subject: Subject, made: Path, name: str, make: Callable[[Path], Path]
) -> Callable[[], tuple[str, Args]]:
    """The same model with another adapter, made where it is not there yet."""

    def build() -> tuple[str, Args]:
        out = made / f"{name}.gguf"
        path = out if out.exists() else make(out)
        return subject.model, {**subject.args, "adapter": str(path)}

    return build


def _whole(
    subject: Subject, base: Path, adapter: Path | None, out: Path, kind: str
) -> Callable[[], tuple[str, Args]]:
    """A file of its own, without an adapter beside it."""

    def build() -> tuple[str, Args]:
        path = out if out.exists() else merged(base, adapter, out, kind, subject.strength)
        return "syscard/local", {**subject.bare, "gguf": str(path)}

    return build
