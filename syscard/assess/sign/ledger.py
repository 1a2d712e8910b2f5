"""The ledger as a file: read and checked whole, and added to by one writer at a time.

`tail -n 1 FILE | sha256sum` is the head. A line without its newline was never confirmed to
anybody: readers refuse it, and the next writer removes exactly that tail and nothing else.
"""

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from syscard.assess.sign.chain import Chain
from syscard.assess.sign.entries import Entry, Ledger, line_of, to_sign
from syscard.errors import DataError, LedgerError, SetupError
from syscard.frameworks import EntryKind
from syscard.keys import Key
from syscard.records import Record

TRIES, PAUSE = 600, 0.05  # half a minute for another writer to end


def read(path: Path) -> Ledger:
    """The ledger, with every line checked: chain, signatures, revocation, roles, times.

    Raises:
        DataError: the file is not there or may not be read.
        LedgerError: the first thing that does not hold, with its line.
    """
    with _locked(path, writing=False) as handle:
        data = _content(path, handle)
    whole = data[: data.rfind(b"\n") + 1]
    chain = _follow(path, whole)
    if whole != data:
        raise LedgerError(
            f"{path}:{len(chain.entries) + 1}: the line is half-written: its writer was killed "
            "before it was confirmed, or it was altered. Nothing of it counts."
        )
    if not chain.entries:
        raise LedgerError(f"{path}:1: the ledger holds no entry.")
    return Ledger(entries=tuple(chain.entries))


def append(path: Path, kind: EntryKind, body: Record, key: Key, now: str) -> Entry:
    """Add one signed entry; it is on disk when this returns. The first one makes the file.

    Raises:
        LedgerError: what is there does not hold, or this entry may not follow it; in both cases
            nothing was changed.
        SetupError: another writer does not end, no room, no permission.
    """
    return append_all(path, [(kind, body)], key, now)[0]


def append_all(
    path: Path, said: Sequence[tuple[EntryKind, Record]], key: Key, now: str
) -> list[Entry]:
    """Add several entries of one signer in one write: all of them, or none where one is refused."""
    if not path.exists():
        chain = Chain()
        for kind, body in said:
            _next(path, chain, kind, body, key, now)  # refused before a file is made
    with _locked(path, writing=True) as handle:
        data = _content(path, handle)
        whole = data[: data.rfind(b"\n") + 1]
        chain = _follow(path, whole)
        _check_tail(path, data[len(whole) :], len(chain.entries) + 1)
        entries = [_next(path, chain, kind, body, key, now) for kind, body in said]
        _write(path, handle, len(whole), b"".join(line_of(entry) for entry in entries))
    return entries


def _follow(path: Path, whole: bytes) -> Chain:
    """All the complete lines, each accepted after the one before it."""
    chain = Chain()
    for number, line in enumerate(whole.split(b"\n")[:-1], start=1):
        try:
            entry = Entry.model_validate_json(line)
            if line_of(entry) != line + b"\n":
                raise ValueError("the line is not as this program writes it")
            chain.take(entry)
        except ValueError as error:
            raise LedgerError(f"{path}:{number}: {_first(error)}.") from error
    return chain


def _first(error: ValueError) -> str:
    """What is wrong, in one line; of pydantic's many, the first."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"not an entry: {place + ': ' if place else ''}{first['msg']}"


def _check_tail(path: Path, tail: bytes, number: int) -> None:
    """A tail may go only if a killed writer can have left it: the beginning of one line.

    Raises:
        LedgerError: it is anything else, so somebody altered the file.
    """
    try:
        _, end = json.JSONDecoder().raw_decode(tail.decode("ascii", "replace"))
    except (ValueError, RecursionError):
        end = len(tail)
    if not b'{"body":'.startswith(tail[:8]) or end < len(tail):
        raise LedgerError(
            f"{path}:{number}: the end of the file is not the beginning of an entry: it was "
            "altered. Nothing was changed; compare it with a copy."
        )


def _next(path: Path, chain: Chain, kind: EntryKind, body: Record, key: Key, now: str) -> Entry:
    """The entry signed and accepted by the chain, or refused."""
    try:
        unsigned = Entry(
            sequence=len(chain.entries),
            time=now,
            kind=kind,
            body=body,
            previous=chain.last,
            key=key.owner.id,
            signature="0" * 128,
        )
        signature = key.sign(to_sign(unsigned)).hex()
        entry = unsigned.model_copy(update={"signature": signature})
        chain.take(entry)
    except ValueError as error:
        raise LedgerError(f"{path}: the entry is refused: {_first(error)}.") from error
    return entry


def _write(path: Path, handle: int, keep: int, lines: bytes) -> None:
    """Add the lines in one write after the first `keep` bytes, on disk before it returns."""
    try:
        os.ftruncate(handle, keep)
        try:
            if os.write(handle, lines) != len(lines):
                raise OSError(0, "the disk took a part of the line only")
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, keep)
            raise
        if keep == 0:
            _sync_folder(path.parent)
    except OSError as error:
        raise SetupError(f"Cannot write {path}: {error.strerror}. No entry was added.") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _content(path: Path, handle: int) -> bytes:
    """All that the file holds now.

    Raises:
        DataError: the disk does not give it.
    """
    try:
        size = os.fstat(handle).st_size
        parts = bytearray()
        while len(parts) < size and (part := os.pread(handle, size - len(parts), len(parts))):
            parts += part
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error
    return bytes(parts)


@contextmanager
def _locked(path: Path, writing: bool) -> Iterator[int]:
    """The file open and locked; the system itself takes the lock back when a process dies.

    It is opened without waiting, since a pipe in its place would keep the reader for ever.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT if writing else os.O_RDONLY
    try:
        if writing:
            path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, flags | os.O_NONBLOCK, 0o644)
    except OSError as error:
        if writing:
            raise SetupError(f"Cannot write {path}: {error.strerror}.") from error
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise DataError(f"{path} is no file: name the ledger itself.")
        _lock(path, handle, fcntl.LOCK_EX if writing else fcntl.LOCK_SH)
        yield handle
    finally:
        os.close(handle)


def _lock(path: Path, handle: int, mode: int) -> None:
    for _ in range(TRIES):
        try:
            return fcntl.flock(handle, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE)
        except OSError as error:
            raise SetupError(f"Cannot lock {path}: {error.strerror}.") from error
    raise SetupError(f"{path} is held by another writer. Wait for it to end, then try again.")
