"""The path inside a bar: the law of a Brownian path, in log price, that has the bar's four prices.

A bar is split where something happens in it. With (O, H, L, C) the log prices of a part of the bar
that lasts for the share T of it, s2 the variance of the whole bar and u the share of the part that
passes before the split, the price x at the split and the extremes of both sides are drawn from
their joint law given O, H, L and C. With phi the density of the bridge at u (mean O + u (C - O),
variance s2 T u (1 - u)), and P the chance that a bridge stays between two barriers
(`core/bridge.py`), the density of x and of who touches what is phi times one of four products of P
of the first side and P of the second, derived by H, by L, by both or by none. What a side does not
touch, it stays inside of: its own extremes follow from the same P. Each side is a part again, so
that any number of moments can be drawn one after the other, and nothing that has been met is met a
second time.

The variance is that of the model that made the bar, where the market knows it; else the bar's own,
from its four prices (Garman and Klass 1980). Only the first makes a martingale of the path: a wide
bar of constant variance is a rare path of small moves, not a common one of large moves, so that
whoever buys on a rise inside it gains a little from the second. The market's table holds the ratio
of the two, `path_scale`, which stress keeps.

A bar of any size is treated alike, and a path, its mirror image and its reverse have the same law.

Not modelled: jumps inside a bar; moments closer than RESOLUTION of a bar are one moment.
"""

import math

from trading_env.core.bridge import draw_high, draw_low, stay
from trading_env.core.jit import kernel, rare_kernel
from trading_env.core.noise import uniforms
from trading_env.core.values import Address, Bar, Part, Session

RESOLUTION = 1.0 / 256.0  # of a bar
CELLS = 24  # that the price at a split is drawn from
WIDTH = 5.0  # standard deviations of the bridge that the cells span on either side
MARGIN = 1e-3  # share of the range by which extremes lie beyond the other prices, at least
FIRST_STREAM = 64  # three for each split, from here on
LEAST, MOST = 0.01, 8.0  # variance of a bar's path in its squared range
CLOSING = 2.0 * math.log(2.0) - 1.0


@kernel
def whole_bar(bar: Bar) -> Part:
    """Return a bar as the part of it from its open to its close."""
    return Part(0.0, 1.0, bar.open, bar.high, bar.low, bar.close)


@kernel
def in_logs(part: Part) -> Part:
    """Return a part with the logs of its prices over its open."""
    high, low = math.log(part.high / part.open), math.log(part.low / part.open)
    return Part(part.begin, part.end, 0.0, high, low, math.log(part.close / part.open))


@kernel
def variance_of(session: Session) -> float:
    """Variance of the log price in a bar: `path_scale` times U_4 of Garman and Klass (1980)."""
    bar = session.bar
    range_squared = math.log(bar.high / bar.low) ** 2
    own = 0.5 * range_squared - CLOSING * math.log(bar.close / bar.open) ** 2
    return min(max(session.path_scale * own, LEAST * range_squared), MOST * range_squared)


@kernel
def weights_at(
    x: float, part: Part, low: float, high: float, first: float, second: float
) -> tuple[float, float, float, float]:
    """Relative chance of who touches high and low, were the price at the split x.

    In order: both by the first side; the high by the first; the low by the first; none by it.
    """
    before = stay(part.open, x, low, high, first)
    after = stay(x, part.close, low, high, second)
    return (
        before.both * after.inside,
        before.high * after.low,
        before.low * after.high,
        before.inside * after.both,
    )


@rare_kernel
def draw_price(
    part: Part, share: float, low: float, high: float, variance: float, draws: tuple[float, float]
) -> float:
    """Draw the price at a split: from CELLS cells, by the density in the middle of each.

    In one pass: each takes the place of the one before with its share of the sum so far, for which
    what is left of one uniform after a choice, again uniform, will do. `draws`: cell, place in it.
    """
    middle = part.open + share * (part.close - part.open)
    reach = WIDTH * math.sqrt(variance * share * (1.0 - share))
    bottom, top = max(low, middle - reach), min(high, middle + reach)
    cell = (top - bottom) / CELLS
    total, chosen, uniform = 0.0, middle, draws[0]
    for n in range(CELLS):
        x = bottom + (n + 0.5) * cell
        chances = weights_at(x, part, low, high, share * variance, (1.0 - share) * variance)
        z = (x - middle) / reach * WIDTH
        density = math.exp(-0.5 * z * z) * (chances[0] + chances[1] + chances[2] + chances[3])
        if density > 0.0:
            total += density
            rest = uniform * total
            if rest < density:
                uniform = rest / density
                chosen = x
            else:
                uniform = (rest - density) / (total - density)
    if total == 0.0:  # no cell has a chance that a number can hold
        return middle
    return chosen + (draws[1] - 0.5) * cell


