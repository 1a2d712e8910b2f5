"""From a trained adapter to what can be evaluated and served: GGUF, merged GGUF, merged folder."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from syscard.errors import SetupError
from syscard.files import check_free
from syscard.tuning.base import Base, find_base, load_base, need, save_folder
from syscard.tuning.gguf import shape_of, write_adapter
from syscard.tuning.record import ADAPTER, TrainingRecord, check_base, read_training, write_training
from syscard.tuning.tensors import merged

Form = Literal["adapter", "gguf", "folder"]


def export(folder: Path, out: Path, form: Form = "adapter", *, base: str | None = None,
           force: bool = False) -> Path:  # fmt: skip
    """Write a trained adapter in another form; what stands at `out` is written whole or not at all.

    Args:
        folder: what a stage of training left.
        out: the file (`adapter`, `gguf`) or the folder to write.
        form: `adapter`, a low-rank GGUF upon the base; `gguf`, the base's GGUF with the adapter
            merged in; `folder`, a merged Hugging Face model folder.
        base: where the base lies now, if not where it was trained.
        force: write over what is there.

    Raises:
        DataError: the folder is no finished training's, or was altered.
        SetupError: the base is another one, is of an architecture unknown here, or `out` exists.
    """
    check_free(out, force)
    record = read_training(folder)
    if record.adapter_digest is None:
        raise SetupError(f"{folder} is a whole model already: it needs no export to a folder")
    found = find_base(base or record.base)
    check_base(record, found, folder)
    _WRITERS[form](folder, found, record, out)
    return out


def _adapter(folder: Path, base: Base, record: TrainingRecord, out: Path) -> None:
    tensors, config = _tensors(folder), _config(folder)
    about = record.model_dump(mode="json") | {"loss": []}
    with _whole(out) as path:
        write_adapter(path, tensors, shape_of(_model_config(base)), config["lora_alpha"], about)


def _gguf(folder: Path, base: Base, record: TrainingRecord, out: Path) -> None:
    if not base.is_gguf:
        raise SetupError(
            f"{base.name} is a folder, not a GGUF file: export a merged folder "
            "(--form folder), and convert that with llama.cpp's convert_hf_to_gguf.py"
        )
    with tempfile.TemporaryDirectory() as beside:
        adapter = Path(beside) / "adapter.gguf"
        _adapter(folder, base, record, adapter)
        merged(base.path, adapter, out)


def _folder(folder: Path, base: Base, record: TrainingRecord, out: Path) -> None:
    model, tokenizer = load_base(base)
    whole = need("peft").PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    save_folder(whole, tokenizer, out)
    write_training(out, record.model_copy(update={"adapter_digest": None}))


_WRITERS: dict[Form, Callable[[Path, Base, TrainingRecord, Path], None]] = {
    "adapter": _adapter,
    "gguf": _gguf,
    "folder": _folder,
}


def _tensors(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = need("safetensors.numpy").load_file(folder / ADAPTER)
    return found


def _config(folder: Path) -> dict[str, Any]:
    config = need("peft").LoraConfig.from_pretrained(str(folder))
    if config.use_rslora or config.use_dora or config.rank_pattern or config.alpha_pattern:
        raise SetupError(f"{folder} is not plain LoRA, the only kind that llama.cpp takes")
    return {"lora_alpha": config.lora_alpha, "r": config.r}


def _model_config(base: Base) -> Any:
    """The configuration without the weights."""
    transformers = need("transformers")
    if base.is_gguf:
        where, more = base.path.parent, {"gguf_file": base.path.name}
    else:
        where, more = base.path, {}
    return transformers.AutoConfig.from_pretrained(str(where), local_files_only=True, **more)


class _whole:
    """A neighbouring file to write, which takes the place of `out` when all went well."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._path = Path()

    def __enter__(self) -> Path:
        self._out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._out.parent, prefix=f".{self._out.name}.")
        os.close(handle)
        self._path = Path(name)
        return self._path

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._path.chmod(0o644)
            self._path.replace(self._out)
        else:
            self._path.unlink(missing_ok=True)
