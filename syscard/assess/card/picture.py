"""Pictures of numbers, as SVG that stands inside a page and needs no script.

Colours come from the page's style sheet by class; whatever a colour says, a shape or a word says
too. Labels are escaped here; invisible characters are the caller's to show.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import escape

from syscard.records import Danger, Estimate

WIDTH = 360  # of the drawing; a page scales it, and at 375 px of screen the text still reads
LEFT, RIGHT = 38, 344  # where 0 and 1 lie
ROW, LANE, LETTER = 28, 15, 7.0  # height of a bar's row, of a label's lane; width of a letter
SIDE = 236  # of the plane


class Bar(NamedTuple):
    """One side of one metric. `cautious`: the end that a level was computed on."""

    label: str
    filled: bool
    estimate: Estimate
    worst: Estimate
    best: Estimate
    cautious: float | None = None


class Tick(NamedTuple):
    """A threshold. `shade`: the level's place among four, or None where it is a requirement."""

    label: str
    at: float
    shade: int | None = None


class Point(NamedTuple):
    """A side in the plane; both estimates are shares of what goes wrong."""

    label: str
    filled: bool
    unsafe: Estimate
    overrefused: Estimate


def interval_picture(title: str, bars: Sequence[Bar], ticks: Sequence[Tick], danger: Danger) -> str:
    """Each bar's interval from 0 to 1, with the thresholds drawn through all of them.

    The thick line is the interval of what was scored; the thin one runs to the outer ends of the
    worst and the best case. A triangle marks the cautious end.
    """
    lanes = _lanes(ticks)
    top = LANE * (max(lanes, default=-1) + 1) + 6
    bottom = top + ROW * len(bars)
    parts = [
        *_bands(ticks, danger, top, bottom),
        *_axis(top, bottom),
        *_ticks(ticks, lanes, top, bottom),
    ]
    for place, bar in enumerate(bars):
        parts += _bar(bar, top + ROW * place + ROW / 2)
    text = "; ".join([title, *map(_bar_says, bars), *(f"threshold {t.label}" for t in ticks)])
    return _svg("interval", text, WIDTH, bottom + 18, parts)


def plane_picture(title: str, points: Sequence[Point]) -> str:
    """Unsafe share (up) against over-refused share (right): the corner at 0, 0 is the good one.

    Both axes end at the same round share, the smallest that holds every interval.
    """
    most = max((_outer(p.unsafe, p.overrefused) for p in points), default=1.0)
    end = next((e for e in (0.1, 0.25, 0.5) if most <= e), 1.0)
    parts = [*_plane_grid(end), *_path(points, end)]
    for point in points:
        parts += _plane_point(point, end)
    text = "; ".join([title, *map(_point_says, points)])
    return _svg("plane", text, SIDE + 84, SIDE + 64, parts)


def _svg(name: str, text: str, width: float, height: float, parts: Sequence[str]) -> str:
    label = escape(text)
    head = f'<svg class="picture {name}" role="img" viewBox="0 0 {_n(width)} {_n(height)}"'
    return f'{head} aria-label="{label}"><title>{label}</title>{"".join(parts)}</svg>'


def _n(value: float) -> str:
    """A coordinate, always written the same way."""
    return f"{value:.1f}".removesuffix(".0")


def _x(share: float) -> float:
    return LEFT + min(max(share, 0.0), 1.0) * (RIGHT - LEFT)


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"'
    return f'<line class="{name}" {ends}/>'


def _text(name: str, x: float, y: float, anchor: str, text: str) -> str:
    place = f'x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}"'
    return f'<text class="{name}" {place}>{escape(text)}</text>'


def _dot(filled: bool, x: float, y: float) -> str:
    name = "dot filled" if filled else "dot"
    return f'<circle class="{name}" cx="{_n(x)}" cy="{_n(y)}" r="4.5"/>'


def _share(value: float) -> str:
    return f"{100 * value:.1f}%"


def _span(estimate: Estimate) -> str:
    if estimate.value is None:
        return "no value"
    if estimate.interval is None:
        return _share(estimate.value)
    low, high = _share(estimate.interval.low), _share(estimate.interval.high)
    return f"{_share(estimate.value)}, interval {low} to {high}"


def _bar_says(bar: Bar) -> str:
    cautious = "" if bar.cautious is None else f", cautious end {_share(bar.cautious)}"
    return f"{bar.label}: {_span(bar.estimate)}{cautious}"


def _point_says(point: Point) -> str:
    return f"{point.label}: unsafe {_span(point.unsafe)}, over-refused {_span(point.overrefused)}"


# ---------------------------------------------------------------- an interval


def _label_at(tick: Tick) -> tuple[float, float]:
    """Left and right end of a tick's label: centred, but never outside the drawing."""
    width = LETTER * len(tick.label)
    left = min(max(_x(tick.at) - width / 2, 2.0), WIDTH - width - 2)
    return left, left + width


def _lanes(ticks: Sequence[Tick]) -> list[int]:
    """For each tick the lowest lane in which its label touches no earlier one."""
    taken: list[tuple[int, float, float]] = []
    for tick in ticks:
        left, right = _label_at(tick)
        lane = 0
        while any(n == lane and left < r + 6 and l < right + 6 for n, l, r in taken):  # noqa: E741
            lane += 1
        taken.append((lane, left, right))
    return [lane for lane, _, _ in taken]


