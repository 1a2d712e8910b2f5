"""The model that is trained: a Hugging Face folder, or a GGUF file dequantised to one."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syscard.errors import SetupError
from syscard.files import digest_bytes, digest_file
from syscard.weights import is_gguf, weights_digest, weights_path

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


@dataclass(frozen=True)
class Base:
    """Where the weights lie, and which they are."""

    name: str  # as it was given
    path: Path  # a folder, or a GGUF file
    digest: str  # of the GGUF file, or of the folder's weight files together

    @property
    def is_gguf(self) -> bool:
        """Whether the weights are one GGUF file."""
        return self.path.is_file()


def find_base(name: str) -> Base:
    """A base model: `syscard/smollm2`, a GGUF file, or a Hugging Face model folder.

    Raises:
        SetupError: there is none, or it is neither.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return Base(name, path, folder_digest(path))
    if name.startswith("syscard/"):
        path = weights_path(name, {})
    elif is_gguf(path):
        path = path.resolve()
    else:
        raise SetupError(
            f"base {name!r} is {'no GGUF file' if path.exists() else 'not there'}: name a GGUF "
            "file, a Hugging Face model folder, or syscard/smollm2"
        )
    return Base(name, path, weights_digest(path))


def folder_digest(folder: Path) -> str:
    """One SHA-256 over the names and digests of a model folder's weight files.

    Raises:
        SetupError: the folder holds no weights or no configuration.
    """
    files = sorted({file for pattern in WEIGHTS for file in folder.glob(pattern)})
    if not files or not (folder / "config.json").is_file():
        raise SetupError(
            f"{folder} is no Hugging Face model folder: it lacks "
            f"{'config.json' if files else 'weights (*.safetensors)'}"
        )
    return digest_bytes("".join(f"{file.name} {digest_file(file)}\n" for file in files).encode())


def load_base(base: Base) -> tuple[Any, Any]:
    """Model and tokenizer, as float32 where the file was quantised.

    Raises:
        SetupError: the libraries are not installed, or the weights are of a kind unknown to them.
    """
    torch, transformers = need("torch"), need("transformers")
    where = {"pretrained_model_name_or_path": str(base.path), "local_files_only": True}
    if base.is_gguf:
        where |= {"pretrained_model_name_or_path": str(base.path.parent)}
        where |= {"gguf_file": base.path.name}
    _quiet()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tokenizer = transformers.AutoTokenizer.from_pretrained(**where)
            model = transformers.AutoModelForCausalLM.from_pretrained(
                **where, dtype=torch.float32 if base.is_gguf else "auto"
            )
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        raise SetupError(
            f"Transformers cannot load {base.name}: {' '.join(str(error).split())[:200]}"
        ) from error
    _forget_quantisation(model)
    if tokenizer.chat_template is None:
        raise SetupError(f"{base.name} has no chat template: deliberation is taught to chat models")
    return model, tokenizer


def need(module: str) -> Any:
    """A library of the training stages, or what to install.

    Raises:
        SetupError: it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SetupError(
            f"training needs {module}, which is not installed: pip install 'syscard[train]'"
        ) from error


def save_folder(model: Any, tokenizer: Any, folder: Path) -> None:
    """The model as a Hugging Face folder that any tool of that kind loads."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    template = folder / "chat_template.jinja"
    if not template.exists():  # where the tokenizer's library keeps it in its configuration
        template.write_text(tokenizer.chat_template)


def _quiet() -> None:
    """No bars of the libraries': what is worth telling is told in lines."""
    need("transformers").utils.logging.disable_progress_bar()
    need("datasets").disable_progress_bars()


def _forget_quantisation(model: Any) -> None:
    """Dequantised weights are plain ones: saving and TRL refuse what looks quantised."""
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    model.is_quantized = False
