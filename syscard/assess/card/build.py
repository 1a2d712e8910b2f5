"""Which build of syscard renders: its version, and a digest of all that a page is made from."""

import functools
from pathlib import Path

import syscard
from syscard.files import digest_bytes


@functools.cache
def build() -> str:
    """`0.1.0+1a2b3c4d`: equal builds give equal pages, so only they are compared byte for byte."""
    package = Path(syscard.__file__).parent
    made_from = [*(package / "data" / "templates").iterdir(), *Path(__file__).parent.glob("*.py")]
    parts = [f"{path.name}\0{digest_bytes(path.read_bytes())}" for path in made_from]
    return f"{syscard.__version__}+{digest_bytes(chr(10).join(sorted(parts)).encode())[:8]}"
