"""Who may ask: the keys of a file, none of which is ever written or said again."""

import hashlib
from pathlib import Path

from syscard.errors import SetupError
from syscard.files import read_text
from syscard.serve.problem import no_key

SHORTEST = 16  # characters of a key


class Keys:
    """The keys that are known; without any, everybody may ask."""

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self._known = {_digest(key) for key in known}

    def check(self, authorization: str | None) -> str | None:
        """The first digits of the key's digest, for the journal; None where no key is needed.

        Raises:
            Problem: there is no key in the header, or one that is not known.
        """
        if not self._known:
            return None
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise no_key(given=False)
        digest = _digest(key.strip())
        if digest not in self._known:  # of digests, the time it takes tells nothing of a key
            raise no_key(given=True)
        return digest[:8]


def read_keys(path: Path) -> Keys:
    """The keys of a file: one a line; empty lines and lines that begin with # do not count.

    Raises:
        DataError: the file cannot be read.
        SetupError: there is no key in it, or one that is too short to be one.
    """
    lines = [line.strip() for line in read_text(path).splitlines()]
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    if not keys:
        raise SetupError(f"{path} holds no key: write one a line.")
    for number, line in enumerate(lines, 1):
        if line in keys and (len(line) < SHORTEST or len(line.split()) > 1):
            raise SetupError(
                f"{path}, line {number}: a key is {SHORTEST} characters or more without spaces."
            )
    return Keys(keys)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
