"""Files read and written so that a kill, a full disk or a second call loses nothing."""

import hashlib
import os
import tempfile
from pathlib import Path

from syscard.errors import DataError, SetupError


def digest_bytes(data: bytes) -> str:
    """SHA-256 of `data`, as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of the file's raw bytes, read in blocks.

    Raises:
        DataError: the file is missing or may not be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error


def read_text(path: Path) -> str:
    """The file as UTF-8 text.

    Raises:
        DataError: it is missing, may not be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}).") from error


def check_free(path: Path, force: bool) -> None:
    """Refuse to write over what is there, before any work is done for it.

    Raises:
        SetupError: the path exists and `force` is not set, or its folder cannot be written.
    """
    if path.exists() and not force:
        raise SetupError(f"{path} exists. Name another file with -o, or add --force.")
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise SetupError(f"{folder} is a file, not a folder. Name another place with -o.")
    if not os.access(folder, os.W_OK):
        raise SetupError(f"No permission to write in {folder}. Name another place with -o.")


def write_text(path: Path, text: str) -> None:
    """Write the whole file or nothing: a temporary neighbour, flushed to disk, then renamed.

    Raises:
        SetupError: no space, no permission; what was there before is untouched.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise SetupError(
            f"Cannot write {path}: {error.strerror}. Nothing was changed; make room, or name "
            "another place with -o."
        ) from error
