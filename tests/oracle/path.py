"""The price inside a bar, in the oracle of `reference.py`: parts of a bar, and how they split.

Written from `docs/model.md` (section 9) alone; it shares no code with the kernels.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from tests.oracle.market import clip

CELLS = 24
HALVINGS = 16
REACH = 5.0  # standard deviations on either side that the cells cover
LIFTED = 1e-3  # of a part's range: least room between its barriers and its ends
GARMAN_KLASS = 2.0 * math.log(2.0) - 1.0
ROUNDING = 1e-12  # of the terms of a sum: so close to 0 rounding decides its sign


class Part(NamedTuple):
    """The bar from fraction `b` to `e` of it, itself a bar."""

    b: float
    e: float
    open: float
    high: float
    low: float
    close: float


class Chance(NamedTuple):
    """That a bridge stays between two barriers, and its derivatives by them."""

    stays: float
    by_high: float
    by_low: float
    by_both: float
    noise: float  # largest rounding of any of the four, roughly


class Draws(NamedTuple):
    """The five uniforms of a split."""

    cell: float
    place: float
    high: float
    low: float
    case: float


def chance(x: float, y: float, v: float, low: float, high: float) -> Chance:
    """P, P_H, P_L and P_HL of a bridge from x to y with variance v."""
    width = high - low
    by_reflection = v <= width**2 / 5.0
    values, noise = (reflections if by_reflection else waves)(x, y, v, low, high)
    return Chance(*(max(value, 0.0) for value in values), noise=noise)


def reflections(
    x: float, y: float, v: float, low: float, high: float
) -> tuple[tuple[float, ...], float]:
    width = high - low
    stays = by_high = by_low = by_both = size = 0.0
    for k in (-1, 0, 1):
        term = math.exp(-(2.0 / v) * k * width * (k * width + x - y))
        slope = -(2.0 / v) * k * (2.0 * k * width + x - y)
        stays += term
        by_high += slope * term
        by_low += slope * term
        by_both += (-(4.0 / v) * k * k + slope * slope) * term
        size += term * max(1.0, abs(slope), slope * slope)
    for k in (-2, -1, 0, 1):
        term = math.exp(-(2.0 / v) * (high - x + k * width) * (high - y + k * width))
        twice = high - x + high - y + 2.0 * k * width
        up, down = -(2.0 / v) * (1.0 + k) * twice, (2.0 / v) * k * twice
        stays -= term
        by_high -= up * term
        by_low += down * term
        by_both += ((4.0 / v) * k * (1.0 + k) + up * down) * term
        size += term * max(1.0, abs(up), abs(down), abs(up * down))
    return (stays, by_high, by_low, by_both), 1e-15 * size


def waves(x: float, y: float, v: float, low: float, high: float) -> tuple[tuple[float, ...], float]:
    width = high - low
    factor = math.sqrt(2.0 * math.pi * v) * math.exp((x - y) ** 2 / (2.0 * v)) / width
    stays = by_high = by_low = by_both = size = 0.0
    for n in (1, 2, 3, 4, 5):
        a, b = n * math.pi * (x - y) / width, n * math.pi * (x + y - 2.0 * low) / width
        t, turn = (n * math.pi / width) ** 2 * v, 2.0 * math.pi * n
        e, k, s = math.exp(-t / 2.0), math.cos(a) - math.cos(b), a * math.sin(a) - b * math.sin(b)
        stays += e * k
        by_high += e * ((t - 1.0) * k + s)
        by_low += e * ((t - 1.0) * k + s + turn * math.sin(b))
        by_both += e * (
            (t**2 - 5.0 * t + 2.0) * k + 2.0 * (t - 2.0) * s + b**2 * math.cos(b)
            - a**2 * math.cos(a) + turn * ((t - 2.0) * math.sin(b) - b * math.cos(b))
        )  # fmt: skip
        size += e * (t**2 + 5.0 * t + turn * (t + 2.0 + abs(b)) + a**2 + b**2 + 10.0)
    by_high, by_low, by_both = by_high / width, by_low / width, by_both / width**2
    values = (factor * stays, factor * by_high, factor * by_low, factor * by_both)
    return values, 1e-15 * factor * size * max(1.0, 1.0 / width**2)


def halved(wanted: Callable[[float], bool], near: float, far: float) -> float:
    """Where `wanted` begins to hold between two ends, from the side where it does."""
    for _ in range(HALVINGS):
        middle = 0.5 * (near + far)
        near, far = (near, middle) if wanted(middle) else (middle, far)
    return far


class Split:
    """One split of a part; the names are those of the page."""

    def __init__(self, part: Part, bar: Part, r: float, w: float, draws: Draws) -> None:
        self.part, self.w, self.draws = part, w, draws
        self.close_call = False  # rounding may have decided
        o, h, low, c = (math.log(price / part.open) for price in part[2:])
        width = h - low
        self.o, self.c = o, c
        self.high = max(h, max(o, c) + LIFTED * width)
        self.low = min(low, min(o, c) - LIFTED * width)
        squared = math.log(bar.high / bar.low) ** 2
        s2 = r * (squared / 2.0 - GARMAN_KLASS * math.log(bar.close / bar.open) ** 2)
        s2 = clip(s2, squared / 100.0, 8.0 * squared)
        self.share = (w - part.b) / (part.e - part.b)
        v = s2 * (part.e - part.b)
        self.v, self.v1, self.v2 = v, self.share * v, (1.0 - self.share) * v

    def cases(self, x: float) -> tuple[float, float, float, float]:
        one = chance(self.o, x, self.v1, self.low, self.high)
        two = chance(x, self.c, self.v2, self.low, self.high)
        return (
            one.by_both * two.stays,
            one.by_high * two.by_low,
            one.by_low * two.by_high,
            one.stays * two.by_both,
        )

    def place(self) -> float:
        """The log price at the split, over the part's open."""
        d = math.sqrt(self.v * self.share * (1.0 - self.share))
        mean = self.o + self.share * (self.c - self.o)
        first, last = max(self.low, mean - REACH * d), min(self.high, mean + REACH * d)
        length = (last - first) / CELLS
        middles = [first + (i + 0.5) * length for i in range(CELLS)]
        total, u, cell = 0.0, self.draws.cell, None
        for x in middles:
            density = math.exp(-(((x - mean) / d) ** 2) / 2.0) * sum(self.cases(x))
            if density == 0.0:
                continue
            total += density
            if abs(u * total - density) <= ROUNDING * total:
                self.close_call = True
            if u * total < density:
                u, cell = u * total / density, x
            else:
                u = (u * total - density) / (total - density)
        return mean if cell is None else cell + (self.draws.place - 0.5) * length

    def extremes(
        self, x: float, y: float, v: float, touches_high: bool, touches_low: bool
    ) -> tuple[float, float]:
        """Low and high of the part from x to y."""
        high, low = self.high, self.low
        if not touches_high:
            field = "by_low" if touches_low else "stays"
            whole = chance(x, y, v, low, high)
            high = halved(
                lambda h: self.exceeds(chance(x, y, v, low, h), whole, field, self.draws.high),
                max(x, y),
                high,
            )
        if not touches_low:
            of_high = chance(x, y, v, low, high)
            low = halved(
                lambda h: self.exceeds(
                    chance(x, y, v, h, high), of_high, "by_high", self.draws.low
                ),
                min(x, y),
                low,
            )
        return low, high

    def exceeds(self, here: Chance, whole: Chance, field: str, share: float) -> bool:
        value, wanted = getattr(here, field), share * getattr(whole, field)
        if abs(value - wanted) <= here.noise + share * whole.noise:
            self.close_call = True
        return bool(value >= wanted)

    def parts(self) -> tuple[Part, Part]:
        part = self.part
        if part.high <= part.low:
            stands = Part(part.b, self.w, part.open, part.open, part.open, part.open)
            return stands, stands._replace(b=self.w, e=part.e, close=part.close)
        x = self.place()
        four = self.cases(x)
        wanted, case, below = self.draws.case * sum(four), 4, 0.0
        for number, weight in enumerate(four[:3], start=1):
            below += weight
            if abs(wanted - below) <= ROUNDING * sum(four):
                self.close_call = True
            if wanted < below:
                case = number
                break
        low1, high1 = self.extremes(self.o, x, self.v1, case in (1, 2), case in (1, 3))
        low2, high2 = self.extremes(x, self.c, self.v2, case in (3, 4), case in (2, 4))
        price = clip(part.open * math.exp(x), part.low, part.high)

        def made(b: float, e: float, ends: tuple[float, float], low: float, high: float) -> Part:
            low = min(clip(part.open * math.exp(low), part.low, part.high), *ends)
            high = max(clip(part.open * math.exp(high), part.low, part.high), *ends)
            return Part(b, e, ends[0], high, low, ends[1])

        return (
            made(part.b, self.w, (part.open, price), low1, high1),
            made(self.w, part.e, (price, part.close), low2, high2),
        )
