"""What a rewrite is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rewrite:
    """A named way to reword a request. `apply(request, seed)`: most do not use the seed.

    `kind` is its class: encoding, role play, persuasion and so on. `undo` reads the request back
    out of an encoding, up to letter case where the encoding has none.
    """

    name: str
    source: str
    kind: str
    apply: Callable[[str, int], str]
    undo: Callable[[str], str] | None = None