@kernel
def draw_side(
    x: float,
    y: float,
    barriers: tuple[float, float],
    variance: float,
    touches: tuple[bool, bool],
    draws: tuple[float, float],
) -> tuple[float, float]:
    """Return low and high of one side of a split; what it touches (low, high) is the barrier."""
    low, high = barriers
    if not touches[1]:
        high = draw_high(x, y, low, high, variance, touches[0], draws[0])
    if not touches[0]:
        low = draw_low(x, y, low, high, variance, draws[1])
    return low, high


@rare_kernel
def split(part: Part, at: float, variance: float, address: Address, n: int) -> tuple[Part, Part]:
    """Split a part of a bar at a fraction of the bar; `n` counts the splits of that bar.

    `variance` is that of the whole bar's log price, > 0 unless the bar stands still.
    """
    if part.high <= part.low:
        level = part.open
        return (
            Part(part.begin, at, level, level, level, level),
            Part(at, part.end, level, level, level, part.close),
        )
    logs = in_logs(part)
    span = logs.high - logs.low
    low = min(logs.low, min(logs.open, logs.close) - MARGIN * span)
    high = max(logs.high, max(logs.open, logs.close) + MARGIN * span)
    length = part.end - part.begin
    share = (at - part.begin) / length
    spread = variance * length
    seed, episode, step, asset = address
    stream = FIRST_STREAM + 3 * n
    place = uniforms(seed, episode, step, asset, stream)
    draws = uniforms(seed, episode, step, asset, stream + 1)
    who = uniforms(seed, episode, step, asset, stream + 2)[0]
    x = draw_price(logs, share, low, high, spread, place)
    before, after = share * spread, (1.0 - share) * spread
    chances = weights_at(x, logs, low, high, before, after)
    rest = who * (chances[0] + chances[1] + chances[2] + chances[3])
    case = 0
    while case < 3 and rest >= chances[case]:
        rest -= chances[case]
        case += 1
    has_high, has_low = case <= 1, case == 0 or case == 2
    first = draw_side(logs.open, x, (low, high), before, (has_low, has_high), draws)
    touches = (not has_low, not has_high)
    second = draw_side(x, logs.close, (low, high), after, touches, draws)
    price = min(max(part.open * math.exp(x), part.low), part.high)
    return (
        side_of(part.begin, at, part.open, price, first, part),
        side_of(at, part.end, price, part.close, second, part),
    )


@kernel
def side_of(
    begin: float,
    end: float,
    opened: float,
    closed: float,
    extremes: tuple[float, float],
    part: Part,
) -> Part:
    """Return one side of a split, its extremes within the whole part's and beyond its ends."""
    low = max(part.open * math.exp(extremes[0]), part.low)
    high = min(part.open * math.exp(extremes[1]), part.high)
    low, high = min(low, min(opened, closed)), max(high, max(opened, closed))
    return Part(begin, end, opened, high, low, closed)


@kernel
def joined(first: Part, second: Part) -> Part:
    """Put two parts of a path together again; the second may be empty."""
    if second.end <= second.begin:
        return first
    return Part(
        first.begin,
        second.end,
        first.open,
        max(first.high, second.high),
        min(first.low, second.low),
        second.close,
    )


@kernel
def rest_after(piece: Part, price: float, tail: Part) -> Part:
    """Return the path after a piece of it has met a price: that, the piece's end, and the tail.

    What the piece touches beyond the price comes after it, and what it touches on the way before.
    """
    high = max(price, piece.close)
    low = min(price, piece.close)
    if price >= piece.open:
        high = max(high, piece.high)
    if price <= piece.open:
        low = min(low, piece.low)
    return joined(Part(piece.begin, piece.end, price, high, low, piece.close), tail)
