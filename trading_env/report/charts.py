"""Charts as inline SVG: lines with bands, and stacked bars. Colours come from the style sheet.

Series are told apart by colour, by dashes and by a label at their end. Where bars have negative
parts (a delay that was lucky), those stack to the left of 0.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from trading_env.report.markup import Markup, element, joined

WIDTH, HEIGHT = 480.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 118.0, 26.0, 34.0
LABEL_GAP = 13.0
BAR, BAR_GAP, BAR_LEFT = 14.0, 6.0, 118.0
LOOKS = 8
NARROWEST = 2.0  # pixels of a shaded span


class Series(NamedTuple):
    """A line; `low` and `high` are empty or as long as `values`. None breaks the line."""

    name: str
    look: int  # the same number is the same colour and dash in every chart
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


class Scale(NamedTuple):
    """A linear map of values to pixels."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers within [low, high], about `count` of them."""
    step = 10.0 ** math.floor(math.log10((high - low) / count))
    step *= next(m for m in (1.0, 2.0, 5.0, 10.0) if (high - low) / (m * step) <= count)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def limits(values: Iterable[float | None]) -> tuple[float, float]:
    """Return a range that holds every value with a little room, never empty."""
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def line_chart(
    title: str,
    x: Sequence[float],
    series: Sequence[Series],
    *,
    x_label: str,
    shade: Sequence[float] = (),
) -> Markup:
    """Draw lines over a common x; `shade` in [0, 1] darkens the background at each x."""
    across = Scale(x[0], x[-1] if x[-1] > x[0] else x[0] + 1.0, LEFT, WIDTH - RIGHT)
    shown = [v for s in series for part in (s.values, s.low, s.high) for v in part]
    up = Scale(*limits(shown), HEIGHT - BOTTOM, TOP)
    lines = [_line(s, x, across, up) for s in series]
    return _svg(
        title,
        HEIGHT,
        _shading(x, shade, across),
        _grid(across, up, x_label),
        *lines[::-1],
        *_end_labels(series, up),
    )


def stacked_bars(
    title: str,
    bars: Mapping[str, Mapping[str, float | None]],
    parts: Sequence[str],
    span: tuple[float, float],
) -> Markup:
    """Draw one bar a row from its parts, with a mark at their sum; `span` is the x axis."""
    height = TOP + len(bars) * (BAR + BAR_GAP) + BOTTOM
    across = Scale(*span, BAR_LEFT, WIDTH - 16.0)
    bottom = height - BOTTOM
    marks = [
        joined(
            _segment(across.at(v), across.at(v), TOP, bottom, "grid"),
            element("text", f"{v:g}", x=across.at(v), y=bottom + 14.0, class_="middle"),
        )
        for v in ticks(*span)
    ]
    rows = [
        _bar(name, values, parts, TOP + k * (BAR + BAR_GAP), across)
        for k, (name, values) in enumerate(bars.items())
    ]
    zero = _segment(across.at(0.0), across.at(0.0), TOP, bottom, "axis")
    return _svg(title, height, *marks, *rows, zero)


def span_of(bars: Iterable[Mapping[str, float | None]]) -> tuple[float, float]:
    """Return the x axis that holds every stack of bars."""
    ends = [0.0]
    for values in bars:
        known = [value for value in values.values() if value is not None]
        ends += [sum(v for v in known if v < 0.0), sum(v for v in known if v > 0.0)]
    return limits(ends)


def _bar(
    name: str,
    values: Mapping[str, float | None],
    parts: Sequence[str],
    top: float,
    across: Scale,
) -> Markup:
    """One stack: what costs to the right of 0, what pays to the left."""
    label = element("text", name, x=BAR_LEFT - 6.0, y=top + 0.8 * BAR, class_="end")
    known = {part: value for part in parts if (value := values.get(part)) is not None}
    if not known:
        none = element("text", "no order", x=across.at(0.0) + 4.0, y=top + 0.8 * BAR)
        return joined(label, none)
    ends = {True: 0.0, False: 0.0}
    drawn = [label]
    for part, value in known.items():
        begin = ends[value > 0.0]
        ends[value > 0.0] = begin + value
        left, right = sorted((across.at(begin), across.at(begin + value)))
        tip = element("title", f"{name}: {part} {value:+.2f} bps")
        look = f"part part-{parts.index(part)}"
        drawn.append(
            element("rect", tip, x=left, y=top, width=right - left, height=BAR, class_=look)
        )
    total = sum(known.values())
    at = across.at(total)
    tip = element("title", f"{name}: {total:+.2f} bps in all")
    outline = f"M{at - 4:.1f} {top - 3:.1f}h8l-4 5z"
    return joined(*drawn, element("path", tip, d=outline, class_="total"))


