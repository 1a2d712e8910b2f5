"""What a caller may have put into a record and no page may show: keys, tokens, passwords."""

import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from syscard.secret import is_secret

HIDDEN = "[hidden]"
_OPEN_DICTS = ("args", "solver_args", "generate", "settings")  # where a caller may put anything


def url(url: str) -> str:
    """An address without what may be a password in it."""
    try:
        parts = urlsplit(url)
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
        return bare.geturl()
    except ValueError:
        return HIDDEN


def _bare(value: Any, key: str = "") -> Any:
    """The value without anything whose key looks like a secret's."""
    if is_secret(key):
        return HIDDEN
    if isinstance(value, Mapping):
        return {name: _bare(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_bare(inner) for inner in value]
    return url(value) if isinstance(value, str) and "://" in value else value


def without_secrets(value: Any) -> Any:
    """A dumped record with the same done wherever a caller may have put what they like."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _bare(inner)
        if name in _OPEN_DICTS
        else url(inner)
        if name == "base_url" and inner is not None
        else without_secrets(inner)
        for name, inner in value.items()
    }


def pairs(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Settings as lines: nested names joined by a point, secrets hidden."""
    lines: list[tuple[str, str]] = []
    for name, value in sorted(_bare(values).items()):
        if isinstance(value, dict) and value:
            lines += pairs(value, f"{prefix}{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            lines.append((f"{prefix}{name}", "not set" if value is None else text))
    return lines