def _bands(ticks: Sequence[Tick], danger: Danger, top: float, bottom: float) -> Iterator[str]:
    """The stretch of each level, from its threshold to the next one."""
    levels = sorted((t for t in ticks if t.shade is not None), key=lambda t: t.at)
    edges = [t.at for t in levels]
    spans = pairwise([*edges, 1.0] if danger == "high" else [0.0, *edges])
    for tick, (low, high) in zip(levels, spans, strict=False):
        place = f'x="{_n(_x(low))}" y="{_n(top)}" width="{_n(_x(high) - _x(low))}"'
        yield f'<rect class="band l{tick.shade}" {place} height="{_n(bottom - top)}"/>'


def _axis(top: float, bottom: float) -> Iterator[str]:
    for quarter in range(5):
        x = _x(quarter / 4)
        yield _line("grid", x, top, x, bottom)
        yield _text("scale", x, bottom + 13, "middle", f"{25 * quarter}%")
    yield _line("axis", LEFT, bottom, RIGHT, bottom)


def _ticks(ticks: Sequence[Tick], lanes: Sequence[int], top: float, bottom: float) -> Iterator[str]:
    """Threshold lines; those of a requirement are dashed."""
    for tick, lane in zip(ticks, lanes, strict=True):
        x, y = _x(tick.at), top - 5 - LANE * lane
        name = "tick required" if tick.shade is None else "tick"
        yield _line(name, x, y + 2, x, bottom)
        left, right = _label_at(tick)
        yield _text("label", (left + right) / 2, y - 1, "middle", tick.label)


def _ends(bar: Bar) -> tuple[float, float] | None:
    """The outermost ends that any unscored sample could bring."""
    ends = [
        end
        for estimate in (bar.estimate, bar.worst, bar.best)
        if estimate.interval is not None
        for end in (estimate.interval.low, estimate.interval.high)
    ]
    return (min(ends), max(ends)) if ends else None


def _bar(bar: Bar, y: float) -> Iterator[str]:
    yield _text("side", LEFT - 10, y + 4, "end", bar.label)
    ends = _ends(bar)
    if ends is not None:
        yield _line("whisker", _x(ends[0]), y, _x(ends[1]), y)
        for end in ends:
            yield _line("whisker", _x(end), y - 4, _x(end), y + 4)
    if bar.estimate.interval is not None:
        yield _line("bar", _x(bar.estimate.interval.low), y, _x(bar.estimate.interval.high), y)
    if bar.cautious is not None:
        x = _x(bar.cautious)
        points = f"{_n(x)},{_n(y + 5)} {_n(x - 4)},{_n(y + 12)} {_n(x + 4)},{_n(y + 12)}"
        yield f'<polygon class="cautious" points="{points}"/>'
    if bar.estimate.value is None:
        yield _text("label halo", LEFT + 8, y - 5, "start", "no value")
    else:
        yield _dot(bar.filled, _x(bar.estimate.value), y)


# ---------------------------------------------------------------- the plane


def _outer(*estimates: Estimate) -> float:
    return max(
        end
        for estimate in estimates
        for end in (
            estimate.value or 0.0,
            estimate.interval.high if estimate.interval is not None else 0.0,
        )
    )


def _at(over: float, unsafe: float, end: float) -> tuple[float, float]:
    return 56 + SIDE * over / end, 12 + SIDE * (1 - unsafe / end)


def _plane_grid(end: float) -> Iterator[str]:
    for part in range(6):
        share = end * part / 5
        x, y = _at(share, share, end)
        name = "axis" if part == 0 else "grid"
        yield _line(name, x, 12, x, 12 + SIDE)
        yield _line(name, 56, y, 56 + SIDE, y)
        yield _text("scale", x, 12 + SIDE + 15, "middle", f"{100 * share:.0f}%")
        yield _text("scale", 50, y + 4, "end", f"{100 * share:.0f}%")
    yield _text("side", 56 + SIDE / 2, SIDE + 48, "middle", "over-refused share")
    turn = f'transform="rotate(-90 14 {_n(12 + SIDE / 2)})"'
    place = f'x="14" y="{_n(12 + SIDE / 2)}" text-anchor="middle"'
    yield f'<text class="side" {place} {turn}>unsafe share</text>'


def _path(points: Sequence[Point], end: float) -> Iterator[str]:
    """A dashed line from before to after."""
    places = [
        _at(p.overrefused.value, p.unsafe.value, end)
        for p in points
        if p.overrefused.value is not None and p.unsafe.value is not None
    ]
    for (x1, y1), (x2, y2) in pairwise(places):
        yield _line("path", x1, y1, x2, y2)


def _plane_point(point: Point, end: float) -> Iterator[str]:
    over, unsafe = point.overrefused, point.unsafe
    if over.value is None or unsafe.value is None:
        return
    x, y = _at(over.value, unsafe.value, end)
    if over.interval is not None:
        low, high = (_at(e, 0, end)[0] for e in (over.interval.low, over.interval.high))
        yield _line("bar thin", low, y, high, y)
    if unsafe.interval is not None:
        low, high = (_at(0, e, end)[1] for e in (unsafe.interval.low, unsafe.interval.high))
        yield _line("bar thin", x, low, x, high)
    yield _dot(point.filled, x, y)
    if x > 56 + SIDE - 40:
        yield _text("side halo", x - 8, y - 8, "end", point.label)
    else:
        yield _text("side halo", x + 8, y - 8, "start", point.label)
