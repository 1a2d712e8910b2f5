"""Published ways to reword a request so that a model's training does not recognise it.

Each is a function from a request to its rewrite, with the paper that described it. The wording
is ours. Evals apply them as a fixed set, red teaming picks among them, alignment trains on them.
"""

from syscard.errors import DataError
from syscard.rewrites.encodings import ENCODINGS
from syscard.rewrites.framings import PUT_TOGETHER, framings
from syscard.rewrites.rewrite import Rewrite as Rewrite

PLAIN = Rewrite("plain", "the request as it is", "none", lambda request, seed: request)
REWRITES = {one.name: one for one in (PLAIN, *framings(), *PUT_TOGETHER, *ENCODINGS)}


def rewrite(name: str) -> Rewrite:
    """A rewrite by its name.

    Raises:
        DataError: there is none of that name.
    """
    if name not in REWRITES:
        raise DataError(f"No rewrite named {name!r}. There are: {', '.join(REWRITES)}.")
    return REWRITES[name]
