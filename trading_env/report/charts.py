"""Geometry of the charts: axes, lines with bands, shading and stacked bars, in pixels.

`templates/charts.html` draws what is computed here, and the style sheet has the colours. A policy
has one look, a number, in every chart: a colour and a pattern of dashes.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

WIDTH, HEIGHT = 480.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 10.0, 28.0, 40.0
BAR, BAR_GAP, BAR_LEFT = 14.0, 6.0, 118.0
NARROWEST = 2.0  # pixels of a shaded span
TINY = 1e-300  # values as small as that are drawn as 0
CLOSE = 1e-9  # values that differ by less, as a share, are drawn as one


class Axis(NamedTuple):
    """A linear map of values to pixels, with what it measures."""

    label: str
    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.begin + share * (self.end - self.begin), 1)

    def ticks(self) -> list[float]:
        """Return round numbers of the axis, five at most."""
        return ticks(self.low, self.high)


class Drawn(NamedTuple):
    """A line; `low` and `high` are empty or as long as `values`. None breaks the line."""

    name: str
    look: int
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


class Line(NamedTuple):
    """A series as SVG: the path of its line, and the points of its band."""

    name: str
    look: int
    path: str
    band: str


class LineChart(NamedTuple):
    """Lines over a common x; `shades` are (left, width, share of full shade)."""

    x: Axis
    y: Axis
    lines: list[Line]
    shades: list[tuple[float, float, float]]


class Stack(NamedTuple):
    """One stack: `parts` are (number, name, value, left, width); no parts if nothing is defined."""

    name: str
    top: float
    parts: list[tuple[int, str, float, float, float]]
    total: float


class BarChart(NamedTuple):
    """A stack a row, drawn over a common x."""

    title: str
    x: Axis
    height: float
    bars: list[Stack]


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers within [low, high], `count` of them at most."""
    step = 10.0 ** math.floor(math.log10((high - low) / count))
    step *= next(m for m in (1.0, 2.0, 5.0, 10.0) if (high - low) / (m * step) <= count)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def limits(values: Iterable[float | None]) -> tuple[float, float]:
    """Return a range that holds every value with a little room, never empty."""
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    largest = max(abs(low), abs(high))
    if largest < TINY:
        return low - 1.0, high + 1.0
    room = 0.05 * (high - low if high - low > CLOSE * largest else largest)
    return low - room, high + room


def line_chart(
    labels: tuple[str, str],
    x: Sequence[float],
    series: Sequence[Drawn],
    shade: Sequence[float] = (),
) -> LineChart:
    """Lay out lines over a common x; `shade` in [0, 1] darkens the background at each x."""
    across = Axis(labels[0], x[0], x[-1] if x[-1] > x[0] else x[0] + 1.0, LEFT, WIDTH - RIGHT)
    shown = [v for s in series for part in (s.values, s.low, s.high) for v in part]
    up = Axis(labels[1], *limits(shown), HEIGHT - BOTTOM, TOP)
    lines = [_line(s, x, across, up) for s in series]
    return LineChart(across, up, lines, _shades(x, shade, across))


def bar_chart(title: str, label: str, bars: Mapping[str, Mapping[str, float | None]]) -> BarChart:
    """Lay out one stack for each name; the parts of a stack have the same names in every bar."""
    x = Axis(label, *span_of(bars.values()), BAR_LEFT, WIDTH - 2.0 * RIGHT)
    height = TOP + len(bars) * (BAR + BAR_GAP) + BOTTOM
    rows = enumerate(bars.items())
    stacks = [_bar(name, parts, TOP + k * (BAR + BAR_GAP), x) for k, (name, parts) in rows]
    return BarChart(title, x, height, stacks)


def span_of(bars: Iterable[Mapping[str, float | None]]) -> tuple[float, float]:
    """Return the limits of an axis that holds 0 and every stack of bars."""
    ends = [0.0]
    for values in bars:
        known = [value for value in values.values() if value is not None]
        ends += [sum(v for v in known if v < 0.0), sum(v for v in known if v > 0.0)]
    return limits(ends)


def _bar(name: str, values: Mapping[str, float | None], top: float, x: Axis) -> Stack:
    """Stack costs to the right of 0 and gains to the left."""
    ends = {True: 0.0, False: 0.0}
    parts = []
    for number, (part, value) in enumerate(values.items()):
        if value is not None:
            begin = ends[value > 0.0]
            ends[value > 0.0] = begin + value
            left, right = sorted((x.at(begin), x.at(begin + value)))
            parts.append((number, part, value, left, right - left))
    return Stack(name, top, parts, sum(ends.values()))


def _line(series: Drawn, x: Sequence[float], across: Axis, up: Axis) -> Line:
    path, known = "", zip(x, series.values, strict=True)
    for is_known, run in groupby(known, key=lambda point: point[1] is not None):
        if is_known:
            points = [f"{across.at(a)} {up.at(v)}" for a, v in run if v is not None]
            path += "M" + "L".join(points if len(points) > 1 else points * 2)
    ends = zip(x, series.low, series.high, strict=False)
    there = [(a, low, high) for a, low, high in ends if low is not None and high is not None]
    edge = [f"{across.at(a)},{up.at(high)}" for a, _, high in there]
    edge += [f"{across.at(a)},{up.at(low)}" for a, low, _ in there[::-1]]
    return Line(series.name, series.look, path, " ".join(edge))


def _shades(
    x: Sequence[float], shade: Sequence[float], across: Axis
) -> list[tuple[float, float, float]]:
    """Return a span for each run of equal shade, from the step before it to its last."""
    spans, first = [], 0
    for value, run in groupby(shade):
        after = first + len(list(run))
        if value > 0.0:
            left = across.at(x[max(first - 1, 0)])
            spans.append((left, max(across.at(x[after - 1]) - left, NARROWEST), value))
        first = after
    return spans
