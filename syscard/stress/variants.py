"""The weights' variants of a local model: how much can be lost before the mitigation is?

Each is a file beside the logs, made once; the folder bears the digest of what it was made from.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
    """Weights that are not quite those that were trained, as the task `stress_weights` is told."""

    name: str
    what: str
    changed: Args  # adapter_scale, or the file of an adapter or a gguf
    make: Callable[[], object] | None = None  # writes that file

    @property
    def file(self) -> Path | None:
        """The file that it names."""
        name = self.changed.get("adapter") or self.changed.get("gguf")
        return None if name is None else Path(name)

    @property
    def made(self) -> bool:
        """Whether the file is there, if it needs one."""
        return self.file is None or self.file.exists()

    def build(self) -> None:
        """Make the file, where it is not there yet.

        Raises:
            DataError: what it is made from cannot be changed so.
            SetupError: the same.
        """
        if not self.made and self.make is not None:
            assert self.file is not None
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.make()


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
        yield from _noise(adapter, made, wanted)
        yield from _strength(subject, wanted)
    yield from _storage(subject, base, adapter, made, wanted)
    if adapter is not None and wanted.tuning is not None and "fine-tuning" in wanted.families:
        yield from _tuned(made, wanted)


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


def _noise(adapter: Path, made: Path, wanted: Wanted) -> Iterator[Variant]:
    for share in NOISE if "noise" in wanted.families else ():
        out = made / f"noise-{share:g}-{wanted.seed}.gguf"
        yield Variant(
            f"noise {100 * share:g}%",
            f"The adapter with gaussian noise of {100 * share:g}% of each tensor's deviation.",
            {"adapter": str(out)},
            partial(noised, adapter, out, share, wanted.seed),
        )


def _strength(subject: Subject, wanted: Wanted) -> Iterator[Variant]:
    for factor in STRENGTHS if "strength" in wanted.families else ():
        what = f"The adapter at {factor:g} of its strength." if factor else "The base without it."
        yield Variant(f"strength {factor:g}", what, {"adapter_scale": factor * subject.strength})


def _storage(
    subject: Subject, base: Path, adapter: Path | None, made: Path, wanted: Wanted
) -> Iterator[Variant]:
    if "storage" not in wanted.families:
        return
    if adapter is not None:
        for kind in ADAPTER_KINDS:
            out = made / f"adapter-{kind}.gguf"
            told = {"adapter": str(out)}
            yield Variant(
                f"adapter {kind}",
                f"The adapter stored as {kind}.",
                told,
                partial(stored_as, adapter, out, kind),
            )
    whole, what = ("model", "The model, ") if adapter is None else (
        "merged", "Base and adapter in one file, "
    )  # fmt: skip
    for kind in MODEL_KINDS:
        out = made / f"merged-{kind}.gguf"
        yield Variant(
            f"{whole} {kind}",
            f"{what}every matrix but the embeddings stored as {kind}.",
            {"gguf": str(out)},
            partial(merged, base, adapter, out, kind, subject.strength),
        )


def _tuned(made: Path, wanted: Wanted) -> Iterator[Variant]:
    """One training for all of its steps, whichever file is missing."""
    assert wanted.tuning is not None
    files = {steps: made / f"tuned-{steps}.gguf" for steps in wanted.steps}
    for steps, out in files.items():
        yield Variant(
            f"{steps} more steps",
            f"The adapter trained for {steps} more steps on harmless requests and answers.",
            {"adapter": str(out)},
            partial(wanted.tuning, files),
        )