def _line(series: Series, x: Sequence[float], across: Scale, up: Scale) -> Markup:
    """A band, if there is one, and the line over it."""
    look = f"s{series.look % LOOKS}"
    drawn: list[Markup] = []
    if len(series.low):
        there = [
            (across.at(a), up.at(low), up.at(high))
            for a, low, high in zip(x, series.low, series.high, strict=True)
            if low is not None and high is not None
        ]
        edge = [f"{a:.1f},{high:.1f}" for a, _, high in there]
        edge += [f"{a:.1f},{low:.1f}" for a, low, _ in there[::-1]]
        drawn.append(element("polygon", points=" ".join(edge), class_=f"band {look}"))
    known = zip(x, series.values, strict=True)
    path = ""
    for is_known, run in groupby(known, key=lambda point: point[1] is not None):
        if is_known:
            points = [f"{across.at(a):.1f} {up.at(v):.1f}" for a, v in run if v is not None]
            path += "M" + "L".join(points if len(points) > 1 else points * 2)
    drawn.append(element("path", element("title", series.name), d=path, class_=f"line {look}"))
    return joined(*drawn)


def _end_labels(series: Sequence[Series], up: Scale) -> list[Markup]:
    """Names at the lines' ends, pushed apart until none overlaps another."""
    ends = []
    for s in series:
        known = [value for value in s.values if value is not None]
        if known:
            ends.append((up.at(known[-1]), s.look, s.name))
    ends.sort()
    tops = [end for end, _, _ in ends]
    for i in range(1, len(tops)):
        tops[i] = max(tops[i], tops[i - 1] + LABEL_GAP)
    overflow = max(0.0, tops[-1] - (HEIGHT - 6.0)) if tops else 0.0
    drawn = []
    for top, (end, look, name) in zip(tops, ends, strict=True):
        y, x = top - overflow, WIDTH - RIGHT
        leader = f"M{x + 1:.1f} {end:.1f}L{x + 12:.1f} {y:.1f}h6"
        drawn.append(element("path", d=leader, class_=f"leader s{look % LOOKS}"))
        drawn.append(element("text", name, x=x + 21.0, y=y + 4.0))
    return drawn


def _shading(x: Sequence[float], shade: Sequence[float], across: Scale) -> Markup:
    """A rectangle for each run of equal shade, from the step before it to its last."""
    drawn = []
    first = 0
    for value, run in groupby(shade):
        after = first + len(list(run))
        if value > 0.0:
            left, right = across.at(x[max(first - 1, 0)]), across.at(x[after - 1])
            width = max(right - left, NARROWEST)
            rect = {"x": left, "width": width, "y": TOP, "height": HEIGHT - TOP - BOTTOM}
            drawn.append(element("rect", class_="shock", opacity=0.4 + 0.6 * value, **rect))
        first = after
    return joined(*drawn)


def _grid(across: Scale, up: Scale, x_label: str) -> Markup:
    """Lines and numbers of both axes."""
    drawn = []
    for v in ticks(up.low, up.high):
        y = up.at(v)
        drawn.append(_segment(LEFT, WIDTH - RIGHT, y, y, "axis" if v == 0.0 else "grid"))
        drawn.append(element("text", f"{v:g}", x=LEFT - 6.0, y=y + 4.0, class_="end"))
    for v in ticks(across.low, across.high):
        place = {"x": across.at(v), "y": HEIGHT - BOTTOM + 14.0}
        drawn.append(element("text", f"{v:g}", class_="middle", **place))
    middle = 0.5 * (LEFT + WIDTH - RIGHT)
    drawn.append(element("text", x_label, x=middle, y=HEIGHT - 5.0, class_="middle soft"))
    return joined(*drawn)


def _segment(x1: float, x2: float, y1: float, y2: float, look: str) -> Markup:
    return element("line", x1=x1, x2=x2, y1=y1, y2=y2, class_=look)


def _svg(title: str, height: float, *content: Markup) -> Markup:
    """A drawing with its title inside, in a box that scrolls when the page is narrow."""
    heading = element("text", title, x=0.0, y=13.0, class_="heading")
    view = f"0 0 {WIDTH:g} {height:g}"
    svg = element("svg", heading, *content, viewBox=view, role="img", aria_label=title)
    return element("div", svg, class_="chart")
