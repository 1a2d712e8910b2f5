"""One training run of any of TRL's trainers: resumed, watched, and stopped before it loses work."""

import ctypes
import functools
import math
import shutil
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syscard.errors import SetupError
from syscard.files import digest_file
from syscard.tuning.base import need
from syscard.tuning.record import ADAPTER

CHECKPOINTS = "checkpoints"
KEPT = 2  # checkpoints: one may be half written when the power goes
TRIALS = 3
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # of glibc's mallopt


@dataclass(frozen=True)
class Fitted:
    """What a run took and gave. Only the first of several processes writes it down."""

    first: bool
    seconds: float
    steps: int
    loss: tuple[tuple[int, float], ...]
    logged: tuple[dict[str, Any], ...]
    held_out_loss: float | None


def fit(trainer: Any, tokenizer: Any, out: Path, smaller: str, within: Any = nullcontext) -> Fitted:
    """Train to the end, from the last checkpoint where there is one, and save into `out`.

    Args:
        trainer: one of TRL's.
        tokenizer: is saved beside what was trained.
        out: the folder.
        smaller: what was asked for, and what to try where memory does not suffice.
        within: gives the context to train in.

    Raises:
        SetupError: the loss became no number (the last good checkpoint is kept), or memory ran
            out (the message says which batch and length to try).
    """
    folder = out / CHECKPOINTS
    _keep_memory()
    watch = _watch()
    trainer.add_callback(watch)
    try:
        with within():
            trainer.train(resume_from_checkpoint=_last(folder))
    except (RuntimeError, MemoryError) as error:
        raise _memory(error, smaller) from error
    if watch.bad is not None:
        kept = _last(folder)
        raise SetupError(
            f"the loss became {watch.bad} at step {trainer.state.global_step}: lower "
            f"--learning-rate, in a folder of its own (-o); {kept or 'no checkpoint'} is the last "
            "good one"
        )
    held = trainer.evaluate() if trainer.eval_dataset is not None else {}
    first = bool(trainer.is_world_process_zero())
    if first:
        trainer.accelerator.unwrap_model(trainer.model).save_pretrained(out)
        tokenizer.save_pretrained(out)
        shutil.rmtree(folder, ignore_errors=True)
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    return Fitted(
        first=first,
        seconds=round(float(logged[-1].get("elapsed", 0.0)), 1) if logged else 0.0,
        steps=int(trainer.state.global_step),
        loss=tuple((int(entry["step"]), round(float(entry["loss"]), 4)) for entry in logged),
        logged=tuple(logged),
        held_out_loss=round(float(held["eval_loss"]), 4) if "eval_loss" in held else None,
    )


def arguments(out: Path, **more: Any) -> dict[str, Any]:
    """What all stages ask of the trainer: no reports to anybody, one line a step, checkpoints."""
    torch = need("torch")
    return {
        "output_dir": str(out / CHECKPOINTS),
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # a loss that is no number must be seen
        "save_strategy": "steps",
        "save_total_limit": KEPT,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": fast_bfloat16(),
        "dataloader_pin_memory": False,
        **more,
    }


def lora(rank: int, alpha: int) -> Any:
    """Low-rank adaptation of every linear layer but the output's (Hu et al. 2021)."""
    return need("peft").LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def lean(model: Any) -> Any:
    """The frozen base of an adapter as a processor computes it fastest; on other devices as it is.

    Weights in bfloat16 need not be cast again for every batch, and plain attention beats the fused
    one at lengths of some hundred tokens.
    """
    torch = need("torch")
    if not torch.cuda.is_available() and fast_bfloat16():
        model = model.to(torch.bfloat16)
        model.set_attn_implementation("eager")
    return model


def uncast(model: Any) -> Any:
    """A context in which an adapter's input keeps its type, and is not cast there and back.

    Only for work that is wholly under autocast: what generates beside it would meet two types.
    """
    from peft.helpers import disable_input_dtype_casting

    return disable_input_dtype_casting(model) if hasattr(model, "peft_config") else nullcontext()


def _keep_memory() -> None:
    """Have glibc keep what a batch frees for the next one, instead of giving it back each time.

    Pages that come fresh from the system cost a small model on a processor some of its time; what
    all of this gains together, benchmarks/align.py --training shows. Other systems' libraries go
    unasked.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is not None and hasattr(library, "mallopt"):
        for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 2**28)):
            library.mallopt(option, value)


@functools.cache  # measured once: all parts of a run must go by one answer
def fast_bfloat16() -> bool:
    """Whether products in bfloat16 are worth it here: a processor without them is slower so."""
    torch = need("torch")
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    matrix = torch.ones(768, 768)
    full = _seconds(lambda: matrix @ matrix)
    half_matrix = matrix.bfloat16()
    return _seconds(lambda: half_matrix @ half_matrix) < 0.7 * full


def adapter_digest(out: Path) -> str | None:
    """SHA-256 of the adapter in a folder; None where a whole model was trained."""
    path = out / ADAPTER
    return digest_file(path) if path.exists() else None


def _seconds(work: Any) -> float:
    best = math.inf
    for _ in range(TRIALS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def _last(folder: Path) -> str | None:
    """The last checkpoint that was written to its end: its state is what is written last."""
    whole = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None


def _memory(error: BaseException, smaller: str) -> BaseException:
    said = str(error).lower()
    if not isinstance(error, MemoryError) and not any(
        sign in said for sign in ("out of memory", "can't allocate memory", "not enough memory")
    ):
        return error
    return SetupError(
        f"out of memory at {smaller}, in a folder of its own (-o), since that is another run; "
        "what was saved here is kept"
    )


def _watch() -> Any:
    """A callback that keeps the time over resumptions and stops at a loss that is no number."""
    transformers = need("transformers")

    class Watch(transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.bad: float | None = None
            self._before = 0.0
            self._start = time.monotonic()

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            times = [entry["elapsed"] for entry in state.log_history if "elapsed" in entry]
            self._before = times[-1] if times else 0.0
            self._start = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            entry = state.log_history[-1]
            entry["elapsed"] = round(self._before + time.monotonic() - self._start, 2)
            for name in ("loss", "grad_norm"):
                if name in entry and not math.isfinite(entry[name]):
                    self.bad = entry[name]
                    control.should_training_stop = True
                    control.should_save = False

    return Watch()
