"""Which keys look like a secret's: never accepted in a plan, never shown on a card."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_SECRET = re.compile(
    r"key$|secret|token$|passw|passphrase|^pwd$|credential|^auth$|authori[sz]ation|bearer|cookie",
)


def is_secret(key: str) -> bool:
    """Whether a value under this key is probably a key, a token or a password."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    return any(_SECRET.search(word) for word in re.split(r"[^a-z0-9]+", words))


def secret_keys(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The places of all such keys in nested mappings and lists."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if is_secret(str(key)):
                yield (*place, key)
            yield from secret_keys(inner, (*place, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from secret_keys(inner, (*place, index))
