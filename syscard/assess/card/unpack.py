"""A bundle as a folder, whether it came as one or packed. Nothing in it is trusted."""

import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from syscard.assess.card.places import CARD
from syscard.errors import DataError, LedgerError

LITTER, FORKS = (".DS_Store", "Thumbs.db", "desktop.ini"), "__MACOSX"
FILES = 100_000
BYTES = 4 << 30  # of all files together, unpacked
TEXT_BYTES = 256 << 20  # of one file that is read whole
LOG_BYTES = 2 << 30  # of one log, unpacked


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The bundle's folder: the one given, or a zip or tar unpacked beside nothing of yours.

    Raises:
        DataError: there is no bundle.
        LedgerError: an archive that would write elsewhere, holds links, or is too large.
    """
    if path.is_dir():
        yield _root(path)
        return
    if not path.is_file():
        raise DataError(f"There is no bundle at {path}: name a card's folder, or a zip or tar.")
    with tempfile.TemporaryDirectory(prefix="syscard-") as folder:
        _unpack(path, Path(folder))
        yield _root(Path(folder))


def files_of(folder: Path) -> dict[str, Path]:
    """Every file of the folder by its name in it.

    Raises:
        LedgerError: a link or another thing that is no file, too many, or one too large.
    """
    found: dict[str, Path] = {}
    total = 0
    for where, folders, names in os.walk(folder, onerror=_refuse):
        for name in (*folders, *names):
            path = Path(where) / name
            info = path.lstat()
            inside = path.relative_to(folder).as_posix()
            if stat.S_ISDIR(info.st_mode):
                continue
            if not stat.S_ISREG(info.st_mode):
                raise LedgerError(f"{inside} is a link or a device, which no bundle holds.")
            total += info.st_size
            if len(found) >= FILES or total > BYTES:
                raise LedgerError(f"The bundle holds more than {FILES} files or {BYTES} bytes.")
            if not inside.endswith(".eval") and info.st_size > TEXT_BYTES:
                raise LedgerError(f"{inside} is larger than {TEXT_BYTES} bytes.")
            found[inside] = path
    return found


def is_litter(name: str) -> bool:
    """Whether a desktop leaves a file of that name in any folder it opens or packs."""
    parts = PurePosixPath(name).parts
    return parts[-1] in LITTER or FORKS in parts


def check_log(path: Path) -> None:
    """Refuse a log that would unpack to more than this machine should hold.

    Its members are unpacked and counted: what an archive says of its own sizes is not believed.

    Raises:
        LedgerError: it is that large, says other sizes than it has, or is no archive.
    """
    left = LOG_BYTES
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                left -= _unpacked(archive, info, left)
    except LedgerError:
        raise
    except Exception as error:  # each way of packing has errors of its own
        raise LedgerError(f"{path.name} is no Inspect log.") from error


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> int:
    """How many bytes a member has; its own word for it would end the reading there."""
    said, info.file_size = info.file_size, most + 1
    count = 0
    with archive.open(info) as stream:
        while part := stream.read(1 << 20):
            count += len(part)
            if count > most:
                raise LedgerError(f"A log unpacks to more than {LOG_BYTES} bytes.")
    if count != said:
        raise LedgerError(f"A log's {info.filename!r:.100} is not as large as it says.")
    return count


def _root(folder: Path) -> Path:
    """The folder that holds the card: this one, or the only thing in it."""
    if (folder / CARD).is_file():
        return folder
    inside = sorted(path for path in folder.iterdir() if not is_litter(path.name))
    if len(inside) == 1 and (inside[0] / CARD).is_file() and not inside[0].is_symlink():
        return inside[0]
    raise DataError(f"There is no {CARD} in {folder.name}: it is not a bundle of syscard.")


def _unpack(path: Path, folder: Path) -> None:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                _unzip(archive, folder)
        else:
            with tarfile.open(path) as archive:
                _untar(archive, folder)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
        raise DataError(f"{path} is no zip or tar that can be unpacked: {error!s:.100}.") from error
    except (ValueError, NotImplementedError) as error:
        raise LedgerError(f"{path} cannot be unpacked: {error!s:.100}.") from error


def _unzip(archive: zipfile.ZipFile, folder: Path) -> None:
    left = BYTES
    for count, info in enumerate(archive.infolist()):
        if info.is_dir():
            continue
        if stat.S_ISLNK(info.external_attr >> 16) or count >= FILES:
            raise LedgerError(f"{info.filename!r:.100} is a link, or one file too many.")
        with archive.open(info) as stream:
            left -= _write(_inside(info.filename, folder), stream, left)


def _untar(archive: tarfile.TarFile, folder: Path) -> None:
    left = BYTES
    for count, info in enumerate(archive):
        if info.isdir():
            continue
        if not info.isfile() or count >= FILES:
            raise LedgerError(f"{info.name!r:.100} is a link, or one file too many.")
        stream = archive.extractfile(info)
        assert stream is not None, "a regular file"
        left -= _write(_inside(info.name, folder), stream, left)


def _inside(name: str, folder: Path) -> Path:
    """Where a member goes.

    Raises:
        LedgerError: outside of the folder.
    """
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or not parts.parts or "\0" in name:
        raise LedgerError(f"{name!r:.100} would be written outside of the bundle.")
    return folder.joinpath(*parts.parts)


def _write(path: Path, stream: IO[bytes], most: int) -> int:
    """Copies at most so many bytes; a name that stands twice is refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise LedgerError(f"{path.name} stands twice in the archive.")
    with path.open("wb") as out:
        while part := stream.read(1 << 20):
            most -= len(part)
            if most < 0:
                raise LedgerError(f"The bundle unpacks to more than {BYTES} bytes.")
            out.write(part)
    return path.stat().st_size


def _refuse(error: OSError) -> None:
    raise LedgerError(f"{error.filename} cannot be read: {error.strerror}.")


def copy(source: Path, target: Path) -> None:
    """A file into the bundle, its bytes alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
