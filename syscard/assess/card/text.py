"""How a text or a number reads on a page. Every text is hostile: nothing in it hides or runs."""

import math
import re
from collections.abc import Mapping
from urllib.parse import quote

from markupsafe import Markup

from syscard.files import digest_bytes
from syscard.records import Interval, Outcome

# Fixed ranges, not the Unicode tables of whichever Python runs this: the bytes must not change.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0"
    r"\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_ENTITIES = re.compile(r"^\s+|\s+$|[&<>|\n\r\t]")
_SPECIALS = re.compile(
    r"[\\`*_{}\[\]~$@^#]|\.(?=[^\W\d])|:(?=[^\s\d])|/(?=/)|^(?:[+=-]|\d{1,9}[.)])",
)


def visible(text: str) -> str:
    """Text in which nothing hides: control, bidi and zero-width characters read ⟨U+202E⟩."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def literal(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no markup, no HTML, no link comes of it.

    Line breaks and outer blanks become entities, which cannot begin a block; pipes too, since
    parsers disagree on backslashes inside a table.
    """
    marked = _SPECIALS.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text)
    return _ENTITIES.sub(lambda found: "".join(f"&#{ord(c)};" for c in found[0]), marked)


def anchor(text: str) -> str:
    """A name that may stand in an id and an address; different texts never get the same."""
    safe = re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}_", text)
    if len(safe) <= 96:
        return safe
    return f"{safe[:64]}__{digest_bytes(text.encode(errors='surrogatepass'))[:24]}"


def href(path: str) -> Markup:
    """A relative address: no scheme, no host, nothing that ends the attribute."""
    return Markup(quote(path.lstrip("/\\"), safe="/._-", errors="replace"))


def percent(value: float | None) -> Markup:
    """A rate as per cent; what is not quite 0 or 1 is never rounded to it."""
    if value is None or not math.isfinite(value):
        return Markup("no value")
    if 0 < value < 0.0005:
        return Markup("&lt;0.1%")
    if 0.9995 <= value < 1:
        return Markup("&gt;99.9%")
    return Markup(f"{100 * value:.1f}%")


def signed(value: float) -> str:
    size = f"{abs(100 * value):.1f}"
    return size if size == "0.0" else f"{'−' if value < 0 else '+'}{size}"


def points(value: float | None) -> Markup:
    """A difference of rates in percentage points, with its sign."""
    if value is None or not math.isfinite(value):
        return Markup("no value")
    return Markup(f"{signed(value)} points")


def span(interval: Interval | None) -> Markup:
    if interval is None:
        return Markup("no interval")
    return percent(interval.low) + Markup(" to ") + percent(interval.high)


def point_span(interval: Interval | None) -> Markup:
    if interval is None:
        return Markup("no interval")
    return Markup(f"{signed(interval.low)} to {signed(interval.high)} points")


def number(value: float | None) -> Markup:
    if value is None or not math.isfinite(value):
        return Markup("no value")
    return Markup(f"{value:.3f}".rstrip("0").rstrip(".") or "0")


def p_value(value: float) -> Markup:
    return Markup("p &lt; 0.001") if value < 0.001 else Markup(f"p = {value:.3f}")


def outcomes(counts: Mapping[Outcome, int]) -> str:
    """All that became of the samples: "40 scored, 2 grader failed"."""
    others = [(name, n) for name, n in sorted(counts.items()) if n and name != "scored"]
    every = [("scored", counts.get("scored", 0)), *others]
    return ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in every)


def side_title(mitigation: str) -> str:
    return {"pre": "Before mitigation", "post": "After mitigation"}.get(mitigation, mitigation)
