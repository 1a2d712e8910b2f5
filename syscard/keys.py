"""Keys that people sign with: Ed25519, one file for its holder and one for everybody.

`alice.pem` is private (PKCS8, encrypted with a passphrase, readable by its owner alone);
`alice.pub.json` beside it holds the name, the key's id (SHA-256 of the raw public key) and the
raw public key in hex. A key without a passphrase is a demo key: its holder's name says so
wherever the name is printed.
"""

import functools
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syscard.errors import DataError, SetupError
from syscard.files import check_free, digest_bytes, read_text, write_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey as _Public

DEMO = " (demo key)"
PEM = "-----BEGIN"


@dataclass(frozen=True)
class PublicKey:
    """Whose key it is, its id, and the 32 raw bytes in hex."""

    name: str
    id: str
    public: str


@dataclass(frozen=True)
class Key:
    """A private key that was opened, with its public half."""

    owner: PublicKey
    private: "Ed25519PrivateKey"

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of the signature; equal bytes give equal signatures."""
        return self.private.sign(data)


def public_path(path: Path) -> Path:
    """Where the public half of the key file `path` lies: `alice.pub.json` beside `alice.pem`."""
    return path.with_suffix(".pub.json")


def make_key(path: Path, name: str, passphrase: str, demo: bool = False) -> PublicKey:
    """Write a new key at `path` and its public half beside it; no key is ever written over.

    `demo` marks the name, and is the only way to an empty passphrase.

    Raises:
        SetupError: no name or no passphrase, a file that is there already, no room.
    """
    from cryptography.hazmat.primitives import serialization as ser
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    name = " ".join(name.split())
    if not name or not name.isprintable():
        raise SetupError("A key needs the printable name of the person who holds it.")
    if not passphrase and not demo:
        raise SetupError(
            "A key needs a passphrase; only a demo key may have an empty one (--demo)."
        )
    for file in (path, public_path(path)):
        check_free(file, force=False)
    private = Ed25519PrivateKey.generate()
    secret = _secret(passphrase)
    lock = ser.BestAvailableEncryption(secret) if secret else ser.NoEncryption()
    pem = private.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, lock)
    marked = name if not demo or name.endswith(DEMO) else name + DEMO
    owner = _owner(marked, private.public_key().public_bytes_raw())
    _write_private(path, pem)
    content = {"name": owner.name, "key": owner.id, "public": owner.public}
    write_text(public_path(path), json.dumps(content, indent=1) + "\n")
    return owner


def load_key(path: Path, passphrase: str) -> Key:
    """The private key at `path`, with the name that its public file gives it.

    Raises:
        SetupError: no file, a file that others may read, a wrong passphrase, a key without
            passphrase that is not marked as a demo key, a public file of another key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = _read_private(path)
    locked = b"ENCRYPTED" in pem.split(b"\n", 1)[0]
    if locked and not passphrase:
        raise SetupError(f"{path} needs its passphrase.")
    try:
        private = load_pem_private_key(pem, _secret(passphrase) if locked else None)
    except (ValueError, TypeError) as error:
        why = "does not open with this passphrase, or is damaged" if locked else "is no PEM key"
        raise SetupError(f"{path} {why}.") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SetupError(f"{path} is not an Ed25519 key. Make one: syscard key new.")
    owner = read_public(public_path(path))
    if owner.public != private.public_key().public_bytes_raw().hex():
        raise SetupError(f"{public_path(path)} is not the public half of {path}.")
    if not locked and not owner.name.endswith(DEMO):
        raise SetupError(f"{path} has no passphrase and is not marked{DEMO}. Make another key.")
    return Key(owner, private)


def holder(path: Path) -> PublicKey:
    """Whose key the file is, private or public; a private one is not opened, its mode is checked.

    Raises:
        SetupError: a private key that others may read, or one that is none.
        DataError: a public key file that is none.
    """
    if read_text(path).startswith(PEM):
        _read_private(path)
        return read_public(public_path(path))
    return read_public(path)


def read_trusted(path: Path) -> dict[str, PublicKey]:
    """The keys that a verifier trusts, by id: whose name is whose is the verifier's own word.

    `path` is a public key file, a folder of them (`*.pub.json`), or a JSON list of objects with
    `name` and `public` (`key`, the id, may stand beside and is then checked).

    Raises:
        DataError: it is none of these, holds no key, or gives one key two names.
    """
    found: dict[str, PublicKey] = {}
    for owner in _trusted(path):
        if found.setdefault(owner.id, owner) != owner:
            raise DataError(f"{path} gives key {owner.id[:12]} two names.")
    if not found:
        raise DataError(f"{path} holds no public key (*.pub.json).")
    return found


def _trusted(path: Path) -> list[PublicKey]:
    if path.is_dir():
        return [read_public(file) for file in sorted(path.glob("*.pub.json"))]
    if not read_text(path).lstrip().startswith("["):
        return [read_public(path)]
    try:
        rows = json.loads(read_text(path))
        return [_public(row, f"{path}: key {n}") for n, row in enumerate(rows, start=1)]
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a JSON list of keys.") from error


def read_public(path: Path) -> PublicKey:
    """A public key file, its id recomputed.

    Raises:
        DataError: not such a file, or an id that is not the key's.
    """
    text = read_text(path)
    if text.startswith(PEM):
        raise DataError(f"{path} is a private key; name its public half: {public_path(path)}.")
    try:
        return _public(json.loads(text), str(path), whole=True)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a public key file of syscard.") from error


def _public(content: object, where: str, whole: bool = False) -> PublicKey:
    """A public key from JSON; `whole`: with its id, which is otherwise checked where it stands."""
    try:
        if not isinstance(content, dict):
            raise TypeError
        owner = _owner(content["name"], bytes.fromhex(content["public"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{where} is not a public key of syscard.") from error
    stated = content if whole else {"key": owner.id, **content}
    fits = stated == {"name": owner.name, "key": owner.id, "public": owner.public}
    if not fits or len(owner.public) != 64 or not isinstance(owner.name, str):
        raise DataError(f"{where}: the key id is not that of its public key, or fields differ.")
    if not owner.name.isprintable() or not owner.name.strip():
        raise DataError(f"{where}: its name {owner.name!a} is not a printable name.")
    return owner


def key_id(public: str) -> str:
    """The id of a raw public key in hex: the SHA-256 of its bytes."""
    return digest_bytes(bytes.fromhex(public))


def verify(public: bytes, data: bytes, signature: bytes) -> bool:
    """Whether the holder of the raw key `public` signed exactly `data`."""
    from cryptography.exceptions import InvalidSignature

    try:
        _loaded(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


@functools.lru_cache(maxsize=256)
def _loaded(public: bytes) -> "_Public":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(public)


def _owner(name: str, public: bytes) -> PublicKey:
    return PublicKey(name, digest_bytes(public), public.hex())


def _secret(passphrase: str) -> bytes:
    return passphrase.encode("utf-8", "surrogateescape")


def _write_private(path: Path, pem: bytes) -> None:
    """Created with mode 0600, never wider even for a moment; on disk before it returns."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(pem)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise SetupError(f"Cannot write {path}: {error.strerror}.") from error


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            pem = stream.read()
            if pem.lstrip().startswith(b"{"):
                raise SetupError(
                    f"{path} is a public key, which cannot sign. Name the private one."
                )
            if mode & 0o077:
                raise SetupError(
                    f"{path} may be read by others (mode {mode:04o}). Run: chmod 600 {path}"
                )
            return pem
    except OSError as error:
        raise SetupError(f"Cannot read {path}: {error.strerror}.") from error
